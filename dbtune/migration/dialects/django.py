"""Django: one migration that is not atomic, of RunSQL operations."""

from __future__ import annotations

from collections.abc import Iterable
from pprint import pformat

from dbtune.migration.model import Migration, Step, session_statements


def render(migration: Migration) -> dict[str, str]:
    text = f'''"""Indexes advised by dbtune."""

from django.db import migrations

UP = {_list(migration.up_steps)}

DOWN = {_list(migration.down_steps)}


class Migration(migrations.Migration):
    atomic = False  # CREATE INDEX CONCURRENTLY refuses to run inside a transaction

    dependencies = []  # put ("app", "the latest migration") here

    operations = [migrations.RunSQL(UP, DOWN)]
'''
    return {f"{migration.name}.py": text}


def _list(steps: Iterable[Step]) -> str:
    return pformat(session_statements(steps), width=98)
