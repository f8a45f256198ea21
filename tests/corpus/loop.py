"""An event loop in a thread of its own, so that views in threads share one asynchronous pool."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


class LoopThread:
    """Runs coroutines for other threads until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def ran(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine, which may meet others' in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
