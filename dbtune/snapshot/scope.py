"""Which relations and statements an examination covers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dbtune.errors import BadInput
from dbtune.identifier import QualifiedName


@dataclass(frozen=True, slots=True)
class Scope:
    """Relations by pattern, statements by how often they are called.

    `schemas` and `exclude` are patterns (`*`, `?`, `[…]`) of a schema or of schema.relation; no
    `schemas` means every schema that users made.
    """

    schemas: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_calls: int = 1

    def require_any(self, names: Iterable[QualifiedName]) -> None:
        """Refuse patterns that leave nothing of a database's relations: a name is misspelt.

        Raises:
            BadInput: with the schemas that there are.
        """
        known = tuple(names)
        if self.schemas and known and not any(map(self.wants, known)):
            there = ", ".join(sorted({name.schema for name in known}))
            raise BadInput(
                f"--schema {', '.join(self.schemas)} leaves no relation to look at.",
                f"There are the schemas {there}.",
            )

    def wants(self, name: QualifiedName) -> bool:
        """True if a relation is covered."""
        full = f"{name.schema}.{name.name}"

        def named_by(patterns: tuple[str, ...]) -> bool:
            return any(fnmatchcase(name.schema, p) or fnmatchcase(full, p) for p in patterns)

        return (not self.schemas or named_by(self.schemas)) and not named_by(self.exclude)
