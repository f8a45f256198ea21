-- The CRM as its Prisma migrations leave it: quoted camelCase names, text ids, timestamp(3).
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TYPE "LeadStatus" AS ENUM ('NEW', 'CONTACTED', 'QUALIFIED', 'PROPOSAL', 'WON', 'LOST');

CREATE TABLE "Organization" (
  "id" text NOT NULL,
  "name" text NOT NULL,
  "plan" text NOT NULL DEFAULT 'starter',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE "User" (
  "id" text NOT NULL,
  "orgId" text NOT NULL,
  "email" text NOT NULL,
  "name" text NOT NULL,
  "role" text NOT NULL DEFAULT 'agent',
  "isActive" boolean NOT NULL DEFAULT true,
  "lastSeenAt" timestamp(3)
);

CREATE TABLE "LeadFact" (
  "id" text NOT NULL,
  "orgId" text NOT NULL,
  "externalId" text NOT NULL,
  "name" text NOT NULL,
  "email" text,
  "phone" text,
  "source" text NOT NULL,
  "status" "LeadStatus" NOT NULL DEFAULT 'NEW',
  "assignedUserId" text,
  "value" numeric(12, 2) NOT NULL DEFAULT 0,
  "customFields" jsonb NOT NULL DEFAULT '{}',
  "enteredAt" timestamp(3) NOT NULL,
  "firstTouchAt" timestamp(3),
  "closedWonAt" timestamp(3),
  "deletedAt" timestamp(3),
  "updatedAt" timestamp(3) NOT NULL
);

CREATE TABLE "Activity" (
  "id" text NOT NULL,
  "leadId" text NOT NULL,
  "userId" text,
  "kind" text NOT NULL,
  "note" text,
  "occurredAt" timestamp(3) NOT NULL
);

CREATE TABLE "Deal" (
  "id" text NOT NULL,
  "leadId" text NOT NULL,
  "ownerUserId" text NOT NULL,
  "stage" text NOT NULL,
  "amount" numeric(12, 2) NOT NULL,
  "createdAt" timestamp(3) NOT NULL
);

CREATE TABLE "AgentMetricsSnapshot" (
  "id" text NOT NULL,
  "orgId" text NOT NULL,
  "agentUserId" text NOT NULL,
  "windowDays" integer NOT NULL,
  "leadsAssigned" integer NOT NULL,
  "leadsWon" integer NOT NULL,
  "avgFirstTouchSeconds" integer,
  "computedAt" timestamp(3) NOT NULL
);

CREATE TABLE "MondayUserCache" (
  "id" text NOT NULL,
  "orgId" text NOT NULL,
  "mondayUserId" text NOT NULL,
  "name" text NOT NULL,
  "email" text NOT NULL,
  "isGuest" boolean NOT NULL DEFAULT false,
  "syncedAt" timestamp(3) NOT NULL
);
