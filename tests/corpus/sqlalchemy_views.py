"""The library in SQLAlchemy's ORM: a session is a request in one transaction."""

from __future__ import annotations

import asyncio
import uuid
from datetime import date
from random import Random
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Engine, ForeignKey, create_engine, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)

from tests.corpus.views import N_PLUS_ONE, ROW_BY_ROW, Views, consume


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list[Book]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    year: Mapped[int]
    pages: Mapped[int]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")
    copies: Mapped[list[Copy]] = relationship(back_populates="book")
    tags: Mapped[list[Tag]] = relationship(secondary="book_tag")


class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class BookTag(Base):
    __tablename__ = "book_tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id"))


class Branch(Base):
    __tablename__ = "branch"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Copy(Base):
    __tablename__ = "copy_of_book"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    book: Mapped[Book] = relationship(back_populates="copies")
    branch: Mapped[Branch] = relationship()
    loans: Mapped[list[Loan]] = relationship(back_populates="copy")


class Reader(Base):
    __tablename__ = "reader"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    loans: Mapped[list[Loan]] = relationship(back_populates="reader")


class Loan(Base):
    __tablename__ = "loan"
    id: Mapped[int] = mapped_column(primary_key=True)
    copy_id: Mapped[int] = mapped_column(ForeignKey("copy_of_book.id"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("reader.id"))
    due: Mapped[date]
    returned: Mapped[bool]
    copy: Mapped[Copy] = relationship(back_populates="loans")
    reader: Mapped[Reader] = relationship(back_populates="loans")


class Event(Base):
    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[str]


class Job(Base):
    __tablename__ = "job"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    payload: Mapped[str]


class VisitCount(Base):
    __tablename__ = "visit_count"
    branch_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    visits: Mapped[int]


def sqlalchemy_views(dsn: str) -> Views:
    """The views that run in threads, on a pool of four connections."""
    parts = conninfo_to_dict(dsn)
    engine: Engine = create_engine(
        f"postgresql+psycopg://{parts['user']}@/{parts['dbname']}?host={parts['host']}",
        pool_size=4, pool_pre_ping=True,
    )  # fmt: skip
    views = Views("sqlalchemy", engine.dispose)

    @views.found((N_PLUS_ONE, "copy_of_book"))
    def many_to_one_in_a_loop(choice: Random) -> None:
        with Session(engine) as session:
            start = choice.randint(1, 2900)
            for loan in session.scalars(select(Loan).where(Loan.id.between(start, start + 14))):
                assert loan.copy.state

    @views.found((N_PLUS_ONE, "loan"))
    def one_to_many_in_a_loop(choice: Random) -> None:
        with Session(engine) as session:
            start = choice.randint(1, 180)
            for reader in session.scalars(
                select(Reader).where(Reader.id.between(start, start + 9))
            ):
                consume(reader.loans)

    @views.found((N_PLUS_ONE, "tag"))
    def many_to_many_in_a_loop(choice: Random) -> None:
        with Session(engine) as session:
            for book in session.scalars(
                select(Book).where(Book.year == choice.randint(1950, 2000))
            ):
                consume(book.tags)
            for book in session.scalars(select(Book).limit(12)):
                consume(book.tags)

    @views.found((N_PLUS_ONE, "copy_of_book"), (N_PLUS_ONE, "loan"))
    def nested(choice: Random) -> None:
        with Session(engine) as session:
            start = choice.randint(1, 390)
            for book in session.scalars(select(Book).where(Book.id.between(start, start + 7))):
                for copy in book.copies:
                    consume(copy.loans)

    @views.found((N_PLUS_ONE, "reader"))
    def get_in_a_loop(choice: Random) -> None:
        with Session(engine) as session:
            start = choice.randint(1, 2900)
            ids = session.scalars(
                select(Loan.reader_id).where(Loan.id.between(start, start + 20))
            ).all()
            for key in ids:
                session.get(Reader, key)

    @views.found((ROW_BY_ROW, "event"))
    def flush_in_a_loop(choice: Random) -> None:
        with Session(engine) as session:
            for at in range(choice.randint(10, 20)):
                session.add(Event(kind="flush", payload=str(at)))
                session.flush()
            session.commit()

    @views.found((ROW_BY_ROW, "event"))
    def commit_in_a_loop(choice: Random) -> None:
        with Session(engine) as session:
            for at in range(choice.randint(15, 20)):
                session.add(Event(kind="commit", payload=str(at)))
                session.commit()

    @views.found((ROW_BY_ROW, "visit_count"))
    def upsert_in_a_loop(choice: Random) -> None:
        day = date(2026, 1, choice.randint(1, 28))
        with engine.begin() as connection:
            for branch in range(1, 13):
                statement = upsert(VisitCount).values(branch_id=branch, day=day, visits=1)
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["branch_id", "day"], set_={"visits": VisitCount.visits + 1}
                    )
                )

    @views.found((ROW_BY_ROW, "loan"))
    def update_per_row(choice: Random) -> None:
        with engine.begin() as connection:
            start = choice.randint(1, 2900)
            for key in range(start, start + 15):
                connection.execute(
                    text("UPDATE loan SET returned = true WHERE id = :id"), {"id": key}
                )

    @views.silent
    def joined_loading(choice: Random) -> None:
        with Session(engine) as session:
            start = choice.randint(1, 2900)
            wanted = select(Loan).options(joinedload(Loan.copy))
            for loan in session.scalars(wanted.where(Loan.id.between(start, start + 14))):
                assert loan.copy.state

    @views.silent
    def selectin_loading(choice: Random) -> None:
        with Session(engine) as session:
            start = choice.randint(1, 180)
            wanted = select(Reader).options(selectinload(Reader.loans).selectinload(Loan.copy))
            for reader in session.scalars(wanted.where(Reader.id.between(start, start + 9))):
                consume(reader.loans)

    @views.silent
    def any_of_arrays(choice: Random) -> None:
        with engine.begin() as connection:
            for start in range(0, 200, 20):
                connection.execute(
                    text("SELECT * FROM loan WHERE reader_id = ANY(:ids)"),
                    {"ids": list(range(start, start + choice.randint(5, 20)))},
                ).all()

    @views.silent
    def insert_many_values(_: Random) -> None:
        with engine.begin() as connection:
            for _batch in range(5):
                rows = [{"kind": "many", "payload": str(at)} for at in range(40)]
                connection.execute(insert(Event), rows)

    @views.silent
    def executemany_in_a_pipeline(choice: Random) -> None:
        with engine.begin() as connection:
            start = choice.randint(1, 2000)
            connection.execute(
                text("UPDATE loan SET due = due + 1 WHERE id = :id"),
                [{"id": key} for key in range(start, start + 60)],
            )

    @views.silent
    def reader_once_per_request(choice: Random) -> None:
        with Session(engine) as session:
            reader = session.get(Reader, choice.randint(1, 200))
            assert reader
            consume(reader.loans)

    @views.silent
    def branch_list(_: Random) -> None:
        with Session(engine) as session:
            consume(session.scalars(select(Branch).order_by(Branch.name)))

    @views.silent
    def keyset_pages(_: Random) -> None:
        with Session(engine) as session:
            last = 0
            wanted = select(Loan).order_by(Loan.id).limit(300)
            while rows := session.scalars(wanted.where(Loan.id > last)).all():
                last = rows[-1].id

    @views.silent
    def job_queue(_: Random) -> None:
        with Session(engine) as session:
            wanted = select(Job).where(Job.state == "waiting").order_by(Job.id).limit(1)
            for _turn in range(8):
                job = session.scalars(wanted.with_for_update(skip_locked=True)).first()
                assert job
                session.commit()

    @views.silent
    def few_rows_written(choice: Random) -> None:
        with Session(engine) as session:
            for at in range(3):
                session.add(Event(kind="few", payload=str(at)))
                session.flush()
            session.get(Branch, choice.randint(1, 12))
            session.commit()

    @views.silent
    def statistics_page(_: Random) -> None:
        with Session(engine) as session:
            for state in ("good", "worn", "lost", "new", "sold", "torn"):
                session.scalar(select(func.count()).select_from(Copy).where(Copy.state == state))

    return views


