"""A k6 project for the extension xk6-sql with its PostgreSQL driver."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dbtune.bench.scripts import Script

_SCRIPT = """// The workload's mix for k6 with xk6-sql; see README.md.
import sql from "k6/x/sql";
import driver from "k6/x/sql/driver/postgres";
import { Trend, Counter } from "k6/metrics";

const mix = JSON.parse(open("./mix.json"));
const total = mix.reduce((sum, entry) => sum + entry.weight, 0);
const db = sql.open(driver, __ENV.DSN);
const took = new Trend("sql_duration", true);
const failed = new Counter("sql_failed");

export const options = {
  vus: Number(__ENV.VUS || 10),
  duration: __ENV.DURATION || "1m",
  thresholds: { sql_failed: ["count==0"] },
};

function choose() {
  let left = Math.random() * total;
  return mix.find((entry) => (left -= entry.weight) < 0) || mix[mix.length - 1];
}

export default function () {
  const entry = choose();
  const started = Date.now();
  try {
    // One simple-protocol message keeps all of a transaction on one pooled connection.
    db.exec(entry.text);
  } catch (error) {
    failed.add(1, { name: entry.name });
  }
  took.add(Date.now() - started, { name: entry.name });
}

export function teardown() {
  db.close();
}
"""

_README = """# The workload's mix for k6

Build k6 with the SQL extension once (Go needed):

    go install go.k6.io/xk6/cmd/xk6@latest
    xk6 build --with github.com/grafana/xk6-sql --with github.com/grafana/xk6-sql-driver-postgres

    DSN='postgres://user@host/database' VUS=20 DURATION=1m ./k6 run load.js

Parameter values are literals in mix.json, weights follow the calls, writes are rolled back.
"""


def project(scripts: Sequence[Script]) -> dict[str, str]:
    """load.js and mix.json."""
    mix = [{"name": s.name, "weight": s.weight, "text": _text(s)} for s in scripts]
    return {
        "load.js": _SCRIPT,
        "mix.json": json.dumps(mix, indent=1) + "\n",
        "README.md": _README,
    }


def _text(script: Script) -> str:
    body = "; ".join(script.statements)
    return f"BEGIN; {body}; ROLLBACK" if script.writes else body
