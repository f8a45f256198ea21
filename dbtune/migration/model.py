"""A migration: steps up, steps down, and the same as plain SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BRIEF_LOCK_TIMEOUT = "5s"
"""For steps whose lock blocks reads or writes: give up soon, and let traffic pass."""

PATIENT_LOCK_TIMEOUT = "30min"
"""For CONCURRENTLY steps. Their lock blocks only DDL and VACUUM, and lock_timeout also bounds
their wait for older transactions: a short one would leave an INVALID index behind."""


@dataclass(frozen=True, slots=True)
class Step:
    """One SQL statement of a migration, without its semicolon.

    `comment` holds lines for people, already safe to stand behind `--`. `creates` and `drops` name
    (as SQL) the index that the step builds or removes, for dialects that have words of their own.
    """

    sql: str
    comment: tuple[str, ...] = ()
    lock_timeout: str = PATIENT_LOCK_TIMEOUT
    creates: str = ""
    drops: str = ""


def session_statements(steps: Iterable[Step]) -> list[str]:
    """The statements of steps, with the settings of the session that each of them wants."""
    statements = ["SET statement_timeout = 0"]
    lock_timeout = ""
    for step in steps:
        if step.lock_timeout != lock_timeout:
            lock_timeout = step.lock_timeout
            statements.append(f"SET lock_timeout = '{lock_timeout}'")
        statements.append(step.sql)
    return statements


@dataclass(frozen=True, slots=True)
class Migration:
    """Up applies the recommendations; down restores the catalog as it was.

    `up` and `down` are scripts of plain SQL for psql (or statement by statement, in autocommit);
    `up_steps` and `down_steps` are their statements. `name` is fit for a
    file name; `version` is a number of fourteen digits that grows with the time of the snapshot.
    """

    name: str
    up: str
    down: str
    up_steps: tuple[Step, ...] = ()
    down_steps: tuple[Step, ...] = ()
    version: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.up_steps