def sqlalchemy_async_views(dsn: str) -> Views:
    """The views over asyncpg; each runs in an event loop of its own."""
    parts = conninfo_to_dict(dsn)
    url = f"postgresql+asyncpg://{parts['user']}@/{parts['dbname']}?host={parts['host']}"
    views = Views("sqlalchemy-async", lambda: None)

    def ran(work: Any) -> None:
        async def whole() -> None:
            engine = create_async_engine(url, pool_size=4)
            try:
                await work(engine)
            finally:
                await engine.dispose()

        asyncio.run(whole())

    @views.found((N_PLUS_ONE, "author"))
    def awaited_attribute(choice: Random) -> None:
        async def work(engine: Any) -> None:
            async with AsyncSession(engine) as session:
                wanted = select(Book).where(Book.pages > choice.randint(400, 460)).limit(20)
                for book in (await session.scalars(wanted)).all():
                    assert (await book.awaitable_attrs.author).name

        ran(work)

    @views.found((N_PLUS_ONE, "copy_of_book"))
    def count_per_row(choice: Random) -> None:
        async def work(engine: Any) -> None:
            async with AsyncSession(engine) as session:
                wanted = select(Book.id).where(Book.pages > choice.randint(440, 480))
                for key in await session.scalars(wanted):
                    await session.scalar(
                        select(func.count()).select_from(Copy).where(Copy.book_id == key)
                    )

        ran(work)

    @views.found((N_PLUS_ONE, "reader"))
    def fan_out_in_one_trace(choice: Random) -> None:
        async def work(engine: Any) -> None:
            trace = (
                f"/*traceparent='00-{uuid.UUID(int=choice.getrandbits(128)).hex}-{'1' * 16}-01'*/"
            )

            async def ask(statement: str, **values: Any) -> Any:
                async with engine.connect() as connection:
                    return (await connection.execute(text(f"{statement} {trace}"), values)).all()

            rows = await ask(
                "SELECT id, reader_id FROM review WHERE book_id BETWEEN :low AND :high",
                low=choice.randint(1, 300), high=400,
            )  # fmt: skip
            wanted = "SELECT id, name FROM reader WHERE id = :id"
            await asyncio.gather(*(ask(wanted, id=row.reader_id) for row in rows[:16]))

        ran(work)

    @views.silent
    def independent_fan_out(choice: Random) -> None:
        async def work(engine: Any) -> None:
            trace = (
                f"/*traceparent='00-{uuid.UUID(int=choice.getrandbits(128)).hex}-{'2' * 16}-01'*/"
            )

            async def ask(statement: str) -> None:
                async with engine.connect() as connection:
                    (await connection.execute(text(f"{statement} {trace}"))).all()

            await asyncio.gather(
                ask("SELECT * FROM branch WHERE city = 'city 1'"),
                ask("SELECT count(*) FROM loan WHERE NOT returned"),
                ask("SELECT * FROM tag ORDER BY name LIMIT 10"),
                ask("SELECT * FROM publisher WHERE id = 4"),
            )

        ran(work)

    @views.silent
    def selectin_loading(choice: Random) -> None:
        async def work(engine: Any) -> None:
            async with AsyncSession(engine) as session:
                wanted = select(Author).options(selectinload(Author.books)).limit(20)
                for author in await session.scalars(wanted.where(Author.id > choice.randint(1, 9))):
                    consume(author.books)

        ran(work)

    @views.silent
    def executemany(_: Random) -> None:
        async def work(engine: Any) -> None:
            async with engine.begin() as connection:
                await connection.execute(
                    text("INSERT INTO event (kind, payload) VALUES (:kind, :payload)"),
                    [{"kind": "async", "payload": str(at)} for at in range(40)],
                )

        ran(work)

    @views.silent
    def reader_page(choice: Random) -> None:
        async def work(engine: Any) -> None:
            async with AsyncSession(engine) as session:
                reader = await session.get(Reader, choice.randint(1, 200))
                assert reader
                consume(await session.scalars(select(Loan).where(Loan.reader_id == reader.id)))

        ran(work)

    return views
