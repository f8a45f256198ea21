"""Traffic: what a server's log says of who asked what, in which order, in which unit of work.

The values are compact: a unit keeps columns, not one object per execution, and only units in
which a statement shape repeats are kept, up to a number per shape. Counts and times of shapes are
those of the whole log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbtune.plan import Plan
from dbtune.snapshot.model import NotCollected

UnitOrigin = Literal["trace", "session", "pool"]
"""What holds a unit together: a trace id in the statements' comments, or one session without a
long pause. A session may serve several requests in a row: see `Unit.transactions`. In a unit of
origin "pool" only time does: a pool lent a connection for each statement."""


@dataclass(frozen=True, slots=True)
class LoggedPlan:
    """The plan of one execution, as auto_explain wrote it to the log.

    `logged_at` is the log's own time. The plan's nodes have actual rows, loops and buffers where
    the server was told to measure them (auto_explain.log_analyze, log_buffers).
    """

    plan: Plan
    exec_ms: float
    logged_at: str


@dataclass(frozen=True, slots=True)
class Shape:
    """All statements of one fingerprint. `text` is normalized: it holds no literal.

    `plan` is that of its slowest execution which auto_explain logged.
    """

    fingerprint: str
    text: str
    calls: int
    total_exec_ms: float
    max_exec_ms: float
    plan: LoggedPlan | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """Executions that belong together, in the order in which the server finished them.

    One element per execution in each column. `transactions` holds a number per explicit
    transaction, and -1 for an execution in a transaction of its own. `starts_ms` counts from the
    unit's first start, at `begin_ms` of the log's own clock. `idle_ms` is how long the session
    waited for its client before the execution (0 for the first); logs round times to
    milliseconds, so a single wait can be off by that much, even below zero, while their sum is
    right. `values` are the logged parameters or literals as text, None where the log has none;
    `session_count` tells how many connections took part.
    """

    origin: UnitOrigin
    attribution: str
    application: str
    session_count: int
    begin_ms: float
    shapes: tuple[int, ...]
    transactions: tuple[int, ...]
    starts_ms: tuple[float, ...]
    exec_ms: tuple[float, ...]
    idle_ms: tuple[float, ...]
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class LoopRuns:
    """A loop of lookups as the logs have it, and the one statement that is to replace it.

    `runs` are each run's values, in the order of the loop's parameters. The batch takes for each
    of its parameters the value of the loop's parameter of that number in `parameters`, or an
    array of the values of all runs where the number is in `arrays`. Its first `leads` columns are
    not the loop's.
    """

    query: str
    runs: tuple[tuple[str, ...], ...]
    batch: str
    parameters: tuple[int, ...]
    arrays: frozenset[int]
    leads: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """A reading of logs. `Unit.shapes` index `shapes`.

    `units_seen` counts all units, also those not kept in `units`. `damaged_lines` could not be
    read; `first_at` and `last_at` are the log's own times. `not_collected` names what the log does
    not tell. `shows_values` says that the user wants
    values in reports: they can identify people.
    """

    shapes: tuple[Shape, ...]
    units: tuple[Unit, ...]
    units_seen: int
    executions: int
    lines: int
    damaged_lines: int
    first_at: str | None
    last_at: str | None
    shows_values: bool = False
    not_collected: tuple[NotCollected, ...] = ()
