"""A Locust project: one weighted task a script, psycopg, master and workers as Locust does it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dbtune.bench.scripts import Script

_LOCUSTFILE = '''"""The workload's mix for Locust; see README.md. DSN comes from the environment."""

import json
import os
import random
import time
from pathlib import Path

from locust import User, constant, task  # first: it makes what follows cooperative
import psycopg

MIX = json.loads(Path(__file__).with_name("mix.json").read_text())
WEIGHTS = [entry["weight"] for entry in MIX]


class Client(User):
    """One session of the application."""

    wait_time = constant(float(os.environ.get("WAIT_SECONDS", "0")))

    def on_start(self):
        self.connection = psycopg.connect(os.environ["DSN"], autocommit=True)

    def on_stop(self):
        self.connection.close()

    @task
    def send(self):
        entry = random.choices(MIX, WEIGHTS)[0]
        started = time.perf_counter()
        failure = None
        try:
            with self.connection.transaction(force_rollback=entry["writes"]):
                for statement in entry["statements"]:
                    self.connection.execute(statement)
        except psycopg.Error as error:
            failure = error
            if self.connection.closed:
                self.on_start()
        self.environment.events.request.fire(
            request_type="SQL", name=entry["name"], response_length=0, exception=failure,
            response_time=(time.perf_counter() - started) * 1000,
        )
'''

_README = """# The workload's mix for Locust

    pip install -r requirements.txt
    DSN=postgresql://user@host/database locust --headless --users 50 --spawn-rate 5 --run-time 1m

Over several machines (each with these files):

    DSN=... locust --master --headless --users 500 --expect-workers 4 --run-time 5m
    DSN=... locust --worker --master-host MASTER

Parameter values are literals in mix.json, weights follow the calls, writes are rolled back.
"""


def project(scripts: Sequence[Script]) -> dict[str, str]:
    """locustfile.py, mix.json, requirements.txt."""
    mix = [
        {"name": s.name, "weight": s.weight, "writes": s.writes, "statements": s.statements}
        for s in scripts
    ]
    return {
        "locustfile.py": _LOCUSTFILE,
        "mix.json": json.dumps(mix, indent=1) + "\n",
        "requirements.txt": "locust>=2.32\npsycopg[binary]>=3.2\n",
        "README.md": _README,
    }
