"""Where the advice is proven: a clone that the user named, or rows made from the snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dbtune.bench.place import connect_to_bench
from dbtune.errors import BadInput, CannotConnect
from dbtune.files import unwritable
from dbtune.progress import Progress
from dbtune.snapshot.model import Snapshot
from dbtune.verify.clone import Clone, require_clone

_SYNTHESIZE = re.compile(r"synthesi[sz]e(?::(\d+(?:\.\d*)?|\.\d+))?\Z")


@contextmanager
def opened_clone(
    on: str, snapshot: Snapshot, *, journal_file: Path, known_as: str | None, progress: Progress
) -> Iterator[Clone]:
    """The clone that `on` names: a connection string, `synthesize`, or `synthesize:SCALE`.

    Args:
        on: where.
        snapshot: what was analysed; the database must not be the same.
        journal_file: where to write what must be undone if this process is killed.
        known_as: the name by which the user confirms that the database may be used.
        progress: told of the making of rows.

    Raises:
        BadInput: it may not be used, or the rows would not fit on the disk.
        CannotConnect: the server cannot be reached.
        ServerFailed: the embedded server could not be started.
    """
    try:
        journal_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(journal_file.parent, error) from error
    asked = _SYNTHESIZE.match(on)
    if not asked:
        try:
            with connect_to_bench(on) as connection:
                require_clone(connection, snapshot.server, known_as)
                label = f"the database {connection.info.dbname}"
        except CannotConnect as error:
            raise CannotConnect(f"--verify-on: {error.what}", error.remedy) from None
        yield Clone(lambda: connect_to_bench(on), label, journal_file)
        return
    if not snapshot.relations:
        raise BadInput("--verify-on synthesize: there is no relation to make rows for.")
    from dbtune.synthesize.run import synthesised_server  # noqa: PLC0415 - numpy, only here
    from dbtune.synthesize.unit import Scale  # noqa: PLC0415

    scale = Scale(float(asked[1] or 1))
    with synthesised_server(snapshot, progress=progress, scale=scale) as made:
        label = "rows made from the statistics"
        if scale.factor != 1:
            label += f" at scale {scale.factor:g}"
        yield Clone(lambda: connect_to_bench(made.dsn), label, journal_file)
