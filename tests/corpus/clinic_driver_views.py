"""The clinic by plain drivers: asyncpg with a pool, and psycopg with connections lent in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from queue import LifoQueue
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.corpus.loop import LoopThread
from tests.corpus.views import IDENTICAL, N_PLUS_ONE, ROW_BY_ROW, Views, consume


def _trace(choice: Random) -> str:
    return f"/*traceparent='00-{UUID(int=choice.getrandbits(128)).hex}-{'3' * 16}-01'*/"


def asyncpg_views(dsn: str) -> Views:
    """The views, on a pool of two connections; prepared statements with parameters."""
    parts = conninfo_to_dict(dsn)
    loop = LoopThread()

    async def opened() -> Any:
        return await asyncpg.create_pool(
            user=parts["user"], host=parts["host"], database=parts["dbname"], min_size=2, max_size=2
        )

    pool = loop.ran(opened())
    views = Views("asyncpg", end=lambda: loop.ran(pool.close()))

    @views.found((N_PLUS_ONE, "patient"))
    def patient_of_each_visit(choice: Random) -> None:
        async def work() -> None:
            tenant = choice.randint(1, 4)
            async with pool.acquire() as one, one.transaction():
                for row in await one.fetch(
                    "SELECT id, patient_id, state FROM visit WHERE tenant_id = $1 AND id > $2"
                    " ORDER BY id LIMIT 12", tenant, choice.randint(1, 2000),
                ):  # fmt: skip
                    await one.fetchrow(
                        "SELECT full_name FROM patient"
                        " WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
                        tenant, row["patient_id"],
                    )  # fmt: skip

        loop.ran(work())

    @views.found((N_PLUS_ONE, "patient"), (N_PLUS_ONE, "doctor"))
    def polymorphic(choice: Random) -> None:
        async def work() -> None:
            async with pool.acquire() as one, one.transaction():
                for row in await one.fetch(
                    "SELECT about, about_key, body FROM remark WHERE tenant_id = $1 OR id < $2"
                    " ORDER BY id LIMIT 24", choice.randint(1, 4), choice.randint(20, 60),
                ):  # fmt: skip
                    table = {"doctor": "doctor", "patient": "patient"}[row["about"]]
                    await one.fetchrow(
                        f"SELECT id, full_name FROM {table} WHERE id = $1", row["about_key"]
                    )

        loop.ran(work())

    @views.found((N_PLUS_ONE, "drug"))
    def fan_out_in_one_trace(choice: Random) -> None:
        async def work() -> None:
            tag = _trace(choice)
            rows = await pool.fetch(
                f"SELECT drug FROM prescription WHERE visit_id BETWEEN $1 AND $1 + 5 {tag}",
                choice.randint(1, 2000),
            )
            wanted = f"SELECT id, name, price FROM drug WHERE id = $1 {tag}"
            await asyncio.gather(*(pool.fetchrow(wanted, row["drug"]) for row in rows))

        loop.ran(work())

    @views.found((N_PLUS_ONE, "diagnosis"), (N_PLUS_ONE, "icd"))
    def nested(choice: Random) -> None:
        async def work() -> None:
            async with pool.acquire() as one:
                start = choice.randint(1, 2300)
                for visit in await one.fetch(
                    "SELECT id FROM visit WHERE id BETWEEN $1 AND $2", start, start + 7
                ):
                    for found in await one.fetch(
                        "SELECT position, code FROM diagnosis WHERE visit_id = $1", visit["id"]
                    ):
                        await one.fetchval("SELECT title FROM icd WHERE code = $1", found["code"])

        loop.ran(work())

    @views.found((N_PLUS_ONE, "doctor"))
    def reference_of_another_name(choice: Random) -> None:
        async def work() -> None:
            async with pool.acquire() as one:
                for row in await one.fetch(
                    "SELECT id, full_name, gp FROM patient WHERE tenant_id = $1"
                    " ORDER BY full_name LIMIT 15 OFFSET $2",
                    choice.randint(1, 4), choice.randint(0, 100),
                ):  # fmt: skip
                    await one.fetchval("SELECT full_name FROM doctor WHERE id = $1", row["gp"])

        loop.ran(work())

    @views.found((ROW_BY_ROW, "pulse"))
    def upsert_in_a_loop(choice: Random) -> None:
        async def work() -> None:
            first = date(2026, 1, 1) + timedelta(days=choice.randint(0, 200))
            patient = UUID(int=choice.getrandbits(128))
            async with pool.acquire() as one:
                for at in range(15):
                    await one.execute(
                        "INSERT INTO pulse (patient_id, day, beats) VALUES ($1, $2, $3)"
                        " ON CONFLICT (patient_id, day) DO UPDATE SET beats = excluded.beats",
                        patient, first + timedelta(days=at), at,
                    )  # fmt: skip

        loop.ran(work())

    @views.silent
    def executemany(choice: Random) -> None:
        async def work() -> None:
            rows = [(1, f"many {at}") for at in range(choice.randint(30, 60))]
            async with pool.acquire() as one:
                await one.executemany("INSERT INTO audit (tenant_id, what) VALUES ($1, $2)", rows)

        loop.ran(work())

    @views.silent
    def copied(choice: Random) -> None:
        async def work() -> None:
            rows = [(1, f"copied {at}") for at in range(choice.randint(30, 60))]
            await pool.copy_records_to_table("audit", records=rows, columns=["tenant_id", "what"])

        loop.ran(work())

    @views.silent
    def cursor(_: Random) -> None:
        async def work() -> None:
            async with pool.acquire() as one, one.transaction():
                async for row in one.cursor(
                    "SELECT id, state FROM visit ORDER BY id", prefetch=100
                ):
                    assert row["id"]

        loop.ran(work())

    @views.silent
    def arrays(choice: Random) -> None:
        async def work() -> None:
            rows = await pool.fetch(
                "SELECT id, patient_id FROM visit WHERE id BETWEEN $1 AND $1 + 200",
                choice.randint(1, 2000),
            )
            keys = [row["patient_id"] for row in rows]
            for at in range(0, len(keys), 25):
                await pool.fetch(
                    "SELECT id, full_name FROM patient WHERE id = ANY($1)", keys[at : at + 25]
                )

        loop.ran(work())

    @views.silent
    def notified(choice: Random) -> None:
        async def work() -> None:
            async with pool.acquire() as one:
                for at in range(choice.randint(8, 12)):
                    await one.execute("SELECT pg_notify($1, $2)", "news", str(at))

        loop.ran(work())

    @views.silent
    def token_then_page(choice: Random) -> None:
        async def work() -> None:
            async with pool.acquire() as one:
                found = await one.fetchrow(
                    "SELECT tenant_id, doctor_id FROM access_token WHERE token = $1",
                    f"token{choice.randint(1, 120)}",
                )
                await one.fetchrow("SELECT name FROM tenant WHERE id = $1", found["tenant_id"])
                await one.fetchrow(
                    "SELECT full_name, specialty FROM doctor WHERE id = $1", found["doctor_id"]
                )
                await one.fetch(
                    "SELECT id, name FROM department WHERE tenant_id = $1", found["tenant_id"]
                )

        loop.ran(work())

    @views.silent
    def retried(choice: Random) -> None:
        async def work() -> None:
            for _ in range(3):
                try:
                    async with pool.acquire() as one, one.transaction():
                        await one.fetchrow(
                            "SELECT price FROM drug WHERE id = $1 FOR UPDATE", choice.randint(1, 80)
                        )
                        await one.execute(
                            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"
                        )
                except asyncpg.SerializationError:
                    continue

        loop.ran(work())

    return views


def psycopg_views(dsn: str) -> Views:
    """The views, on two connections lent in turn; statements commit one by one unless told."""
    connections: LifoQueue[psycopg.Connection[Any]] = LifoQueue()
    for _ in range(2):
        connections.put(psycopg.connect(dsn, autocommit=True))

    def close() -> None:
        while not connections.empty():
            connections.get().close()

    @contextmanager
    def lent() -> Iterator[psycopg.Connection[Any]]:
        connection = connections.get()
        try:
            yield connection
        finally:
            connections.put(connection)

    views = Views("psycopg", end=close)

    @views.found((N_PLUS_ONE, "patient"))
    def patient_of_each_visit(choice: Random) -> None:
        with lent() as one:
            for _, patient in one.execute(
                "SELECT v.id, v.patient_id FROM visit v WHERE v.tenant_id = %s AND v.room = %s"
                " AND v.state <> 'void' LIMIT 14",
                (choice.randint(1, 4), choice.randint(1, 25)),
            ).fetchall():
                one.execute("SELECT * FROM patient WHERE id = %s", (patient,)).fetchone()

    @views.found((ROW_BY_ROW, "audit"))
    def imported_line_by_line(choice: Random) -> None:
        with lent() as one:
            for at in range(choice.randint(18, 24)):
                one.execute(
                    "INSERT INTO audit (tenant_id, what) VALUES (%s, %s)", (3, f"line {at}")
                )

    @views.found((IDENTICAL, "tenant"))
    def tenant_for_every_row(choice: Random) -> None:
        tenant = choice.randint(1, 4)
        with lent() as one, one.transaction():
            for _row in one.execute("SELECT id FROM drug WHERE price > 68").fetchall():
                one.execute("SELECT name FROM tenant WHERE id = %s", (tenant,)).fetchone()

    @views.found((N_PLUS_ONE, "department"))
    def ancestors_of_each(choice: Random) -> None:
        with lent() as one, one.transaction():
            start = choice.randint(60, 105)
            for _, above in one.execute(
                "SELECT id, parent FROM department WHERE id BETWEEN %s AND %s", (start, start + 14)
            ).fetchall():
                parent = above
                while parent:
                    found = one.execute(
                        "SELECT name, parent FROM department WHERE id = %s", (parent,)
                    ).fetchone()
                    parent = found[1] if found else None

    @views.found((ROW_BY_ROW, "visit"), (ROW_BY_ROW, "prescription"))
    def deleted_one_by_one(choice: Random) -> None:
        with lent() as one, one.transaction() as whole:
            start = choice.randint(1, 2300)
            for key in range(start, start + 9):
                one.execute("DELETE FROM prescription WHERE visit_id = %s", (key,))
                one.execute(
                    "UPDATE visit SET state = 'gone' WHERE id = %s AND tenant_id > 0", (key,)
                )
            raise psycopg.Rollback(whole)

    @views.silent
    def executemany_in_a_pipeline(choice: Random) -> None:
        with lent() as one, one.transaction(), one.cursor() as cursor:
            start = choice.randint(1, 2000)
            cursor.executemany(
                "UPDATE visit SET state = 'done' WHERE id = %s",
                [(key,) for key in range(start, start + 50)],
            )

    @views.silent
    def written_by_arrays(choice: Random) -> None:
        with lent() as one:
            for _ in range(6):
                rows = [f"array {choice.randint(1, 9)}" for _ in range(20)]
                one.execute(
                    "INSERT INTO audit (tenant_id, what) SELECT 1, unnest(%s::text[])", (rows,)
                )

    @views.silent
    def recursive(_: Random) -> None:
        with lent() as one:
            for root in range(1, 5):
                one.execute(
                    "WITH RECURSIVE below AS (SELECT id FROM department WHERE id = %s UNION ALL"
                    " SELECT d.id FROM department d JOIN below ON d.parent = below.id)"
                    " SELECT count(*) FROM below", (root,),
                ).fetchone()  # fmt: skip

    @views.silent
    def health_checks(_: Random) -> None:
        with lent() as one:
            for _turn in range(12):
                one.execute("SELECT 1").fetchone()

    @views.silent
    def server_side_cursor(_: Random) -> None:
        with lent() as one, one.transaction(), one.cursor("visits") as cursor:
            cursor.itersize = 200
            consume(cursor.execute("SELECT id, state FROM visit"))

    @views.silent
    def one_prescription(choice: Random) -> None:
        with lent() as one:
            row = one.execute(
                "SELECT drug, visit_id FROM prescription WHERE id = %s", (choice.randint(1, 4800),)
            ).fetchone()
            assert row
            one.execute("SELECT * FROM drug WHERE id = %s", (row[0],)).fetchone()
            one.execute("SELECT * FROM patient WHERE id = %s", (UUID(int=row[1]),)).fetchone()

    @views.silent
    def department_list(choice: Random) -> None:
        with lent() as one:
            one.execute(
                "SELECT id, name FROM department WHERE tenant_id = %s LIMIT 20",
                (choice.randint(1, 4),),
            ).fetchall()

    @views.silent
    def exported_in_slices(_: Random) -> None:
        with lent() as one:
            last = 0
            while rows := one.execute(
                "SELECT id, dose FROM prescription WHERE id > %s ORDER BY id LIMIT 600", (last,)
            ).fetchall():
                last = rows[-1][0]

    return views
