"""The clinic in Piccolo over asyncpg: a query builder with a pool, transactions where asked for."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from piccolo.columns import UUID, BigInt, Date, ForeignKey, Integer, Text
from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table
from psycopg.conninfo import conninfo_to_dict

from tests.corpus.loop import LoopThread
from tests.corpus.views import N_PLUS_ONE, ROW_BY_ROW, Views, consume


def piccolo_views(dsn: str) -> Views:
    """The views, on a pool of two connections."""
    parts = conninfo_to_dict(dsn)
    engine = PostgresEngine(
        {"user": parts["user"], "host": parts["host"], "database": parts["dbname"]},
        extensions=(),
    )
    loop = LoopThread()
    loop.ran(engine.start_connection_pool(min_size=1, max_size=2))

    class Patient(Table, tablename="patient", db=engine):
        id = UUID(primary_key=True)
        tenant_id = Integer()
        full_name = Text()

    class Visit(Table, tablename="visit", db=engine):
        id = BigInt(primary_key=True)
        tenant_id = Integer()
        patient_id = UUID()
        state = Text()

    class Drug(Table, tablename="drug", db=engine):
        id = Integer(primary_key=True)
        name = Text()
        price = Integer()

    class Prescription(Table, tablename="prescription", db=engine):
        id = BigInt(primary_key=True)
        tenant_id = Integer()
        visit_id = BigInt()
        drug = ForeignKey(Drug)
        dose = Text()

    class Attachment(Table, tablename="attachment", db=engine):
        id = BigInt(primary_key=True)
        owner_type = Text()
        owner_id = BigInt()
        file_name = Text()

    class Outbox(Table, tablename="outbox", db=engine):
        state = Text()
        body = Text()

    class Pulse(Table, tablename="pulse", db=engine):
        patient_id = UUID(primary_key=True)
        day = Date()
        beats = Integer()

    views = Views("piccolo", end=lambda: loop.ran(engine.close_connection_pool()))

    def some_prescriptions(choice: Random) -> Any:
        wanted = Prescription.select().where(Prescription.tenant_id == choice.randint(1, 4))
        return wanted.order_by(Prescription.id).offset(choice.randint(0, 900)).limit(14)

    @views.found((N_PLUS_ONE, "drug"))
    def drug_of_each_prescription(choice: Random) -> None:
        async def work() -> None:
            async with engine.transaction():
                for row in await some_prescriptions(choice):
                    await Drug.select().where(Drug.id == row["drug"]).first()

        loop.ran(work())

    @views.found((N_PLUS_ONE, "visit"))
    def latest_visits_of_each_patient(choice: Random) -> None:
        async def work() -> None:
            wanted = Patient.select(Patient.id).where(Patient.tenant_id == choice.randint(1, 4))
            for row in await wanted.order_by(Patient.full_name).limit(11):
                mine = Visit.select().where(Visit.patient_id == row["id"])
                await mine.order_by(Visit.id, ascending=False).limit(3)

        loop.ran(work())

    @views.found((N_PLUS_ONE, "attachment"))
    def files_of_each_visit(choice: Random) -> None:
        async def work() -> None:
            async with engine.transaction():
                wanted = Visit.select(Visit.id).where(Visit.id < choice.randint(400, 1100))
                for row in await wanted.order_by(Visit.id, ascending=False).limit(12):
                    await Attachment.select(Attachment.file_name).where(
                        Attachment.owner_type == "visit", Attachment.owner_id == row["id"]
                    )

        loop.ran(work())

    @views.found((ROW_BY_ROW, "outbox"))
    def insert_in_a_loop(choice: Random) -> None:
        async def work() -> None:
            async with engine.transaction():
                for at in range(choice.randint(8, 12)):
                    await Outbox.insert(Outbox(state="sent", body=str(at)))

        loop.ran(work())

    @views.found((ROW_BY_ROW, "pulse"))
    def upsert_in_a_loop(choice: Random) -> None:
        async def work() -> None:
            rows = await Patient.select(Patient.id).limit(1).offset(choice.randint(0, 500))
            first = date(2026, 1, 1) + timedelta(days=choice.randint(0, 200))
            async with engine.transaction():
                for at in range(12):
                    day = first + timedelta(days=at)
                    row = Pulse(patient_id=rows[0]["id"], day=day, beats=60)
                    await Pulse.insert(row).on_conflict(
                        target=(Pulse.patient_id, Pulse.day), action="DO UPDATE",
                        values=[Pulse.beats],
                    )  # fmt: skip

        loop.ran(work())

    @views.silent
    def joined(choice: Random) -> None:
        async def work() -> None:
            wanted = Prescription.select(Prescription.dose, Prescription.drug.name)
            consume(await wanted.where(Prescription.tenant_id == choice.randint(1, 4)).limit(14))

        loop.ran(work())

    @views.silent
    def inserted_at_once(choice: Random) -> None:
        async def work() -> None:
            rows = [Outbox(state="sent", body=str(at)) for at in range(choice.randint(10, 20))]
            await Outbox.insert(*rows)

        loop.ran(work())

    @views.silent
    def listed_keys(choice: Random) -> None:
        async def work() -> None:
            rows = await some_prescriptions(choice)
            consume(await Drug.select().where(Drug.id.is_in([row["drug"] for row in rows])))

        loop.ran(work())

    @views.silent
    def keyset_pages(choice: Random) -> None:
        async def work() -> None:
            last = choice.randint(1, 500)
            for _ in range(8):
                wanted = Visit.select().where(Visit.tenant_id == 2, Visit.id > last)
                rows = await wanted.order_by(Visit.id).limit(50)
                last = rows[-1]["id"]

        loop.ran(work())

    @views.silent
    def one_drug(choice: Random) -> None:
        async def work() -> None:
            await Drug.select().where(Drug.id == choice.randint(1, 80)).first()

        loop.ran(work())

    @views.silent
    def drug_list(_: Random) -> None:
        async def work() -> None:
            consume(await Drug.select().order_by(Drug.name).limit(20))

        loop.ran(work())

    @views.silent
    def queue_polled(_: Random) -> None:
        async def work() -> None:
            for _turn in range(7):
                async with engine.transaction():
                    await Outbox.raw(
                        "SELECT id, state, body FROM outbox WHERE state = {} ORDER BY id"
                        " LIMIT 1 FOR UPDATE SKIP LOCKED", "waiting",
                    )  # fmt: skip

        loop.ran(work())

    return views
