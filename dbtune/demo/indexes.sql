-- Keys, foreign keys and the indexes that the application's authors thought of.
ALTER TABLE "Organization" ADD CONSTRAINT "Organization_pkey" PRIMARY KEY ("id");
ALTER TABLE "User" ADD CONSTRAINT "User_pkey" PRIMARY KEY ("id");
ALTER TABLE "LeadFact" ADD CONSTRAINT "LeadFact_pkey" PRIMARY KEY ("id");
ALTER TABLE "Activity" ADD CONSTRAINT "Activity_pkey" PRIMARY KEY ("id");
ALTER TABLE "Deal" ADD CONSTRAINT "Deal_pkey" PRIMARY KEY ("id");
ALTER TABLE "AgentMetricsSnapshot" ADD CONSTRAINT "AgentMetricsSnapshot_pkey" PRIMARY KEY ("id");
ALTER TABLE "MondayUserCache" ADD CONSTRAINT "MondayUserCache_pkey" PRIMARY KEY ("id");

CREATE UNIQUE INDEX "User_email_key" ON "User" ("email");
CREATE INDEX "User_orgId_idx" ON "User" ("orgId");
CREATE UNIQUE INDEX "LeadFact_externalId_orgId_key" ON "LeadFact" ("externalId", "orgId");
CREATE INDEX "Activity_leadId_occurredAt_idx" ON "Activity" ("leadId", "occurredAt");
CREATE INDEX "Deal_leadId_idx" ON "Deal" ("leadId");
CREATE UNIQUE INDEX "MondayUserCache_orgId_mondayUserId_key"
  ON "MondayUserCache" ("orgId", "mondayUserId");

-- @@unique, @@index and @@index of one model: the second repeats the first.
CREATE UNIQUE INDEX "AgentMetricsSnapshot_orgId_agentUserId_windowDays_key"
  ON "AgentMetricsSnapshot" ("orgId", "agentUserId", "windowDays");
CREATE INDEX "AgentMetricsSnapshot_orgId_agentUserId_windowDays_idx"
  ON "AgentMetricsSnapshot" ("orgId", "agentUserId", "windowDays");
CREATE INDEX "AgentMetricsSnapshot_orgId_windowDays_idx"
  ON "AgentMetricsSnapshot" ("orgId", "windowDays");

ALTER TABLE "User" ADD CONSTRAINT "User_orgId_fkey"
  FOREIGN KEY ("orgId") REFERENCES "Organization" ("id");
ALTER TABLE "LeadFact" ADD CONSTRAINT "LeadFact_orgId_fkey"
  FOREIGN KEY ("orgId") REFERENCES "Organization" ("id");
ALTER TABLE "LeadFact" ADD CONSTRAINT "LeadFact_assignedUserId_fkey"
  FOREIGN KEY ("assignedUserId") REFERENCES "User" ("id") ON DELETE SET NULL;
ALTER TABLE "Activity" ADD CONSTRAINT "Activity_leadId_fkey"
  FOREIGN KEY ("leadId") REFERENCES "LeadFact" ("id") ON DELETE CASCADE;
ALTER TABLE "Deal" ADD CONSTRAINT "Deal_leadId_fkey"
  FOREIGN KEY ("leadId") REFERENCES "LeadFact" ("id") ON DELETE CASCADE;
ALTER TABLE "Deal" ADD CONSTRAINT "Deal_ownerUserId_fkey"
  FOREIGN KEY ("ownerUserId") REFERENCES "User" ("id");
ALTER TABLE "AgentMetricsSnapshot" ADD CONSTRAINT "AgentMetricsSnapshot_agentUserId_fkey"
  FOREIGN KEY ("agentUserId") REFERENCES "User" ("id") ON DELETE CASCADE;
ALTER TABLE "AgentMetricsSnapshot" ADD CONSTRAINT "AgentMetricsSnapshot_orgId_fkey"
  FOREIGN KEY ("orgId") REFERENCES "Organization" ("id") ON DELETE CASCADE;
ALTER TABLE "MondayUserCache" ADD CONSTRAINT "MondayUserCache_orgId_fkey"
  FOREIGN KEY ("orgId") REFERENCES "Organization" ("id") ON DELETE CASCADE;
