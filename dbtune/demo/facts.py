"""What the CRM could send instead, as tasks to measure: the rewrites that no index can give."""

from __future__ import annotations

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
        label=f"{USERS} users of Monday: upserted one by one → in one statement",
        calls=syncs,
        before=tuple(tuple(Run(ONE_BY_ONE, row) for row in users) for users in accounts),
        after=tuple(
            (Run(IN_ONE, tuple(map(array_literal, zip(*users, strict=True)))),)
            for users in accounts
        ),
        kinds=("typical", "typical"),
    )
