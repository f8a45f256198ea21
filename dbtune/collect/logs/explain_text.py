"""EXPLAIN's text format as the document that its JSON format would be."""

from __future__ import annotations

import re
from typing import Any

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".()]+)'
_NODE = re.compile(
    r"(?P<indent> *)(?P<arrow>->  )?(?P<words>\S.*?)"
    r"  \(cost=(?P<startup>[\d.]+)\.\.(?P<total>[\d.]+) rows=(?P<rows>\d+) width=(?P<width>\d+)\)"
    r"(?: \((?:actual (?:time=(?P<begun>[\d.]+)\.\.(?P<ended>[\d.]+) )?"
    r"rows=(?P<seen>[\d.]+) loops=(?P<loops>\d+)|(?P<never>never executed))\))?\s*$"
)
_PROPERTY = re.compile(r"(?P<indent> +)(?P<key>[A-Z][\w() -]*?): (?P<value>.*)$")
_LABEL = re.compile(r" +(?:InitPlan|SubPlan|CTE) \S+")
_ON = re.compile(
    rf"(?P<kind>.+?)(?: using (?P<index>{_NAME}))? on (?:(?P<schema>{_NAME})\.)?(?P<name>{_NAME})"
    rf"(?: (?P<alias>{_NAME}))?$"
)
_JOIN = re.compile(
    r"(?P<kind>Nested Loop|Hash|Merge)"
    r"(?: (?P<join>(?:Right )?(?:Left|Right|Full|Semi|Anti)))? Join$"
)
_AGGREGATE = re.compile(r"(?:(?P<part>Partial|Finalize) )?(?P<kind>Hash|Group|Mixed)?Aggregate$")
_STRATEGY = {None: "Plain", "Hash": "Hashed", "Group": "Sorted", "Mixed": "Mixed"}
_BUFFERS = re.compile(r"(shared|local|temp)((?: \w+=\d+)+)")
_WRITES = frozenset({"Insert", "Update", "Delete", "Merge"})
_HAVE_NO_RELATION = frozenset(
    {"Function Scan", "Table Function Scan", "CTE Scan", "Subquery Scan", "Values Scan",
     "WorkTable Scan", "Named Tuplestore Scan"}
)  # fmt: skip


def explain_document(text: str) -> dict[str, Any]:
    """The document of EXPLAIN's text output: `Plan`, with the keys of the JSON format.

    Numbers of properties are read as such, other properties stay text.

    Raises:
        ValueError: no node stands in it.
    """
    root: dict[str, Any] | None = None
    open_nodes: list[tuple[int, dict[str, Any]]] = []
    for line in text.splitlines():
        if found := _NODE.match(line):
            node = _node(found)
            indent = len(found["indent"]) + (1 if found["arrow"] else 0)
            while open_nodes and open_nodes[-1][0] >= indent:
                open_nodes.pop()
            if open_nodes:
                open_nodes[-1][1].setdefault("Plans", []).append(node)
            elif root is None:
                root = node
            else:
                break
            open_nodes.append((indent, node))
        elif open_nodes and not _LABEL.match(line) and (said := _PROPERTY.match(line)):
            _tell(open_nodes[-1][1], said["key"], said["value"].strip())
    if root is None:
        raise ValueError("no plan node in the text")
    return {"Plan": root}


def _node(found: re.Match[str]) -> dict[str, Any]:
    node = _named(found["words"].strip())
    node |= {
        "Startup Cost": float(found["startup"]),
        "Total Cost": float(found["total"]),
        "Plan Rows": int(found["rows"]),
        "Plan Width": int(found["width"]),
    }
    if found["never"]:
        node |= {"Actual Rows": 0.0, "Actual Loops": 0}
    elif found["seen"]:
        node |= {"Actual Rows": float(found["seen"]), "Actual Loops": int(found["loops"])}
        if found["ended"]:
            node["Actual Total Time"] = float(found["ended"])
    return node


def _named(words: str) -> dict[str, Any]:
    """Node type, join type, strategy and what it reads, from a node's words."""
    node: dict[str, Any] = {}
    for prefix in ("Parallel ", "Async "):
        if words.startswith(prefix):
            node[f"{prefix}Aware"] = True
            words = words.removeprefix(prefix)
    if " on " in words and (on := _ON.match(words)):
        return node | _reading(on)
    if join := _JOIN.match(words):
        kind = join["kind"]
        node["Node Type"] = kind if kind == "Nested Loop" else f"{kind} Join"
        node["Join Type"] = join["join"] or "Inner"
    elif aggregate := _AGGREGATE.match(words):
        node |= {"Node Type": "Aggregate", "Strategy": _STRATEGY[aggregate["kind"]]}
        if aggregate["part"]:
            node["Partial Mode"] = aggregate["part"]
    else:
        node["Node Type"] = words
        if words == "Nested Loop":
            node["Join Type"] = "Inner"
    return node


def _reading(on: re.Match[str]) -> dict[str, Any]:
    kind, name = on["kind"], _unquoted(on["name"])
    if kind in _WRITES:
        node: dict[str, Any] = {"Node Type": "ModifyTable", "Operation": kind}
    elif kind.endswith(" Backward"):
        node = {"Node Type": kind.removesuffix(" Backward"), "Scan Direction": "Backward"}
    else:
        node = {"Node Type": kind}
    if kind == "Bitmap Index Scan":
        return node | {"Index Name": name}
    if kind not in _HAVE_NO_RELATION:
        node["Relation Name"] = name
        if on["schema"]:
            node["Schema"] = _unquoted(on["schema"])
    node["Alias"] = _unquoted(on["alias"] or on["name"])
    if on["index"]:
        node["Index Name"] = _unquoted(on["index"])
    return node


def _tell(node: dict[str, Any], key: str, value: str) -> None:
    if key == "Buffers":
        for kind, figures in _BUFFERS.findall(value):
            for word, count in (pair.split("=") for pair in figures.split()):
                node[f"{kind.title()} {word.title()} Blocks"] = int(count)
    elif value.isdecimal():
        node[key] = int(value)
    else:
        node[key] = value


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
