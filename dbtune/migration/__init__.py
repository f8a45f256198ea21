"""Recommendation → up and down SQL; one file per framework in `dialects/`."""

from dbtune.migration.model import Migration, Step
from dbtune.migration.write import write_migration

__all__ = ["Migration", "Step", "write_migration"]
