"""Progress on stderr: a bar on a terminal, nothing elsewhere; and what each stage cost."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn


@dataclass
class Stages:
    """Shows the stage under way and remembers the seconds each one took."""

    bar: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    _current: str = ""
    _since: float = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins; the one before it ends."""
        self.end()
        self._current, self._since = name, time.perf_counter()
        self.bar.add_task(name, total=total)

    def step(self, count: int = 1) -> None:
        if self.bar.task_ids:
            self.bar.advance(self.bar.task_ids[-1], count)

    def end(self) -> None:
        """The current stage ends."""
        if self._current:
            spent = time.perf_counter() - self._since
            self.seconds[self._current] = self.seconds.get(self._current, 0.0) + spent
            self.bar.remove_task(self.bar.task_ids[-1])
            self._current = ""


@contextmanager
def shown_progress() -> Iterator[Stages]:
    """Stages shown on stderr while the block runs."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
    with bar:
        stages = Stages(bar)
        try:
            yield stages
        finally:
            stages.end()


def timings_table(seconds: dict[str, float]) -> str:
    """One line a stage, for --timings."""
    width = max((len(name) for name in seconds), default=0)
    lines = [f"{name:<{width}}  {spent:8.3f} s" for name, spent in seconds.items()]
    return "\n".join([*lines, f"{'total':<{width}}  {sum(seconds.values()):8.3f} s"])
