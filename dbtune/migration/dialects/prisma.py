"""Prisma: a folder for each statement, because several in one file share a transaction."""

from __future__ import annotations

from dbtune.migration.model import Migration


def render(migration: Migration) -> dict[str, str]:
    files = {
        f"prisma/migrations/{migration.version}_{migration.name}_{number:03}/migration.sql": (
            "".join(f"-- {line}\n" for line in step.comment) + f"{step.sql};\n"
        )
        for number, step in enumerate(migration.up_steps, start=1)
    }
    return {**files, "migration.down.sql": migration.down}
