"""Sweep what a killed dbtune left behind, and nothing that cannot be proven to be that.

A cluster's folder holds a file that its process keeps locked. The kernel lets go of the lock when
the process ends, however it ends; so a folder whose file can be locked belongs to nobody.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_OWNER = "dbtune-owner"


@contextmanager
def owned(home: Path) -> Iterator[None]:
    """Keep a cluster's folder from being swept while the block runs."""
    unseen = home / f".{_OWNER}"
    with unseen.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unseen.rename(home / _OWNER)  # seen only once it is locked
        yield


def sweep(base: Path) -> tuple[Path, ...]:
    """Stop and remove the clusters below `base` whose process is gone; returns their folders."""
    swept = []
    for owner_file in base.glob(f"dbtune-*/{_OWNER}"):
        home = owner_file.parent
        if _is_abandoned(owner_file):
            _stop_server(home)
            shutil.rmtree(home, ignore_errors=True)
            swept.append(home)
    return tuple(swept)


def _is_abandoned(owner_file: Path) -> bool:
    try:
        # Root gives the folder to the server's account, and may sweep only what it made itself.
        if os.geteuid() != 0 and owner_file.stat().st_uid != os.geteuid():
            return False
        with owner_file.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:  # locked by its owner, being removed this moment, or not ours to read
        return False


def _stop_server(home: Path) -> None:
    """Kill the server of a folder, if the process still is that server."""
    try:
        pid = int((home / "data" / "postmaster.pid").read_text().split()[0])
        process = psutil.Process(pid)
        if str(home / "data") in process.cmdline():
            process.kill()
            process.wait(timeout=10)
    except (OSError, ValueError, IndexError, psutil.Error):
        return
