"""A finding of the gate before it is judged, with what the verdict needs beside it."""

from __future__ import annotations

from dataclasses import dataclass

from dbtune.finding import Finding
from dbtune.gate.verdict import Location


@dataclass(frozen=True)
class Observed:
    """`cure` is SQL ready to paste, `reproduce` a command that shows the same."""

    finding: Finding
    location: Location | None = None
    cure: str = ""
    reproduce: str = ""
