"""A twin of a redacted snapshot plans as one of the whole snapshot does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbtune.collect import collect
from dbtune.plan import Plan
from dbtune.redact import redact
from dbtune.twin.twin import open_twin
from tests.redact.test_redact import SECRETS

STATEMENTS = """
SELECT * FROM person WHERE id = $1
SELECT * FROM person WHERE name = $1
SELECT * FROM person WHERE mail = $1::text
SELECT * FROM person WHERE code = $1 AND sex = $2
SELECT count(*) FROM person p JOIN visit v ON v.person = p.id WHERE v.place = $1
SELECT * FROM person WHERE seen > '2026-03-01'::date
SELECT * FROM person WHERE born < '2001-01-01'::date
SELECT * FROM person WHERE salary > $1 ORDER BY name LIMIT 10
SELECT * FROM person WHERE tags @> ARRAY[$1]
SELECT * FROM person WHERE stay @> $1::date
SELECT sex, active, count(*) FROM person WHERE code = $1 GROUP BY 1, 2
SELECT * FROM person WHERE lower(name) = $1
SELECT * FROM person a JOIN person b ON a.level = b.level WHERE a.mood = $1
SELECT * FROM person WHERE mood = 'ok'
SELECT * FROM person WHERE active
""".strip().splitlines()


def test_plans_and_prices_survive_redaction(make_database: Callable[..., str]) -> None:
    snapshot = collect(make_database(SECRETS))
    with open_twin(snapshot) as whole, open_twin(redact(snapshot)) as redacted:
        assert redacted.not_modelled == whole.not_modelled
        for text in STATEMENTS:
            before, after = whole.plan(text), redacted.plan(text)
            assert isinstance(before, Plan), before
            assert isinstance(after, Plan), after
            assert after.signature == before.signature, text
            assert after.total_cost == pytest.approx(before.total_cost, rel=0.01), text
            assert after.root.plan_rows == pytest.approx(before.root.plan_rows, rel=0.03, abs=2)
