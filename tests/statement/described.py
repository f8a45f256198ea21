"""A parsed statement as lines that a reviewer can read."""

from __future__ import annotations

from dbtune.statement.model import JoinClause, Qual, RelationUse, SortKey, Statement, Unparsed


def described(parsed: Statement | Unparsed) -> list[str]:
    """One line per use, qual, order and join clause; everything that a Statement says."""
    if isinstance(parsed, Unparsed):
        return [f"unparsed: {parsed.reason}"]
    lines = [line for at, use in enumerate(parsed.relations) for line in _use(at, use)]
    lines += (_clause(clause) for clause in parsed.join_clauses)
    if parsed.unresolved:
        lines.append(f"unresolved: {', '.join(parsed.unresolved)}")
    if parsed.on_conflict is not None:
        lines.append(f"on conflict: {', '.join(parsed.on_conflict)}")
    if parsed.rows_per_call is not None:
        lines.append(f"rows: {parsed.rows_per_call}")
    return lines


def _use(at: int, use: RelationUse) -> list[str]:
    marks = {
        "target": use.role == "target",
        "subquery": use.in_subquery,
        "locking": use.locking,
        "all columns": use.all_columns,
        f"limit {use.limit}": use.limit is not None,
        "offset": use.has_offset,
    }
    name = str(use.relation) + (f" {use.alias}" if use.alias != use.relation.name else "")
    head = ", ".join([f"{at} {name}", *(mark for mark, holds in marks.items() if holds)])
    lines = [f"{head}: {' '.join(use.projected)}".rstrip()]
    if use.written:
        lines.append(f"  writes {' '.join(use.written)}")
    lines += (_qual(qual) for qual in use.quals)
    for word, keys in (("group", use.group_keys), ("distinct", use.distinct_keys)):
        if keys:
            lines.append(f"  {word} {' '.join(keys)}")
    if use.sort_keys:
        lines.append(f"  sort {', '.join(map(_sort_key, use.sort_keys))}")
    return lines


def _qual(qual: Qual) -> str:
    marks = [
        *(["or"] if qual.in_or else []),
        *(["parametrized"] if qual.parametrized else []),
        *([f"by {qual.function}"] if qual.function else []),
        *([f"prefix {qual.prefix}"] if qual.prefix is not None else []),
        *([f"row {' '.join(qual.row)}"] if qual.row else []),
    ]
    subject = f"{qual.column} in {qual.expression}" if qual.expression else qual.column
    shown = f"{qual.operand} {qual.value}" if qual.value else qual.operand
    tail = f" ({', '.join(marks)})" if marks else ""
    return f"  {qual.kind}: {subject} | {qual.operator} | {shown}{tail}"


def _sort_key(key: SortKey) -> str:
    words = [key.column or f"({key.expression})", "desc" if key.descending else "asc"]
    if key.nulls_first != key.descending:
        words.append("nulls first" if key.nulls_first else "nulls last")
    return " ".join(words)


def _clause(clause: JoinClause) -> str:
    left, right = f"{clause.left}.{clause.left_column}", f"{clause.right}.{clause.right_column}"
    return f"{clause.kind} join: {left} {clause.operator} {right}"
