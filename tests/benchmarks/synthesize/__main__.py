"""`make bench-synthesize`: does a synthesised database behave like its source? One table each.

BENCH chooses sections (tpch, demo, everything, shop, telemetry, speed); TPCH_SCALE the size of
TPC-H (0.5).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from tests.benchmarks.synthesize import behaviour, likeness, speed
from tests.benchmarks.twin.table import print_table

TPCH_SCALE = float(os.environ.get("TPCH_SCALE", "0.5"))

SECTIONS: dict[str, Callable[[], Iterator[likeness.Likeness]]] = {
    "tpch": lambda: likeness.of_tpch(TPCH_SCALE),
    "demo": likeness.of_demo,
    "everything": likeness.of_everything,
    "shop": likeness.of_shop,
    "telemetry": likeness.of_telemetry,
}


def main() -> None:
    """Print the tables of the sections named in BENCH, or all."""
    chosen = os.environ.get("BENCH", " ".join([*SECTIONS, "speed"])).split()
    found = [one for name, section in SECTIONS.items() if name in chosen for one in section()]
    if found:
        print_table("Statistics after ANALYZE", likeness.HEAD, [one.row for one in found])
        far = [row for one in found for row in one.far]
        print_table("Columns farther off than 1.5", likeness.FAR_HEAD, far)
        compared = [one.compared for one in found if one.compared]
        print_table("Plans, rows and times", behaviour.HEAD, [c.row for c in compared])
        differing = [row for c in compared for row in c.statements()]
        print_table("Statements that differ", behaviour.STATEMENT_HEAD, differing)
    if "speed" in chosen:
        print_table("A table of 15 columns", speed.HEAD, list(speed.rows()))


main()
