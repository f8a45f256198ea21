"""A snapshot's file: exact round trip, the same bytes, clear refusals."""

from __future__ import annotations

import dataclasses
import gzip
import stat
import types
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtune.errors import BadInput
from dbtune.snapshot.file import from_bytes, read_snapshot, to_bytes, write_snapshot
from dbtune.snapshot.model import SNAPSHOT_SCHEMA, Server, Snapshot

EMPTY = Snapshot(
    dbtune_version="0.1",
    captured_at="2026-01-01T00:00:00Z",
    server=Server(180006, "crm", "UTF8", "C", "C", "c", False, None, None),
    settings={"work_mem": "4MB"},
    extensions=(),
    relations=(),
    indexes=(),
    constraints=(),
)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    # Text as PostgreSQL can hold it: any character but NUL.
    str: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that a snapshot is made of."""
    if hint in PLAIN:
        return PLAIN[hint]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        fields = {f.name: any_of(hints[f.name]) for f in dataclasses.fields(hint)}
        return st.builds(hint, **fields)
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=2)
    assert origin in {typing.Union, types.UnionType}, hint
    return st.one_of(*map(any_of, arguments))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_of(Snapshot))
def test_every_snapshot_comes_back_the_same(snapshot: Snapshot) -> None:
    snapshot = dataclasses.replace(snapshot, schema=SNAPSHOT_SCHEMA)
    written = to_bytes(snapshot)
    assert from_bytes(written, "x") == snapshot
    assert to_bytes(from_bytes(written, "x")) == written


def test_what_was_cached_on_a_snapshot_is_not_written() -> None:
    assert EMPTY.relation_by_name == {}
    assert b"relation_by_name" not in gzip.decompress(to_bytes(EMPTY))


def test_a_written_file_is_private_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "prod.dbtune"
    write_snapshot(EMPTY, path)
    write_snapshot(EMPTY, path)
    assert read_snapshot(path) == EMPTY
    assert [p.name for p in tmp_path.iterdir()] == ["prod.dbtune"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_truncated_file_is_refused_wherever_it_ends() -> None:
    written = to_bytes(EMPTY)
    for length in range(2, len(written)):
        with pytest.raises(BadInput, match="truncated or damaged"):
            from_bytes(written[:length], "prod.dbtune")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a snapshot"),
        (b"PGDMP\x01", "not a snapshot"),
        (gzip.compress(b"select 1"), "not a snapshot"),
        (gzip.compress(b"[]"), "not a snapshot"),
        (gzip.compress(b"\xff\xfe"), "not a snapshot"),
        (gzip.compress(b'{"schema": 1, "dbtune_version": "0.1"}'), "missing required field"),
    ],
    ids=["empty", "dump", "sql", "list", "not UTF-8", "lacking"],
)
def test_what_is_no_snapshot_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        from_bytes(content, "prod.dbtune")
    assert "prod.dbtune" in str(refused.value)
    assert "dbtune snapshot TARGET -o FILE" in refused.value.remedy


def test_a_newer_schema_names_the_dbtune_that_reads_it() -> None:
    fields = msgspec.json.decode(gzip.decompress(to_bytes(EMPTY)))
    newer = {**fields, "schema": SNAPSHOT_SCHEMA + 1, "dbtune_version": "9.2.1", "later": []}
    with pytest.raises(BadInput, match=r"dbtune 9\.2\.1") as refused:
        from_bytes(gzip.compress(msgspec.json.encode(newer)), "prod.dbtune")
    assert refused.value.remedy == "Run: pip install --upgrade 'dbtune>=9.2.1'"


def test_a_missing_file_and_an_unwritable_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read_snapshot(tmp_path / "absent.dbtune")
    with pytest.raises(BadInput, match="Cannot write"):
        write_snapshot(EMPTY, tmp_path / "absent" / "prod.dbtune")
