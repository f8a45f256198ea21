"""Progress as a callback, so that no room below the command line knows of a terminal."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of each stage as it begins; the command line times and shows them on stderr."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins; `total` is the number of steps it will report, if known."""
        ...

    def step(self, count: int = 1) -> None: ...


class Silent:
    """Progress for nobody."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Say nothing."""

    def step(self, count: int = 1) -> None:
        """Say nothing."""
