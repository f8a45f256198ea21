"""Which operating system account our servers run as: postgres refuses root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbtune.errors import ServerFailed

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Account:
    """The account to drop to; `uid` None means: stay who we are."""

    uid: int | None
    gid: int | None

    def popen_arguments(self) -> dict[str, Any]:
        """Arguments of subprocess functions that start the child as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, tree: Path) -> None:
        """Make this account the owner of a folder and all in it."""
        if self.uid is None or self.gid is None:
            return
        os.chown(tree, self.uid, self.gid)
        for folder, names, files in os.walk(tree):
            for name in (*names, *files):
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)

    @contextmanager
    def refusals_told(self) -> Iterator[None]:
        """While work is handed to this account: a root without its capabilities may not do so.

        Raises:
            ServerFailed: the system refused it.
        """
        try:
            yield
        except PermissionError as error:
            if self.uid is None:
                raise
            raise ServerFailed(
                "The embedded server cannot be started: PostgreSQL refuses to run as root, and "
                f"this root may not change to another account ({error.strerror}).",
                "Run dbtune as an ordinary user, or with the capabilities chown, setuid, setgid.",
            ) from error

    def can_reach(self, path: Path) -> bool:
        """True if this account may enter every folder on the way to `path`, and `path` itself."""
        if self.uid is None:
            return True
        real = path.resolve()
        return all(_others_may_enter(p) for p in (real, *real.parents))


def server_account() -> Account:
    """`nobody` when we are root, else ourselves. Nothing is added to the system."""
    if os.geteuid() != 0:
        return Account(None, None)
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def reachable_temp_dir(account: Account) -> Path:
    """The temporary folder, or another one that `account` may enter and a socket's path fits in."""
    candidates = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))
    return next((p for p in candidates if _serves(p, account)), candidates[1])


def memory_dir(account: Account) -> Path | None:
    """A folder in memory that `account` may enter, with room enough for a cluster without rows.

    None where there is none, and where the user has said where temporary files go.
    """
    if any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")):
        return None
    is_usable = _serves(_MEMORY, account) and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES
    return _MEMORY if is_usable else None


def _serves(folder: Path, account: Account) -> bool:
    # The path of a Unix socket has room for 107 bytes; ours adds /dbtune-XXXXXXXX/.s.PGSQL.5432.
    fits = len(os.fsencode(folder)) <= 70
    return fits and folder.is_dir() and os.access(folder, os.W_OK) and account.can_reach(folder)


def _others_may_enter(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IXOTH)
