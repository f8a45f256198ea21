"""One statement a case: the index that a good DBA would build, or the reason for none."""

from __future__ import annotations

import pytest

from dbtune.advisor.gather import gather
from dbtune.advisor.options import AdvisorOptions
from dbtune.snapshot.model import Snapshot
from dbtune.twin.engine import Twin
from tests.advisor.conftest import Ask, created, workload_of

WANTED = [
    # equality, composite, order
    ("SELECT * FROM invoice WHERE account_id = 42", ["invoice(account_id)"]),
    ("SELECT * FROM invoice WHERE account_id = $1", ["invoice(account_id)"]),
    (
        "SELECT * FROM invoice WHERE account_id = $1 AND issued_on >= $2",
        ["invoice(account_id)", "invoice(account_id, issued_on)"],
    ),
    (
        "SELECT * FROM invoice WHERE state = $1 AND priority = $2 AND issued_on = $3",
        ["invoice(priority, issued_on, state)", "invoice(issued_on, priority, state)",
         "invoice(issued_on, priority)", "invoice(priority, issued_on)", "invoice(issued_on)"],
    ),
    (
        "SELECT * FROM invoice WHERE state = $1 ORDER BY created_at DESC LIMIT 20",
        ["invoice(state, created_at)"],  # the state asked for may be the rare one
    ),
    (
        "SELECT * FROM invoice WHERE state = $1 AND created_at < now() ORDER BY created_at LIMIT 9"
        " FOR UPDATE SKIP LOCKED",
        ["invoice(state, created_at)"],
    ),
    ("SELECT * FROM invoice ORDER BY amount DESC, issued_on LIMIT 10",
     ["invoice(amount, issued_on DESC)"]),
    (
        "SELECT id FROM invoice ORDER BY amount ASC, issued_on DESC NULLS LAST LIMIT 10",
        ["invoice(amount, issued_on DESC NULLS LAST)",
         "invoice(amount, issued_on DESC NULLS LAST) include (id)"],
    ),
    ("SELECT max(amount) FROM invoice", ["invoice(amount)"]),
    ("SELECT DISTINCT ON (account_id) * FROM invoice ORDER BY account_id, created_at DESC LIMIT 5",
     ["invoice(account_id, created_at DESC)", "invoice(account_id)"]),
    # partial
    (
        "SELECT * FROM invoice WHERE state = 'failed'",
        ["invoice(state) where (state = 'failed')", "invoice(id) where (state = 'failed')"],
    ),
    ("SELECT * FROM invoice WHERE is_disputed", ["invoice(id) where (is_disputed)"]),
    # expressions
    ("SELECT * FROM account WHERE lower(email) = $1", ["account((lower(email)))"]),
    ("SELECT id, email, country, plan FROM account WHERE lower(email) = $1",
     ["account((lower(email)))"]),
    ("SELECT * FROM invoice WHERE doc ->> 'ref' = $1", ["invoice((doc ->> 'ref'))"]),
    # other access methods
    ("SELECT * FROM invoice WHERE doc @> $1",
     ["invoice(doc jsonb_path_ops) using gin"]),
    ("SELECT * FROM invoice WHERE tags @> ARRAY['t5']", ["invoice(tags) using gin"]),
    ("SELECT * FROM invoice WHERE search @@ to_tsquery('simple', 'word7')",
     ["invoice(search) using gin"]),
    ("SELECT * FROM invoice WHERE note ILIKE '%abcdef%'", ["invoice(note gin_trgm_ops) using gin"]),
    ("SELECT * FROM account WHERE email LIKE 'User123%'", ["account(email text_pattern_ops)"]),
    ("SELECT id FROM invoice WHERE period @> timestamptz '2021-03-01'",
     ["invoice(period) using gist"]),
    (
        "SELECT sum(value) FROM measure WHERE at >= '2024-01-03' AND at < '2024-01-03 02:00'",
        ["measure(at) using brin", "measure(at)", "measure(at) include (value)"],
    ),
    # writes look things up too
    ("DELETE FROM invoice WHERE account_id = $1", ["invoice(account_id)"]),
    ("UPDATE invoice SET note = $1 WHERE account_id = $2", ["invoice(account_id)"]),
    # joins
    (
        "SELECT a.email, i.amount FROM account a JOIN invoice i ON i.account_id = a.id"
        " WHERE a.email = $1",
        ["account(email, id)", "invoice(account_id) include (amount)"],
    ),
    # covering
    (
        "SELECT sum(amount) FROM invoice WHERE account_id BETWEEN $1 AND $2",
        ["invoice(account_id) include (amount)"],
    ),
    # names, schemas, partitions
    (
        'SELECT * FROM "Sales"."LeadFact" WHERE "orgId" = $1 AND "enteredAt" BETWEEN $2 AND $3',
        ['"Sales"."LeadFact"("orgId", "enteredAt")', '"Sales"."LeadFact"("orgId")'],
    ),
    ('SELECT * FROM "Sales"."LeadFact" WHERE "order" = 5', ['"Sales"."LeadFact"("order")']),
    ("SELECT * FROM event WHERE actor = $1", ["event(actor)"]),
    # alternatives: an index for each
    ("SELECT * FROM invoice WHERE account_id = $1 OR amount = 77",
     ["invoice(account_id)", "invoice(amount)"]),
    ("SELECT * FROM invoice WHERE note ILIKE '%abcdef%' OR account_id = 5",
     ["invoice(account_id)", "invoice(note gin_trgm_ops) using gin"]),
    # texts
    ("SELECT * FROM account WHERE email ~ '^User123'", ["account(email text_pattern_ops)"]),
    ("SELECT * FROM account WHERE starts_with(email, 'User123')",
     ["account(email text_pattern_ops)"]),
    ("SELECT * FROM invoice WHERE note % 'c4ca4238'",
     ["invoice(note gin_trgm_ops) using gin", "invoice(note gist_trgm_ops) using gist"]),
    ("SELECT id FROM account ORDER BY email <-> $1 LIMIT 5",
     ["account(email gist_trgm_ops) using gist"]),
    # what another source, known first, is compared with
    ("SELECT i.id FROM unnest($1::int[]) u (x) JOIN invoice i ON i.account_id = u.x",
     ["invoice(account_id) include (id)", "invoice(account_id, id)"]),
    (
        "WITH picked AS (SELECT id FROM invoice WHERE account_id = $1 FOR UPDATE SKIP LOCKED)"
        " UPDATE invoice i SET note = 'x' FROM picked WHERE i.id = picked.id",
        ["invoice(account_id)", "invoice(account_id, id)"],
    ),
    # an equality that lets nearly all rows in earns no place before a range
    ("SELECT * FROM invoice WHERE is_disputed = false AND issued_on < '2020-01-05'",
     ["invoice(issued_on)", "invoice(issued_on) where (NOT is_disputed)"]),
    ("SELECT * FROM invoice WHERE tags = ARRAY['t5', 'u5']", ["invoice(tags) using gin"]),
    # the second index is worth little beside what the first one saves, and tenfold afterwards
    (
        "SELECT a.id, (SELECT max(i.amount) FROM invoice i WHERE i.account_id = a.id)"
        " FROM account a WHERE a.email LIKE 'User123%'",
        ["invoice(account_id, amount)", "account(email text_pattern_ops)",
         "account(email text_pattern_ops) include (id)"],
    ),
    # in the order of a window
    (
        "SELECT * FROM (SELECT account_id, amount, row_number() OVER (PARTITION BY account_id"
        " ORDER BY amount DESC) AS place FROM invoice) ranked WHERE place < 3",
        ["invoice(account_id, amount DESC)"],
    ),
    # covering all that is read is worth more than a visit to each row
    ("SELECT id, account_id FROM invoice WHERE amount BETWEEN 50 AND 90",
     ["invoice(amount) include (account_id, id)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WANTED, ids=[w[0][:60] for w in WANTED])
def test_wanted(ask: Ask, text: str, expected: list[str]) -> None:
    """Each index made is one of the good ones, and a join or an OR gets all that it needs."""
    advice = ask(text)
    indexes = created(advice)
    assert indexes, advice.declined
    assert set(indexes) <= set(expected)
    if "account a JOIN" in text or " OR " in text:
        assert set(indexes) == set(expected)
    assert advice.cost_after < 0.9 * advice.cost_before


def test_a_partial_index_rests_on_a_short_list_alone(advised: tuple[Snapshot, Twin]) -> None:
    def conditions(values: int) -> set[str]:
        asked = ", ".join(str(n) for n in range(values))
        text = f"SELECT id, amount FROM invoice WHERE kind IN ({asked})"
        (specs,) = gather(workload_of(advised[0], None, text), AdvisorOptions()).specs.values()
        return {spec.predicate for spec in specs if spec.predicate}

    assert conditions(4) == {"(kind IN (0, 1, 2, 3))"}
    assert not conditions(5)


SILENT = [
    ("SELECT * FROM invoice WHERE id = $1", "existing indexes already serve it"),
    ("SELECT * FROM invoice WHERE id = 5 AND state = 'open'", ""),
    ("SELECT * FROM invoice WHERE id BETWEEN $1 AND $2", "existing indexes already serve it"),
    ("SELECT * FROM invoice WHERE id = ANY($1)", "existing indexes already serve it"),
    ("SELECT * FROM invoice ORDER BY id LIMIT 10", "existing indexes already serve it"),
    ("SELECT * FROM invoice ORDER BY id DESC LIMIT 10", "existing indexes already serve it"),
    ("SELECT max(id) FROM invoice", "existing indexes already serve it"),
    ("SELECT * FROM invoice WHERE kind = $1", "existing indexes already serve it"),
    ("SELECT * FROM invoice WHERE kind = $1 AND priority = $2", "existing indexes already"),
    ("SELECT * FROM invoice WHERE kind = $1 ORDER BY priority LIMIT 5", "existing indexes already"),
    ("SELECT * FROM currency WHERE name = 'n5'", "so small"),
    ("SELECT * FROM currency ORDER BY rate", "so small"),
    ("SELECT * FROM place WHERE code LIKE '%77%'", "reads its tables whole"),
    ("SELECT * FROM invoice", "no condition, order or join"),
    ("SELECT count(*) FROM invoice", ""),
    ("SELECT * FROM invoice WHERE state <> 'failed'", ""),
    ("SELECT * FROM invoice WHERE amount >= 0", "reads too much"),
    ("SELECT * FROM account WHERE deleted_at IS NULL", ""),
    ("SELECT sum(amount) FROM invoice WHERE note IS NOT NULL", ""),
    ("SELECT * FROM invoice WHERE issued_on > '1999-01-01'", "reads too much"),
    ("INSERT INTO currency (code) VALUES ($1)", "only adds rows"),
    ("INSERT INTO measure VALUES (now(), 1, 2)", "only adds rows"),
    ("INSERT INTO invoice SELECT * FROM invoice WHERE id = 1", ""),
    ("UPDATE invoice SET note = 'x' WHERE id = $1", "existing indexes already serve it"),
    ("DELETE FROM invoice WHERE id = $1", "existing indexes already serve it"),
    ("DELETE FROM currency", ""),
    ("SELECT 1", "reads no table"),
    ("SELECT now(), pg_backend_pid()", "reads no table"),
    ("SELECT * FROM pg_class WHERE relname = 'x'", "reads no table"),
    ("SELECT a.id FROM account a JOIN invoice i ON i.id = a.id WHERE a.id = $1", ""),
    ("SELECT * FROM invoice i JOIN account a ON a.id = i.account_id WHERE i.id = $1", ""),
    ("SELECT * FROM invoice WHERE state = 'open' OR amount > 5", ""),
    ("SELECT * FROM invoice WHERE amount = priority", "no condition, order or join"),
    ("SELECT * FROM invoice TABLESAMPLE SYSTEM (1)", ""),
    ("EXECUTE something(1)", "not read"),
    ("SELECT * FROM no_such_table WHERE a = 1", ""),
    # served by (kind, priority), in whatever direction
    ("SELECT * FROM invoice WHERE kind = 7 AND priority > 990", "existing indexes already serve"),
    ("SELECT * FROM invoice WHERE kind = 7 ORDER BY priority DESC LIMIT 5", "existing indexes"),
    # a visit to the table saved is not worth an index
    ("SELECT i.account_id FROM invoice i JOIN account a ON a.id = i.account_id WHERE i.id = $1",
     "existing indexes already serve it"),
    # a narrow copy of a table is no cure
    ("SELECT sum(amount) FROM invoice", "no condition, order or join"),
    ("SELECT id FROM invoice WHERE 't5' = ANY(tags)", "tags @> ARRAY[value]"),
    ("SELECT count(*) FROM account WHERE date_trunc('day', created_at) = '2024-01-03'",
     "created_at >= '2024-01-03'::timestamp AND created_at < "),
    ("SELECT count(*) FROM account WHERE to_char(created_at, 'YYYY') = '2024'", "not immutable"),
    # pitfalls: nothing to find by, nothing to gain, or served in another guise
    ("SELECT * FROM account WHERE random() < 0.001", ""),
    ("SELECT * FROM invoice WHERE issued_on > now() - interval '100 years'", ""),
    ("SELECT * FROM currency WHERE name LIKE '%x'", "so small"),
    ("SELECT * FROM currency c JOIN currency d ON d.rate = c.rate", "so small"),
    ("SELECT * FROM account WHERE id = $1 AND email = $2", ""),
    ("SELECT 1 FROM invoice WHERE id = $1 FOR UPDATE", "existing indexes already serve it"),
    ("SELECT id FROM invoice WHERE id > $1 ORDER BY id LIMIT 50", "existing indexes already"),
    ("SELECT * FROM invoice WHERE doc IS NOT NULL", ""),
    ("SELECT * FROM event WHERE at >= '2023-01-01'", ""),
    ("SELECT * FROM invoice WHERE id IN (SELECT id FROM account WHERE id = $1)", ""),
    ("SELECT * FROM generate_series(1, 10) g", "reads no table"),
    ("DELETE FROM account WHERE id = ANY($1)", "existing indexes already serve it"),
    ("UPDATE invoice SET is_disputed = NOT is_disputed", ""),
    ("INSERT INTO currency VALUES ('x') ON CONFLICT (code) DO NOTHING", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), SILENT, ids=[s[0][:60] for s in SILENT])
def test_silent(ask: Ask, text: str, reason: str) -> None:
    """Nothing is proposed, and the reason is told."""
    advice = ask(text)
    assert created(advice) == []
    assert [d for d in advice.declined if reason in d.reason and d.statement], advice.declined
