"""Each tool's layout is recognised, read forward, in order, with its lines and transactions."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtune.errors import BadInput
from dbtune.gate.migrations import layout_of, read_migrations
from dbtune.gate.migrations._script import script

DBMATE = "-- migrate:up{}\nCREATE INDEX CONCURRENTLY a ON t (a);\n-- migrate:down\nDROP INDEX a;\n"
GOOSE = (
    "-- +goose Up\nALTER TABLE t ADD COLUMN a int;\n-- +goose Down\nALTER TABLE t DROP COLUMN a;"
)
LIQUIBASE = """--liquibase formatted sql

--changeset ada:1
ALTER TABLE t ADD COLUMN a int;
--rollback ALTER TABLE t DROP COLUMN a;

--changeset ada:2 runInTransaction:false
CREATE INDEX CONCURRENTLY i ON t (a);
"""
ALEMBIC = '''"""Second."""
from alembic import op
import sqlalchemy as sa
revision = "bb"
down_revision = "aa"

def upgrade() -> None:
    op.execute("UPDATE t SET a = 1")
    op.create_index(op.f("ix_t_a"), "t", ["a", "Camel"], unique=True)
    op.drop_column("t", "b")
    op.alter_column("t", "c", type_=sa.BigInteger())

def downgrade() -> None:
    op.drop_index("ix_t_a")
'''
ALEMBIC_FIRST = 'revision = "aa"\ndown_revision = None\ndef upgrade():\n    op.drop_table("old")\n'
DJANGO = """from django.db import migrations

class Migration(migrations.Migration):
    atomic = False
    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY i", reverse_sql="SELECT 1"),
        migrations.AddField("a", "b", None),
    ]
"""
RAILS = """class AddThings < ActiveRecord::Migration[7.1]
  disable_ddl_transaction!

  def up
    execute <<~SQL
      CREATE INDEX CONCURRENTLY i ON t (a);
    SQL
    add_column :t, :b, :integer
  end

  def down
    execute "DROP INDEX i"
  end
