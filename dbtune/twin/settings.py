"""The target's planner settings, set on the twin."""

from __future__ import annotations

import re

import psycopg

from dbtune.snapshot.model import Snapshot
from dbtune.twin.model import NotModelled
from dbtune.twin.session import Session

_PLANNER = re.compile(
    r"""(?: enable_\w+ | \w+_cost | \w+_collapse_limit | geqo\w* | min_parallel_\w+
      | effective_cache_size | work_mem | hash_mem_multiplier | max_parallel_workers_per_gather
      | parallel_leader_participation | debug_parallel_query | force_parallel_mode
      | cursor_tuple_fraction | constraint_exclusion | default_text_search_config
      | effective_io_concurrency | recursive_worktable_factor | plan_cache_mode
      | IntervalStyle | TimeZone | bytea_output | standard_conforming_strings
      | transform_null_equals | array_nulls )\Z""",
    re.VERBOSE,
)
_RENAMED = {"force_parallel_mode": "debug_parallel_query"}


def planner_settings(owner: Session, snapshot: Snapshot) -> tuple[NotModelled, ...]:
    """Set what decides plans in the planning session; returns what this server does not take."""
    refused = []
    for name, value in planner_values(snapshot).items():
        try:
            owner.execute("SELECT set_config(%s, %s, false)", (name, value))
        except psycopg.Error as error:
            words = error.diag.message_primary or str(error)
            refused.append(NotModelled(f"setting {name} = {value}", words))
    return tuple(refused)


def planner_values(snapshot: Snapshot) -> dict[str, str]:
    """The settings that decide plans, by the names that a current server has for them."""
    return {
        _RENAMED.get(name, name): value
        for name, value in sorted(snapshot.settings.items())
        if _PLANNER.match(name) and not name.startswith(("jit", "vacuum", "autovacuum"))
    }
