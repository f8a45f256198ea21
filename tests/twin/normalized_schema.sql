CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE place AS (city text, code text);
CREATE DOMAIN amount AS numeric(12, 2) CHECK (value >= 0);
CREATE TABLE customer (
    id int PRIMARY KEY DEFAULT 0, customer_id int, parent_id int, name text, country char(2), home place);
CREATE TABLE orders (
    id bigserial PRIMARY KEY, customer_id int, status text, total numeric, placed_at timestamptz,
    note varchar(200), tags text[], details jsonb, valid daterange, search tsvector, address inet,
    paid boolean, mood mood, price amount, token uuid, digest bytea);
CREATE INDEX ON orders (customer_id);
CREATE VIEW open_orders AS SELECT * FROM orders WHERE status = 'new';
CREATE FUNCTION made_since(since date, most int) RETURNS SETOF orders LANGUAGE sql STABLE
    AS $$ SELECT * FROM orders WHERE placed_at > since LIMIT most $$;
CREATE FUNCTION crosscheck(n int, word text) RETURNS boolean LANGUAGE sql AS $$ SELECT n > length(word) $$;
INSERT INTO customer (id, parent_id, name, country) SELECT i, nullif(i / 10, 0), 'c' || i, 'FR' FROM generate_series(1, 500) i;
INSERT INTO orders (customer_id, status, total, placed_at) SELECT 1 + i % 500, 'new', i, timestamptz '2024-01-01' + i * interval '1 hour' FROM generate_series(1, 3000) i;
ANALYZE;
