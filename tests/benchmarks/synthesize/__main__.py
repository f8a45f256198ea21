"""`make bench-synthesize`: does a synthesised database behave like its source? One table each.

BENCH chooses tables (likeness, tpch, speed); TPCH_SCALE the size of TPC-H (0.5).
"""

from __future__ import annotations

import os

from tests.benchmarks.synthesize import behaviour, likeness, speed
from tests.benchmarks.twin.table import print_table

TPCH_SCALE = float(os.environ.get("TPCH_SCALE", "0.5"))


def main() -> None:
    """Print the tables named in BENCH, or all."""
    chosen = os.environ.get("BENCH", "likeness tpch speed").split()
    if "tpch" in chosen:
        compared = behaviour.measure(TPCH_SCALE)
        print_table("TPC-H: source and synthesised", ("figure", "value"), compared.figures())
        print_table("TPC-H: statement by statement", behaviour.HEAD, list(compared.statements()))
        print_table("TPC-H: columns farther off than 1.5", likeness.FAR_HEAD, compared.far())
    if "likeness" in chosen:
        found = list(likeness.rows())
        print_table("Statistics after ANALYZE", likeness.HEAD, [f.row for f in found])
        far = [row for f in found for row in f.far]
        print_table("Columns farther off than 1.5", likeness.FAR_HEAD, far)
    if "speed" in chosen:
        print_table("A table of 15 columns", speed.HEAD, list(speed.rows()))


main()
