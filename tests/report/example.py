"""Reports to render: one as a good day's work gives it, one empty, one full of hostile text."""

from __future__ import annotations

from dataclasses import replace

from dbtune.advice import (
    Advice,
    CreateIndex,
    Declined,
    DropIndex,
    Measured,
    Price,
    RebuildIndex,
    Recommendation,
    RewriteStatement,
    Verification,
)
from dbtune.finding import Confidence, Finding, Severity, Subject, finding_fingerprint
from dbtune.gate.verdict import Decision, Location, Outcome, Verdict, verdict_by_severity
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.plan import Plan, PlanNode, Unplanned
from dbtune.report.model import Meta, Report, ReportedStatement
from dbtune.workload import NotExamined

BOOKING = QualifiedName("public", "Booking")
GUEST = QualifiedName("public", "Guest")
AUDIT = QualifiedName("audit", "entries")

META = Meta("0.1.0", "17.4", "harbour", "2026-03-14T09:26:53Z", engine="twin")


def _node(
    node_type: str, cost: float, rows: float, *below: PlanNode, **details: object
) -> PlanNode:
    relation = details.pop("relation", None)
    index = details.pop("index", None)
    assert relation is None or isinstance(relation, QualifiedName)
    assert index is None or isinstance(index, str)
    return PlanNode(node_type, 0.0, cost, rows, 64, relation, None, index, below, details)


def _statement(
    fingerprint: str,
    text: str,
    calls: int,
    total_ms: float,
    *,
    share: float,
    plan: Plan | Unplanned,
) -> ReportedStatement:
    mean_ms = total_ms / calls if calls else 0.0
    return ReportedStatement(fingerprint, text, calls, mean_ms, total_ms, calls * 12, share, plan)


STATEMENTS = (
    _statement(
        "a1f0c2d3e4b59687",
        'SELECT * FROM "Booking" WHERE "harbourId" = $1 AND "arrivesAt" >= $2\n'
        'ORDER BY "arrivesAt" LIMIT $3',
        48_211,
        9_612_345.0,
        share=0.614,
        plan=Plan(
            _node(
                "Limit", 18_211.4, 20,
                _node(
                    "Sort", 18_209.0, 412,
                    _node(
                        "Seq Scan", 18_190.2, 412, relation=BOOKING,
                        Filter='(("harbourId" = $1) AND ("arrivesAt" >= $2))',
                    ),
                    **{"Sort Key": ['"arrivesAt"']},
                ),
            )
        ),
    ),
    _statement(
        "b2e1d3c4f5a69788",
        'SELECT "id", "name" FROM "Guest" WHERE "id" = $1',
        1_204_889,
        1_810_200.0,
        share=0.116,
        plan=Plan(
            _node(
                "Index Scan", 8.44, 1, relation=GUEST, index="Guest_pkey",
                **{"Index Cond": '("id" = $1)'},
            )
        ),
    ),
    _statement(
        "c3d2e4f5a6b79899",
        "INSERT INTO audit.entries (at, actor, payload) VALUES ($1, $2, $3)",
        2_400_100,
        940_020.0,
        share=0.06,
        plan=Plan(_node("ModifyTable", 0.01, 0, Operation="Insert")),
    ),
    _statement(
        "d4c3f5e6b7a8990a",
        "SELECT refresh_tides($1)",
        96,
        310_000.0,
        share=0.02,
        plan=Unplanned("function refresh_tides(unknown) is not on the twin"),
    ),
)  # fmt: skip


def finding(
    rule: str,
    severity: Severity,
    subject: Subject,
    message: str,
    *,
    share: float = 0.0,
    statements: tuple[str, ...] = (),
    confidence: Confidence = Confidence.PROVEN,
    **evidence: object,
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        confidence=confidence,
        subject=subject,
        fingerprint=finding_fingerprint(rule, subject, ""),
        title=rule.replace("-", " ").capitalize(),
        message=message,
        evidence=evidence,
        statements=statements,
        share=share,
    )


