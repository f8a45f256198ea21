"""Each dialect says the same statements, in order, and outside a transaction."""

from __future__ import annotations

import ast
from collections.abc import Callable

import psycopg
import pytest

from dbtune.advice import CreateIndex
from dbtune.collect import collect
from dbtune.errors import BadInput
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, column_key
from dbtune.migration import Migration, write_migration
from dbtune.migration.dialects import dialect_names, render
from tests.migration.test_migration import SHOP, catalog, recommended

MakeDatabase = Callable[..., str]


@pytest.fixture
def shop(make_database: MakeDatabase) -> tuple[str, Migration]:
    """A database, and a migration for it whose SQL holds quotes, percent signs and two lines."""
    dsn = make_database(SHOP)
    spec = IndexSpec(
        QualifiedName("public", "orders"), (column_key("customer_id"),),
        predicate="(state <> '100 %''s\nend')",
    )  # fmt: skip
    return dsn, write_migration(recommended(CreateIndex(spec)), collect(dsn))


@pytest.mark.parametrize("dialect", dialect_names())
def test_every_statement_stands_in_its_files(dialect: str, shop: tuple[str, Migration]) -> None:
    files = render(shop[1], dialect)
    text = "\n".join(files.values()).replace("%%", "%")
    assert text.count("CREATE INDEX CONCURRENTLY") >= 1
    assert shop[1].down_steps[0].sql in text
    assert files == render(shop[1], dialect)


@pytest.mark.parametrize("dialect", ["alembic", "django"])
def test_python_dialects_apply_and_revert(dialect: str, shop: tuple[str, Migration]) -> None:
    dsn, migration = shop
    (text,) = render(migration, dialect).values()
    lists = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.List)
    }
    before = catalog(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in lists["UP"]:
            connection.execute(statement.replace("%%", "%").encode())
        assert len(catalog(dsn)) == len(before) + 1
        for statement in lists["DOWN"]:
            connection.execute(statement.replace("%%", "%").encode())
    assert catalog(dsn) == before


def test_prisma_has_one_statement_a_file(shop: tuple[str, Migration]) -> None:
    files = render(shop[1], "prisma")
    folders = sorted(path for path in files if path.endswith("/migration.sql"))
    assert len(folders) == len(shop[1].up_steps)
    assert [files[path].count("CREATE INDEX") for path in folders] == [0, 0, 1]


def test_an_unknown_dialect_is_refused(shop: tuple[str, Migration]) -> None:
    with pytest.raises(BadInput, match="no migration dialect 'cobol'"):
        render(shop[1], "cobol")
