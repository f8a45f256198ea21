"""Workloads of other kinds: the advised set against a plain greedy one, both by the twin."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations

import psycopg

from dbtune.advisor import AdvisorOptions, advise
from dbtune.advisor.prices import Names, Prices
from dbtune.advisor.served import is_served
from dbtune.advisor.targets import Target
from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.index import IndexSpec, column_key
from dbtune.plan import Plan
from dbtune.pricing import Hypothetical
from dbtune.progress import Silent
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin
from dbtune.workload import Workload
from tests.benchmarks.advisor.budgets import SETTINGS

HEAD = ("workload", "budget", "figure", "gap", "indexes", "explains", "greedy", "its explains")
BUDGETS_MB = (4, 15, 40, None)
_PEELS = 6

STAR = """
CREATE TABLE day (id int PRIMARY KEY, on_date date NOT NULL, year int NOT NULL, month int NOT
    NULL);
INSERT INTO day SELECT g, date '2020-01-01'+g, 2020+g/365, (g/30)%12 FROM
    generate_series(0,1999) g;
CREATE TABLE store (id int PRIMARY KEY, region text NOT NULL, city text NOT NULL, size int NOT
    NULL);
INSERT INTO store SELECT g, 'r'||g%7, 'c'||g%90, g%13 FROM generate_series(0,999) g;
CREATE TABLE product (id int PRIMARY KEY, brand text NOT NULL, category text NOT NULL, price
    numeric NOT NULL);
INSERT INTO product SELECT g, 'b'||floor(300*power(random(),3)), 'k'||g%25, g%997 FROM
    generate_series(0,19999) g;
CREATE TABLE sale (id bigint PRIMARY KEY, day_id int NOT NULL, store_id int NOT NULL,
    product_id int NOT NULL,
 customer_id int NOT NULL, quantity int NOT NULL, amount numeric NOT NULL, channel text NOT
    NULL, promo int);
INSERT INTO sale SELECT g, 1999*power(random(),0.7), 999*power(random(),2),
    19999*power(random(),3), 50000*random(),
 g%17, g%5003, CASE WHEN random()<.05 THEN 'phone' WHEN random()<.3 THEN 'web' ELSE 'shop' END,
    CASE WHEN g%40=0 THEN g%12 END FROM generate_series(1,400000) g;
