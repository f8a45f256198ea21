-- Rows made by the server, the same on every machine: each value is a hash of row number and salt.
-- The setting demo.scale says how many leads there are; everything else follows.
CREATE FUNCTION pg_temp.unit(n bigint, salt bigint) RETURNS double precision
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (hashint8extended(n, salt) & 1073741823)::double precision / 1073741824;

CREATE FUNCTION pg_temp.cuid(kind text, n bigint) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN 'c' || substr(md5(kind || n), 1, 24);

CREATE FUNCTION pg_temp.pick(words text[], unit double precision) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN words[1 + floor(cardinality(words) * unit)::int];

CREATE FUNCTION pg_temp.person(n bigint, salt bigint) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN pg_temp.pick('{Maria,James,Olivia,Noah,Emma,Liam,Ava,Lucas,Sofia,Ethan,Mia,Daniel,Zoe,
    Samuel,Nora,Adam,Leah,Omar,Priya,Kenji,Ingrid,Mateo,Aisha,Pavel,Chloe}', pg_temp.unit(n, salt))
    || ' ' || pg_temp.pick('{Smith,Johnson,Garcia,Müller,Rossi,Kowalski,Nguyen,Patel,Kim,Silva,
    Novak,Haddad,Jensen,Okafor,Tanaka,Moreau,Dubois,Costa,Ivanova,Berg,Castillo,Fischer,Wagner,
    O''Brien,Larsen,Sato,Schneider,Andersson,Ferrari,Lopez}', pg_temp.unit(n, salt + 1))
    || ' ' || chr(65 + floor(26 * pg_temp.unit(n, salt + 2))::int) || '.';

INSERT INTO "Organization" ("id", "name", "plan", "createdAt")
SELECT pg_temp.cuid('org', n), 'Organization ' || n,
       CASE WHEN n <= 3 THEN 'enterprise' WHEN n <= 12 THEN 'team' ELSE 'starter' END,
       timestamp '2023-01-01' + n * interval '9 days'
FROM generate_series(1, 40) AS n;

-- A few large organisations hold most users and leads.
INSERT INTO "User" ("id", "orgId", "email", "name", "role", "isActive", "lastSeenAt")
SELECT pg_temp.cuid('user', n),
       pg_temp.cuid('org', CASE WHEN n <= 120 THEN 1 + n % 40
                                ELSE 1 + floor(40 * pg_temp.unit(n, 1) ^ 2.2)::int END),
       'agent' || n || '@crm.example', pg_temp.person(n, 2),
       CASE WHEN n <= 40 THEN 'admin' WHEN n % 20 = 0 THEN 'manager' ELSE 'agent' END,
       pg_temp.unit(n, 5) < 0.9,
       timestamp '2026-06-30' - pg_temp.unit(n, 6) ^ 3 * interval '90 days'
FROM generate_series(1, 600) AS n;

