"""The twin's own connections; apart from its words, which are wanted where no server is."""

from __future__ import annotations

from typing import Any

import psycopg

Session = psycopg.Connection[tuple[Any, ...]]
"""A connection to the twin's own server."""
