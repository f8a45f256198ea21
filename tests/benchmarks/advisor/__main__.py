"""`make bench-advisor`: index sets for TPC-H by budget, their truth, twenty kinds, and scale."""

from __future__ import annotations

import os
import sys

from tests.benchmarks.advisor import budgets, general, kinds, scale, truth, upkeep, writes
from tests.benchmarks.twin.table import print_table


def main() -> None:
    """Print the tables named in BENCH (budgets, truth, writes, upkeep, kinds, general,
    scale), or all."""
    chosen = os.environ.get("BENCH", "budgets truth writes upkeep kinds general scale").split()
    if {"budgets", "truth"} & set(chosen):
        with budgets.loaded() as server:
            snapshot = budgets.snapshot_of(server)
            if "budgets" in chosen:
                rows = list(budgets.rows(snapshot))
                print_table("TPC-H scale 1, 19 queries, by real bytes", budgets.HEAD, rows)
            if "truth" in chosen:
                rows = list(truth.rows(server, snapshot))
                print_table("The sets built, all 22 queries run", truth.HEAD, rows)
    if "writes" in chosen:
        title = f"TPC-H scale {writes.SCALE}, reads with more and more writes, measured"
        print_table(title, writes.HEAD, list(writes.rows()))
    if "upkeep" in chosen:
        print_table("What an index costs a written row", upkeep.HEAD, list(upkeep.rows()))
    if "kinds" in chosen:
        print_table(
            "Twenty kinds, a million rows; and their neighbours", kinds.HEAD, list(kinds.rows())
        )
    if "general" in chosen:
        print_table("Workloads of other kinds", general.HEAD, list(general.rows()))
    if "scale" in chosen:
        print_table("Many statements and relations", scale.HEAD, list(scale.rows()))
    sys.stdout.flush()


main()
