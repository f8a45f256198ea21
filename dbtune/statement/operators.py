"""Operators: their kinds, negations and mirror images."""

from __future__ import annotations

from sqlglot import exp

from dbtune.statement.model import QualKind

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
    exp.SimilarTo: "SIMILAR TO",
    exp.Mod: "%",
}
NEGATED = {
    "=": "<>",
    "<": ">=",
    "<=": ">",
    "LIKE": "NOT LIKE",
    "ILIKE": "NOT ILIKE",
    "SIMILAR TO": "NOT SIMILAR TO",
    "~": "!~",
    "~*": "!~*",
    "IS DISTINCT FROM": "IS NOT DISTINCT FROM",
}
NEGATED |= {after: before for before, after in NEGATED.items()}
SPELLINGS = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"}
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "@>": "<@", "<@": "@>", "<<": ">>"}
KINDS: dict[str, QualKind] = {
    "=": "equal",
    "<>": "not_equal",
    "NOT IN": "not_equal",
    "IS DISTINCT FROM": "not_equal",
    **dict.fromkeys(("<", "<=", ">", ">="), "range"),
    **dict.fromkeys(("LIKE", "ILIKE", "SIMILAR TO", "^@"), "like"),
    **dict.fromkeys(("~", "~*"), "regex"),
    **dict.fromkeys(
        ("@>", "<@", "&&", "?", "?|", "?&", "@?", "<<", ">>", "<<=", ">>=", "&<", "&>", "-|-"),
        "contains",
    ),
    "@@": "text_search",
    **dict.fromkeys(("%", "<%", "%>", "<<%", "%>>"), "similar"),
}
JOINING = frozenset({"=", "<", "<=", ">", ">=", "<>"})
WIDENING = {
    "text": ("character varying", "text"),
    "varchar": ("character varying", "text"),
}
