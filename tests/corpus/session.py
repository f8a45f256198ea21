"""One run of the whole corpus: logs, readings and labels of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.collect.logs import read_logs
from dbtune.finding import Confidence, Finding
from dbtune.progress import Silent
from dbtune.rules.judge import judge
from dbtune.rules.load import load_rules
from dbtune.rules.model import Rule
from dbtune.snapshot.model import Snapshot
from dbtune.snapshot.scope import Scope
from dbtune.workload import Workload
from tests.corpus.run import Application, run_rounds, with_readings
from tests.corpus.score import Score, fingerprints, score
from tests.corpus.views import IDENTICAL, N_PLUS_ONE, ROW_BY_ROW, View, Views
from tests.logs.conftest import LoggingServer

LOG_RULES = frozenset({N_PLUS_ONE, ROW_BY_ROW, IDENTICAL})
ROUNDS = (2, 1, 3, 2)
"""How often each view runs between two readings: load changes, the mix of pages hardly does."""


@dataclass(frozen=True)
class Corpus:
    """What the server logged and counted while the views ran, and what each view sends."""

    clients: tuple[Views, ...]
    sent: Mapping[str, frozenset[str]]
    snapshot: Snapshot
    logs: Mapping[str, Path]

    @property
    def views(self) -> tuple[View, ...]:
        return tuple(view for client in self.clients for view in client.all)

    def close(self) -> None:
        """Give back the calling thread's connections."""
        for client in self.clients:
            client.close()

    def end(self) -> None:
        """Give back all connections: no view runs any more."""
        self.close()
        for client in self.clients:
            client.end()

    def from_logs(self, log_format: str, *, catalog: bool = True) -> Score:
        """Score of one log format, with the catalog or by the logs alone."""
        traffic = read_logs([self.logs[log_format]])
        known = replace(self.snapshot, statements=(), readings=())
        if not catalog:
            known = replace(known, relations=(), indexes=(), constraints=())
        return self._score(Workload(known, (), traffic=traffic), LOG_RULES)

    def from_counters(self) -> Score:
        """Score of the readings of pg_stat_statements alone."""
        workload = assemble_workload(self.snapshot, None, Scope(), Silent())
        return self._score(workload, frozenset({N_PLUS_ONE}))

    def _score(self, workload: Workload, rules: frozenset[str]) -> Score:
        return score(_judged(workload, rules), self.views, self.sent, rules)


def run_corpus(application: Application, server: LoggingServer, folder: Path) -> Corpus:
    """Run every view of an application on a server; its log files are copied into `folder`."""
    dsn = application.made_in(server.dsn())
    clients = [make(dsn) for make in application.clients]
    server.rotate()
    snapshots = [collect(dsn)]
    snapshots += [collect(dsn) for _ in run_rounds(clients, rounds=ROUNDS)]
    logs = server.logged(folder)
    snapshot = with_readings(snapshots)
    sent = fingerprints([view for client in clients for view in client.all], dsn)
    corpus = Corpus(tuple(clients), sent, snapshot, logs)
    corpus.close()
    return corpus


def _judged(workload: Workload, rules: frozenset[str]) -> tuple[Finding, ...]:
    loaded = [_for_short_runs(rule) for rule in load_rules()]
    return judge(workload, loaded, select=sorted(rules), min_confidence=Confidence.LIKELY).findings


def _for_short_runs(rule: Rule) -> Rule:
    """The corpus runs for seconds where a server's counters cover weeks."""
    if rule.id != N_PLUS_ONE:
        return rule
    return replace(rule, params=replace(rule.params, min_child_calls=40))
