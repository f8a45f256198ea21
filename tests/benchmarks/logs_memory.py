"""Peak memory of the log reader on a file of GIGABYTES (10): a block again and again, shifted."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.benchmarks.log_kinds import literals, parameters, sessions, write_log
from tests.benchmarks.logs import damaged_copy, dbtune_reading

GIGABYTES = float(os.environ.get("GIGABYTES", "10"))
_BLOCK_BYTES = 200_000_000


def main() -> None:
    print(f"{'kind':18} {'GB':>5} {'lines':>11} {'lines/s':>9} {'seconds':>8} {'peak MB':>8}")
    for kind, share, is_damaged in (
        (parameters, 1.0, False),
        (parameters, 0.4, True),
        (literals, 0.1, False),
        (sessions, 0.1, False),
    ):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
            block = write_log(Path(name, "block.csv"), kind, 10**9, _BLOCK_BYTES)
            if is_damaged:
                block, _ = damaged_copy(block, Path(name, "damaged.csv"))
            file = _repeated(block, Path(name, "large.csv"), GIGABYTES * share * 1e9)
            reading = dbtune_reading(file)
            label = kind.__name__ + is_damaged * " damaged"
            print(
                f"{label:18} {file.stat().st_size / 1e9:5.1f} {reading.lines:11,}"
                f" {reading.lines_per_second:9,.0f} {reading.seconds:8.1f} {reading.peak_mb:8.0f}"
            )


def _repeated(block: Path, target: Path, size: float) -> Path:
    """The block again and again, each in a month and in sessions of its own."""
    content = block.read_bytes()
    with target.open("wb") as out:
        number = 0
        while out.tell() < size:
            month = b"%04d-%02d-" % (2000 + number // 12, number % 12 + 1)
            shifted = content.replace(b"2026-03-", month).replace(b",66a0", b",%04x" % number)
            out.write(shifted)
            number += 1
    return target


if __name__ == "__main__":
    main()