FINDINGS = (
    finding(
        "missing-composite-index",
        Severity.ERROR,
        Subject('"Booking"', BOOKING, ("harbourId", "arrivesAt")),
        'Every call reads 1,204,330 rows of "Booking" to return 20: no index begins with '
        '"harbourId" and continues with "arrivesAt". The planner expects 8.9 instead of 18,211 '
        "with the index below.",
        share=0.614,
        statements=("a1f0c2d3e4b59687",),
        rows_read=1_204_330,
        rows_returned=20,
        cost_before=18_211.4,
        cost_after=8.92,
        node="Seq Scan",
    ),
    finding(
        "n-plus-one",
        Severity.WARNING,
        Subject('"Guest"', GUEST, ("id",)),
        'The guests of a list of bookings are loaded one by one: 25 calls for each call of the '
        'statement that reads "Booking". Load them with one "id" = ANY($1).',
        share=0.116,
        statements=("b2e1d3c4f5a69788", "a1f0c2d3e4b59687"),
        confidence=Confidence.LIKELY,
        calls_per_parent=25.0,
        parent_query="a1f0c2d3e4b59687",
    ),
    finding(
        "redundant-index",
        Severity.WARNING,
        Subject('"Guest_email_idx"', GUEST, ("email",), QualifiedName("public", "Guest_email_idx")),
        '"Guest_email_idx" begins "Guest_email_key" and serves nothing that this one does not; it '
        "takes 41 MB and a write per change of a row.",
        covered_by="Guest_email_key",
        size_bytes=42_991_616,
    ),
    finding(
        "redundant-index",
        Severity.WARNING,
        Subject(
            "audit.entries_at_idx", AUDIT, ("at",), QualifiedName("audit", "entries_at_idx")
        ),
        "audit.entries_at_idx begins audit.entries_at_actor_idx.",
        covered_by="entries_at_actor_idx",
        size_bytes=8_192,
    ),
    finding(
        "row-by-row-write",
        Severity.INFO,
        Subject("audit.entries", AUDIT),
        "2,400,100 single-row inserts; one statement with many rows or COPY saves the round trips.",
        share=0.06,
        statements=("c3d2e4f5a6b79899",),
        confidence=Confidence.CANDIDATE,
        rows_per_call=1.0,
    ),
)  # fmt: skip

MEASURED = Measured("a1f0c2d3e4b59687", 48_211, 199.4, 0.31, 0.00148, 0.00171, "faster", 0.00049)
CAPPED = Measured(
    "c3d2e4f5a6b79899",
    12,
    60_000.0,
    420.0,
    0.0,
    0.007,
    "faster",
    None,
    "before the change it was stopped after 60 s",
)
REJECTED = Declined(
    '"Booking"("arrivesAt")',
    "built, it made a statement 31.0 times slower (2.1 ms before, 65 ms after): SELECT …",
    "b2e1d3c4f5a69788",
)
VERIFICATION = Verification(
    place="the database harbour_clone",
    measured=(MEASURED, CAPPED),
    unchanged=41,
    rejected=(REJECTED,),
    sets=2,
    not_measured=(Declined("LISTEN tides", "not a query and not DML", "d4e3f5a6b7c89900"),),
)
ADVICE = Advice(
    candidates_made=212,
    candidates_pruned=(("served by an existing index", 14),),
    explains=96,
    engine="twin",
    cost_before=18_211.4,
    cost_after=8.92,
    gap=0.0123,
)

RECOMMENDATIONS = (
    Recommendation(
        change=CreateIndex(
            IndexSpec(BOOKING, (column_key("harbourId"), column_key("arrivesAt")))
        ),
        reason="serves the equality and then the order, so that LIMIT stops the scan",
        prices=(
            Price("a1f0c2d3e4b59687", 48_211, 9_612_345.0, 18_211.4, 8.92, "twin"),
        ),
        size_bytes=38_297_600,
        saved_ms=9_607_000.0,
        write_ms=4_100.0,
        rules=("missing-composite-index",),
        notes=("Run VACUUM on \"Booking\" first: only 3 % of its pages are all-visible.",),
        measured=(MEASURED,),
        built_bytes=39_100_416,
    ),
    Recommendation(
        change=DropIndex(
            QualifiedName("public", "Guest_email_idx"),
            GUEST,
            'CREATE INDEX "Guest_email_idx" ON public."Guest" USING btree (email)',
        ),
        reason="another index begins with the same keys",
        size_bytes=42_991_616,
        rules=("redundant-index",),
        verified="its keys begin those of \"Guest_email_key\"",
    ),
    Recommendation(
        change=RebuildIndex(QualifiedName("audit", "entries_actor_idx"), AUDIT),
        reason="left invalid by a failed CREATE INDEX CONCURRENTLY",
        rules=("invalid-index",),
    ),
    Recommendation(
        change=RewriteStatement(
            STATEMENTS[1].text,
            'SELECT "id", "name" FROM "Guest" WHERE "id" = ANY($1)',
            "load the guests of a whole list at once",
        ),
        reason="one round trip instead of 25",
        statements=("b2e1d3c4f5a69788",),
        rules=("n-plus-one",),
    ),
)  # fmt: skip

