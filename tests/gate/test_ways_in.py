"""The README's ways into CI are what their readers accept, and the hook runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dbtune.gate.hazards import hazard_names
from dbtune.gate.policy import load_policy
from dbtune.snapshot.file import write_snapshot
from dbtune.snapshot.model import Snapshot

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"<!-- check: {name} -->\n```yaml\n(.*?)```", README, re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize("schema", ["github-workflows", "gitlab-ci"])
def test_the_job_is_as_its_schema_says(schema: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yml"
    file.write_text(block(schema))
    program = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    assert program
    command = [program, "--builtin-schema", f"vendor.{schema}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_policy_is_one(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(block("policy"))
    policy = load_policy(file)
    assert len(policy.overrides) == len(policy.budgets) == 2
    assert [w.rule for w in policy.waivers] == ["table-rewrite"]


def test_the_readme_names_every_hazard() -> None:
    assert [name for name in hazard_names() if f"`{name}`" not in README] == []


def test_the_hook_runs_on_the_files_it_is_given(production: Snapshot, tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert re.search(hook["files"], "shop/migrations/0001_drop.sql")
    write_snapshot(production, tmp_path / "prod.dbtune")
    (tmp_path / "a.sql").write_text("ALTER TABLE port ADD COLUMN note text;")
    (tmp_path / "b.sql").write_text("DROP INDEX shipment_reference_idx;")
    command = [sys.executable, "-m", *hook["entry"].split(), "--snapshot", "prod.dbtune"]
    done = subprocess.run(
        [*command, "a.sql", "b.sql"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "b.sql:1" in done.stdout
