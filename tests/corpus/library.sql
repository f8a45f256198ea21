-- A lending library: enough relations for every way of asking row by row.
CREATE TABLE publisher (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE author (id serial PRIMARY KEY, name text NOT NULL, country text NOT NULL);
CREATE TABLE book (
    id serial PRIMARY KEY, title text NOT NULL, year int NOT NULL, pages int NOT NULL,
    author_id int NOT NULL REFERENCES author, publisher_id int NOT NULL REFERENCES publisher);
CREATE INDEX ON book (author_id);
CREATE TABLE tag (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE book_tag (
    id serial PRIMARY KEY, book_id int NOT NULL REFERENCES book, tag_id int NOT NULL REFERENCES tag,
    UNIQUE (book_id, tag_id));
CREATE TABLE reader (id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE);
CREATE TABLE review (
    id serial PRIMARY KEY, book_id int NOT NULL REFERENCES book,
    reader_id int NOT NULL REFERENCES reader, stars int NOT NULL, body text NOT NULL);
CREATE INDEX ON review (book_id);
CREATE TABLE branch (id serial PRIMARY KEY, name text NOT NULL, city text NOT NULL);
CREATE TABLE copy_of_book (
    id serial PRIMARY KEY, book_id int NOT NULL REFERENCES book,
    branch_id int NOT NULL REFERENCES branch, state text NOT NULL);
CREATE INDEX ON copy_of_book (book_id);
CREATE TABLE loan (
    id serial PRIMARY KEY, copy_id int NOT NULL REFERENCES copy_of_book,
    reader_id int NOT NULL REFERENCES reader, due date NOT NULL, returned boolean NOT NULL);
CREATE INDEX ON loan (copy_id);
CREATE INDEX ON loan (reader_id);
CREATE TABLE note (
    id serial PRIMARY KEY, target_type text NOT NULL, target_id int NOT NULL, body text NOT NULL);
CREATE TABLE web_session (
    key text PRIMARY KEY, reader_id int NOT NULL REFERENCES reader, data text NOT NULL);
CREATE TABLE setting (id int PRIMARY KEY, name text NOT NULL, value text NOT NULL);
CREATE TABLE job (id serial PRIMARY KEY, state text NOT NULL, payload text NOT NULL);
CREATE TABLE event (id serial PRIMARY KEY, kind text NOT NULL, payload text NOT NULL);
CREATE TABLE category (
    id serial PRIMARY KEY, name text NOT NULL, parent_id int REFERENCES category);
CREATE INDEX ON category (parent_id);
CREATE TABLE visit_count (branch_id int, day date, visits int NOT NULL, PRIMARY KEY (branch_id, day));
INSERT INTO publisher (name) SELECT 'house ' || g FROM generate_series(1, 25) g;
INSERT INTO author (name, country)
    SELECT 'author ' || g, (ARRAY['IS','NO','PT','GR'])[g % 4 + 1] FROM generate_series(1, 60) g;
INSERT INTO book (title, year, pages, author_id, publisher_id)
    SELECT 'title ' || g, 1950 + g % 70, 100 + g % 400, g % 60 + 1, g % 25 + 1
    FROM generate_series(1, 400) g;
INSERT INTO tag (name) SELECT 'tag ' || g FROM generate_series(1, 30) g;
INSERT INTO book_tag (book_id, tag_id)
    SELECT b, (b * 7 + k) % 30 + 1 FROM generate_series(1, 400) b, generate_series(1, 3) k;
INSERT INTO reader (name, email)
    SELECT 'reader ' || g, 'r' || g || '@example.org' FROM generate_series(1, 200) g;
INSERT INTO review (book_id, reader_id, stars, body)
    SELECT g % 400 + 1, g * 37 % 200 + 1, g % 5 + 1, 'review ' || g FROM generate_series(1, 1600) g;
INSERT INTO branch (name, city) SELECT 'branch ' || g, 'city ' || g % 4 FROM generate_series(1, 12) g;
INSERT INTO copy_of_book (book_id, branch_id, state)
    SELECT g % 400 + 1, g % 12 + 1, (ARRAY['good','worn','lost'])[g % 3 + 1]
    FROM generate_series(1, 1200) g;
INSERT INTO loan (copy_id, reader_id, due, returned)
    SELECT g % 1200 + 1, g * 13 % 200 + 1, date '2026-01-01' + g % 300, g % 3 > 0
    FROM generate_series(1, 3000) g;
INSERT INTO note (target_type, target_id, body)
    SELECT (ARRAY['book','author','reader'])[g % 3 + 1], g % 50 + 1, 'note ' || g
    FROM generate_series(1, 300) g;
INSERT INTO web_session SELECT 'key' || g, g, '{}' FROM generate_series(1, 200) g;
INSERT INTO setting SELECT g, 'setting ' || g, 'value' FROM generate_series(1, 120) g;
INSERT INTO job (state, payload) SELECT 'waiting', '{}' FROM generate_series(1, 50) g;
INSERT INTO category (name, parent_id)
    SELECT 'category ' || g, CASE WHEN g > 4 THEN g / 4 END FROM generate_series(1, 84) g;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
ANALYZE;
