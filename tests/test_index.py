"""The algebra of indexes: what begins, repeats and mirrors what."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, is_prefix, is_same
from dbtune.snapshot.catalog import IndexKey

RELATION = QualifiedName("public", "crate")
KEYS = st.builds(
    IndexKey,
    column=st.sampled_from("abc"),
    opclass=st.sampled_from([None, "text_pattern_ops"]),
    descending=st.booleans(),
    nulls_first=st.booleans(),
)
SPECS = st.builds(
    IndexSpec,
    relation=st.just(RELATION),
    keys=st.lists(KEYS, min_size=1, max_size=3).map(tuple),
    included=st.lists(st.sampled_from("de"), unique=True).map(tuple),
    predicate=st.sampled_from([None, "(a IS NULL)"]),
    access_method=st.sampled_from(["btree", "btree", "gin"]),
)


def mirrored(spec: IndexSpec) -> IndexSpec:
    keys = tuple(
        replace(k, descending=not k.descending, nulls_first=not k.nulls_first) for k in spec.keys
    )
    return replace(spec, keys=keys)


@given(SPECS)
def test_an_index_is_the_same_as_itself_and_its_mirror_image(spec: IndexSpec) -> None:
    assert is_same(spec, spec)
    assert is_same(spec, mirrored(spec)) == (spec.access_method == "btree")


@given(SPECS, KEYS)
def test_an_index_begins_every_longer_one(spec: IndexSpec, key: IndexKey) -> None:
    longer = replace(spec, keys=(*spec.keys, key))
    assert is_prefix(spec, longer) == (spec.access_method == "btree")
    assert is_prefix(mirrored(spec), longer) == (spec.access_method == "btree")
    assert not is_prefix(longer, spec)
    assert not is_same(spec, longer)


@given(SPECS, SPECS, SPECS)
def test_beginning_is_transitive(one: IndexSpec, two: IndexSpec, three: IndexSpec) -> None:
    if is_prefix(one, two) and is_prefix(two, three):
        assert is_prefix(one, three)


@given(SPECS, SPECS)
def test_same_is_symmetric_and_implies_beginning(one: IndexSpec, other: IndexSpec) -> None:
    assert is_same(one, other) == is_same(other, one)
    if is_same(one, other) and one.access_method == "btree":
        assert is_prefix(one, other)
        assert is_prefix(other, one)


@given(SPECS)
def test_what_only_the_shorter_holds_must_stay(spec: IndexSpec) -> None:
    covering = replace(spec, included=("f",))
    assert not is_prefix(covering, spec)
    assert is_prefix(spec, replace(spec, included=(*spec.included, "f"))) == (
        spec.access_method == "btree"
    )
    assert not is_same(spec, replace(spec, predicate="(b IS NULL)"))
