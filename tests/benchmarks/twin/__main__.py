"""`make bench-twin`: fidelity, what-if accuracy and speed of the twin, one table each."""

from __future__ import annotations

import os
import sys

from tests.benchmarks.twin import fidelity, speed, whatif
from tests.benchmarks.twin.table import print_table


def main() -> None:
    """Print the tables named in BENCH (fidelity, whatif, speed), or all."""
    chosen = os.environ.get("BENCH", "fidelity whatif speed").split()
    if "fidelity" in chosen:
        compared = [found.row for found in fidelity.rows()]
        print_table("Plans of the twin against the loaded server's", fidelity.HEAD, compared)
    if "whatif" in chosen:
        predicted = whatif.table(whatif.measure())
        print_table("Candidates predicted against truly built ones", whatif.HEAD, predicted)
        print_table("Sizes by HypoPG", ("engine", "of the same candidates"), whatif.hypopg_table())
    if "speed" in chosen:
        print_table("Speed and growth", speed.HEAD, list(speed.rows()))
    sys.stdout.flush()


main()
