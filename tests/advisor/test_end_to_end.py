"""Promises of the advice, kept by `dbtune analyze` from a server to its report."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from dbtune.advice import CreateIndex, DropIndex
from dbtune.pipeline import analyze
from dbtune.progress import Silent
from dbtune.report.model import Report
from dbtune.report.render import render
from tests.verify.test_verify import snapshot_with

TABLES = (
    # VACUUM marks no page all-visible before the commit that filled it is on disk.
    "SET synchronous_commit = on",
    "CREATE TABLE tenant (id int PRIMARY KEY, name text NOT NULL)",
    "INSERT INTO tenant SELECT g, 't' || g FROM generate_series(1, 300) g",
    "CREATE TABLE ticket (id bigint PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant,"
    " prio int NOT NULL, opened timestamptz NOT NULL, hits int NOT NULL, code text UNIQUE,"
    " title text NOT NULL)",
    "INSERT INTO ticket SELECT g, 1 + (g::bigint * 7919) % 300, g % 9,"
    " timestamptz '2024-01-01' + g * interval '1 min', g % 1000, 'c' || g, md5(g::text)"
    " FROM generate_series(1, 60000) g",
    "CREATE INDEX ticket_tenant ON ticket (tenant_id)",
    "CREATE INDEX ticket_hits ON ticket (hits)",
)
QUEUE = "SELECT * FROM ticket WHERE tenant_id = $1 AND prio = $2 ORDER BY opened DESC LIMIT 20"

Analyse = Callable[..., Report]


@pytest.fixture
def analyse(make_database: Callable[..., str]) -> Analyse:
    """The report on these tables after some more SQL, with a workload."""

    def report(more: tuple[str, ...], *workload: tuple[str, int]) -> Report:
        return analyze(snapshot_with(make_database(*TABLES, *more), *workload)).report

    return report


def test_an_index_is_extended_and_the_short_one_dropped(analyse: Analyse) -> None:
    """The extended one begins with the foreign key's column, so that the key stays covered."""
    report = analyse(("VACUUM ANALYZE",), (QUEUE, 5000))
    changes = [r.change for r in report.recommendations]
    created = [c for c in changes if isinstance(c, CreateIndex)]
    assert [c.spec.key_columns[:2] for c in created] == [("tenant_id", "prio")]
    assert [n.name for n in created[0].replaces] == ["ticket_tenant"]
    assert [c.name.name for c in changes if isinstance(c, DropIndex)] == ["ticket_tenant"]


@pytest.mark.parametrize(
    "binding",
    [
        "ALTER TABLE ticket ADD CONSTRAINT ticket_key UNIQUE (tenant_id, id)",
        "CREATE UNIQUE INDEX ticket_own ON ticket (tenant_id, id)",
    ],
)
def test_what_backs_a_constraint_is_never_dropped(analyse: Analyse, binding: str) -> None:
    text = "SELECT hits FROM ticket WHERE tenant_id = $1 AND id = $2 AND prio = $3 AND hits > $4"
    report = analyse((binding, "VACUUM ANALYZE"), (text, 5000), (QUEUE, 50))
    dropped = {r.change.name.name for r in report.recommendations
               if isinstance(r.change, DropIndex)}  # fmt: skip
    assert dropped <= {"ticket_tenant", "ticket_hits"}


def test_vacuum_first(analyse: Analyse) -> None:
    """Never vacuumed, no page is known to be visible to all: covering cannot be judged."""
    text = "SELECT sum(hits) FROM ticket WHERE prio = $1 AND opened > $2"
    (before,) = [r for r in analyse(("ANALYZE",), (text, 500)).recommendations
                 if isinstance(r.change, CreateIndex)]  # fmt: skip
    assert [n for n in before.notes if "run VACUUM public.ticket" in n]
    (after,) = [r for r in analyse(("VACUUM ANALYZE",), (text, 500)).recommendations
                if isinstance(r.change, CreateIndex)]  # fmt: skip
    assert not [n for n in after.notes if "VACUUM" in n]


def test_every_statement_gets_an_index_or_a_reason(analyse: Analyse) -> None:
    texts = (
        QUEUE,
        "SELECT count(*) FROM tenant",
        "SELECT * FROM ticket WHERE code = $1",
        "SELECT * FROM ticket WHERE prio > 3 OR title <> 'x'",
        "SELECT * FROM ticket WHERE random() < 0.5",
        "UPDATE ticket SET hits = hits + 1 WHERE id = $1",
        "INSERT INTO tenant VALUES ($1, $2)",
        "SELECT * FROM ticket WHERE title LIKE '%abc%'",
        "SELECT nonsense FROM nowhere",
        "SELECT * FROM ticket ORDER BY id",
    )
    report = analyse(("VACUUM ANALYZE",), *((text, 5) for text in texts))
    served = {s for r in report.recommendations for s in r.statements}
    reasons = {d.statement for d in report.declined if d.reason}
    assert {s.fingerprint for s in report.statements} <= served | reasons
    assert all(d.reason for d in report.declined)


class Interrupting(Silent):
    """Ctrl-C when a stage begins."""

    def __init__(self, at: str) -> None:
        self.at = at

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        if name == self.at:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_gives_the_best_so_far_and_says_so(make_database: Callable[..., str]) -> None:
    snapshot = snapshot_with(make_database(*TABLES, "VACUUM ANALYZE"), (QUEUE, 5000))
    early = analyze(snapshot, progress=Interrupting("price indexes")).report
    late = analyze(snapshot, progress=Interrupting("choose indexes")).report
    whole = analyze(snapshot).report
    for report in (early, late):
        assert report.advice is not None
        assert not report.advice.complete
        for name in ("text", "md", "html"):
            assert "The search was ended early" in render(report, name)
    assert whole.advice is not None
    assert whole.advice.complete
    assert "ended early" not in render(whole, "text")
    with pytest.raises(KeyboardInterrupt):
        analyze(snapshot, progress=Interrupting("parse"))