"""
STAR_STATEMENTS = [
    "SELECT d.year, sum(s.amount) FROM sale s JOIN day d ON d.id=s.day_id JOIN product p "
    "ON p.id=s.product_id WHERE p.brand='b200' GROUP BY d.year",
    "SELECT st.region, sum(s.amount) FROM sale s JOIN store st ON st.id=s.store_id WHERE "
    "s.channel='phone' GROUP BY st.region",
    "SELECT sum(s.quantity) FROM sale s JOIN day d ON d.id=s.day_id WHERE d.year=2021 AND "
    "d.month=3",
    "SELECT p.category, count(*) FROM sale s JOIN product p ON p.id=s.product_id JOIN "
    "store st ON st.id=s.store_id WHERE st.city='c7' GROUP BY p.category",
    "SELECT * FROM sale WHERE customer_id=4711 ORDER BY id DESC LIMIT 20",
    "SELECT customer_id, sum(amount) FROM sale WHERE day_id BETWEEN 1000 AND 1010 GROUP BY "
    "customer_id ORDER BY 2 DESC LIMIT 10",
    "SELECT promo, sum(amount) FROM sale WHERE promo IS NOT NULL GROUP BY promo",
    "SELECT s.product_id, sum(s.quantity) FROM sale s WHERE s.store_id=900 AND "
    "s.channel='web' GROUP BY s.product_id",
    "SELECT st.city FROM store st WHERE EXISTS (SELECT FROM sale s WHERE s.store_id=st.id "
    "AND s.amount>5000 AND s.channel='phone')",
]  # fmt: skip

APP = """
CREATE TABLE org (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO org SELECT g,'org '||g FROM generate_series(1,400) g;
CREATE TABLE member (id int PRIMARY KEY, org_id int NOT NULL, email text NOT NULL, role text
    NOT NULL, last_seen timestamptz);
INSERT INTO member SELECT g, 1+g%400, 'u'||g||'@x.org', CASE WHEN g%50=0 THEN 'admin' ELSE
    'user' END, now()-g*interval '1 min' FROM generate_series(1,40000) g;
CREATE TABLE ticket (id bigint PRIMARY KEY, org_id int NOT NULL, assignee_id int, status text
    NOT NULL, priority int NOT NULL,
 opened_at timestamptz NOT NULL, closed_at timestamptz, subject text NOT NULL);
INSERT INTO ticket SELECT g, 1+399*power(random(),2), CASE WHEN g%3>0 THEN 1+(g*31)%40000 END,
    CASE WHEN g%40=0 THEN 'open' ELSE 'closed' END, g%5,
 timestamptz '2022-01-01'+g*interval '3 min', CASE WHEN g%40>0 THEN timestamptz
    '2022-01-02'+g*interval '3 min' END, md5(g::text) FROM generate_series(1,200000) g;
CREATE TABLE comment (id bigint PRIMARY KEY, ticket_id bigint NOT NULL, author_id int NOT NULL,
    at timestamptz NOT NULL, body text NOT NULL);
INSERT INTO comment SELECT g, 1+(g*7919::bigint)%200000, 1+(g*13)%40000, timestamptz
    '2022-01-01'+g*interval '1 min', repeat(md5(g::text),3) FROM generate_series(1,400000) g;
"""
APP_STATEMENTS = [
    "SELECT * FROM ticket WHERE org_id=$1 AND status=$2 ORDER BY opened_at DESC LIMIT 50",
    "SELECT count(*) FROM ticket WHERE org_id=$1 AND status='open'",
    "SELECT * FROM ticket WHERE assignee_id=$1 AND closed_at IS NULL",
    "SELECT c.* FROM comment c WHERE c.ticket_id=$1 ORDER BY c.at",
    "SELECT t.id, count(*) FROM ticket t JOIN comment c ON c.ticket_id=t.id WHERE "
    "t.org_id=$1 AND t.opened_at>$2 GROUP BY t.id",
    "SELECT * FROM member WHERE email=$1",
    "SELECT id,email FROM member WHERE org_id=$1 AND role='admin'",
    "SELECT m.email, count(*) FROM member m JOIN ticket t ON t.assignee_id=m.id WHERE "
    "m.org_id=$1 AND t.closed_at BETWEEN $2 AND $3 GROUP BY m.email",
    "SELECT org_id, count(*) FROM ticket WHERE status='open' GROUP BY org_id",
    "SELECT author_id, max(at) FROM comment WHERE at > $1 GROUP BY author_id",
    "UPDATE ticket SET priority=$1 WHERE org_id=$2 AND assignee_id=$3",
    "SELECT * FROM ticket WHERE closed_at IS NULL AND priority=4 ORDER BY opened_at LIMIT "
    "10",
]  # fmt: skip


def rows() -> Iterator[tuple[object, ...]]:
    settings = {**SETTINGS, "shared_buffers": "256MB"}
    with running_cluster(wheel_binaries(), settings=settings) as cluster:
        cases = (("star", STAR, STAR_STATEMENTS), ("application", APP, APP_STATEMENTS))
        for name, schema, texts in cases:
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                connection.execute("SELECT setseed(0.5)")
                connection.execute(schema.encode())
                connection.execute("VACUUM ANALYZE")
            statements = tuple(StatementStatistics(text, 1, source="file") for text in texts)
            snapshot = replace(collect(cluster.dsn()), statements=statements)
            for budget in BUDGETS_MB:
                with open_twin(snapshot) as twin:
                    workload = assemble_workload(snapshot, None, Scope(), Silent())
                    budget_bytes = None if budget is None else budget << 20
                    advice = advise(workload, twin, AdvisorOptions(budget_bytes, objective="cost"))
                    before = twin.explains
                    greedy = Greedy.over(workload, twin).figure(budget_bytes)
                    yield (
                        name, f"{budget} MB" if budget else "none",
                        f"{advice.cost_after / advice.cost_before:.3f}", f"{advice.gap or 0:.1%}",
                        len(advice.recommendations), advice.explains, f"{greedy:.3f}",
                        twin.explains - before,
                    )  # fmt: skip


@dataclass
class Greedy:
    """The index that saves most for its bytes, again and again, each time priced anew.

    From every index on one or two columns that a statement reads of a table, with and without the
    rest included, of which those take part that some plan uses when better ones are hidden.
    """

    prices: Prices
    targets: list[Target]
    relevant: dict[str, Names]

    @classmethod
    def over(cls, workload: Workload, twin: Twin) -> Greedy:
        greedy = cls(Prices(twin), [], {})
        for statement in workload.statements:
            plan = twin.plan(statement.planned_text)
            assert isinstance(plan, Plan)
            target = Target(statement, plan.total_cost, plan.total_cost, plan)
            greedy.prices.start(target)
            specs = [s for s in _specs(workload, target) if not is_served(s, workload.snapshot)]
            made = [h for h in twin.suppose(specs) if isinstance(h, Hypothetical)]
            for hypothetical in made:
                greedy.prices.add(hypothetical)
            greedy.targets.append(target)
            greedy.relevant[target.key] = greedy._used(target, frozenset(h.name for h in made))
        return greedy

    def _used(self, target: Target, visible: Names) -> Names:
        used: Names = frozenset()
        for _ in range(_PEELS):
            priced = self.prices.price(target, visible)
            used, visible = used | priced.used, visible - priced.used
        return used

    def figure(self, budget_bytes: int | None) -> float:
        chosen: Names = frozenset()
        left = float("inf") if budget_bytes is None else budget_bytes
        heap = [(float("-inf"), n, -1) for names in self.relevant.values() for n in names]
        heapq.heapify(heap)
        while heap:
            gain, name, round_ = heapq.heappop(heap)
            size = self.prices.size(name)
            if name in chosen or size > left:
                continue
            if round_ == len(chosen):
                if gain >= 0:
                    break
                chosen, left = chosen | {name}, left - size
            else:
                saved = self._cost(chosen) - self._cost(chosen | {name})
                heapq.heappush(heap, (-saved / max(size, 1), name, len(chosen)))
        return self._cost(chosen) / self._cost(frozenset())

    def _cost(self, chosen: Names) -> float:
        return sum(self.prices.price(t, chosen & self.relevant[t.key]).cost for t in self.targets)


def _specs(workload: Workload, target: Target) -> Iterator[IndexSpec]:
    parsed = {s.fingerprint: p for s, p in workload.parsed()}[target.key]
    for use in parsed.relations:
        relation = workload.snapshot.relation_by_name[use.relation]
        columns = tuple(c.name for c in relation.columns) if use.all_columns else use.projected
        for keys in (k for n in (1, 2) for k in permutations(columns, n)):
            rest = tuple(sorted(set(columns) - set(keys)))
            for included in ((), rest) if rest and not use.all_columns else ((),):
                yield IndexSpec(use.relation, tuple(map(column_key, keys)), included)
