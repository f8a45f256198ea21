CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('glad', 'sad', 'meh');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN email AS citext CHECK (VALUE ~ '^[^@]+@[^@]+$');
CREATE DOMAIN zip AS text NOT NULL CHECK (length(VALUE) <= 20);
CREATE TABLE kinds (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p pair, r int4range, mr int4multirange,
  tsr tstzrange, b bit(12), vb bit varying(20), ip inet, net cidr, mac macaddr, mac8 macaddr8,
  tv tsvector, tq tsquery, u uuid NOT NULL UNIQUE, iv interval, n numeric(12, 4), nn numeric,
  nneg numeric(4, -2), c char(7), vc varchar(9), moods mood[], m mood NOT NULL, money money, o oid,
  lsn pg_lsn, pt point, bx box, js json, jb jsonb NOT NULL, ba bytea, tt time, ttz timetz,
  ts timestamp(0), tsz timestamptz(3), d date, f4 real, f8 float8, bo boolean, nm name, ints int[],
  texts text[], nums numeric(8, 2)[], uu uuid[], jbs jsonb[], pos positive, em email, z zip, i2 int2,
  ia int[][], x xid, ch "char", jp jsonpath);
INSERT INTO kinds (p, r, mr, tsr, b, vb, ip, net, mac, mac8, tv, tq, u, iv, n, nn, nneg, c, vc, moods, m,
  money, o, lsn, pt, bx, js, jb, ba, tt, ttz, ts, tsz, d, f4, f8, bo, nm, ints, texts, nums, uu, jbs,
  pos, em, z, i2, ia, x, ch, jp)
SELECT row(n, 't' || n % 9)::pair, int4range(n, n + n % 7 + 1),
  int4multirange(int4range(n, n + 2), int4range(n + 5, n + 9)),
  tstzrange(timestamptz '2026-01-01' - n * interval '1 h', timestamptz '2026-01-01'),
  n::bit(12), (n % 1000)::bit(10), ('10.0.' || n % 250 || '.1')::inet, ('10.' || n % 250 || '.0.0/16')::cidr,
  ('08:00:2b:01:02:' || lpad(to_hex(n % 256), 2, '0'))::macaddr,
  ('08:00:2b:01:02:03:04:' || lpad(to_hex(n % 256), 2, '0'))::macaddr8,
  to_tsvector('simple', 'w' || n % 30 || ' z' || n), to_tsquery('simple', 'a' || n % 9 || ' & b'),
  md5(n::text)::uuid, n % 400 * interval '37 minutes', n / 7.0, n * 1.5, n % 100 * 100, 'c' || n % 77,
  'v' || n, ARRAY['glad', 'sad']::mood[], (ARRAY['glad', 'glad', 'sad'])[1 + n % 3]::mood,
  (n * 1.25)::text::money, n::oid, ('0/' || to_hex(n * 100))::pg_lsn, point(n, n % 10),
  box(point(n, n), point(n + 1, n + 2)), json_build_object('a', n % 50), jsonb_build_object('b', n),
  decode(md5(n::text), 'hex'), time '00:00' + n * interval '1 s', timetz '01:00+02' + n * interval '1 s',
  timestamp '2026-01-01' - n * interval '1 min', timestamptz '2026-01-01' - n * interval '1 min',
  date '2020-01-01' + n, n / 3.0, n / 9.0, n % 4 = 0, 'nm' || n, ARRAY[n, n % 5, 3], ARRAY['x' || n % 40, 'y'],
  ARRAY[n / 8.0], ARRAY[md5((n % 7)::text)::uuid], ARRAY[jsonb_build_object('q', n % 8)], n,
  'u' || n || '@ex.com', lpad(n::text, 5, '0'), n % 30000, ARRAY[[n, 1], [2, 3]], (n % 77)::text::xid,
  chr(65 + n % 26)::"char", ('$.a' || n % 9)::jsonpath
FROM generate_series(1, 1000) n;
