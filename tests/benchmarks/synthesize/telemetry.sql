-- Devices of many customers: a tree of sites, composite keys, monthly partitions, skew everywhere.
SELECT setseed(0.25);
CREATE TYPE severity AS ENUM ('trace', 'note', 'warning', 'fault');
CREATE TABLE customer (
  id integer PRIMARY KEY, name text NOT NULL UNIQUE, plan text NOT NULL, since date NOT NULL,
  until date, CHECK (until IS NULL OR until >= since));
CREATE TABLE site (
  customer_id integer NOT NULL REFERENCES customer, id integer NOT NULL, above integer,
  country char(2) NOT NULL, city text NOT NULL, zone text NOT NULL, PRIMARY KEY (customer_id, id),
  FOREIGN KEY (customer_id, above) REFERENCES site (customer_id, id));
CREATE TABLE model (
  code varchar(16) PRIMARY KEY, family text NOT NULL, watts numeric(7, 1), features text[] NOT NULL,
  CHECK (code ~ '^[A-Z]{2}-[0-9]{3}$'));
CREATE TABLE device (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, serial text NOT NULL UNIQUE,
  customer_id integer NOT NULL, site_id integer NOT NULL, model_code varchar(16) NOT NULL REFERENCES model,
  replaced_by bigint REFERENCES device, installed timestamptz NOT NULL, seen timestamptz,
  active boolean NOT NULL, address inet, settings jsonb NOT NULL,
  FOREIGN KEY (customer_id, site_id) REFERENCES site (customer_id, id));
CREATE TABLE reading (
  device_id bigint NOT NULL, at timestamptz NOT NULL, metric smallint NOT NULL,
  value double precision, quality "char" NOT NULL, PRIMARY KEY (device_id, at, metric)
) PARTITION BY RANGE (at);
CREATE TABLE reading_2026_01 PARTITION OF reading FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE reading_2026_02 PARTITION OF reading FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE reading_2026_03 PARTITION OF reading FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
CREATE TABLE event (
  id uuid PRIMARY KEY, device_id bigint NOT NULL, level severity NOT NULL, kind text NOT NULL,
  raised timestamptz NOT NULL, cleared timestamptz, said text, tags text[], detail jsonb,
  CHECK (cleared >= raised));
CREATE TABLE outage (
  id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer, during tstzrange NOT NULL,
  cost money);
CREATE INDEX ON device (customer_id, site_id);
CREATE INDEX ON event (device_id, raised);
CREATE INDEX ON event (raised) WHERE cleared IS NULL;
CREATE INDEX ON outage USING gist (during);
CREATE STATISTICS site_place (dependencies, mcv) ON country, city, zone FROM site;

INSERT INTO customer SELECT n, 'Customer ' || md5(n::text),
  CASE WHEN n % 10 < 7 THEN 'basic' WHEN n % 10 < 9 THEN 'plus' ELSE 'all' END,
  date '2020-01-01' + n * 37 % 1800,
  CASE WHEN n % 6 = 0 THEN date '2020-01-01' + n * 37 % 1800 + n % 300 END FROM generate_series(1, 400) n;
INSERT INTO site SELECT c, s, CASE WHEN s > 3 THEN s / 3 END,
  (ARRAY['DE', 'DE', 'DE', 'FR', 'FR', 'PL'])[1 + (c * 7 + s) % 6],
  (ARRAY['Berlin', 'Bonn', 'Ulm', 'Paris', 'Lyon', 'Lodz'])[1 + (c * 7 + s) % 6],
  (ARRAY['Europe/Berlin', 'Europe/Berlin', 'Europe/Berlin', 'Europe/Paris', 'Europe/Paris', 'Europe/Warsaw'])[1 + (c * 7 + s) % 6]
FROM generate_series(1, 400) c, generate_series(1, 2 + 2000 / (c + 20)) s;
INSERT INTO model SELECT chr(65 + n % 5) || chr(65 + n % 26) || '-' || lpad(n::text, 3, '0'),
  (ARRAY['pump', 'valve', 'meter', 'meter', 'meter'])[1 + n % 5], n * 12.5,
  CASE n % 3 WHEN 0 THEN ARRAY['wifi', 'gps'] WHEN 1 THEN ARRAY['wifi'] ELSE ARRAY['lora', 'solar'] END
FROM generate_series(1, 80) n;
INSERT INTO device (serial, customer_id, site_id, model_code, installed, seen, active, address, settings)
SELECT 'SN-' || upper(substr(md5(n::text), 1, 10)), s.customer_id, s.id, m.code,
  timestamptz '2023-01-01' + n * interval '70 minutes',
  CASE WHEN n % 9 > 0 THEN timestamptz '2026-03-31' - (power(random(), 4) * 900) * interval '1 day' END,
  n % 9 > 0, ('10.' || n % 7 || '.' || n % 200 || '.' || n % 250)::inet,
  jsonb_build_object('interval', (ARRAY[10, 60, 300])[1 + n % 3], 'firmware', '4.' || n % 12)
FROM (SELECT n, 1 + floor(power(random(), 2) * (SELECT count(*) FROM site))::int AS r,
        1 + floor(power(random(), 3) * 80)::int AS k FROM generate_series(1, 20000) n) AS drawn
JOIN (SELECT *, row_number() OVER (ORDER BY customer_id, id) AS r FROM site) AS s USING (r)
JOIN (SELECT code, row_number() OVER (ORDER BY code) AS k FROM model) AS m USING (k);
UPDATE device SET replaced_by = id + 40 WHERE NOT active AND id < 19000;
INSERT INTO reading
SELECT 1 + floor(power(random(), 2) * 20000)::int, timestamptz '2026-01-01' + n * interval '25.5 seconds',
  1 + n % 4, CASE WHEN n % 50 > 0 THEN 20 + 5 * sin(n / 900.0) + random() END,
  CASE WHEN random() < 0.97 THEN 'g' ELSE 'b' END FROM generate_series(1, 300000) n;
INSERT INTO event SELECT md5('e' || n)::uuid, 1 + floor(power(random(), 3) * 20000)::int,
  (ARRAY['trace', 'trace', 'trace', 'trace', 'note', 'note', 'note', 'warning', 'warning', 'fault'])[1 + n % 10]::severity,
  (ARRAY['boot', 'sync', 'sync', 'sync', 'leak', 'door', 'heat'])[1 + floor(power(random(), 2) * 7)::int],
  at, CASE WHEN n % 10 > 6 AND n % 4 > 0 THEN at + random() * interval '9 hours' END,
  CASE WHEN n % 5 = 0 THEN 'said ' || repeat(md5(n::text), 1 + n % 3) END,
  CASE WHEN n % 3 = 0 THEN ARRAY['t' || n % 5, 'u' || n % 40] END,
  CASE WHEN n % 2 = 0 THEN jsonb_build_object('code', n % 25, 'try', n % 3) END
FROM (SELECT n, timestamptz '2025-06-01' + n * interval '5 minutes' + random() * interval '1 hour' AS at
      FROM generate_series(1, 80000) n) AS made;
INSERT INTO outage SELECT n, 1 + floor(power(random(), 2) * 400)::int,
  tstzrange(at, at + (1 + n % 50) * interval '20 minutes'), (n % 700)::money
FROM (SELECT n, timestamptz '2025-06-01' + n * interval '90 minutes' AS at FROM generate_series(1, 4000) n) AS made;
