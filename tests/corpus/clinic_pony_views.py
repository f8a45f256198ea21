"""The clinic in Pony ORM over psycopg2: a session is one transaction, relatives load in batches."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

from pony import orm
from psycopg.conninfo import conninfo_to_dict

from tests.corpus.views import IDENTICAL, N_PLUS_ONE, ROW_BY_ROW, Views, consume


def pony_views(dsn: str) -> Views:
    """The views; Pony keeps one connection a thread."""
    parts = conninfo_to_dict(dsn)
    database = orm.Database()

    class Patient(database.Entity):
        _table_ = "patient"
        id = orm.PrimaryKey(UUID)
        tenant_id = orm.Required(int)
        full_name = orm.Required(str)
        gp = orm.Optional(UUID)
        visits = orm.Set("Visit")

    class Doctor(database.Entity):
        _table_ = "doctor"
        id = orm.PrimaryKey(UUID)
        tenant_id = orm.Required(int)
        full_name = orm.Required(str)

    class Room(database.Entity):
        _table_ = "room"
        tenant_id = orm.Required(int)
        number = orm.Required(int)
        label = orm.Required(str)
        orm.PrimaryKey(tenant_id, number)

    class Visit(database.Entity):
        _table_ = "visit"
        id = orm.PrimaryKey(int, size=64, auto=True)
        tenant_id = orm.Required(int)
        patient = orm.Required(Patient, column="patient_id")
        doctor_id = orm.Required(UUID)
        room = orm.Required(int)
        state = orm.Required(str)

    class Icd(database.Entity):
        _table_ = "icd"
        code = orm.PrimaryKey(str)
        title = orm.Required(str)

    class Diagnosis(database.Entity):
        _table_ = "diagnosis"
        visit_id = orm.Required(int, size=64)
        position = orm.Required(int)
        code = orm.Required(str)
        orm.PrimaryKey(visit_id, position)

    class Audit(database.Entity):
        _table_ = "audit"
        id = orm.PrimaryKey(int, size=64, auto=True)
        tenant_id = orm.Required(int)
        what = orm.Required(str)

    database.bind(
        provider="postgres", user=parts["user"], host=parts["host"], database=parts["dbname"]
    )
    database.generate_mapping(create_tables=False, check_tables=False)
    views = Views("pony", database.disconnect)

    def some_visits(choice: Random) -> Any:
        start = choice.randint(1, 2300)
        stop = start + choice.randint(10, 18)
        return orm.select(v for v in Visit if v.id >= start and v.id <= stop)[:]

    @views.found((N_PLUS_ONE, "doctor"))
    def doctor_of_each_visit(choice: Random) -> None:
        with orm.db_session:
            for visit in some_visits(choice):
                assert Doctor[visit.doctor_id].full_name

    @views.found((N_PLUS_ONE, "visit"))
    def open_visits_of_each_patient(choice: Random) -> None:
        with orm.db_session:
            tenant = choice.randint(1, 4)
            wanted = orm.select(p for p in Patient if p.tenant_id == tenant).order_by(Patient.id)
            for patient in wanted[: choice.randint(8, 12)]:
                consume(
                    orm.select(v for v in Visit if v.patient == patient and v.state == "open")[:]
                )

    @views.found((N_PLUS_ONE, "icd"))
    def title_by_natural_key(choice: Random) -> None:
        with orm.db_session:
            start = choice.randint(1, 2300)
            stop = start + 7
            for found in orm.select(
                d for d in Diagnosis if d.visit_id >= start and d.visit_id <= stop
            ):
                assert Icd[found.code].title

    @views.found((N_PLUS_ONE, "room"))
    def room_by_composite_key(choice: Random) -> None:
        with orm.db_session:
            for visit in some_visits(choice):
                assert Room[visit.tenant_id, visit.room].label

    @views.found((ROW_BY_ROW, "audit"))
    def flush_in_a_loop(choice: Random) -> None:
        with orm.db_session:
            for at in range(choice.randint(8, 15)):
                Audit(tenant_id=1, what=f"flush {at}")
                orm.flush()

    @views.found((ROW_BY_ROW, "visit"))
    def changed_one_by_one(choice: Random) -> None:
        with orm.db_session:
            for visit in some_visits(choice):
                visit.state = choice.choice(["open", "done", "void", "paid"])
                visit.room = choice.randint(1, 25)

    @views.found((IDENTICAL, "preference"))
    def preference_for_every_row(choice: Random) -> None:
        tenant = {"tenant": choice.randint(1, 4)}
        wanted = "value FROM preference WHERE tenant_id = $tenant AND name = 'preference 1'"
        with orm.db_session:
            for _visit in some_visits(choice):
                database.select(wanted, tenant)

    @views.silent
    def relatives_load_in_batches(choice: Random) -> None:
        with orm.db_session:
            for visit in some_visits(choice):
                assert visit.patient.full_name

    @views.silent
    def prefetched(choice: Random) -> None:
        with orm.db_session:
            tenant = choice.randint(1, 4)
            wanted = orm.select(p for p in Patient if p.tenant_id == tenant).prefetch(
                Patient.visits
            )
            for patient in wanted[:10]:
                consume(patient.visits)

    @views.silent
    def one_patient(choice: Random) -> None:
        with orm.db_session:
            visit = Visit.get(id=choice.randint(1, 2300))
            assert visit.patient.full_name
            assert Doctor[visit.doctor_id].full_name
            assert Room[visit.tenant_id, visit.room].label

    @views.silent
    def grouped(_: Random) -> None:
        with orm.db_session:
            for state in ("open", "done"):
                consume(orm.select((v.room, orm.count(v)) for v in Visit if v.state == state)[:])

    @views.silent
    def pages(choice: Random) -> None:
        with orm.db_session:
            for page in range(1, choice.randint(6, 9)):
                consume(orm.select(d for d in Doctor).order_by(Doctor.id).page(page, 10))

    @views.silent
    def three_steps(choice: Random) -> None:
        with orm.db_session:
            for at in range(3):
                Audit(tenant_id=choice.randint(1, 4), what=f"step {at}")
                orm.flush()

    @views.silent
    def form_with_choices(choice: Random) -> None:
        with orm.db_session:
            for _ in range(4):
                Icd.get(code=f"C{choice.randint(1, 90)}")
            Room.get(tenant_id=1, number=choice.randint(1, 25))

    return views
