"""Real ORMs against a real server: every loop is found, no look-alike is cried at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dbtune.collect.logs import read_logs
from dbtune.rules.judge import judge
from dbtune.rules.load import load_rules
from dbtune.server.cluster import running_cluster
from dbtune.workload import Workload
from tests.conftest import find_binaries
from tests.corpus.session import LOG_RULES, Corpus, run_corpus
from tests.logs.conftest import LOGGING, LoggingServer


@pytest.fixture(scope="module")
def library_server(pytestconfig: pytest.Config) -> Iterator[LoggingServer]:
    major = int(pytestconfig.getoption("--pg"))
    binaries = find_binaries(major)
    if binaries is None:
        pytest.skip(f"no PostgreSQL {major} programs on this machine")
    settings = {**LOGGING, "shared_preload_libraries": "pg_stat_statements"}
    if major < 15:
        settings["log_destination"] = "stderr,csvlog"
    with running_cluster(binaries, settings=settings) as cluster:
        yield LoggingServer(cluster, major)


@pytest.fixture(scope="module")
def corpus(
    library_server: LoggingServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Corpus]:
    corpus = run_corpus(library_server, tmp_path_factory.mktemp("corpus"))
    yield corpus
    corpus.close()


def test_corpus_is_large_enough(corpus: Corpus) -> None:
    assert sum(1 for view in corpus.views if view.expected) >= 20
    assert sum(1 for view in corpus.views if not view.expected) >= 20


@pytest.mark.parametrize("log_format", ["csvlog", "jsonlog", "stderr"])
def test_logs_prove_the_loops(corpus: Corpus, log_format: str) -> None:
    if log_format not in corpus.logs:
        pytest.skip("this server writes no jsonlog")
    found = corpus.from_logs(log_format)
    assert found.precision >= 0.98, [f.message for f in found.wrong]
    assert found.recall >= 0.98, found.missed


def test_logs_alone_do_without_a_catalog(corpus: Corpus) -> None:
    found = corpus.from_logs("csvlog", catalog=False)
    assert found.precision >= 0.95, [f.message for f in found.wrong]
    assert found.recall >= 0.9, found.missed


def test_counters_alone_tell_most(corpus: Corpus) -> None:
    found = corpus.from_counters()
    assert found.precision >= 0.9, [f.message for f in found.wrong]
    assert found.recall >= 0.8, found.missed


def test_requests_in_a_row_on_one_connection(
    corpus: Corpus, library_server: LoggingServer, tmp_path: Path
) -> None:
    library_server.rotate()
    choice = Random(3)
    for view in corpus.views:
        for _ in range(4):
            view.run(choice)
    in_a_row = replace(corpus, logs=library_server.logged(tmp_path))
    found = in_a_row.from_logs("csvlog")
    assert found.precision >= 0.98, [f.message for f in found.wrong]
    assert found.recall >= 0.95, found.missed


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("django/foreign_key_in_a_loop", "django/select_related"),
        ("sqlalchemy/one_to_many_in_a_loop", "sqlalchemy/selectin_loading"),
        ("peewee/back_reference_in_a_loop", "peewee/prefetched"),
        ("django/create_in_a_loop", "django/bulk_create"),
    ],
)
def test_a_mended_view_is_silent(
    corpus: Corpus, library_server: LoggingServer, tmp_path: Path, broken: str, mended: str
) -> None:
    views = {view.label: view for view in corpus.views}
    found = {}
    for label in (broken, mended):
        library_server.rotate()
        views[label].run(Random(5))
        traffic = read_logs([library_server.logged(tmp_path)["csvlog"]])
        known = replace(corpus.snapshot, statements=(), readings=())
        judgement = judge(Workload(known, (), traffic=traffic), load_rules(), select=LOG_RULES)
        found[label] = {f.rule for f in judgement.findings if f.confidence.word != "candidate"}
    assert found[broken] == {rule for rule, _ in views[broken].expected}
    assert found[mended] == set()
