"""Ctrl-C as a question that a long search can ask, instead of an exception in its midst."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_interrupt() -> Iterator[Callable[[], bool]]:
    """Within the block the first Ctrl-C only makes the answer true; a second one interrupts.

    Where somebody else handles SIGINT, or outside the main thread, nothing is changed.
    """
    asked = threading.Event()
    handler = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or handler is not signal.default_int_handler:
        yield asked.is_set
        return

    def note(_signal: int, _frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, handler)