end
"""

LAYOUTS: dict[str, tuple[dict[str, str], list[tuple[str, int, str, bool]]]] = {
    "plain": (
        {
            "2_b.sql": "SELECT 2;",
            "10_c.sql": "\n\nSELECT 3",
            "1_a.sql": "SELECT 1;;",
            "1_a_down.sql": "SELECT 0;",
        },
        [
            ("1_a.sql", 1, "SELECT 1", False),
            ("2_b.sql", 1, "SELECT 2", False),
            ("10_c.sql", 3, "SELECT 3", False),
        ],
    ),
    "golang_migrate": (
        {
            "1_a.up.sql": "SELECT 1;\nSELECT 2;",
            "1_a.down.sql": "SELECT 0;",
            "2_b.up.sql": "CREATE INDEX CONCURRENTLY i ON t (a);",
        },
        [
            ("1_a.up.sql", 1, "SELECT 1", True),
            ("1_a.up.sql", 2, "SELECT 2", True),
            ("2_b.up.sql", 1, "CREATE INDEX CONCURRENTLY i ON t (a)", False),
        ],
    ),
    "dbmate": (
        {"1.sql": DBMATE.format(""), "2.sql": DBMATE.format(" transaction:false")},
        [
            ("1.sql", 2, "CREATE INDEX CONCURRENTLY a ON t (a)", True),
            ("2.sql", 2, "CREATE INDEX CONCURRENTLY a ON t (a)", False),
        ],
    ),
    "goose": ({"1.sql": GOOSE}, [("1.sql", 2, "ALTER TABLE t ADD COLUMN a int", True)]),
    "flyway": (
        {
            "V10__c.sql": "SELECT 10;",
            "V2_1__b.sql": "DROP INDEX CONCURRENTLY i;\nSELECT 2;",
            "V2__a.sql": "DROP INDEX CONCURRENTLY i;",
            "U2__a.sql": "SELECT 0;",
            "R__views.sql": "SELECT 99;",
        },
        [
            ("V2__a.sql", 1, "DROP INDEX CONCURRENTLY i", False),
            ("V2_1__b.sql", 1, "DROP INDEX CONCURRENTLY i", True),
            ("V2_1__b.sql", 2, "SELECT 2", True),
            ("V10__c.sql", 1, "SELECT 10", False),
            ("R__views.sql", 1, "SELECT 99", False),
        ],
    ),
    "liquibase": (
        {"changes.sql": LIQUIBASE},
        [
            ("changes.sql", 4, "ALTER TABLE t ADD COLUMN a int", True),
            ("changes.sql", 8, "CREATE INDEX CONCURRENTLY i ON t (a)", False),
        ],
    ),
    "prisma": (
        {
            "migration_lock.toml": "",
            "20240102_b/migration.sql": "SELECT 2;",
            "20240101_a/migration.sql": "-- AlterTable\nSELECT 1;",
        },
        [
            ("20240101_a/migration.sql", 2, "SELECT 1", False),
            ("20240102_b/migration.sql", 1, "SELECT 2", False),
        ],
    ),
    "sqitch": (
        {
            "sqitch.plan": "%project=x\n\nzebra 2024-01-01T00:00:00Z A <a@b> # first\nant 2024\n",
            "deploy/ant.sql": "BEGIN;\nSELECT 2;\nCOMMIT;",
            "deploy/zebra.sql": "SELECT 1;",
            "revert/ant.sql": "SELECT 0;",
        },
        [("deploy/zebra.sql", 1, "SELECT 1", False), ("deploy/ant.sql", 2, "SELECT 2", True)],
    ),
    "alembic": (
        {"env.py": "", "versions/1_b.py": ALEMBIC, "versions/9_a.py": ALEMBIC_FIRST},
        [
            ("versions/9_a.py", 4, "DROP TABLE old", True),
            ("versions/1_b.py", 8, "UPDATE t SET a = 1", True),
            ("versions/1_b.py", 9, 'CREATE UNIQUE INDEX ix_t_a ON t (a, "Camel")', True),
            ("versions/1_b.py", 10, "ALTER TABLE t DROP COLUMN b", True),
        ],
    ),
    "django": (
        {"__init__.py": "", "0001_initial.py": DJANGO},
        [("0001_initial.py", 6, "DROP INDEX CONCURRENTLY i", False)],
    ),
    "rails": (
        {"20240101_add.rb": RAILS},
        [("20240101_add.rb", 6, "CREATE INDEX CONCURRENTLY i ON t (a)", False)],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name: str, tmp_path: Path) -> None:
    contents, expected = LAYOUTS[name]
    for file, text in contents.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    assert getattr(layout_of(tmp_path), "__name__", "").rpartition(".")[2] == name
    found = [s for made in read_migrations([str(tmp_path)]) for s in made.statements]
    told = [
        (Path(s.file).relative_to(tmp_path).as_posix(), s.line, s.text, s.in_transaction)
        for s in found
    ]
    assert told == expected


def test_every_layout_has_a_case() -> None:
    folder = Path(__file__).parents[2] / "dbtune/gate/migrations"
    files = {f.stem for f in folder.glob("*.py") if not f.stem.startswith("_")}
    assert files == set(LAYOUTS)


@pytest.mark.parametrize(
    ("name", "file", "command"),
    [
        ("alembic", "versions/1_b.py", "alembic upgrade"),
        ("django", "0001_initial.py", "manage.py sqlmigrate"),
        ("rails", "20240101_add.rb", "--migrations"),
    ],
)
def test_what_is_no_sql_is_named_with_the_command_that_writes_it(
    name: str, file: str, command: str, tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(LAYOUTS[name][0][file])
    (made,) = read_migrations([str(tmp_path / file)])
    assert "cannot be read as SQL" in made.unread
    assert command in made.remedy


def test_one_file_of_a_layout_is_read_as_the_layout_has_it(tmp_path: Path) -> None:
    file = tmp_path / "1.sql"
    file.write_text(DBMATE.format(""))
    (made,) = read_migrations([str(file)])
    assert [s.text for s in made.statements] == ["CREATE INDEX CONCURRENTLY a ON t (a)"]


def test_statements_end_where_postgresql_ends_them() -> None:
    text = r"""\set ON_ERROR_STOP on
CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;
DO $$ BEGIN PERFORM 1; END $$; /* a; /* nested; */ b */
COPY t (a) FROM stdin;
1; DROP TABLE t;
\.
SET LOCAL lock_timeout = '1s';
BEGIN; SELECT ';' AS "a;b"; COMMIT;
SELECT 1"""
    made = script(text, "f.sql", in_transaction=False)
    assert [
        (s.line, s.text.split("(")[0].split()[0], s.in_transaction) for s in made.statements
    ] == [
        (2, "CREATE", False),
        (3, "DO", False),
        (7, "SET", False),
        (8, "SELECT", True),
        (9, "SELECT", False),
    ]
    assert made.statements[2].text == "SET lock_timeout = '1s'"


@pytest.mark.parametrize("path", ["missing.sql", "empty"])
def test_what_is_no_migration_is_told(path: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=path):
        read_migrations([str(tmp_path / path)])
