"""A folder of pgbench scripts and the command that runs them."""

from __future__ import annotations

from collections.abc import Sequence

from dbtune.bench.scripts import Script, as_pgbench


def project(scripts: Sequence[Script]) -> dict[str, str]:
    """One file a script, and run.sh."""
    files = {f"{s.name}.sql": as_pgbench(s) for s in scripts}
    named = " \\\n  ".join(f"-f {s.name}.sql@{s.weight}" for s in scripts)
    files["run.sh"] = (
        "#!/bin/sh\n# Usage: CLIENTS=8 DURATION=60 ./run.sh DSN\n"
        f'cd "$(dirname "$0")" && exec pgbench --no-vacuum --client "${{CLIENTS:-8}}" \\\n'
        f'  --jobs "${{JOBS:-2}}" --time "${{DURATION:-60}}" --progress 5 \\\n  {named} \\\n'
        '  "$1"\n'
    )
    files["README.md"] = (
        "# The workload's mix for pgbench\n\n"
        "    CLIENTS=8 DURATION=60 sh run.sh 'postgresql://user@host/database'\n\n"
        "Parameter values are literals, weights follow the calls, writes are rolled back.\n"
    )
    return files
