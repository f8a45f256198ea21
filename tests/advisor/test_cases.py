"""One statement a case: the index that a good DBA would build, or the reason for none."""

from __future__ import annotations

import pytest

from tests.advisor.conftest import Ask, created

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
        ["invoice(state, created_at)", "invoice(created_at)"],
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
        ["invoice(state) where (state = 'failed')"],
    ),
    ("SELECT * FROM invoice WHERE is_disputed", ["invoice(is_disputed) where (is_disputed)"]),
    # expressions
    ("SELECT * FROM account WHERE lower(email) = $1", ["account((lower(email)))"]),
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
        ["account(email)", "invoice(account_id)"],
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
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WANTED, ids=[w[0][:60] for w in WANTED])
def test_wanted(ask: Ask, text: str, expected: list[str]) -> None:
    """Each index made is one of the good ones, and a join gets all that it needs."""
    advice = ask(text)
    indexes = created(advice)
    assert indexes, advice.declined
    assert set(indexes) <= set(expected)
    if " JOIN " in text:
        assert set(indexes) == set(expected)
    assert advice.cost_after < 0.9 * advice.cost_before


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
]


@pytest.mark.parametrize(("text", "reason"), SILENT, ids=[s[0][:60] for s in SILENT])
def test_silent(ask: Ask, text: str, reason: str) -> None:
    """Nothing is proposed, and the reason is told."""
    advice = ask(text)
    assert created(advice) == []
    assert [d for d in advice.declined if reason in d.reason and d.statement], advice.declined
