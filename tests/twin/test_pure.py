"""What the twin computes without a server: texts, sizes, samples, serialized statistics."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.twin.estimate import KeyFigures, key_groups
from dbtune.twin.extended import dependencies_bytes, ndistinct_bytes, with_frequencies
from dbtune.twin.height import pivot_bytes
from dbtune.twin.outcome import Outcome, statistics_of
from dbtune.twin.sample import sample_of
from dbtune.twin.size import (
    Group,
    btree_size,
    gin_size,
    hash_size,
)
from dbtune.twin.statistics import array_literal
from dbtune.twin.text import is_several, plannable
from dbtune.twin.width import KeyWidth, tuple_bytes

BIGINT = KeyWidth(8, "d", 8)
COUNTS = st.floats(min_value=1, max_value=1e10)


@pytest.mark.parametrize(
    ("text", "cured"),
    [
        ("a > now() - interval $1", "a > now() - $1::interval"),
        ("interval $1 day", "$1::interval day"),
        ("date $1 <= d", "$1::date <= d"),
        ("timestamp with time zone $12", "$12::timestamp with time zone"),
        ("numeric(10, 2) $1", "$1::numeric(10, 2)"),
        ("extract($1 from x)", "extract('epoch' from x)"),
        ("x IN ($1 /*, ... */)", "x IN (" + ", ".join(["$1"] * 10) + ")"),
        ("'interval $1' || \"date $1\" || $tag$ date $1 $tag$ -- date $1", None),
        ("'it''s date $1'", None),
        (r"'C:\' || date $1", r"'C:\' || $1::date"),
        ("select date, $1", None),
        ("mydate $1", None),
    ],
)
def test_literals_that_became_parameters_are_plannable(text: str, cured: str | None) -> None:
    assert plannable(text) == (cured or text)


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("select 1", False),
        ("select 1; ", False),
        ("select 1; -- the end", False),
        ("select ';' || $$;x$$ || \";\"", False),
        ("select 1; select 2", True),
        ("select 1 /* ; */", False),
        (r"select '\'; select 2", True),
        (r"select E'\'; select 2'", False),
    ],
)
def test_several_statements_are_seen(text: str, several: bool) -> None:
    assert is_several(text) == several


def test_btree_of_a_million_integers_is_what_pgbench_makes() -> None:
    """pgbench_accounts_pkey at scale 10 has 2745 pages and its root on level 2."""
    size = btree_size(1_000_000, tuple_bytes([KeyWidth(4, "i", 4)]))
    assert size.pages == pytest.approx(2745, rel=0.01)
    assert size.height == 2


@given(rows=COUNTS, keys=COUNTS)
def test_deduplication_never_makes_an_index_larger(rows: float, keys: float) -> None:
    keys = min(keys, rows)
    width = tuple_bytes([BIGINT])
    merged = btree_size(rows, width, groups=[Group(keys, rows / keys, width)])
    assert merged.pages <= btree_size(rows, width).pages + 1


@given(rows=COUNTS, more=st.floats(min_value=1, max_value=10))
def test_sizes_grow_with_rows(rows: float, more: float) -> None:
    width = tuple_bytes([BIGINT])
    assert btree_size(rows, width).pages <= btree_size(rows * more, width).pages
    few, many = Group(rows, 1, 16), Group(rows * more, 1, 16)
    assert gin_size([few], 100).pages <= gin_size([many], 100).pages
    assert hash_size(rows, [few]).pages <= hash_size(rows * more, [many]).pages * 1.05


def of_distinct(share: float) -> KeyFigures:
    return KeyFigures(BIGINT, ColumnStatistics(False, 0.0, 8, -share))


def test_a_part_of_the_rows_has_more_than_its_share_of_the_values() -> None:
    drawn = random.Random(1).sample(range(400_000), 100_000)
    values = len({row // 4 for row in drawn})
    (group,) = key_groups([of_distinct(0.25)], 100_000, 400_000)
    assert group.groups == pytest.approx(values, rel=0.01)
    assert group.groups * group.rows == pytest.approx(100_000)


def test_pivots_have_no_more_keys_than_tell_pages_apart() -> None:
    unique, few = of_distinct(1.0), of_distinct(0.0001)
    assert pivot_bytes([unique, unique], 1e6) == pytest.approx(16)
    assert pivot_bytes([few, unique], 1e6) == pytest.approx(24, abs=0.1)
    assert pivot_bytes([of_distinct(0.3), unique], 1e6) == pytest.approx(18, abs=1)
    assert pivot_bytes([of_distinct(1e-6)], 1e6) == pytest.approx(24, abs=0.1)  # and a TID


def test_nulls_are_narrow_and_have_a_bitmap() -> None:
    text = KeyWidth(-1, "i", 40)
    assert tuple_bytes([KeyWidth(-1, "i", 40, null_frac=1.0)]) == 16
    assert tuple_bytes([text]) > 48


@given(st.lists(st.one_of(st.none(), st.text(alphabet='ab"\\,{} \n')), max_size=5))
def test_array_literals_hold_any_text(values: list[str | None]) -> None:
    literal = array_literal(values)
    assert literal is not None
    assert _read_array(literal) == values


def _read_array(literal: str) -> list[str | None]:
    """PostgreSQL's array syntax where every element is quoted or NULL."""
    values: list[str | None] = []
    rest = literal[1:-1]
    while rest:
        rest = rest.removeprefix(",")
        if rest.startswith("NULL"):
            values.append(None)
            rest = rest[4:]
            continue
        value, place = "", 1
        while rest[place] != '"':
            place += rest[place] == "\\"
            value += rest[place]
            place += 1
        values.append(value)
        rest = rest[place + 1 :]
    return values


