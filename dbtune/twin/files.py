"""Give relations of the twin the sizes that they have on the target, without a byte of data.

The planner asks the file for a relation's size, not the catalog. A sparse file answers in
microseconds and takes no space, up to terabytes.
"""

from __future__ import annotations

import os
from pathlib import Path

BLOCK_BYTES = 8192
SEGMENT_BLOCKS = 131072  # 1 GiB: RELSEG_SIZE


def set_blocks(first: Path, blocks: int) -> None:
    """Make the relation whose first segment is `first` exactly `blocks` pages long.

    Pages that exist keep their content. Segments after the first get its owner and mode.
    """
    os.truncate(first, min(blocks, SEGMENT_BLOCKS) * BLOCK_BYTES)
    left = blocks - SEGMENT_BLOCKS
    number = 1
    # A full segment is followed by another, if only an empty one, as the server itself does.
    while left >= 0:
        segment = first.with_name(f"{first.name}.{number}")
        _make_like(segment, first)
        os.truncate(segment, min(left, SEGMENT_BLOCKS) * BLOCK_BYTES)
        left -= SEGMENT_BLOCKS
        number += 1


def _make_like(segment: Path, first: Path) -> None:
    model = first.stat()
    os.close(os.open(segment, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    if segment.stat().st_uid != model.st_uid:
        os.chown(segment, model.st_uid, model.st_gid)
    segment.chmod(model.st_mode & 0o777)


def copy_file(source: Path, target: Path) -> None:
    """A copy of a relation's first segment, with its owner and mode."""
    _make_like(target, source)
    target.write_bytes(source.read_bytes())
