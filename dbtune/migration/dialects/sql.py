"""Plain SQL for psql and `dbtune apply`."""

from __future__ import annotations

from dbtune.migration.model import Migration


def render(migration: Migration) -> dict[str, str]:
    return {"migration.up.sql": migration.up, "migration.down.sql": migration.down}
