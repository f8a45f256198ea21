"""Alembic: one revision, each statement outside a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from pprint import pformat

from dbtune.migration.model import Migration, Step, session_statements


def render(migration: Migration) -> dict[str, str]:
    revision = migration.name.removeprefix("dbtune_")
    text = f'''"""Indexes advised by dbtune."""

from alembic import op

revision = "{revision}"
down_revision = None  # put the revision here that `alembic heads` shows
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(UP)


def downgrade() -> None:
    run(DOWN)


def run(statements: list[str]) -> None:
    # CREATE INDEX CONCURRENTLY refuses to run inside a transaction.
    with op.get_context().autocommit_block():
        for statement in statements:
            op.get_bind().exec_driver_sql(statement)


UP = {_list(migration.up_steps)}

DOWN = {_list(migration.down_steps)}
'''
    return {f"{revision}_dbtune.py": text}


def _list(steps: Iterable[Step]) -> str:
    # The driver takes % for the beginning of a parameter.
    return pformat([s.replace("%", "%%") for s in session_statements(steps)], width=98)
