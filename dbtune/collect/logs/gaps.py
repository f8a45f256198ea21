"""What a log does not tell, and what to set so that the next one does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from dbtune.collect.logs.engine import Engine
from dbtune.collect.logs.pieces import Counts
from dbtune.collect.logs.source import STDIN, lines_of, sources
from dbtune.errors import BadInput
from dbtune.snapshot.model import NotCollected

_LEAST_EXECUTIONS = 50
_QUICK_MS = 0.5
"""Any log of everything holds a BEGIN or a lookup by key that took less."""

_TRIED_LINES = 20_000
# "LOG:  Dauer: 0.123 ms  Anweisung: ", "LOG:  durée : 0.123 ms, instruction : ": not "duration".
_TRANSLATED = re.compile(rb'["\s](?!duration:)[^\s":,]+\s?: \d+[.,]\d+ ms')
_ALL = (
    "ALTER SYSTEM SET log_min_duration_statement = 0 (a while is enough), SELECT pg_reload_conf()."
)


def gaps(engine: Engine, counts: Counts, left_out: int) -> tuple[NotCollected, ...]:
    """What stands in the way of a complete reading of the logs, as their entries show it."""
    ((executions, fastest_ms, unread_plans),) = engine.rows(
        "SELECT count(*) FILTER (kind IN ('statement', 'execute') AND ms IS NOT NULL),"
        " min(ms) FILTER (kind IN ('statement', 'execute')),"
        " count(*) FILTER (kind = 'plan' AND text_hash IS NULL) FROM entry"
    )
    found = []
    if executions >= _LEAST_EXECUTIONS and fastest_ms > _QUICK_MS:
        found.append(
            NotCollected(
                "quick statements",
                f"the quickest of {executions:,} logged took {fastest_ms:.3g} ms: the server seems"
                " to log slow ones alone, and loops consist of quick ones",
                _ALL,
            )
        )
    if left_out:
        found.append(
            NotCollected(
                f"{left_out:,} logged executions",
                "their texts are too many to be shapes of statements; the most frequent were read",
            )
        )
    if unread_plans:
        found.append(
            NotCollected(
                f"{unread_plans:,} logged plans",
                "auto_explain wrote them as XML or YAML, or cut them",
                "ALTER SYSTEM SET auto_explain.log_format = 'json', SELECT pg_reload_conf().",
            )
        )
    if counts.has_no_session:
        found.append(
            NotCollected(
                "units of work",
                "the log's lines tell neither process nor session, so no statement can be put"
                " beside another",
                "ALTER SYSTEM SET log_line_prefix = '%m [%p] %q%u@%d,%a,%v ', or use csvlog.",
            )
        )
    return tuple(found)


def settings_gaps(settings: Mapping[str, str]) -> tuple[NotCollected, ...]:
    """What the server's settings keep from its logs."""
    found = []
    rates = ("log_statement_sample_rate", "log_transaction_sample_rate")
    for name, bound in zip(rates, ("log_min_duration_sample", None), strict=True):
        rate = float(settings.get(name, 1.0 if bound else 0.0))
        if 0 < rate < 1 and (bound is None or settings.get(bound, "-1") != "-1"):
            found.append(
                NotCollected(
                    "part of the traffic",
                    f"{name} = {settings[name]}: the log holds a sample, and counts are of it",
                    _ALL,
                )
            )
    return tuple(found)


def nothing_found(paths: Sequence[Path]) -> BadInput:
    """What to tell of logs without an executed statement."""
    named = ", ".join(str(path) for path in paths)
    if any(_is_translated(path) for path in paths if path != STDIN):
        return BadInput(
            f"The messages in {named} are not in English, so their statements cannot be told.",
            "Let the server log in English: ALTER SYSTEM SET lc_messages = 'C', "
            "SELECT pg_reload_conf(); clients may keep their own language.",
        )
    return BadInput(
        f"No executed statement was found in {named}.",
        "Let the server log them: ALTER SYSTEM SET log_min_duration_statement = 0 (and "
        "lc_messages = 'C'), SELECT pg_reload_conf(). For a stderr log with an unusual "
        "log_line_prefix, give it with --log-line-prefix.",
    )


def _is_translated(path: Path) -> bool:
    return any(
        _TRANSLATED.search(line)
        for source in sources([path])
        for line in islice(lines_of(source.path), _TRIED_LINES)
    )