-- Leads in the order of their arrival, ever more a day, up to the application's last midnight.
WITH "member" AS MATERIALIZED (
  SELECT "orgId", array_agg("id" ORDER BY "id") AS "ids" FROM "User" GROUP BY "orgId"
), "drawn" AS (
  SELECT n, pg_temp.cuid('org', 1 + floor(40 * pg_temp.unit(n, 10) ^ 2.2)::int) AS "orgId",
         timestamp '2026-06-30'
           - interval '730 days' * (1 - n::float8 / (240000 * current_setting('demo.scale')::float8))
             ^ 1.4 - interval '3 hours' * pg_temp.unit(n, 11) AS "enteredAt",
         pg_temp.unit(n, 12) AS "fate"
  FROM generate_series(1, (240000 * current_setting('demo.scale')::float8)::bigint) AS n
)
INSERT INTO "LeadFact"
SELECT pg_temp.cuid('lead', n), "orgId", 'ext-' || n, pg_temp.person(n, 13),
       CASE WHEN pg_temp.unit(n, 16) < 0.85 THEN 'lead' || n || '@mail.example' END,
       CASE WHEN pg_temp.unit(n, 17) < 0.6
            THEN '+1-555-' || lpad(floor(pg_temp.unit(n, 18) * 1e7)::text, 7, '0') END,
       pg_temp.pick('{facebook,facebook,facebook,facebook,google,google,google,referral,webinar,cold-call}',
                    pg_temp.unit(n, 19)),
       (CASE WHEN "fate" < 0.38 THEN 'NEW' WHEN "fate" < 0.62 THEN 'CONTACTED'
             WHEN "fate" < 0.74 THEN 'QUALIFIED' WHEN "fate" < 0.79 THEN 'PROPOSAL'
             WHEN "fate" < 0.85 THEN 'WON' ELSE 'LOST' END)::"LeadStatus",
       CASE WHEN pg_temp.unit(n, 20) < 0.96
            THEN "ids"[1 + floor(cardinality("ids") * pg_temp.unit(n, 21) ^ 1.6)::int] END,
       round((50 + 20000 * pg_temp.unit(n, 22) ^ 4)::numeric, 2),
       jsonb_build_object(
         'campaign', 'campaign-' || floor(200 * pg_temp.unit(n, 23) ^ 2)::int,
         'score', floor(100 * pg_temp.unit(n, 24))::int,
         'utm', jsonb_build_object('medium', pg_temp.pick('{cpc,email,social}', pg_temp.unit(n, 25)))),
       "enteredAt",
       CASE WHEN "fate" >= 0.38
            THEN "enteredAt" - ln(1 - pg_temp.unit(n, 26)) * interval '5 hours' END,
       CASE WHEN "fate" >= 0.79 AND "fate" < 0.85
            THEN "enteredAt" - ln(1 - pg_temp.unit(n, 27)) * interval '21 days' END,
       CASE WHEN pg_temp.unit(n, 28) < 0.07
            THEN "enteredAt" - ln(1 - pg_temp.unit(n, 29)) * interval '40 days' END,
       "enteredAt" + interval '1 day' * pg_temp.unit(n, 30)
FROM "drawn" JOIN "member" USING ("orgId")
ORDER BY n;

INSERT INTO "Activity" ("id", "leadId", "userId", "kind", "note", "occurredAt")
SELECT pg_temp.cuid('activity', n), "lead"."id", "lead"."assignedUserId",
       pg_temp.pick('{call,call,email,email,email,meeting,note,status}', pg_temp.unit(n, 40)),
       CASE WHEN pg_temp.unit(n, 41) < 0.4 THEN 'Follow-up ' || n || ' agreed with the customer' END,
       "lead"."enteredAt" - ln(1 - pg_temp.unit(n, 42)) * interval '6 days'
FROM (SELECT "id", "assignedUserId", "enteredAt",
             row_number() OVER (ORDER BY "enteredAt", "id") AS "place" FROM "LeadFact") AS "lead",
     generate_series("lead"."place" * 8,
                     "lead"."place" * 8 + floor(4 * pg_temp.unit("lead"."place", 43) ^ 2)::int - 1) AS n;

INSERT INTO "Deal" ("id", "leadId", "ownerUserId", "stage", "amount", "createdAt")
SELECT 'd' || substr("id", 2), "id", "assignedUserId",
       CASE WHEN "status" = 'PROPOSAL' THEN 'open' ELSE 'closed' END, "value", "enteredAt"
FROM "LeadFact"
WHERE "status" IN ('PROPOSAL', 'WON') AND "assignedUserId" IS NOT NULL
ORDER BY "enteredAt", "id";

INSERT INTO "AgentMetricsSnapshot"
SELECT md5("user"."id" || "windowDays"), "user"."orgId", "user"."id", "windowDays",
       floor("windowDays" * 3 * pg_temp.unit(hashtext("user"."id"), 50))::int,
       floor("windowDays" * pg_temp.unit(hashtext("user"."id"), 51) / 4)::int,
       floor(20000 * pg_temp.unit(hashtext("user"."id"), 52))::int, timestamp '2026-06-29'
FROM "User" AS "user", unnest(ARRAY[7, 30, 90, 365]) AS "windowDays"
ORDER BY "user"."id", "windowDays";

INSERT INTO "MondayUserCache"
SELECT pg_temp.cuid('monday', org * 100 + n), pg_temp.cuid('org', org), (9000000 + org * 100 + n)::text,
       pg_temp.person(org * 100 + n, 60), 'monday' || org * 100 + n || '@crm.example',
       n % 11 = 0, timestamp '2026-06-29'
FROM generate_series(1, 8) AS org, generate_series(1, 100) AS n;
