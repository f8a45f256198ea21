"""Names of the indexes that a migration makes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.snapshot.model import Snapshot


class Names:
    """Gives each new index a name that nothing else in its schema bears.

    The name follows from the spec alone, so that the same advice has the same name in each
    environment; a number is added only where somebody else took it.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._taken = {r.name for r in snapshot.relations}
        self._taken |= {i.name for i in snapshot.indexes if i.is_valid}

    def take(self, spec: IndexSpec) -> QualifiedName:
        """The name for an index; each call takes one."""
        for name in _variants(spec.default_name()):
            qualified = QualifiedName(spec.relation.schema, name)
            if qualified not in self._taken:
                self._taken.add(qualified)
                return qualified
        raise AssertionError("unreachable")


def leftover_name(name: QualifiedName) -> QualifiedName:
    """What an INVALID leftover of that name is renamed to before it is dropped."""
    digest = hashlib.sha256(name.sql.encode()).hexdigest()[:12]
    return QualifiedName(name.schema, f"dbtune_invalid_{digest}")


def _variants(name: str) -> Iterable[str]:
    yield name
    for number in range(2, 10_000):
        tail = f"_{number}"
        yield name.encode()[: 63 - len(tail)].decode(errors="ignore") + tail
