-- Partitions, composite keys, arrays, documents, skew, a self-reference, a cycle.
CREATE TYPE mood AS ENUM ('glad', 'calm', 'sad');
CREATE DOMAIN code AS varchar(12) CHECK (length(VALUE) >= 3);
CREATE TABLE tenant (
  id integer PRIMARY KEY, name text NOT NULL UNIQUE, boss_id integer, mood mood NOT NULL);
CREATE TABLE member (
  tenant_id integer NOT NULL REFERENCES tenant, id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parent_id bigint REFERENCES member, email varchar(60) NOT NULL UNIQUE, ref uuid NOT NULL,
  rate numeric(8, 3), code code, born date, UNIQUE (tenant_id, id),
  label text GENERATED ALWAYS AS (upper(email)) STORED);
CREATE TABLE tag (id smallint PRIMARY KEY, word text NOT NULL);
CREATE TABLE member_tag (
  member_id bigint REFERENCES member, tag_id smallint REFERENCES tag, since timestamptz NOT NULL,
  PRIMARY KEY (member_id, tag_id));
CREATE TABLE project (
  tenant_id integer NOT NULL, id integer NOT NULL, owner_id bigint NOT NULL,
  labels text[] NOT NULL, settings jsonb, body tsvector, span int4range, address inet,
  budget double precision, PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES member (tenant_id, id));
CREATE TABLE event (
  at timestamptz NOT NULL, id bigserial NOT NULL, tenant_id integer NOT NULL, project_id integer,
  kind text NOT NULL, note text, amount numeric CHECK (amount >= 0),
  PRIMARY KEY (id, at), FOREIGN KEY (tenant_id, project_id) REFERENCES project (tenant_id, id)
) PARTITION BY RANGE (at);
CREATE TABLE event_q1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-04-01');
CREATE TABLE event_q2 PARTITION OF event FOR VALUES FROM ('2026-04-01') TO ('2026-07-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE TABLE session (id uuid NOT NULL, member_id bigint NOT NULL REFERENCES member, seen integer)
  PARTITION BY HASH (id);
CREATE TABLE session_0 PARTITION OF session FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE session_1 PARTITION OF session FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON event (tenant_id, kind);
CREATE INDEX ON project USING gin (labels);
CREATE VIEW busy AS SELECT tenant_id, count(*) FROM event GROUP BY 1;

INSERT INTO tenant SELECT n, 'tenant ' || n, NULL,
  (ARRAY['glad', 'glad', 'glad', 'calm', 'sad'])[1 + n % 5]::mood FROM generate_series(1, 50) n;
INSERT INTO member (tenant_id, parent_id, email, ref, rate, code, born)
SELECT 1 + floor(50 * power(hashint4(n)::float8 / 4294967296 + 0.5, 2))::int,
  CASE WHEN n > 20 THEN 1 + n / 10 END, 'm' || md5(n::text) || '@shop.example',
  md5('ref' || n)::uuid, round((hashint4(n + 1) / 1e6)::numeric, 3),
  CASE WHEN n % 3 = 0 THEN 'CODE' || n % 40 END, date '1950-01-01' + n % 20000
FROM generate_series(1, 5000) n;
INSERT INTO tag SELECT n, 'tag ' || n FROM generate_series(1, 60) n;
INSERT INTO member_tag
SELECT DISTINCT ON (m, t) m, t, timestamptz '2026-01-01' + n * interval '1 minute' FROM (
  SELECT n, 1 + n % 5000 AS m, 1 + floor(60 * power(hashint4(n)::float8 / 4294967296 + 0.5, 3))::int t
  FROM generate_series(1, 20000) n) AS drawn;
INSERT INTO project
SELECT m.tenant_id, row_number() OVER (PARTITION BY m.tenant_id), m.id,
  ARRAY['a' || m.id % 3, 'b' || m.id % 17, 'c' || m.id % 5],
  jsonb_build_object('plan', (ARRAY['free', 'pro'])[1 + (m.id % 2)::int], 'seats', m.id % 90),
  to_tsvector('simple', 'word' || m.id % 7 || ' thing' || m.id % 101),
  int4range((m.id % 50)::int, (m.id % 50 + 1 + m.id % 9)::int), ('10.0.' || m.id % 200 || '.1')::inet,
  m.id * 0.5
FROM member m WHERE m.id % 2 = 0;
INSERT INTO event (at, tenant_id, project_id, kind, note, amount)
SELECT timestamptz '2026-01-01' + n * interval '6 minutes', p.tenant_id, p.id,
  CASE WHEN n % 10 < 7 THEN 'view' WHEN n % 10 < 9 THEN 'edit' ELSE 'share' END,
  CASE WHEN n % 4 = 0 THEN repeat(md5(n::text), 5) END, n % 977 / 10.0
FROM generate_series(1, 30000) n
JOIN (SELECT tenant_id, id, row_number() OVER (ORDER BY tenant_id, id) AS r FROM project) AS p
  ON p.r = 1 + n % 2500;
INSERT INTO session SELECT md5('s' || n)::uuid, 1 + n % 5000, n % 13 FROM generate_series(1, 4000) n;
ALTER TABLE tenant ADD FOREIGN KEY (boss_id) REFERENCES member;
UPDATE tenant SET boss_id = id * 3 WHERE id % 2 = 0;
VACUUM ANALYZE;
