"""The library in peewee's ORM over psycopg2, and plain drivers: literals in the texts."""

from __future__ import annotations

import shutil
import subprocess
from random import Random
from typing import Any

import peewee
import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.corpus.views import N_PLUS_ONE, ROW_BY_ROW, Views, consume


def peewee_views(dsn: str) -> Views:
    """The views; peewee keeps one connection a thread."""
    parts = conninfo_to_dict(dsn)
    database = peewee.PostgresqlDatabase(
        str(parts["dbname"]), user=parts["user"], host=parts["host"], autoconnect=True
    )

    def model(name: str, table: str, /, **fields: Any) -> Any:
        meta = type("Meta", (), {"database": database, "table_name": table})
        return type(name, (peewee.Model,), {"Meta": meta, **fields})

    text, number, linked = peewee.TextField, peewee.IntegerField, peewee.ForeignKeyField
    branch = model("Branch", "branch", name=text(), city=text())
    author = model("Author", "author", name=text(), country=text())
    book = model(
        "Book", "book", title=text(), year=number(), author=linked(author, backref="books")
    )
    reader = model("Reader", "reader", name=text(), email=text())
    copy = model(
        "Copy", "copy_of_book", state=text(), book=linked(book, backref="copies"),
        branch=linked(branch, backref="copies"),
    )  # fmt: skip
    loan = model(
        "Loan", "loan", returned=peewee.BooleanField(), due=peewee.DateField(),
        copy=linked(copy, backref="loans", column_name="copy_id"),
        reader=linked(reader, backref="loans"),
    )  # fmt: skip
    event = model("Event", "event", kind=text(), payload=text())
    setting = model("Setting", "setting", name=text(), value=text())
    views = Views("peewee", database.close)

    @views.found((N_PLUS_ONE, "branch"))
    def foreign_key_in_a_loop(choice: Random) -> None:
        start = choice.randint(1, 1100)
        for found in copy.select().where(copy.id.between(start, start + 15)):
            assert found.branch.name

    @views.found((N_PLUS_ONE, "copy_of_book"))
    def back_reference_in_a_loop(choice: Random) -> None:
        start = choice.randint(1, 380)
        for found in book.select().where(book.id.between(start, start + 10)):
            consume(found.copies)

    @views.found((N_PLUS_ONE, "loan"))
    def count_per_row(choice: Random) -> None:
        for found in reader.select().where(reader.id > choice.randint(170, 185)):
            assert found.loans.count() >= 0

    @views.found((ROW_BY_ROW, "event"))
    def insert_in_one_transaction(choice: Random) -> None:
        with database.atomic():
            for at in range(choice.randint(10, 15)):
                event.create(kind="peewee", payload=str(at))

    @views.found((ROW_BY_ROW, "event"))
    def delete_per_row(_: Random) -> None:
        with database.atomic():
            for found in event.select().order_by(event.id.desc()).limit(12):
                found.delete_instance()

    @views.silent
    def joined(choice: Random) -> None:
        start = choice.randint(1, 1100)
        wanted = copy.select(copy, branch).join(branch)
        for found in wanted.where(copy.id.between(start, start + 15)):
            assert found.branch.name

    @views.silent
    def prefetched(choice: Random) -> None:
        start = choice.randint(1, 380)
        books = book.select().where(book.id.between(start, start + 10))
        for found in peewee.prefetch(books, copy.select()):
            consume(found.copies)

    @views.silent
    def insert_many(_: Random) -> None:
        with database.atomic():
            for _batch in range(5):
                rows = [{"kind": "chunk", "payload": str(at)} for at in range(30)]
                event.insert_many(rows).execute()

    @views.silent
    def offset_pages(_: Random) -> None:
        with database.atomic():
            for page in range(1, 9):
                consume(author.select().order_by(author.id).paginate(page, 7))

    @views.silent
    def setting_once_per_request(choice: Random) -> None:
        setting.get_by_id(2)
        consume(branch.select().where(branch.city == f"city {choice.randint(0, 3)}"))

    @views.silent
    def loan_page(choice: Random) -> None:
        found = loan.get_by_id(choice.randint(1, 3000))
        assert found.reader.name
        assert found.copy.state

    @views.silent
    def copied_in(_: Random) -> None:
        with psycopg.connect(dsn) as connection:
            for _batch in range(6):
                with connection.cursor().copy("COPY event (kind, payload) FROM STDIN") as copying:
                    copying.write_row(("copied", "row"))

    @views.silent
    def fetched_from_a_cursor(_: Random) -> None:
        with psycopg.connect(dsn) as connection, connection.cursor("pages") as cursor:
            cursor.itersize = 100
            cursor.execute("SELECT * FROM review")
            consume(cursor)

    @views.silent
    def dumped(_: Random) -> None:
        program = shutil.which("pg_dump", path=_program_path)
        if program:
            subprocess.run([program, dsn], check=False, capture_output=True)

    return views


_program_path: str | None = None
