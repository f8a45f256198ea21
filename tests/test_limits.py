"""`LIMIT $n` is planned with what was measured of it, or without where it stopped nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import psycopg

from dbtune.advice import CreateIndex
from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.pipeline import analyze
from dbtune.progress import Silent
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.statement.limit import NO_LIMIT
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin

LETTERS = """
CREATE TABLE letter (id int PRIMARY KEY, sender text, sent_on date, body text);
INSERT INTO letter SELECT n, md5((n % 9000)::text), date '2020-01-01' + n % 900, md5(n::text)
FROM generate_series(1, 40000) n;
"""
SEARCH = "SELECT id FROM letter WHERE body ILIKE $1 LIMIT $2"
OLDEST = "SELECT * FROM letter WHERE sender = $1 AND sent_on > $2 ORDER BY id LIMIT $3"


def measured(text: str, *, calls: int, rows: int, blocks: int = 0) -> StatementStatistics:
    return StatementStatistics(
        text, calls, total_exec_ms=calls * 40.0, rows=rows, shared_blks_hit=blocks
    )


def planned_text(snapshot: Snapshot, twin: Twin, statistics: StatementStatistics) -> str:
    workload = assemble_workload(
        replace(snapshot, statements=(statistics,)), twin, Scope(), Silent()
    )
    return workload.statements[0].planned_text


def test_a_limit_is_what_the_rows_say(make_database: Callable[..., str]) -> None:
    snapshot = collect(make_database(LETTERS, "VACUUM ANALYZE"))
    pages = snapshot.relations[0].relpages
    with open_twin(snapshot) as twin:

        def limit(text: str, calls: int, rows: int, blocks: int = 0) -> str:
            statistics = measured(text, calls=calls, rows=rows, blocks=blocks)
            return planned_text(snapshot, twin, statistics).rpartition(" ")[2]

        none = str(NO_LIMIT)
        assert limit(SEARCH, 10, 200, blocks=30) == "20", "always the same number: that is it"
        assert limit(SEARCH, 10, 163, blocks=10 * pages) == none, "the table was read to its end"
        assert limit(SEARCH, 10, 200, blocks=10 * pages) == none, "rows or not"
        assert limit(SEARCH, 10, 163, blocks=30) == none, "rows ran out, so the scan did not stop"
        assert limit(SEARCH, 10, 0, blocks=30) == none, "nothing was found"
        assert limit(SEARCH, 10, 0) == "$2", "nothing was measured"
        assert limit(OLDEST, 10, 42, blocks=10) == "5", "nothing stops a sort early"


def test_a_search_gets_a_trigram_index_and_its_extension(make_database: Callable[..., str]) -> None:
    """Searches that find little read the whole table, although their LIMIT promises less."""
    dsn = make_database(LETTERS, "VACUUM ANALYZE")
    snapshot = collect(dsn)
    assert "pg_trgm" in snapshot.installable_extensions
    searches = measured(SEARCH, calls=50, rows=163, blocks=50 * snapshot.relations[0].relpages)
    snapshot = replace(snapshot, statements=(searches,))
    analysis = analyze(snapshot)
    (finding,) = [f for f in analysis.report.findings if f.rule == "missing-index"]
    assert finding.subject.name == "letter(body gin_trgm_ops)"
    steps = analysis.migration.up_steps
    assert steps[0].sql == "CREATE EXTENSION IF NOT EXISTS pg_trgm"

    with psycopg.connect(dsn, autocommit=True) as connection:
        for step in steps:
            connection.execute(step.sql.encode())
    cured = replace(collect(dsn), statements=(replace(searches, shared_blks_hit=50 * 9),))
    assert not [f for f in analyze(cured).report.findings if f.rule == "missing-index"]


def test_without_the_extension_there_is_a_reason(make_database: Callable[..., str]) -> None:
    snapshot = collect(make_database(LETTERS, "VACUUM ANALYZE"))
    searches = measured(SEARCH, calls=50, rows=163, blocks=50 * snapshot.relations[0].relpages)
    lacking = replace(snapshot, statements=(searches,), installable_extensions=())
    with open_twin(lacking) as twin:
        workload = assemble_workload(lacking, twin, Scope(), Silent())
        advice = advise(workload, twin, AdvisorOptions())
    assert not any(isinstance(r.change, CreateIndex) for r in advice.recommendations)
    assert any("pg_trgm" in one.reason for one in advice.declined)
