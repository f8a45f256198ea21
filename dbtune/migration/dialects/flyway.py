"""Flyway: a versioned script, its undo, and the setting that keeps them out of transactions."""

from __future__ import annotations

from dbtune.migration.model import Migration


def render(migration: Migration) -> dict[str, str]:
    stem = f"{migration.version}__{migration.name}"
    settings = "executeInTransaction=false\n"
    return {
        f"V{stem}.sql": migration.up,
        f"V{stem}.sql.conf": settings,
        f"U{stem}.sql": migration.down,
        f"U{stem}.sql.conf": settings,
    }
