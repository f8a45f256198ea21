"""Which client wrote a statement, by its style, and what that client calls the cure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """A client library and its words for loading rows' relatives at once, and for writing many."""

    name: str
    loading: str
    writing: str


_UNKNOWN = Client("", "", "")
_STYLES: tuple[tuple[re.Pattern[str], Client], ...] = (
    (
        re.compile(r'"\w+"\."\w+"\."\w+".* FROM "\w+"\."\w+" '),
        Client("Prisma", "include, or relationLoadStrategy: 'join'", "createMany"),
    ),
    (
        re.compile(r'SELECT "(\w+)"\.\* FROM "\1"'),
        Client("Active Record", "includes or preload", "insert_all, upsert_all"),
    ),
    (
        re.compile(r'^SELECT (?:ALL|DISTINCT) "\w+"\."\w+" AS "'),
        Client("Piccolo", "a column of the foreign key, or prefetch", "insert() with all rows"),
    ),
    (
        re.compile(
            r'^SELECT (?:"\w+"(?:\."\w+")?,)+"|^SELECT COUNT\(\*\) FROM "\w+" WHERE "\w+"=\$'
        ),
        Client("Tortoise", "select_related or prefetch_related", "bulk_create, bulk_update"),
    ),
    (
        re.compile(r'^SELECT [^\n]*"\nFROM "|^SELECT "(\w)"\."\w+".* FROM "\w+" "\1"'),
        Client("Pony", "prefetch(), or an attribute of the entity", "one statement of SQL"),
    ),
    (
        re.compile(r'"t1"\."\w+".* FROM "\w+" AS "t1"'),
        Client("peewee", "prefetch() or join()", "insert_many()"),
    ),
    (
        re.compile(r'"(\w+)"\."(\w+)" AS "\1_\2"'),
        Client("TypeORM", "relations or leftJoinAndSelect", "insert() with an array"),
    ),
    (
        re.compile(r"\b\w+\d_\d\.\w+.* from \w+ \w+\d_\d\b|\b\w+0_\.\w+ as \w+"),
        Client("Hibernate", "JOIN FETCH, @EntityGraph or @BatchSize", "hibernate.jdbc.batch_size"),
    ),
    (
        re.compile(r'\b\w0\."\w+".* FROM "\w+" AS \w0\b'),
        Client("Ecto", "preload", "Repo.insert_all"),
    ),
    (
        re.compile(r'\b(\w)\."\w+".* FROM "\w+" AS \1\b'),
        Client("Entity Framework", "Include", "AddRange and one SaveChanges"),
    ),
    (
        re.compile(r'^(?:SELECT|select) "(\w+)"\."\w+", .* FROM "\1"|COUNT\(\*\) AS "__count"'),
        Client("Django", "select_related or prefetch_related", "bulk_create, bulk_update"),
    ),
    (
        re.compile(r'FROM "\w+" AS "\w+" WHERE'),
        Client("Sequelize", "include", "bulkCreate"),
    ),
    (
        re.compile(r'select \* from "\w+" where "\w+"\."\w+"'),
        Client("Eloquent", "with() or load()", "insert() or upsert() with an array"),
    ),
    (
        re.compile(r'SELECT \* FROM "(\w+)" WHERE "\1"\."\w+"'),
        Client("GORM", "Preload or Joins", "CreateInBatches"),
    ),
    (
        re.compile(r"\w+\.\w+(?: AS \w+)?,? .*\n?FROM \w+\s*\nWHERE "),
        Client("SQLAlchemy", "selectinload or joinedload", "session.execute(insert(…), rows)"),
    ),
)


_QUOTED = re.compile(r'\b(?i:FROM|INTO|UPDATE)\s+"[a-z_][a-z0-9_]*"')
_BARE = re.compile(r"\b(?i:FROM|INTO|UPDATE)\s+[a-zA-Z_]")


def client_of(text: str) -> Client:
    """The client library whose style a statement has; an empty one where none is recognised."""
    one_line = text if "\nFROM " in text else " ".join(text.split())
    return next((client for style, client in _STYLES if style.search(one_line)), _UNKNOWN)


def client_among(texts: Iterable[str], others: Iterable[str]) -> Client:
    """The client of the first text that tells; else that of the others, if they have just one."""
    known = next((found for text in texts if (found := client_of(text)).name), _UNKNOWN)
    if known.name:
        return known
    spoken = {found for text in others if (found := client_of(text)).name}
    return spoken.pop() if len(spoken) == 1 else _UNKNOWN


def is_one_client(text: str, other: str) -> bool:
    """False for statements in the styles of two clients, or if one quotes names in vain."""
    first, second = client_of(text), client_of(other)
    if first.name and second.name:
        return first == second
    return not any(
        _QUOTED.search(quoted) and _BARE.search(bare)
        for quoted, bare in ((text, other), (other, text))
    )