FULL = Report(
    meta=META,
    findings=FINDINGS,
    recommendations=RECOMMENDATIONS,
    declined=(
        Declined("audit.entries(payload)", "the planner would not use it", "c3d2e4f5a6b79899"),
    ),
    statements=STATEMENTS,
    not_examined=(
        NotExamined(
            "SELECT refresh_tides($1)",
            "function refresh_tides(unknown) is not on the twin",
            0.02,
            "Analyse the server itself: dbtune analyze TARGET.",
        ),
        NotExamined(
            "column statistics of audit.entries",
            "the role may not SELECT from it",
            0.0,
            "GRANT pg_read_all_data TO dbtune_reader;",
        ),
    ),
    verdict=verdict_by_severity(FINDINGS, Severity.ERROR),
    verification=VERIFICATION,
    advice=replace(ADVICE, recommendations=RECOMMENDATIONS),
)

EMPTY = Report(meta=META)

HOSTILE_TEXT = (
    "SELECT '</script><script>alert(1)</script><img src=x onerror=alert(2)>', "
    "'\u202egnp.exe\u2066', '\x1b[31mred\x1b]0;title\x07', $1 -- [link](javascript:alert(3)) "
    "| `tick` ]]> <!-- {{ 7 * 7 }} ::error::pwned\n::warning file=x::pwned\n"
    f"FROM \"<b>bold</b>\" WHERE blob = '{'x' * 1_000_000}' AND emoji = '👩‍👩‍👧'"
)
_HOSTILE_SUBJECT = Subject(
    'public."<b>bold</b>\n| [x](javascript:alert(1)) \u202e"',
    QualifiedName("public", "<b>\u202e\n"),
)

HOSTILE = Report(
    meta=Meta("0.1.0", "18.6", "<i>\u202edb</i>", "2026-03-14T09:26:53Z", engine="twin"),
    findings=(
        finding(
            "n-plus-one",
            Severity.ERROR,
            _HOSTILE_SUBJECT,
            f"Message with {HOSTILE_TEXT[:300]}",
            share=0.00001,
            statements=("e5d4a6b7c8f90a1b",),
            note="</script>\u202e\x1b[2J",
            deep={"list": [1, 2.5, None, "<x>"]},
        ),
    ),
    statements=(
        _statement(
            "e5d4a6b7c8f90a1b", HOSTILE_TEXT, 3, 9.5, share=1.0, plan=Unplanned("<svg onload=x>")
        ),
    ),
    not_examined=(NotExamined(HOSTILE_TEXT, "]]>\x1b[0m", 0.5, "`rm -rf`\n# heading"),),
    verdict=Verdict(
        (
            Decision(
                finding("n-plus-one", Severity.ERROR, _HOSTILE_SUBJECT, HOSTILE_TEXT[:500]),
                Outcome.FAILS,
                "is new: ::error::\nnot in the baseline",
                reproduce="dbtune explain prod.dbtune 'SELECT 1'\n::error::",
                cure="CREATE INDEX ON x(y); -- </script>",
                location=Location("migrations/a b%,:\n<x>.sql", 7),
            ),
        ),
        ("policy: <b> expired\n::error::",),
    ),
)

GATED = Report(
    meta=Meta("0.1.0", "17.4", "harbour", "2026-03-14T09:26:53Z", engine="twin", kind="check"),
    findings=FINDINGS,
    statements=STATEMENTS,
    verdict=Verdict(
        (
            Decision(
                FINDINGS[0],
                Outcome.FAILS,
                "it is new, and severity error is at or above warning",
                reproduce="dbtune explain prod.dbtune 'SELECT * FROM \"Booking\"'",
                cure='CREATE INDEX CONCURRENTLY ON "Booking" ("harbourId", "arrivesAt");',
                location=Location("migrations/0042_booking, 50%.sql", 7),
            ),
            Decision(FINDINGS[1], Outcome.KNOWN, "in the baseline"),
            Decision(
                FINDINGS[2], Outcome.WAIVED, "ada@example.org until 2026-06-30: rebuilt in June"
            ),
            Decision(FINDINGS[4], Outcome.PASSES, "severity info is below warning"),
        ),
        ("the waiver for rule mass-write expired on 2026-03-01; ada@example.org owns it",),
    ),
)
