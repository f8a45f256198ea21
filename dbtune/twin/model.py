"""What the twin says about itself."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.identifier import QualifiedName


@dataclass(frozen=True, slots=True)
class NotModelled:
    """An object of the target that the twin lacks or has only in part, and why.

    `relation` is the relation whose statements are concerned, if there is one; `remedy` is what
    would model it. Statements that
    cannot be planned without the object are Unplanned, each with the server's words; the others
    are planned as if it did not exist.
    """

    what: str
    why: str
    relation: QualifiedName | None = None
    remedy: str = ""
