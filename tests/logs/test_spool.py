"""What the engine is given of a log: all of it, cut between records, in the memory of a block."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from dbtune.collect.logs.spool import spooled

_RECORD = b"2026-03-14 09:00:00.000 UTC,%d,a statement\n of two lines, its last\n"


def _content(size: int) -> bytes:
    return b"".join(_RECORD % number for number in range(size // len(_RECORD)))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_parts_are_the_whole_cut_between_records(tmp_path: Path, suffix: str) -> None:
    content = _content(150 << 20)
    log = tmp_path / f"a.csv{suffix}"
    log.write_bytes(gzip.compress(content, 1) if suffix else content)
    lines, parts = 0, []
    for part in spooled(log, tmp_path):
        parts.append(part.path.read_bytes())
        lines += part.lines
    assert lines == content.count(b"\n")
    assert len(parts) > 1
    assert all(part.startswith(b"2026-") for part in parts)
    assert b"".join(parts) == content


def test_lines_that_begin_no_record_are_cut_as_well(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"Mar 14 09:00:00 db1 postgres[7]: line\n" * 8_000_000)
    sizes = [part.path.stat().st_size for part in spooled(log, tmp_path)]
    assert sum(sizes) == log.stat().st_size
    assert max(sizes) < 200 << 20


@pytest.mark.parametrize("at", ["first", "between", "last"])
def test_bytes_that_are_no_text_are_made_some_and_endless_lines_left_out(
    tmp_path: Path, at: str
) -> None:
    endless = b"x" * (9 << 20)
    before = b"" if at == "first" else b"one\xff\n\0two\n"
    after = b"" if at == "last" else b"\nthree\n"
    log = tmp_path / "a.csv"
    log.write_bytes(before + endless + after)
    (part,) = spooled(log, tmp_path)
    told = part.path.read_bytes().rstrip(b"\n") + b"\n"
    assert told == before.replace(b"\xff", "\u00ff".encode()).replace(b"\0", b"") + b"?" + (
        after or b"\n"
    )


def test_in_memory_is_a_block_alone(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_bytes(_content(70 << 20).replace(b"000,7", b"000,\xe9\0"))
    tracemalloc.start()
    try:
        assert sum(part.lines for part in spooled(log, tmp_path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
