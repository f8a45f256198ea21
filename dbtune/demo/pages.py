"""What the CRM sends to its database: one function per page, job or webhook of the application.

The statements are as its ORM and its hand-written reports send them, good and bad ones alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

NOW = datetime(2026, 6, 30)
"""The application's present: its rows end here."""


@dataclass(frozen=True, slots=True)
class World:
    """What exists: organisations with their share of the leads, their users, some leads.

    `leads` are ids and names, `monday_users` organisation, external id and name.
    """

    organizations: tuple[str, ...]
    weights: tuple[int, ...]
    users: dict[str, tuple[str, ...]]
    leads: tuple[tuple[str, str], ...]
    monday_users: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the application: who, when, with the random choices that are its own."""

    world: World
    organization: str
    user: str
    random: Random
    number: str

    def recent(self, days: int) -> tuple[datetime, datetime]:
        """A period of so many days that ended some weeks ago or today, as people choose them."""
        end = NOW - timedelta(days=int(self.random.paretovariate(1.2)) - 1)
        return end - timedelta(days=days), end


Page = Callable[[Connection[Any], Visit], None]

LEAD = (
    '"id", "orgId", "externalId", "name", "email", "phone", "source", "status", '
    '"assignedUserId", "value", "enteredAt", "firstTouchAt", "closedWonAt"'
)


def session(connection: Connection[Any], visit: Visit) -> None:
    """Every request begins with who is asking."""
    connection.execute(
        'SELECT "id", "orgId", "role", "isActive" FROM "User" WHERE "id" = %s AND "isActive"',
        (visit.user,),
    )


def lead_list(connection: Connection[Any], visit: Visit) -> None:
    """The newest leads, and then the owner of each, one by one."""
    leads = connection.execute(
        f'SELECT {LEAD} FROM "LeadFact" WHERE "orgId" = %s AND "deletedAt" IS NULL '
        'ORDER BY "enteredAt" DESC LIMIT %s'.encode(),
        (visit.organization, 25),
    ).fetchall()
    for lead in leads:
        if lead[8]:
            connection.execute(
                'SELECT "id", "name", "email" FROM "User" WHERE "id" = %s', (lead[8],)
            ).fetchone()


def leads_entered(connection: Connection[Any], visit: Visit) -> None:
    """The leads of an organisation in a period."""
    since, until = visit.recent(visit.random.choice((1, 7, 7, 30)))
    connection.execute(
        f'SELECT {LEAD} FROM "LeadFact" WHERE "orgId" = %s AND "enteredAt" >= %s '
        'AND "enteredAt" < %s AND "deletedAt" IS NULL ORDER BY "enteredAt"'.encode(),
        (visit.organization, since, until),
    )


def leads_of_agent(connection: Connection[Any], visit: Visit) -> None:
    """An agent's own leads of the last weeks."""
    since, _ = visit.recent(30)
    connection.execute(
        f'SELECT {LEAD} FROM "LeadFact" WHERE "orgId" = %s AND "assignedUserId" = %s '
        'AND "enteredAt" >= %s AND "deletedAt" IS NULL ORDER BY "enteredAt" DESC'.encode(),
        (visit.organization, visit.user, since),
    )


def agent_metrics(connection: Connection[Any], visit: Visit) -> None:
    """The nightly job's figures of one agent, computed and upserted."""
    days = visit.random.choice((7, 30, 90))
    row = connection.execute(
        'SELECT count(*), count("closedWonAt"), avg("firstTouchAt" - "enteredAt") '
        'FROM "LeadFact" WHERE "assignedUserId" = %s AND "enteredAt" >= %s AND "deletedAt" IS NULL',
        (visit.user, NOW - timedelta(days=days)),
    ).fetchone()
    assigned, won, touch = row or (0, 0, None)
    seconds = round(touch.total_seconds()) if touch else 0
    connection.execute(
        'INSERT INTO "AgentMetricsSnapshot" ("id", "orgId", "agentUserId", "windowDays", '
        '"leadsAssigned", "leadsWon", "avgFirstTouchSeconds", "computedAt") '
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
        'ON CONFLICT ("orgId", "agentUserId", "windowDays") DO UPDATE SET '
        '"leadsAssigned" = EXCLUDED."leadsAssigned", "leadsWon" = EXCLUDED."leadsWon", '
        '"avgFirstTouchSeconds" = EXCLUDED."avgFirstTouchSeconds", '
        '"computedAt" = EXCLUDED."computedAt"',
        (
            f"m{visit.number}", visit.organization, visit.user, days, assigned, won, seconds, NOW,
        ),
    )  # fmt: skip


def leaderboard(connection: Connection[Any], visit: Visit) -> None:
    """All agents of an organisation in one window: served by an index."""
    connection.execute(
        'SELECT "agentUserId", "leadsAssigned", "leadsWon", "avgFirstTouchSeconds" '
        'FROM "AgentMetricsSnapshot" WHERE "orgId" = %s AND "windowDays" = %s '
        'ORDER BY "leadsWon" DESC',
        (visit.organization, visit.random.choice((7, 30, 90, 365))),
    )


