"""auto_explain's entries as plans: of every statement shape the slowest that was logged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dbtune.collect.logs.engine import Engine
from dbtune.collect.logs.explain_text import explain_document
from dbtune.plan import read_plan
from dbtune.statement.fingerprint import normalize
from dbtune.traffic import LoggedPlan

PLAN_LONGEST_BYTES = 256 << 10
_LEFT_OUT = frozenset({"Query Text", "Query Parameters"})


def logged_plans(engine: Engine, *, show_values: bool) -> dict[int, LoggedPlan]:
    """The slowest logged plan by shape number; conditions hold values only if they may be shown."""
    found = {}
    for shape, text, ms, at in engine.stream(
        "SELECT number, arg_max(plan, (ms, -at_ms, plan)), max(ms),"
        " make_timestamp_ms(arg_max(at_ms, (ms, -at_ms)))::VARCHAR"
        " FROM entry JOIN shape USING (text_hash) WHERE plan IS NOT NULL AND ms IS NOT NULL"
        " GROUP BY number ORDER BY number"
    ):
        try:
            document = json.loads(text) if text.startswith("{") else explain_document(text)
            plan = read_plan(document if show_values else _masked(document))
        except (ValueError, KeyError, TypeError, RecursionError):  # cut short, or damaged
            continue
        found[shape] = LoggedPlan(plan, ms, at)
    return found


def _masked(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(value) for key, value in document.items() if key not in _LEFT_OUT}


def _value(value: object) -> Any:
    """Values of conditions as `$n`; names and figures stay."""
    if isinstance(value, Mapping):
        return _masked(value)
    if isinstance(value, list):
        return [_value(element) for element in value]
    return normalize(value) if isinstance(value, str) and "(" in value else value
