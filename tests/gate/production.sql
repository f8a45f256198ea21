-- A harbour company's database: what production holds when the pull requests come.
CREATE TABLE port (
    id integer PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    country text NOT NULL
);
CREATE TABLE carrier (
    id integer PRIMARY KEY,
    name text NOT NULL,
    rating integer
);
CREATE TABLE shipment (
    id bigint PRIMARY KEY,
    carrier_id integer NOT NULL REFERENCES carrier,
    origin_id integer NOT NULL REFERENCES port,
    reference text NOT NULL,
    status text NOT NULL,
    weight_kg integer,
    eta timestamptz NOT NULL,
    contact_email text NOT NULL,
    notes text
);
CREATE INDEX shipment_carrier_id_eta_idx ON shipment (carrier_id, eta);
CREATE INDEX shipment_origin_id_idx ON shipment (origin_id);
CREATE INDEX shipment_reference_idx ON shipment (reference);
CREATE INDEX shipment_email_idx ON shipment (contact_email);
CREATE INDEX shipment_never_used_idx ON shipment (weight_kg, notes);
CREATE TABLE "customsEvent" (
    "id" bigint PRIMARY KEY,
    "shipmentId" bigint NOT NULL REFERENCES shipment ON DELETE CASCADE,
    "kind" text NOT NULL,
    "happenedAt" timestamptz NOT NULL,
    "payload" jsonb NOT NULL
);
CREATE INDEX "customsEvent_shipmentId_idx" ON "customsEvent" ("shipmentId");
CREATE INDEX "customsEvent_kind_happenedAt_idx" ON "customsEvent" ("kind", "happenedAt");
CREATE TABLE setting (key text PRIMARY KEY, value text);

INSERT INTO port SELECT g, 'P' || g, 'Port ' || g, 'C' || g % 40 FROM generate_series(1, 300) g;
INSERT INTO carrier SELECT g, 'Carrier ' || g, g % 5 FROM generate_series(1, 400) g;
INSERT INTO shipment
SELECT g, g % 400 + 1, (g * 7919) % 300 + 1, 'REF-' || g,
    (ARRAY['planned', 'sailing', 'arrived', 'arrived', 'arrived', 'arrived'])[g % 6 + 1],
    (g * 31) % 30000, timestamptz '2026-01-01' + g * interval '1 minute',
    'user' || (g * 131) % 90000 || '@example.org', 'note ' || (g * 97) % 5000
FROM generate_series(1, 120000) g;
INSERT INTO "customsEvent"
SELECT g, (g * 127) % 120000 + 1, 'kind' || g % 12, timestamptz '2026-01-01' + g * interval '30 s',
    '{"cleared": true}'
FROM generate_series(1, 150000) g;
INSERT INTO setting SELECT 'key' || g, 'value' FROM generate_series(1, 50) g;
DELETE FROM shipment WHERE id % 1000 = 999;
VACUUM ANALYZE;
