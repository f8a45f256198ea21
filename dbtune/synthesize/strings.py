"""Strings between the known ones, in their form: what was a digit stays a digit, and so on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from dbtune.synthesize.domain import Marks
from dbtune.synthesize.family import Key, common_prefix
from dbtune.synthesize.ragged import Encoded, Ints, Ragged
from dbtune.synthesize.values import Mark

_SLOTS_LIMIT = 2**61
_MOST_GROWN = 12
_LETTERS = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class Letters:
    """The letters that a column uses, one alphabet a class: digits, capitals, small, any.

    `one_length`: all its strings are as long.
    """

    alphabets: tuple[str, ...]
    one_length: bool

    @classmethod
    def of(cls, texts: Sequence[str]) -> Letters:
        used = {c for text in texts for c in text}
        kept = [
            "".join(c for c in letters if c in used) if _LETTERS.index(letters) else letters
            for letters in _LETTERS
        ]
        return cls((*kept, "".join(kept)), len(set(map(len, texts))) == 1)

    @property
    def any(self) -> int:
        """The class of a letter that is appended."""
        return len(self.alphabets) - 1

    def class_of(self, letter: str) -> int | None:
        found = (at for at, alphabet in enumerate(self.alphabets) if letter in alphabet)
        return next(found, None)

    def table(self) -> Ints:
        """The code of every letter, by class and place."""
        codes = np.zeros((len(self.alphabets), max(map(len, self.alphabets))), np.int64)
        for at, alphabet in enumerate(self.alphabets):
            codes[at, : len(alphabet)] = [ord(c) for c in alphabet]
        return codes


@dataclass(frozen=True, slots=True)
class Gap:
    """The strings after one known string and before the next.

    They are `template` with other letters at `places` (of characters), each of the class in
    `classes`; counted as digits of mixed radix, from `lowest` on, `slots` of them.
    """

    template: str
    places: tuple[int, ...]
    classes: tuple[int, ...]
    lowest: int
    slots: int

    def byte_places(self) -> list[int]:
        return [len(self.template[:place].encode()) for place in self.places]


def gap_between(low: str, high: str | None, limit: int, letters: Letters, needed: int) -> Gap:
    """The gap with room for twice as many strings as are needed, if it can be had.

    A string's first letters decide its place in the order, so the first that differ are counted
    in; punctuation stays, and with it the form. If strings differ in length, the word in which
    they begin to differ may grow; else letters of later words vary too.
    """
    begin = common_prefix(low, high) if high is not None else len(low)
    best = Gap(low, (), (), 0, 0)
    for places, end, grown in _ways(low, begin, limit, letters):
        gap = _gap(low, high, (begin, places), (end, grown), letters)
        if gap is None:
            break
        best = gap if gap.slots > best.slots else best
        if best.slots >= 2 * needed:
            break
    return best


def _ways(
    low: str, begin: int, limit: int, letters: Letters
) -> Iterator[tuple[Sequence[int], int, int]]:
    """Places that vary, ever more, and where how many letters are put in."""
    inside = [at for at in range(begin, len(low)) if letters.class_of(low[at]) is not None]
    word = inside if letters.one_length else inside[: _consecutive(inside)]
    end = word[-1] + 1 if word and not letters.one_length else len(low)
    for count in range(1, len(word) + 1):
        yield word[:count], end, 0
    for grown in range(1, min(limit - len(low), _MOST_GROWN) + 1):
        yield word, end, grown
    for count in range(len(word) + 1, len(inside) + 1):
        yield inside[:count], len(low), 0


def _gap(
    low: str,
    high: str | None,
    varied: tuple[int, Sequence[int]],
    put_in: tuple[int, int],
    letters: Letters,
) -> Gap | None:
    (begin, places), (end, grown) = varied, put_in
    before = letters.class_of(low[end - 1]) if grown and end else None
    new = [letters.any if before is None else before] * grown
    classes = [*(c for at in places if (c := letters.class_of(low[at])) is not None), *new]
    alphabets = [letters.alphabets[c] for c in classes]
    room = prod(map(len, alphabets))
    if room >= _SLOTS_LIMIT:
        return None
    first = 0
    if places:
        own = _number([low[at] for at in places], alphabets[: len(places)])
        first = (own + 1) * prod(map(len, alphabets[len(places) :]))
    places = (*places, *range(end, end + grown))
    above = room
    if high is not None and places[0] == begin:
        compared = _consecutive(places)
        rest = [high[at : at + 1] for at in range(begin, begin + compared)]
        above = _number([*rest, *[""] * (len(places) - compared)], alphabets)
    template = low[:end] + "0" * grown + low[end:]
    return Gap(template, places, tuple(classes), first, max(above - first, 0))


def _consecutive(places: Sequence[int]) -> int:
    """How many places follow each other without a gap: there two strings can be compared."""
    return next((n for n, (a, b) in enumerate(pairwise(places), 1) if b != a + 1), len(places))


def _number(characters: Sequence[str], alphabets: Sequence[str]) -> int:
    """Characters as digits of mixed radix; after one that is outside its alphabet only zeros."""
    number, inside = 0, True
    for character, alphabet in zip(characters, alphabets, strict=True):
        digit = bisect_left(alphabet, character) if character and inside else 0
        inside = inside and alphabet[digit : digit + 1] == character
        number = number * len(alphabet) + digit
    return number


@dataclass(frozen=True, slots=True)
class Strings:
    """Marks and, after each, the strings of its gap in even distances.

    `templates[2i]` is mark i, `templates[2i + 1]` the template of its gap. The matrices have a
    row a gap and a column a place that varies: where it is (in bytes; -1 is none), the codes of its
    letters are a row of `table`, and its radix.
    """

    marks: Marks
    templates: Ragged
    places: Ints
    classes: Ints
    radix: Ints
    lowest: Ints
    slots: Ints
    table: Ints

    @classmethod
    def of(
        cls, marks: Sequence[Mark], gaps: Sequence[Gap], starts: Ints, letters: Letters
    ) -> Strings:
        """The strings of these gaps, of which `starts` tells how many each has."""
        width = max((len(gap.places) for gap in gaps), default=0)
        places = np.full((len(gaps), width), -1, np.int64)
        classes = np.zeros((len(gaps), width), np.int64)
        for at, gap in enumerate(gaps):
            places[at, : len(gap.places)] = gap.byte_places()
            classes[at, : len(gap.places)] = gap.classes
        pairs = zip(marks, gaps, strict=True)
        return cls(
            Marks(
                [m.key for m in marks],
                {m.text: int(s) for m, s in zip(marks, starts, strict=False)},
                starts,
            ),
            Ragged.of([part for m, gap in pairs for part in (m.binary, gap.template.encode())]),
            places,
            classes,
            np.array([len(a) for a in letters.alphabets], np.int64)[classes],
            np.array([gap.lowest for gap in gaps], np.int64),
            np.array([gap.slots for gap in gaps], np.int64),
            letters.table(),
        )

    @property
    def size(self) -> int:
        return int(self.marks.starts[-1])

    def locate(self, text: str, key: Key | None) -> int | None:
        return self.marks.locate(text, key)

    def encode(self, ranks: Ints) -> Encoded:
        at, place = self.marks.segments(ranks)
        values = self.templates.take(2 * at + (place > 0))
        count = np.maximum(np.diff(self.marks.starts)[at] - 1, 1)
        whole, rest = np.divmod(self.slots[at], count)
        number = self.lowest[at] + (place - 1) * whole + (place - 1) * rest // count
        starts = values.starts
        content = values.content.copy()
        for turn in range(self.places.shape[1] - 1, -1, -1):
            byte = self.places[at, turn]
            has = np.flatnonzero((place > 0) & (byte >= 0))
            gap = at[has]
            number[has], digit = np.divmod(number[has], self.radix[gap, turn])
            letter = self.table[self.classes[gap, turn], digit]
            content[starts[has] + byte[has]] = letter
        return Ragged(content, values.lengths)
