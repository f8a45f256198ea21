-- What contradicts itself, is empty, was never looked at, or cannot be had.
CREATE TABLE empty_parent (id integer PRIMARY KEY, name text);
CREATE TABLE child_of_empty (
  id integer PRIMARY KEY, parent_id integer REFERENCES empty_parent, must_have integer NOT NULL);
CREATE TABLE never_analysed (
  id bigint PRIMARY KEY, kind mood, at timestamptz NOT NULL, note text, price numeric(6, 2),
  flags bit(4), place inet, doc jsonb, raw bytea, tags text[], span tstzrange, ok boolean);
CREATE TABLE range_parent (day date NOT NULL, n integer) PARTITION BY RANGE (day);
CREATE TABLE range_unseen PARTITION OF range_parent FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE list_parent (region text NOT NULL, n integer) PARTITION BY LIST (region);
CREATE TABLE list_unseen PARTITION OF list_parent FOR VALUES IN ('north', 'south');
CREATE TABLE booking (
  id integer PRIMARY KEY, room integer NOT NULL, during tstzrange NOT NULL,
  EXCLUDE USING gist (room WITH =, during WITH &&));
CREATE TABLE audited (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0);
CREATE TABLE audit_log (id bigserial PRIMARY KEY, said text);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO audit_log (said) VALUES (new.id::text); RETURN new; END $$;
CREATE TRIGGER audited_noted AFTER INSERT ON audited FOR EACH ROW EXECUTE FUNCTION note_it();
CREATE TABLE twisted (a integer NOT NULL, b integer, c text CHECK (c ~ '^[a-z]+$'), d float8);
CREATE TABLE "Odd ""Name" ("Sélect" integer PRIMARY KEY, "from" text, "x y" char(3));
