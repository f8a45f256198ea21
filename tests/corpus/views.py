"""What a view of the corpus is: a program against the library, labelled with what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

Expected = frozenset[tuple[str, str]]
"""Pairs of a rule and the relation that the repeated statement reads or writes."""


@dataclass(frozen=True)
class View:
    """One labelled program. `run` gets a source of choices; look-alikes expect nothing."""

    client: str
    name: str
    expected: Expected
    run: Callable[[Random], None]

    @property
    def label(self) -> str:
        return f"{self.client}/{self.name}"


class Views:
    """The views of one client library, collected by decorators.

    `close` gives back what connections the calling thread holds, `end` what all of them share.
    """

    def __init__(
        self,
        client: str,
        close: Callable[[], object] = lambda: None,
        end: Callable[[], object] = lambda: None,
    ) -> None:
        self.client = client
        self.close = close
        self.end = end
        self.all: list[View] = []

    def found(
        self, *expected: tuple[str, str]
    ) -> Callable[[Callable[[Random], None]], Callable[[Random], None]]:
        """A view in which each pair of rule and relation is to be found."""

        def add(run: Callable[[Random], None]) -> Callable[[Random], None]:
            self.all.append(View(self.client, run.__name__, frozenset(expected), run))
            return run

        return add

    def silent(self, run: Callable[[Random], None]) -> Callable[[Random], None]:
        """A view that only looks like one of those."""
        self.all.append(View(self.client, run.__name__, frozenset(), run))
        return run


N_PLUS_ONE = "n-plus-one"
ROW_BY_ROW = "row-by-row-write"
IDENTICAL = "repeated-identical-query"


def consume(rows: Iterable[object]) -> None:
    """Read all rows, as a template would."""
    for _ in rows:
        pass
