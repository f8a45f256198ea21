-- calls: 90000
SELECT * FROM shipment WHERE carrier_id = $1 AND eta >= $2 ORDER BY eta LIMIT 50;
-- calls: 50000
SELECT * FROM shipment WHERE id = $1;
-- calls: 20000
SELECT id, status FROM shipment WHERE reference = $1;
-- calls: 12000
SELECT id FROM shipment WHERE contact_email = $1;
-- calls: 9000
SELECT count(*) FROM shipment WHERE origin_id = $1;
-- calls: 30000
SELECT "id", "kind" FROM "customsEvent" WHERE "shipmentId" = $1;
-- calls: 4000
SELECT "id" FROM "customsEvent" WHERE "kind" = $1 AND "happenedAt" > $2 ORDER BY "happenedAt" LIMIT 20;
-- calls: 8000
SELECT s.id, p.name FROM shipment s JOIN port p ON p.id = s.origin_id WHERE s.reference = $1;
-- calls: 40000
SELECT value FROM setting WHERE key = $1;
-- calls: 3000
SELECT id, name FROM carrier WHERE rating = $1;
-- calls: 5000
UPDATE shipment SET status = $1 WHERE id = $2;
-- calls: 6000
INSERT INTO "customsEvent" ("id", "shipmentId", "kind", "happenedAt", "payload") VALUES ($1, $2, $3, $4, $5);
-- calls: 12
SELECT status, count(*), sum(weight_kg) FROM shipment GROUP BY status;
-- calls: 500
DELETE FROM shipment WHERE id = $1;