def agent_card(connection: Connection[Any], visit: Visit) -> None:
    """One agent's figures: served by the unique index."""
    connection.execute(
        'SELECT "leadsAssigned", "leadsWon", "computedAt" FROM "AgentMetricsSnapshot" '
        'WHERE "orgId" = %s AND "agentUserId" = %s AND "windowDays" = %s',
        (visit.organization, visit.user, visit.random.choice((7, 30, 90))),
    )


def monday_sync(connection: Connection[Any], visit: Visit) -> None:
    """A hundred users of a Monday account, upserted one by one."""
    account = visit.random.randrange(len(visit.world.monday_users) // 100) * 100
    for organization, external, name in visit.world.monday_users[account : account + 100]:
        connection.execute(
            'INSERT INTO "MondayUserCache" ("id", "orgId", "mondayUserId", "name", "email", '
            '"syncedAt") VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT ("orgId", "mondayUserId") '
            'DO UPDATE SET "name" = EXCLUDED."name", "email" = EXCLUDED."email", '
            '"syncedAt" = EXCLUDED."syncedAt"',
            (
                f"y{visit.number}-{external}", organization, external, name,
                f"monday{external}@crm.example", NOW,
            ),
        )  # fmt: skip


def name_search(connection: Connection[Any], visit: Visit) -> None:
    """The search box, with most of a name typed."""
    _, name = visit.random.choice(visit.world.leads)
    fragment = name[visit.random.randrange(4) : -1].lower()
    connection.execute(
        'SELECT "id", "name", "email", "status" FROM "LeadFact" WHERE "name" ILIKE %s '
        'AND "deletedAt" IS NULL LIMIT %s',
        (f"%{fragment}%", 50),
    )


def campaign(connection: Connection[Any], visit: Visit) -> None:
    """A campaign's results, by a field of the JSON column."""
    connection.execute(
        'SELECT "status", count(*), sum("value") FROM "LeadFact" '
        'WHERE "customFields" @> %s GROUP BY "status"',
        (Jsonb({"campaign": f"campaign-{visit.random.randrange(200)}"}),),
    )


def won(connection: Connection[Any], visit: Visit) -> None:
    """What an organisation won in a quarter."""
    since, until = visit.recent(90)
    connection.execute(
        'SELECT count(*), sum("value") FROM "LeadFact" WHERE "orgId" = %s '
        'AND "closedWonAt" BETWEEN %s AND %s AND "deletedAt" IS NULL',
        (visit.organization, since, until),
    )


def lead_page(connection: Connection[Any], visit: Visit) -> None:
    """One lead with its history: served by primary key and index."""
    lead, _ = visit.random.choice(visit.world.leads)
    connection.execute(f'SELECT {LEAD} FROM "LeadFact" WHERE "id" = %s'.encode(), (lead,))
    connection.execute(
        'SELECT "id", "kind", "note", "userId", "occurredAt" FROM "Activity" '
        'WHERE "leadId" = %s ORDER BY "occurredAt" DESC LIMIT 50',
        (lead,),
    )
    connection.execute('SELECT "id", "stage", "amount" FROM "Deal" WHERE "leadId" = %s', (lead,))


def lead_work(connection: Connection[Any], visit: Visit) -> None:
    """An agent logs a call and moves the lead on; now and then a lead is (softly) deleted."""
    lead, _ = visit.random.choice(visit.world.leads)
    connection.execute(
        'INSERT INTO "Activity" ("id", "leadId", "userId", "kind", "note", "occurredAt") '
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (f"a{visit.number}", lead, visit.user, "call", "Called back", NOW),
    )
    connection.execute(
        'UPDATE "LeadFact" SET "status" = %s::"LeadStatus", "updatedAt" = %s WHERE "id" = %s',
        (visit.random.choice(("CONTACTED", "QUALIFIED", "LOST")), NOW, lead),
    )
    if visit.random.random() < 0.05:
        connection.execute('UPDATE "LeadFact" SET "deletedAt" = %s WHERE "id" = %s', (NOW, lead))


def webhook(connection: Connection[Any], visit: Visit) -> None:
    """A form was filled in: is the lead known? If not, it is stored."""
    external = f"form-{visit.number}"
    connection.execute(
        'SELECT "id" FROM "LeadFact" WHERE "externalId" = %s AND "orgId" = %s',
        (external, visit.organization),
    )
    connection.execute(
        'INSERT INTO "LeadFact" ("id", "orgId", "externalId", "name", "email", "source", "value", '
        '"customFields", "assignedUserId", "enteredAt", "updatedAt") '
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            f"w{visit.number}", visit.organization, external, "Robin Webhook",
            f"{external}@mail.example", "facebook", 100, Jsonb({"campaign": "campaign-1"}),
            visit.user, NOW, NOW,
        ),
    )  # fmt: skip
