"""Precision and recall on two labelled applications: from logs, and from counters alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dbtune.server.cluster import running_cluster
from tests.conftest import find_binaries
from tests.corpus.run import CLINIC, LIBRARY, Application
from tests.corpus.score import Score
from tests.corpus.session import run_corpus
from tests.logs.conftest import LOGGING, LoggingServer

MAJOR = 18


def main() -> None:
    binaries = find_binaries(MAJOR)
    assert binaries is not None
    settings = {**LOGGING, "shared_preload_libraries": "pg_stat_statements"}
    with running_cluster(binaries, settings=settings) as cluster:
        server = LoggingServer(cluster, MAJOR)
        for application in (LIBRARY, CLINIC):
            _measure(application, server)


def _measure(application: Application, server: LoggingServer) -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = run_corpus(application, server, Path(folder))
        true = sum(1 for view in corpus.views if view.expected)
        clients = ", ".join(client.client for client in corpus.clients)
        print(f"{application.name} ({clients}):", end=" ")
        print(f"{true} views with loops, {len(corpus.views) - true} look-alikes")
        print(f"{'source':26} {'right':>5} {'wrong':>5} {'precision':>9} {'recall':>6}")
        scores = {name: corpus.from_logs(name) for name in corpus.logs}
        scores["csvlog without catalog"] = corpus.from_logs("csvlog", catalog=False)
        scores["pg_stat_statements only"] = corpus.from_counters()
        for source, score in scores.items():
            _print(source, score)
        corpus.end()


def _print(name: str, score: Score) -> None:
    wrong = len(score.wrong)
    print(f"{name:26} {score.right:5} {wrong:5} {score.precision:9.3f} {score.recall:6.3f}")
    for view, rule, relation in score.missed:
        print(f"    missed: {view}: {rule} on {relation}")
    for finding in score.wrong:
        print(f"    wrong: {finding.rule} on {finding.subject.name}: {finding.message[:160]}")


if __name__ == "__main__":
    main()