def test_sample_has_the_proportions_of_its_statistics() -> None:
    statistics = ColumnStatistics(
        False, 0.25, 4, -0.5, ("7",), (0.5,), tuple(str(n) for n in range(0, 1100, 100))
    )
    sample = sample_of(statistics, 2000, "column")
    assert sample is not None
    assert len(sample.ranks) == 2000
    assert sum(rank is None for rank in sample.ranks) == 500
    assert sorted(r for r in sample.ranks if r) == list(range(1, 1501))
    assert sum(p.low == "7" for p in sample.points) == 1000
    assert sample == sample_of(statistics, 2000, "column")
    assert sample_of(None, 2000, "column") is None
    assert sample_of(ColumnStatistics(False, 1.0, 4, 0.0), 2000, "column") is None


@pytest.mark.parametrize("correlation", [1.0, 0.8, 0.0, -0.6])
def test_rows_of_a_sample_follow_the_correlation(correlation: float) -> None:
    bounds = tuple(map(str, range(101)))
    statistics = ColumnStatistics(
        False, 0.0, 4, -1.0, histogram_bounds=bounds, correlation=correlation
    )
    sample = sample_of(statistics, 5000, "column")
    assert sample is not None
    outcomes = [Outcome(str(r), str(r), 4, r or 0, n) for n, r in enumerate(sample.ranks)]
    made = statistics_of(outcomes, rows=1e6, input_distinct=1e6, is_sharp=True)
    assert made.correlation == pytest.approx(correlation, abs=0.03)


def test_outcomes_that_fall_together_tell_how_many_there_are() -> None:
    """A thousand inputs that map to ten values each seen a hundred times: ten distinct values."""
    outcomes = [Outcome(str(n), str(n % 10), 2, n % 10, n) for n in range(1000)]
    made = statistics_of(outcomes, rows=1e6, input_distinct=1e6, is_sharp=True)
    assert made.n_distinct == 10
    assert sorted(made.most_common_values or ()) == [str(n) for n in range(10)]
    assert made.most_common_freqs == pytest.approx([0.1] * 10)


def test_outcomes_all_different_are_as_many_as_inputs() -> None:
    outcomes = [Outcome(str(n), str(n), 8, n, n) for n in range(1000)]
    made = statistics_of(outcomes, rows=1e6, input_distinct=1e6, is_sharp=True)
    assert made.n_distinct == -1.0
    assert made.most_common_values is None
    assert len(made.histogram_bounds or ()) == 101
    assert made.correlation == pytest.approx(1.0)


def test_what_chance_makes_common_is_not_common() -> None:
    """Two hundred values, each as frequent: hardly any stands out; one that has a fifth does."""
    chance = random.Random("rows")
    values = [str(chance.randrange(200)) if n % 5 else "often" for n in range(4000)]
    outcomes = [Outcome(str(n), v, 4, len(v), n) for n, v in enumerate(values)]
    made = statistics_of(outcomes, rows=1e6, input_distinct=1e6, is_sharp=True)
    assert made.most_common_values is not None
    assert made.most_common_values[0] == "often"
    assert len(made.most_common_values) < 20


def test_extended_statistics_are_serialized_as_the_server_does() -> None:
    assert ndistinct_bytes(None) is None
    packed = ndistinct_bytes('{"1, 3": 42, "1, -1": 7}')
    assert packed is not None
    assert packed[:12] == struct.pack("=III", 0xA352BFA4, 1, 2)
    assert packed[12:] == struct.pack("=di2h", 42, 2, 1, 3) + struct.pack("=di2h", 7, 2, 1, -1)
    packed = dependencies_bytes('{"1, 2 => 3": 0.500000}')
    assert packed is not None
    assert packed[12:] == struct.pack("=dh3h", 0.5, 3, 1, 2, 3)


def test_frequencies_replace_those_of_the_scratch_table() -> None:
    item = struct.pack("=??ddHH", False, True, 0.5, 0.5, 1, 2)
    patched = with_frequencies(b"head" + item * 2, 2, [(0.1, 0.2), (0.3, 0.4)])
    assert patched.startswith(b"head")
    assert struct.unpack_from("=??ddHH", patched, 4) == (False, True, 0.1, 0.2, 1, 2)
    assert struct.unpack_from("=??ddHH", patched, 4 + len(item))[2:4] == (0.3, 0.4)
