"""Kinds of statements beside the twenty, and statements that want silence: a help desk."""

from __future__ import annotations

SCHEMA = """
CREATE EXTENSION pg_trgm;
CREATE EXTENSION citext;
CREATE EXTENSION btree_gist;
CREATE EXTENSION intarray;
CREATE TYPE stage AS ENUM ('new', 'open', 'pending', 'closed');
CREATE DOMAIN reference AS text CHECK (length(VALUE) < 20);
CREATE TABLE client (
    id uuid PRIMARY KEY, email citext NOT NULL, name text NOT NULL, born date, vip boolean NOT NULL,
    code reference NOT NULL, address inet NOT NULL, place point NOT NULL);
INSERT INTO client SELECT md5(g::text)::uuid, 'User' || g || '@mail' || g % 50 || '.com',
    'Fn' || g % 900 || ' Ln' || md5((g % 30000)::text), date '1950-01-01' + (g * 37) % 22000,
    g % 400 = 0, 'C-' || g, ('10.' || g % 250 || '.' || (g * 7) % 250 || '.9')::inet,
    point((g * 7) % 1000 / 10.0, (g * 13) % 997 / 10.0) FROM generate_series(1, 100000) g;
CREATE TABLE agent (id int PRIMARY KEY, name text NOT NULL, team text NOT NULL);
INSERT INTO agent SELECT g, 'agent ' || g, 'team' || g % 20 FROM generate_series(1, 800) g;
CREATE TABLE ticket (
    id bigint PRIMARY KEY, client_id uuid NOT NULL REFERENCES client, agent_id int,
    stage stage NOT NULL, priority smallint NOT NULL, channel text NOT NULL, subject text NOT NULL,
    made_at timestamptz NOT NULL, closed_at timestamptz, due date NOT NULL, parent_id bigint,
    outside text, is_spam boolean NOT NULL, tags text[] NOT NULL, marks int[] NOT NULL,
    doc jsonb NOT NULL, amount numeric NOT NULL, body text NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', subject)) STORED);
INSERT INTO ticket SELECT g, md5((1 + (g::bigint * 7919) % 100000)::text)::uuid,
    CASE WHEN g % 60 <> 0 THEN 1 + (g * 31) % 800 END,
    (CASE WHEN g % 1000 = 0 THEN 'new' WHEN g % 150 = 1 THEN 'open' WHEN g % 40 = 2 THEN 'pending'
     ELSE 'closed' END)::stage, (g * 13) % 5,
    (ARRAY['mail', 'web', 'phone', 'chat'])[1 + g % 11 % 4],
    'subj' || (g * 17) % 40000 || ' word' || g % 5003 || ' tail' || md5(g::text),
    timestamptz '2021-01-01' + g * interval '3 minutes',
    CASE WHEN g % 50 <> 0 THEN timestamptz '2021-01-02' + g * interval '3 minutes' END,
    date '2021-01-05' + g / 480, CASE WHEN g % 30 = 0 THEN g - 29 END,
    CASE WHEN g % 200 = 0 THEN 'X' || g END, g % 777 = 0, ARRAY['t' || g % 2500, 'k' || g % 90],
    ARRAY[g % 9000, (g * 3) % 7000],
    jsonb_build_object('order', 'o' || (g * 7) % 200000, 'seats', g % 3001),
    ((g::bigint * 104729) % 1000000) / 100.0, repeat(md5(g::text), 4)
    FROM generate_series(1, 300000) g;
CREATE TABLE remark (
    id bigint PRIMARY KEY, ticket_id bigint NOT NULL REFERENCES ticket, author_id int NOT NULL,
    at timestamptz NOT NULL, body text NOT NULL);
INSERT INTO remark SELECT g, 1 + (g::bigint * 15485863) % 300000, g % 900,
    timestamptz '2021-01-01' + g * interval '2 minutes', md5(g::text) || repeat('.', 40)
    FROM generate_series(1, 400000) g;
CREATE SCHEMA clinic;
CREATE TABLE clinic."Stay" (
    "stayId" bigint PRIMARY KEY, "wardCode" text NOT NULL, "during" tstzrange NOT NULL,
    "leftAt" timestamptz, "cost" numeric NOT NULL, "note" text NOT NULL);
INSERT INTO clinic."Stay" SELECT g, 'W' || g % 150,
    tstzrange(timestamptz '2018-01-01' + g * interval '7 minutes',
              timestamptz '2018-01-01' + g * interval '7 minutes' + (1 + g % 5) * interval '1 day'),
    CASE WHEN g % 100 <> 0 THEN timestamptz '2018-01-04' + g * interval '7 minutes' END,
    (g::bigint * 104729) % 100003, md5(g::text) || md5((g * 3)::text)
    FROM generate_series(1, 200000) g;
CREATE TABLE job (
    id bigint PRIMARY KEY, queue text NOT NULL, state text NOT NULL, run_at timestamptz NOT NULL,
    priority int NOT NULL, payload text NOT NULL);
INSERT INTO job SELECT g, 'q' || g % 12, CASE WHEN g % 700 = 0 THEN 'ready' WHEN g % 90 = 2 THEN
    'failed' ELSE 'done' END, timestamptz '2024-01-01' + g * interval '20 seconds', g % 10,
    repeat(md5(g::text), 3) FROM generate_series(1, 300000) g;
CREATE INDEX job_queue_run_at ON job (queue, run_at DESC);
"""

