-- No primary keys except where ON CONFLICT needs one: the tests make indexes of their own.
CREATE EXTENSION pg_trgm;
CREATE SCHEMA app;
CREATE TABLE customer (
  id int NOT NULL, email text NOT NULL, "firstName" text, "orgId" int, country varchar(2),
  active boolean, deleted_at timestamptz, tags text[], profile jsonb, name text COLLATE "C",
  created_at timestamptz, balance numeric(12,2), parent_id int
);
CREATE TABLE orders (
  id bigint NOT NULL, customer_id int, status text, total numeric, placed_at timestamptz,
  shipped boolean, note text, doc jsonb, priority int
);
CREATE TABLE order_item (
  order_id bigint, line_no int, product_id int, quantity int, price numeric
);
CREATE TABLE product (
  id int NOT NULL, name text, search tsvector, attributes jsonb, valid int4range, price numeric,
  category_id int, "groupName" text
);
CREATE TABLE category (id int, parent_id int, name text);
CREATE TABLE "LeadFact" (
  "orgId" int, "enteredAt" timestamptz, "assignedUserId" int, value numeric, "größe" int
);
CREATE TABLE event (id bigint, at timestamptz, kind text, payload jsonb) PARTITION BY RANGE (at);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE inventory (
  product_id int CONSTRAINT inventory_pk PRIMARY KEY, quantity int, sku text,
  updated_at timestamptz DEFAULT now()
);
CREATE UNIQUE INDEX inventory_sku ON inventory (lower(sku));
CREATE TABLE app.account (
  id uuid, login text, "user" text, position int, date date, time time, value text, key text
);
CREATE TABLE app.final (id int, sample int, top text);
CREATE VIEW active_customer AS
  SELECT id, email, "orgId", lower(email) AS mail, created_at
  FROM customer WHERE active AND deleted_at IS NULL;
CREATE VIEW org_customer AS
  SELECT a.id AS customer, a.mail, o.total, o.placed_at
  FROM active_customer a JOIN orders o ON o.customer_id = a.id;
CREATE VIEW order_total AS
  SELECT customer_id, count(*) AS orders, sum(total) AS total FROM orders GROUP BY customer_id;
CREATE VIEW everything AS
  SELECT id, name FROM product UNION ALL SELECT id, name FROM category;
CREATE MATERIALIZED VIEW product_sales AS
  SELECT product_id, sum(quantity) AS sold FROM order_item GROUP BY product_id;
