"""What a type is made of, as far as its values can be taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dbtune.snapshot.catalog import SchemaObject

Shape = Literal["scalar", "array", "range", "label"]

_DOMAIN = re.compile(r" AS (.+?)(?: COLLATE | DEFAULT | NOT NULL\Z|\Z)", re.DOTALL)
_RANGE = re.compile(
    r" AS RANGE \(SUBTYPE = (.+?), SUBTYPE_OPCLASS.*?(?:MULTIRANGE_TYPE_NAME = (.+))?\)\Z"
)

_RANGES = {
    "int4range": "integer",
    "int8range": "bigint",
    "numrange": "numeric",
    "daterange": "date",
    "tsrange": "timestamp without time zone",
    "tstzrange": "timestamp with time zone",
}
_MULTIRANGES = {name.replace("range", "multirange"): of for name, of in _RANGES.items()}

# Integers of any size are one: they join, and one order holds for all.
_ALIKE = {"integer": "bigint", "oid": "bigint"}


@dataclass(frozen=True, slots=True)
class Resolved:
    """`of` is the type of the parts: of elements, of bounds, or the type itself."""

    shape: Shape
    of: str


@dataclass(frozen=True, slots=True)
class Types:
    """The types that the schema defines: what domains and ranges stand on, which are enums."""

    beneath: dict[str, str]
    subtypes: dict[str, str]
    enums: frozenset[str]

    @classmethod
    def of_objects(cls, objects: Iterable[SchemaObject]) -> Types:
        """Read the definitions that the snapshot holds."""
        beneath: dict[str, str] = {}
        subtypes = {**_RANGES, **_MULTIRANGES}
        enums = set()
        for made in objects:
            if made.kind == "domain" and (found := _DOMAIN.search(made.definition)):
                beneath[made.identity] = found[1]
            elif made.kind == "type" and (found := _RANGE.search(made.definition)):
                subtypes[made.identity] = found[1]
                if found[2]:
                    subtypes[found[2]] = found[1]
            elif made.kind == "type" and " AS ENUM (" in made.definition:
                enums.add(made.identity)
        return cls(beneath, subtypes, frozenset(enums))

    def resolve(self, name: str) -> Resolved:
        """The shape of a type, domains looked through."""
        while name in self.beneath:
            name = self.beneath[name]
        if name.endswith("[]"):
            return Resolved("array", self._scalar(name.removesuffix("[]")))
        if name in self.subtypes:
            return Resolved("range", self._scalar(self.subtypes[name]))
        if name == "tsvector":
            return Resolved("array", "text")
        return Resolved("label" if name in self.enums else "scalar", self._scalar(name))

    def _scalar(self, name: str) -> str:
        while name in self.beneath:
            name = self.beneath[name]
        return "enum" if name in self.enums else _ALIKE.get(name, name)