KINDS = [
    ("enum, top N", "SELECT * FROM ticket WHERE stage = 'new' ORDER BY made_at DESC LIMIT 30",
     ["ticket (made_at) WHERE stage = 'new'", "ticket (stage, made_at)"]),
    ("citext", "SELECT name FROM client WHERE email = $1", ["client (email)"]),
    ("domain", "SELECT name FROM client WHERE code = 'C-500'", ["client (code)"]),
    ("OR of two columns", "SELECT * FROM ticket WHERE outside = 'X200' OR parent_id = 61",
     ["ticket (outside); ticket (parent_id)"]),
    ("OR, parameters", "SELECT * FROM ticket WHERE client_id = $1 OR parent_id = $2",
     ["ticket (client_id); ticket (parent_id)"]),
    ("OR under AND",
     "SELECT * FROM ticket WHERE stage = 'pending' AND (agent_id = 5 OR parent_id = 61)",
     ["ticket (agent_id, stage); ticket (parent_id, stage)",
      "ticket (agent_id); ticket (parent_id)"]),
    ("OR of expressions",
     "SELECT * FROM client WHERE lower(name) = 'x' OR upper(code::text) = 'C-7'",
     ["client (lower(name)); client (upper(code::text))"]),
    ("OR, GIN and B-tree",
     """SELECT id FROM ticket WHERE doc @> '{"seats": 17}' OR outside = 'X400'""",
     ["ticket USING gin (doc jsonb_path_ops); ticket (outside)"]),
    ("IN and a range", "SELECT * FROM ticket WHERE agent_id IN (3, 5, 9) AND due >= '2022-01-01'",
     ["ticket (agent_id, due)"]),
    ("= ANY($1)", "SELECT id FROM ticket WHERE client_id = ANY($1)",
     ["ticket (client_id)", "ticket (client_id) INCLUDE (id)"]),
    ("rows of values",
     "SELECT * FROM ticket WHERE (agent_id, due) IN ((5, '2021-05-01'), (9, '2021-06-07'))",
     ["ticket (agent_id, due)", "ticket (due, agent_id)"]),
    ("keyset page", "SELECT * FROM ticket WHERE agent_id = $1 AND (made_at, id) < ($2, $3)"
     " ORDER BY made_at DESC, id DESC LIMIT 50", ["ticket (agent_id, made_at, id)"]),
    ("nulls last", "SELECT * FROM ticket ORDER BY closed_at DESC NULLS LAST LIMIT 20",
     ["ticket (closed_at DESC NULLS LAST)"]),
    ("DISTINCT ON", "SELECT DISTINCT ON (client_id) client_id, made_at, stage FROM ticket"
     " ORDER BY client_id, made_at DESC", ["ticket (client_id, made_at DESC) INCLUDE (stage)"]),
    ("min", "SELECT min(made_at) FROM ticket WHERE priority = 3 AND channel = 'web'",
     ["ticket (channel, priority, made_at)"]),
    ("window", "SELECT * FROM (SELECT client_id, made_at, rank() OVER (PARTITION BY client_id"
     " ORDER BY made_at DESC) AS place FROM ticket) x WHERE place <= 2",
     ["ticket (client_id, made_at DESC)"]),
    ("LATERAL top N", "SELECT a.id, x.* FROM agent a CROSS JOIN LATERAL (SELECT id, made_at FROM"
     " ticket t WHERE t.agent_id = a.id ORDER BY made_at DESC LIMIT 3) x WHERE a.team = 'team5'",
     ["ticket (agent_id, made_at) INCLUDE (id)"]),
    ("subquery per row", "SELECT c.id, (SELECT t.stage FROM ticket t WHERE t.client_id = c.id"
     " ORDER BY t.made_at DESC LIMIT 1) FROM client c WHERE c.vip",
     ["ticket (client_id, made_at) INCLUDE (stage); client (id) WHERE vip"]),
    ("anti join", "SELECT t.id FROM ticket t LEFT JOIN remark r ON r.ticket_id = t.id"
     " WHERE t.stage = 'new' AND r.id IS NULL",
     ["remark (ticket_id); ticket (id) WHERE stage = 'new'", "remark (ticket_id); ticket (stage)"]),
    ("recursion", "WITH RECURSIVE r AS (SELECT id FROM ticket WHERE id = 31 UNION ALL SELECT t.id"
     " FROM ticket t JOIN r ON t.parent_id = r.id) SELECT * FROM r",
     ["ticket (parent_id) INCLUDE (id)"]),
    ("unnest($1)", "SELECT t.id FROM unnest($1::uuid[]) u (x) JOIN ticket t ON t.client_id = u.x",
     ["ticket (client_id) INCLUDE (id)"]),
    ("queue", "SELECT id FROM job WHERE state = 'ready' AND run_at <= now()"
     " ORDER BY priority DESC, run_at LIMIT 1 FOR UPDATE SKIP LOCKED",
     ["job (priority DESC, run_at) WHERE state = 'ready'"]),
    ("WITH … UPDATE", "WITH x AS (SELECT id FROM job WHERE state = 'ready' ORDER BY run_at LIMIT 5"
     " FOR UPDATE SKIP LOCKED) UPDATE job j SET state = 'running' FROM x WHERE j.id = x.id",
     ["job (run_at) WHERE state = 'ready'"]),
    ("MERGE", "MERGE INTO ticket t USING (SELECT ticket_id FROM remark WHERE at > '2022-07-01') s"
     " ON t.id = s.ticket_id WHEN MATCHED THEN UPDATE SET priority = 1", ["remark (at)"]),
    ("common value and range", "DELETE FROM job WHERE state = 'done' AND run_at < '2024-01-03'",
     ["job (run_at)"]),
    ("few non-null", "SELECT id FROM ticket WHERE outside <> '' AND due > '2022-01-01'",
     ["ticket (due) INCLUDE (id) WHERE outside <> ''"]),
    ("is null, order", "SELECT id FROM ticket WHERE closed_at IS NULL ORDER BY priority DESC,"
     " made_at LIMIT 20", ["ticket (priority DESC, made_at) INCLUDE (id) WHERE closed_at IS NULL"]),
    ("count of few", "SELECT count(*) FROM ticket WHERE is_spam", ["ticket (id) WHERE is_spam"]),
    ("narrow range, covered", "SELECT count(*) FROM ticket WHERE made_at > '2022-09-01'"
     " AND channel = 'chat'", ["ticket (channel, made_at)", "ticket (made_at) INCLUDE (channel)"]),
    ("date at time zone",
     "SELECT count(*) FROM ticket WHERE (made_at AT TIME ZONE 'UTC')::date = '2022-01-01'",
     ["ticket (((made_at AT TIME ZONE 'UTC')::date))"]),
    ("->> as int", "SELECT id FROM ticket WHERE (doc ->> 'seats')::int = 5",
     ["ticket (((doc ->> 'seats')::int))"]),
    ("jsonpath", "SELECT id FROM ticket WHERE doc @@ '$.seats == 17'",
     ["ticket USING gin (doc jsonb_path_ops)"]),
    ("array overlap", "SELECT id FROM ticket WHERE tags && ARRAY['t77', 't78']",
     ["ticket USING gin (tags)"]),
    ("int[] of intarray", "SELECT id FROM ticket WHERE marks @> ARRAY[77]",
     ["ticket USING gin (marks gin__int_ops)"]),
    ("text search", "SELECT id FROM ticket WHERE words @@ to_tsquery('simple', 'word77')",
     ["ticket USING gin (words)"]),
    ("anchored ~", "SELECT * FROM ticket WHERE subject ~ '^subj777 '",
     ["ticket (subject text_pattern_ops)"]),
    ("starts_with()", "SELECT * FROM ticket WHERE starts_with(subject, 'subj88 ')",
     ["ticket (subject text_pattern_ops)"]),
    ("similar", "SELECT id FROM client WHERE name % 'Fn77 Lnc4ca42'",
     ["client USING gist (name gist_trgm_ops)", "client USING gin (name gin_trgm_ops)"]),
    ("most similar", "SELECT id FROM client ORDER BY name <-> $1 LIMIT 10",
     ["client USING gist (name gist_trgm_ops)"]),
    ("nearest", "SELECT id FROM client ORDER BY place <-> $1::point LIMIT 5",
     ["client USING gist (place)"]),
    ("in a box", "SELECT id FROM client WHERE place <@ box '((5,5),(6,6))'",
     ["client USING gist (place)"]),
    ("subnet", "SELECT id FROM client WHERE address << '10.7.0.0/16'",
     ["client (address) INCLUDE (id)", "client USING gist (address inet_ops)"]),
    ("value and range type", """SELECT * FROM clinic."Stay" WHERE "wardCode" = 'W7' AND"""
     """ "during" && tstzrange('2019-02-01', '2019-02-03')""",
     ['clinic."Stay" USING gist ("wardCode", "during")']),
    ("few open ones", """SELECT "stayId", "cost" FROM clinic."Stay" WHERE "leftAt" IS NULL"""
     """ AND "wardCode" = $1""",
     ['clinic."Stay" ("wardCode") INCLUDE ("stayId", "cost") WHERE "leftAt" IS NULL']),
]  # fmt: skip

