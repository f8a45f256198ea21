"""The clinic in Tortoise ORM over asyncpg: one pool, each statement on any of its connections."""

from __future__ import annotations

from random import Random
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from tortoise import Tortoise, fields
from tortoise.models import Model
from tortoise.transactions import in_transaction

from tests.corpus.loop import LoopThread
from tests.corpus.views import N_PLUS_ONE, ROW_BY_ROW, Views, consume


class Skill(Model):
    id = fields.IntField(primary_key=True)
    name = fields.TextField()

    class Meta:
        table = "skill"


class Doctor(Model):
    id = fields.UUIDField(primary_key=True)
    tenant_id = fields.IntField()
    full_name = fields.TextField()
    specialty = fields.TextField()
    deleted_at = fields.DatetimeField(null=True)
    skills: Any = fields.ManyToManyField(
        "clinic.Skill", through="doctor_skill", forward_key="skill_id", backward_key="doctor_id"
    )

    class Meta:
        table = "doctor"


class Patient(Model):
    id = fields.UUIDField(primary_key=True)
    tenant_id = fields.IntField()
    full_name = fields.TextField()
    gp = fields.UUIDField(null=True)
    deleted_at = fields.DatetimeField(null=True)
    visits: Any

    class Meta:
        table = "patient"


class Visit(Model):
    id = fields.BigIntField(primary_key=True)
    tenant_id = fields.IntField()
    patient: Any = fields.ForeignKeyField("clinic.Patient", related_name="visits")
    doctor: Any = fields.ForeignKeyField("clinic.Doctor", related_name="visits")
    doctor_id: Any
    room = fields.IntField()
    state = fields.TextField()

    class Meta:
        table = "visit"


class Drug(Model):
    id = fields.IntField(primary_key=True)
    name = fields.TextField()
    price = fields.IntField()

    class Meta:
        table = "drug"


class Prescription(Model):
    id = fields.BigIntField(primary_key=True)
    tenant_id = fields.IntField()
    visit_id = fields.BigIntField()
    drug: Any = fields.ForeignKeyField("clinic.Drug", source_field="drug")
    dose = fields.TextField()

    class Meta:
        table = "prescription"


class Department(Model):
    id = fields.IntField(primary_key=True)
    tenant_id = fields.IntField()
    name = fields.TextField()
    parent = fields.IntField(null=True)

    class Meta:
        table = "department"


class Audit(Model):
    id = fields.BigIntField(primary_key=True)
    tenant_id = fields.IntField()
    what = fields.TextField()

    class Meta:
        table = "audit"


