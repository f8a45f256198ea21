"""What an index on the twin is, read from its catalog: for indexes that arrive as SQL text."""

from __future__ import annotations

import re
from itertools import pairwise

from dbtune.errors import BadInput
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec
from dbtune.snapshot.catalog import IndexKey
from dbtune.statement.tokens import tokens
from dbtune.twin.session import Session
from dbtune.twin.text import is_several

_CREATE_INDEX = re.compile(
    r"\s*create\s+(?P<unique>unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?",
    re.IGNORECASE,
)

_INDEX = """
SELECT n.nspname, t.relname, am.amname, x.indisunique, coalesce(c.reloptions, '{}'),
    pg_get_expr(x.indpred, x.indrelid), x.indnkeyatts
FROM pg_index x
JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am am ON am.oid = c.relam
JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE x.indexrelid = %s
"""
_COLUMNS = """
SELECT a.attname, CASE WHEN a.attname IS NULL THEN pg_get_indexdef(x.indexrelid, k.n, false) END,
    CASE WHEN NOT o.opcdefault OR i.attoptions IS NOT NULL
         THEN format('%%I.%%I', os.nspname, o.opcname)
              || coalesce(' (' || array_to_string(i.attoptions, ', ') || ')', '') END,
    CASE WHEN x.indcollation[k.n - 1] NOT IN (0, coalesce(a.attcollation, 100)) THEN cs.nspname END,
    co.collname, x.indoption[k.n - 1] & 1 = 1, x.indoption[k.n - 1] & 2 = 2
FROM pg_index x CROSS JOIN generate_series(1, x.indnatts::int) AS k(n)
JOIN pg_attribute i ON i.attrelid = x.indexrelid AND i.attnum = k.n
LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = nullif(x.indkey[k.n - 1], 0)
LEFT JOIN pg_opclass o ON o.oid = x.indclass[k.n - 1] AND k.n <= x.indnkeyatts
LEFT JOIN pg_namespace os ON os.oid = o.opcnamespace
LEFT JOIN pg_collation co ON co.oid = x.indcollation[k.n - 1] AND k.n <= x.indnkeyatts
LEFT JOIN pg_namespace cs ON cs.oid = co.collnamespace
WHERE x.indexrelid = %s ORDER BY k.n
"""


def plain_create_index(ddl: str) -> str:
    """CREATE INDEX without CONCURRENTLY, IF NOT EXISTS and TABLESPACE: nothing to the twin.

    Raises:
        BadInput: the text is no CREATE INDEX statement.
    """
    found = _CREATE_INDEX.match(ddl)
    if not found or is_several(ddl):
        raise BadInput(
            f"Not one CREATE INDEX statement: {ddl.strip()[:200]!r}.",
            "Write for example: --with 'CREATE INDEX ON orders (customer_id)'.",
        )
    return f"CREATE {found['unique'] or ''}INDEX {_without_tablespace(ddl[found.end() :])}"


def _without_tablespace(text: str) -> str:
    depth = 0
    scanned = list(tokens(text))
    for token, name in pairwise(scanned):
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word("tablespace"):
            return text[: token.start] + text[name.end :]
    return text


def newest_index(superuser: Session) -> tuple[int, str]:
    """OID and name of the newest index that belongs to no partition of another."""
    ((oid, name),) = superuser.execute(
        "SELECT c.oid, c.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
        " WHERE NOT c.relispartition ORDER BY c.oid DESC LIMIT 1"
    ).fetchall()
    return oid, name


def read_spec(superuser: Session, oid: int) -> IndexSpec:
    """The spec of an index of the twin."""
    row = superuser.execute(_INDEX, (oid,)).fetchone()
    assert row is not None
    schema, relation, method, is_unique, options, predicate, key_count = row
    columns = superuser.execute(_COLUMNS, (oid,)).fetchall()
    return IndexSpec(
        relation=QualifiedName(schema, relation),
        keys=tuple(
            IndexKey(
                column=name,
                expression=expression,
                opclass=opclass,
                collation=QualifiedName(cschema, collation) if cschema else None,
                descending=descending,
                nulls_first=nulls_first,
            )
            for name, expression, opclass, cschema, collation, descending, nulls_first in columns[
                :key_count
            ]
        ),
        included=tuple(column[0] for column in columns[key_count:]),
        predicate=predicate,
        access_method=method,
        is_unique=is_unique,
        options=tuple(options),
    )
