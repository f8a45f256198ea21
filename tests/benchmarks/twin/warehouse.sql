-- One table with columns of many types and distributions, for candidates of every access method.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE TABLE parcel (
    id bigint PRIMARY KEY,
    customer_id integer NOT NULL,
    depot_id smallint NOT NULL,
    status text NOT NULL,
    reference text NOT NULL,
    tracking uuid NOT NULL,
    weight numeric(8, 3),
    price double precision NOT NULL,
    created_at timestamptz NOT NULL,
    delivered_on date,
    fragile boolean NOT NULL,
    tags text[] NOT NULL,
    attributes jsonb NOT NULL,
    route int4range NOT NULL,
    place point NOT NULL,
    address inet NOT NULL,
    note text,
    scanned_by integer[]);
INSERT INTO parcel
SELECT i,
    1 + (power(random(), 3) * 20000)::int,
    1 + i % 40,
    (ARRAY['new', 'packed', 'sent', 'delivered', 'delivered', 'delivered', 'delivered', 'lost'])[1 + (random() * 7)::int],
    'REF-' || to_char(i, 'FM000000000') || '-' || substr(md5(i::text), 1, 4 + i % 12),
    gen_random_uuid(),
    CASE WHEN i % 5 = 0 THEN NULL ELSE (random() * 900)::numeric(8, 3) END,
    random() * 500,
    timestamptz '2024-01-01' + i * interval '3 minutes' + random() * interval '1 hour',
    CASE WHEN i % 3 > 0 THEN date '2024-01-02' + i / 480 END,
    i % 17 = 0,
    ARRAY['zone' || i % 25, 'class' || (random() * 5)::int, 'lot' || i / 300],
    jsonb_build_object('size', (random() * 30)::int, 'color', 'c' || i % 12, 'sku', 'sku' || (random() * 9000)::int,
                       'dimensions', jsonb_build_object('w', i % 90, 'h', i % 70)),
    int4range((random() * 10000)::int, 10000 + (random() * 500)::int),
    point(random() * 1000, random() * 1000),
    ('10.' || i % 200 || '.' || i % 250 || '.' || (random() * 250)::int)::inet,
    CASE WHEN i % 4 = 0 THEN (ARRAY['handle with', 'left at', 'please call', 'ring bell'])[1 + i % 4] || ' ' || md5(random()::text) || ' ' || (ARRAY['door', 'gate', 'neighbour', 'shop'])[1 + (random() * 3)::int] END,
    ARRAY[(random() * 300)::int, (random() * 300)::int]
FROM generate_series(1, 200000) AS i;
VACUUM ANALYZE parcel;
