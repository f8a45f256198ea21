"""SQL identifiers: qualified names and PostgreSQL's quoting."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_IDENTIFIER_BYTES = 63

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")

# Words that quote_ident() quotes: every keyword of PostgreSQL 18 that is not "unreserved"
# (pg_get_keywords() where catcode <> 'U'). A word too many costs a pair of quotes, never a fault.
_KEYWORDS = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary
    bit boolean both case cast char character check coalesce collate collation column
    concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user dec decimal default
    deferrable desc distinct do else end except exists extract false fetch float for foreign
    freeze from full grant greatest group grouping having ilike in initially inner inout int
    integer intersect interval into is isnull join json json_array json_arrayagg json_exists
    json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    lateral leading least left like limit localtime localtimestamp merge_action national
    natural nchar none normalize not notnull null nullif numeric offset on only or order out
    outer overlaps overlay placing position precision primary real references returning
    right row select session_user setof similar smallint some substring symmetric
    system_user table tablesample then time timestamp to trailing treat trim true union
    unique user using values varchar variadic verbose when where window with xmlattributes
    xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
    """.split()  # noqa: SIM905 - a list of so many strings would fill four screens
)


def quote_identifier(name: str) -> str:
    """`name` as it must stand in SQL: quoted exactly when PostgreSQL's quote_ident() would."""
    if _PLAIN.match(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    """`value` as an SQL string literal, safe under any standard_conforming_strings."""
    if "\\" in value:
        return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, order=True, slots=True)
class QualifiedName:
    """A schema-qualified object name, unquoted."""

    schema: str
    name: str

    @property
    def sql(self) -> str:
        """The name as it must stand in SQL, always with its schema."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"

    def __str__(self) -> str:
        """The name for people: without the schema when that is `public`."""
        return quote_identifier(self.name) if self.schema == "public" else self.sql
