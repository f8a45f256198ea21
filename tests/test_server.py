"""The throwaway server."""

from __future__ import annotations

import psycopg

from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster


def test_cluster_answers_and_is_gone_afterwards() -> None:
    with running_cluster(wheel_binaries()) as cluster:
        home = cluster.home
        with psycopg.connect(cluster.dsn()) as connection:
            row = connection.execute("SELECT current_setting('server_version_num')::int").fetchone()
        assert row is not None
        assert row[0] // 10000 == 18
    assert not home.exists()
    assert cluster.process.returncode is not None
