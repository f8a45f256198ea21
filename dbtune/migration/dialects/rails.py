"""Rails: one Active Record migration without a transaction."""

from __future__ import annotations

from collections.abc import Iterable

from dbtune.migration.model import Migration, Step, session_statements


def render(migration: Migration) -> dict[str, str]:
    digest = migration.name.removeprefix("dbtune_")
    text = f"""# Indexes advised by dbtune.
class Dbtune{digest.capitalize()} < ActiveRecord::Migration[6.1]
  # CREATE INDEX CONCURRENTLY refuses to run inside a transaction.
  disable_ddl_transaction!

  def up
{_executes(migration.up_steps, digest)}
  end

  def down
{_executes(migration.down_steps, digest)}
  end
end
"""
    return {f"db/migrate/{migration.version}_{migration.name}.rb": text}


def _executes(steps: Iterable[Step], digest: str) -> str:
    """A quoted heredoc takes every character as it is; its end is a word that no SQL holds."""
    end = f"SQL_{digest}"
    return "\n".join(f"    execute <<-'{end}'\n{s}\n{end}" for s in session_statements(steps))