SILENT = [
    "SELECT * FROM ticket WHERE id = $1",
    "SELECT * FROM ticket WHERE id = $1 AND stage = 'open' AND agent_id = $2",
    "SELECT * FROM ticket t JOIN client c ON c.id = t.client_id WHERE t.id = $1",
    "SELECT t.client_id FROM ticket t JOIN client c ON c.id = t.client_id WHERE t.id = 5",
    "SELECT id FROM ticket ORDER BY id DESC OFFSET 250000 LIMIT 10",
    "SELECT * FROM job WHERE queue = 'q5' ORDER BY run_at LIMIT 10",
    "SELECT * FROM job WHERE queue = 'q5' AND run_at > '2024-03-10'",
    "SELECT count(*) FROM client",
    "SELECT sum(amount) FROM ticket",
    "SELECT * FROM ticket",
    "SELECT * FROM ticket LIMIT 10",
    "SELECT * FROM ticket WHERE amount > 10",
    "SELECT * FROM ticket WHERE NOT is_spam",
    "SELECT * FROM ticket WHERE stage <> 'new'",
    "SELECT * FROM ticket WHERE made_at > closed_at",
    "SELECT * FROM ticket WHERE amount > random() * 10000",
    "SELECT * FROM ticket TABLESAMPLE BERNOULLI (1) WHERE agent_id = 3",
    "SELECT id FROM ticket WHERE 't77' = ANY(tags)",
    "SELECT id FROM ticket WHERE subject LIKE '%'",
    "SELECT * FROM ticket WHERE subject LIKE 'subj%'",
    "SELECT count(*) FROM ticket WHERE made_at::date = '2022-01-01'",
    "SELECT count(*) FROM ticket WHERE date_trunc('day', made_at) = '2022-01-01'",
    "SELECT count(*) FROM ticket WHERE to_char(made_at, 'YYYY-MM') = '2022-01'",
    "SELECT count(*) FROM client WHERE age(born) > interval '60 years'",
    "SELECT * FROM ticket WHERE outside = 'X1' OR amount > 10",
    "SELECT * FROM agent WHERE team = 'team3'",
    "SELECT * FROM agent a JOIN agent b ON a.team = b.team",
    "SELECT * FROM client ORDER BY random() LIMIT 5",
    "SELECT * FROM clinic.Stay WHERE stayId = 5",
    "UPDATE ticket SET priority = priority + 1",
    "UPDATE ticket SET priority = 1 WHERE id = $1",
    "DELETE FROM remark",
    "INSERT INTO agent VALUES (9999, 'x', 'y')",
    "INSERT INTO agent VALUES (1, 'x', 'y') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
    "VACUUM ticket",
]
