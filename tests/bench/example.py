"""Benchmarks as values, without a server: one as it should be, one of hostile texts."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from dbtune.bench.change import IndexFact
from dbtune.bench.load import Load, LoadPlan, LoadStep
from dbtune.bench.result import Benchmark, Environment, Row, Side, WorkFigures
from dbtune.bench.stats import Effect, Verdict
from dbtune.bench.target import judge_targets, read_target
from dbtune.bench.task import NotMeasured, Run, Task
from dbtune.bench.timings import Timings, distribution

HOSTILE = (
    "SELECT '</script><script>alert(1)</script>' AS x, '<img src=x onerror=alert(1)>' FROM t",
    "SELECT '\u202egnp.exe\u202c' -- \x1b[31mred\x1b[0m \x07",
    "SELECT '" + "a" * 1_000_000 + "'",
    '=HYPERLINK("http://evil.example/","click")',
    "SELECT `a` | b FROM \"we\nird\" WHERE x = '{{ 7 * 7 }}' AND y = '${z}' *bold* [link](http://e)",
    "SELECT 'نص عربي' , '漢字', 'e\u0301', '\ud83d\ude00'".encode("utf-16", "surrogatepass").decode(
        "utf-16"
    ),
)

PLAN = "Seq Scan on parcel  (cost 459, rows 20)\n   Filter: (depot = $1)"
CURED = "Index Scan using parcel_depot on parcel  (cost 8.3, rows 20)\n   Index Cond: (depot = $1)"


def row(number: int, text: str, ratio: float, verdict: Verdict) -> Row:
    """A statement whose timings follow from its number."""
    random = Random(number)
    before_ms = random.lognormvariate(1, 1)
    sides = [
        tuple((before_ms * f * random.lognormvariate(0, 0.05),) * 2 for _ in range(12))
        for f in (1, ratio, 1)
    ]
    timings = Timings(sides[0], sides[1], sides[2], (1.0, 1.0))
    groups = ((Run(text, ("5",)),), (Run(text, ("7",)),))
    effect = Effect(before_ms, ratio, ratio * 0.95, ratio * 1.05, 0.0004, 0.02, 12)
    work = WorkFigures(459, 0, 0, 0, 20_000)
    return Row(
        task=Task(f"f{number}", text, 10.0 * number + 1, groups, groups, ("common", "rare")),
        before=Side(distribution(timings.before, (1, 1)), work, PLAN),
        after=Side(
            distribution(timings.after, (1, 1)),
            replace(work, shared_hit=9, rows_visited=20),
            CURED if verdict is Verdict.FASTER else PLAN,
        ),
        effect=effect,
        verdict=verdict,
        timings=timings,
    )


def step(clients: int, tps: float, p95_ms: float) -> LoadStep:
    return LoadStep(clients, tps, p95_ms / 3, p95_ms / 4, p95_ms, p95_ms * 2, 1000, 0, 0.1)


def benchmark(*rows: Row, stopped: str = "", left: tuple[NotMeasured, ...] = ()) -> Benchmark:
    """A benchmark of these rows."""
    goals = tuple(map(read_target, ("p95<50ms", "index_usage>95%", "throughput>500/s")))
    plan = LoadPlan((1, 4, 16), slo_p95_ms=50)
    load = Load(
        plan,
        (step(1, 90, 12), step(4, 200, 30), step(16, 210, 90)),
        (step(1, 500, 3), step(4, 1500, 5), step(16, 2900, 11)),
    )
    return Benchmark(
        environment=Environment(
            "18.6", "depots", "interleaved", "Linux x86_64", 2, "2026-01-02T03:04:05+00:00",
            True, {"shared_buffers": "128MB", "jit": "on"},
        ),
        change=("CREATE INDEX CONCURRENTLY parcel_depot ON parcel (depot)",),
        indexes=(
            IndexFact("public.parcel_depot", "parcel", "CREATE INDEX …", 172_032, True, 31.0),
            IndexFact('public."parcel weight"', "parcel", "CREATE INDEX …", 466_944, False),
        ),
        rows=rows,
        not_measured=left,
        total=Effect(120.0, 0.2, 0.18, 0.22, 0.0001, 0.02, 12) if rows else None,
        seed=1,
        stopped=stopped,
        commands=("dbtune bench --on 'postgresql://me@host/depots' --migration up.sql",),
        targets=judge_targets(
            goals,
            {"p95": 80.0, "index_usage": 0.7, "throughput": 210.0},
            {"p95": 20.0, "index_usage": 0.97},
        ),
        load=load,
        dbtune_version="0.0",
    )  # fmt: skip


FULL = benchmark(
    row(1, "SELECT * FROM parcel WHERE depot = $1", 0.1, Verdict.FASTER),
    row(2, "UPDATE parcel SET depot = $1 WHERE id = $2", 1.2, Verdict.SLOWER),
    row(3, "SELECT * FROM parcel WHERE id = $1", 1.0, Verdict.SAME),
    row(4, 'SELECT count(*) FROM "Booking"', 0.9, Verdict.TOO_NOISY),
    left=(NotMeasured("f9", "BEGIN", 100, "not a query and not DML"),),
)
HOSTILE_ONE = benchmark(
    *(row(n, text, 0.5, Verdict.FASTER) for n, text in enumerate(HOSTILE)),
    stopped="terminating connection <b>due</b> to \u202ecommand",
    left=tuple(NotMeasured("x", text, 1, text) for text in HOSTILE),
)
EMPTY = benchmark()
LARGE = benchmark(
    *(
        row(n, f"SELECT {', '.join(f'column_{i}' for i in range(60))} FROM t{n} WHERE id = $1",
            0.3 + n % 7 / 5, tuple(Verdict)[n % 4])
        for n in range(500)
    )
)  # fmt: skip
