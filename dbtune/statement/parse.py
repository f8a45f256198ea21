"""One statement's text → Statement, or Unparsed with the reason."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from dbtune.statement.fingerprint import tags
from dbtune.statement.from_clause import Catalog, From
from dbtune.statement.model import Statement, StatementKind, Unparsed
from dbtune.statement.prepare import NotPrepared, Prepared, content_of, prepare
from dbtune.statement.reader import Reader
from dbtune.statement.scope import name_of

logging.getLogger("sqlglot").addHandler(logging.NullHandler())  # else it writes to stderr

_KINDS: tuple[tuple[type[exp.Expr], StatementKind], ...] = (
    (exp.Insert, "insert"),
    (exp.Update, "update"),
    (exp.Delete, "delete"),
    (exp.Merge, "merge"),
    (exp.Query, "select"),
    (exp.Values, "select"),
)

# What sqlglot raises, besides its own errors, where a text breaks off or makes no sense to it.
_ACCIDENTS = (TypeError, AttributeError, ValueError, LookupError, AssertionError)
_LOOSER = (exp.Like, exp.ILike, exp.SimilarTo, exp.Between, exp.In, exp.Is, exp.Escape)


def parse(text: str, catalog: Catalog, search_path: Sequence[str] = ()) -> Statement | Unparsed:
    """What a statement asks of each base relation.

    Views and WITH queries are seen through to the relations under them. What is not understood,
    or not understood surely, is Unparsed: three counts guard against a silent misreading. Every
    name, literal, parameter and clause of the text must stand in the tree; the tree, written out
    again, must hold the same; and every table that the tree names must have been given a meaning.

    Args:
        text: one statement, with `$n` or literals.
        catalog: the relations; a Snapshot is one.
        search_path: schemas of unqualified names; empty: the catalog's.
    """
    try:
        prepared = prepare(text)
        tree = _tree(prepared)
        return _read(tree, prepared, text, From(catalog, search_path))
    except NotPrepared as error:
        return Unparsed(str(error))
    except RecursionError:
        return Unparsed("the statement nests too deeply")


def _tree(prepared: Prepared) -> exp.Expr:
    try:
        trees = sqlglot.parse(prepared.sql, dialect="postgres")
    except SqlglotError as error:
        raise NotPrepared(_sentence(error)) from error
    except _ACCIDENTS as error:
        raise NotPrepared("sqlglot stumbles over this statement") from error
    tree = trees[0] if len(trees) == 1 else None
    if tree is None or not isinstance(tree, tuple(kind for kind, _ in _KINDS)):
        raise NotPrepared("sqlglot does not know this form of statement")
    try:
        written = content_of(_written(tree))
    except (SqlglotError, *_ACCIDENTS) as error:
        raise NotPrepared("sqlglot cannot write this statement out again") from error
    if tree.find(exp.Lambda):
        raise NotPrepared("sqlglot takes an operator of this statement for a lambda")
    for node in tree.find_all(exp.Operator):
        if isinstance(node.this, _LOOSER):
            raise NotPrepared("sqlglot misreads the precedence of an operator after LIKE or IN")
    # A bare VALUES in a set operation becomes SELECT * FROM (VALUES …).
    bare = sum(values.alias == "_values" for values in tree.find_all(exp.Values))
    written.subtract({"select": bare} if bare else {})
    lost = prepared.content - written
    if lost or written - prepared.content:
        what = sorted(lost or written - prepared.content)[0]
        raise NotPrepared(f"sqlglot misreads this statement near {what.strip()!r}")
    return tree


def _written(tree: exp.Expr) -> str:
    return tree.sql(
        dialect="postgres", normalize_functions=False, unsupported_level=ErrorLevel.IGNORE
    )


def _sentence(error: SqlglotError) -> str:
    """An error of sqlglot as one line, without its markers."""
    errors = getattr(error, "errors", None)
    if errors:
        first = errors[0]
        near = f"{first.get('highlight') or ''}".strip()
        return f"sqlglot: {first.get('description')} near {near!r}".replace("\x01", "")
    return f"sqlglot: {str(error).splitlines()[0]}".replace("\x01", "")


def _read(tree: exp.Expr, prepared: Prepared, text: str, origin: From) -> Statement:
    references = Counter(name_of(t.this) for t in tree.find_all(exp.Table) if not t.db)
    reader = Reader(origin, prepared, references)
    for scope in reader.query(tree, None, "left", {}).scopes:
        scope.read_outputs()
    for table in tree.find_all(exp.Table):
        if id(table) not in origin.seen and not table.find_ancestor(exp.Lock):
            raise NotPrepared(f"the place of {name_of(table.this)} in this statement is not read")
    return Statement(
        kind=next(kind for form, kind in _KINDS if isinstance(tree, form)),
        relations=tuple(use.finished() for use in reader.uses),
        join_clauses=tuple(reader.clauses),
        unresolved=tuple(origin.unresolved),
        tags=tags(text),
        rows_per_call=reader.rows_per_call,
        on_conflict=reader.on_conflict,
        parameters=prepared.parameters,
    )
