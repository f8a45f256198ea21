"""What the CRM's statements are for, and the one that it could send instead of a hundred."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from psycopg import Connection

from dbtune.bench.parameters import array_literal
from dbtune.bench.task import Run, Task

_COLUMNS = '"id", "orgId", "mondayUserId", "name", "email", "syncedAt"'
_ON_CONFLICT = (
    'ON CONFLICT ("orgId", "mondayUserId") DO UPDATE SET "name" = EXCLUDED."name", '
    '"email" = EXCLUDED."email", "syncedAt" = EXCLUDED."syncedAt"'
)
ONE_BY_ONE = (
    f'INSERT INTO "MondayUserCache" ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6) {_ON_CONFLICT}'
)
IN_ONE = (
    f'INSERT INTO "MondayUserCache" ({_COLUMNS}) SELECT * FROM unnest($1::text[], $2::text[], '
    f"$3::text[], $4::text[], $5::text[], $6::timestamp[]) {_ON_CONFLICT}"
)
USERS = 100

NAMES = {
    '"enteredAt" >= $2 AND "enteredAt" < $3': "leads of an organisation in a date range",
    'ORDER BY "enteredAt" DESC LIMIT': "newest leads of an organisation",
    '"assignedUserId" = $2 AND "enteredAt" >=': "leads of an agent",
    'count("closedWonAt")': "agent metrics, computed",
    'INSERT INTO "AgentMetricsSnapshot"': "agent metrics, upserted",
    'INSERT INTO "MondayUserCache"': "one user of Monday, upserted",
    '"name" ILIKE': "name search",
    '"customFields" @>': "results of a campaign",
    '"closedWonAt" BETWEEN': "deals won in a quarter",
}
"""What a statement is for, by words that only it holds."""


def named(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks, labelled by what they are for where that is known."""
    return tuple(
        replace(task, label=f"{name}: {task.label}")
        if (name := next((name for words, name in NAMES.items() if words in task.text), None))
        else task
        for task in tasks
    )


def batch_upsert(connection: Connection[Any], syncs: float) -> Task:
    """A Monday account's hundred users: upserted one by one, and by one statement.

    Args:
        connection: to the CRM.
        syncs: how often the application does it.
    """
    rows = connection.execute(
        'SELECT "id", "orgId", "mondayUserId", "name", "email", "syncedAt"::text '
        'FROM "MondayUserCache" ORDER BY "mondayUserId" LIMIT %s',
        (2 * USERS,),
    ).fetchall()
    accounts = [rows[:USERS], rows[USERS:]]
    return Task(
        fingerprint="batch-upsert",
        label=f"{USERS} users of Monday, upserted one by one → by one statement",
        calls=syncs,
        before=tuple(tuple(Run(ONE_BY_ONE, row) for row in users) for users in accounts),
        after=tuple(
            (Run(IN_ONE, tuple(map(array_literal, zip(*users, strict=True)))),)
            for users in accounts
        ),
        kinds=("typical", "typical"),
    )