def tortoise_views(dsn: str) -> Views:
    """The views; nothing but a transaction holds a request on one connection."""
    parts = conninfo_to_dict(dsn)
    loop = LoopThread()
    config = {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": {
                    "host": parts["host"], "port": 5432, "user": parts["user"], "password": "",
                    "database": parts["dbname"], "minsize": 1, "maxsize": 3,
                },
            }
        },
        "apps": {"clinic": {"models": [__name__], "default_connection": "default"}},
    }  # fmt: skip
    loop.ran(Tortoise.init(config=config, _enable_global_fallback=True))
    views = Views("tortoise", end=lambda: loop.ran(Tortoise.close_connections()))

    def some_visits(choice: Random) -> Any:
        wanted = Visit.filter(tenant_id=choice.randint(1, 4), state="done").order_by("id")
        return wanted.limit(choice.randint(10, 16))

    def some_patients(choice: Random) -> Any:
        wanted = Patient.filter(tenant_id=choice.randint(1, 4), deleted_at__isnull=True)
        return wanted.offset(choice.randint(0, 60)).limit(choice.randint(9, 15))

    @views.found((N_PLUS_ONE, "doctor"))
    def doctor_of_each_visit(choice: Random) -> None:
        async def work() -> None:
            for visit in await some_visits(choice):
                assert (await visit.doctor).full_name

        loop.ran(work())

    @views.found((N_PLUS_ONE, "visit"))
    def visits_of_each_patient(choice: Random) -> None:
        async def work() -> None:
            for patient in await some_patients(choice):
                consume(await patient.visits.all())

        loop.ran(work())

    @views.found((N_PLUS_ONE, "skill"))
    def many_to_many_in_a_loop(choice: Random) -> None:
        async def work() -> None:
            wanted = Doctor.filter(tenant_id=choice.randint(1, 4), specialty="eye")
            for doctor in await wanted.limit(10):
                consume(await doctor.skills.all())

        loop.ran(work())

    @views.found((N_PLUS_ONE, "prescription"))
    def count_of_each_visit(choice: Random) -> None:
        async def work() -> None:
            async with in_transaction():
                for visit in await some_visits(choice):
                    await Prescription.filter(visit_id=visit.id).count()

        loop.ran(work())

    @views.found((N_PLUS_ONE, "visit"))
    def exists_for_each_patient(choice: Random) -> None:
        async def work() -> None:
            for patient in await some_patients(choice):
                await Visit.filter(patient_id=patient.id, state="open").exists()

        loop.ran(work())

    @views.found((N_PLUS_ONE, "department"))
    def tree_walked_down(choice: Random) -> None:
        async def walk(parent: int) -> None:
            for child in await Department.filter(parent=parent):
                await walk(child.id)

        async def work() -> None:
            async with in_transaction():
                await walk(choice.randint(1, 4))

        loop.ran(work())

    @views.found((ROW_BY_ROW, "audit"))
    def create_in_a_loop(choice: Random) -> None:
        async def work() -> None:
            async with in_transaction():
                for at in range(choice.randint(8, 14)):
                    await Audit.create(tenant_id=1, what=f"step {at}")

        loop.ran(work())

    @views.found((ROW_BY_ROW, "drug"))
    def save_in_a_loop(choice: Random) -> None:
        async def work() -> None:
            async with in_transaction():
                start = choice.randint(1, 60)
                for drug in await Drug.filter(id__range=(start, start + 11)):
                    drug.price += 1
                    await drug.save()

        loop.ran(work())

    @views.found((ROW_BY_ROW, "skill"))
    def get_or_create_in_a_loop(choice: Random) -> None:
        async def work() -> None:
            async with in_transaction() as connection:
                for _ in range(choice.randint(10, 14)):
                    name = f"new {choice.getrandbits(64)}"
                    await Skill.get_or_create(name=name, using_db=connection)

        loop.ran(work())

    @views.silent
    def prefetched(choice: Random) -> None:
        async def work() -> None:
            for visit in await some_visits(choice).prefetch_related("doctor", "patient"):
                assert visit.doctor.full_name

        loop.ran(work())

    @views.silent
    def joined(choice: Random) -> None:
        async def work() -> None:
            for visit in await some_visits(choice).select_related("patient"):
                assert visit.patient.full_name

        loop.ran(work())

    @views.silent
    def bulk_created(choice: Random) -> None:
        async def work() -> None:
            rows = [Audit(tenant_id=2, what=f"bulk {at}") for at in range(choice.randint(20, 40))]
            await Audit.bulk_create(rows)

        loop.ran(work())

    @views.silent
    def chunks_of_keys(choice: Random) -> None:
        async def work() -> None:
            start = choice.randint(1, 1000)
            for chunk in range(start, start + 120, 15):
                consume(await Prescription.filter(visit_id__in=list(range(chunk, chunk + 15))))

        loop.ran(work())

    @views.silent
    def offset_pages(choice: Random) -> None:
        async def work() -> None:
            for page in range(choice.randint(6, 9)):
                consume(await Patient.all().order_by("id").offset(page * 20).limit(20))

        loop.ran(work())

    @views.silent
    def one_visit(choice: Random) -> None:
        async def work() -> None:
            visit = await Visit.get(id=choice.randint(1, 2400))
            assert (await visit.doctor).full_name
            assert (await visit.patient).full_name
            await Prescription.filter(visit_id=visit.id).count()

        loop.ran(work())

    @views.silent
    def counts_by_state(choice: Random) -> None:
        async def work() -> None:
            tenant = choice.randint(1, 4)
            for state in ("open", "done", "void", "late", "lost", "paid", "held"):
                await Visit.filter(tenant_id=tenant, state=state).count()

        loop.ran(work())

    return views
