"""Sweep what a killed dbtune left behind, and nothing that cannot be proven to be that."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import psutil

_OWNER = "dbtune-owner.json"


def mark_owner(home: Path) -> None:
    """Write into a cluster's folder which process it belongs to."""
    me = psutil.Process()
    (home / _OWNER).write_text(json.dumps({"pid": me.pid, "started": me.create_time()}))


def sweep(base: Path) -> tuple[Path, ...]:
    """Stop and remove the clusters below `base` whose process is gone; returns their folders."""
    swept = []
    for owner_file in base.glob(f"dbtune-*/{_OWNER}"):
        home = owner_file.parent
        try:
            if not _is_abandoned(owner_file):
                continue
        except (OSError, ValueError, KeyError):  # being made or removed this moment, or not ours
            continue
        _stop_server(home)
        shutil.rmtree(home, ignore_errors=True)
        swept.append(home)
    return tuple(swept)


def _is_abandoned(owner_file: Path) -> bool:
    # Root gives the folder to the server's account; the owner file says whose it was.
    if os.geteuid() != 0 and owner_file.stat().st_uid != os.geteuid():
        return False
    owner = json.loads(owner_file.read_text())
    try:
        return bool(psutil.Process(owner["pid"]).create_time() != owner["started"])
    except psutil.NoSuchProcess:
        return True


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
