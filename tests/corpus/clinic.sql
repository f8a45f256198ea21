-- A clinic for several tenants: keys of every kind, and half of the references declared nowhere.
CREATE TABLE tenant (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE doctor (
    id uuid PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant, full_name text NOT NULL,
    specialty text NOT NULL, deleted_at timestamptz);
CREATE TABLE skill (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE doctor_skill (
    doctor_id uuid NOT NULL REFERENCES doctor, skill_id int NOT NULL REFERENCES skill,
    PRIMARY KEY (doctor_id, skill_id));
CREATE TABLE patient (
    id uuid PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant, full_name text NOT NULL,
    gp uuid, deleted_at timestamptz);
CREATE TABLE room (
    tenant_id int NOT NULL REFERENCES tenant, number int NOT NULL, label text NOT NULL,
    PRIMARY KEY (tenant_id, number));
CREATE TABLE visit (
    id bigserial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant,
    patient_id uuid NOT NULL REFERENCES patient, doctor_id uuid NOT NULL, room int NOT NULL,
    state text NOT NULL, FOREIGN KEY (tenant_id, room) REFERENCES room);
CREATE INDEX ON visit (patient_id);
CREATE TABLE icd (code text PRIMARY KEY, title text NOT NULL);
CREATE TABLE diagnosis (
    visit_id bigint NOT NULL REFERENCES visit, position int NOT NULL, code text NOT NULL,
    PRIMARY KEY (visit_id, position));
CREATE TABLE drug (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL);
CREATE TABLE prescription (
    id bigserial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant, visit_id bigint NOT NULL,
    drug int NOT NULL REFERENCES drug, dose text NOT NULL);
CREATE INDEX ON prescription (visit_id);
CREATE TABLE department (
    id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant, name text NOT NULL, parent int);
CREATE INDEX ON department (parent);
CREATE TABLE remark (
    id bigserial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant, about text NOT NULL,
    about_key uuid NOT NULL, body text NOT NULL);
CREATE TABLE attachment (
    id bigserial PRIMARY KEY, owner_type text NOT NULL, owner_id bigint NOT NULL,
    file_name text NOT NULL);
CREATE INDEX ON attachment (owner_type, owner_id);
CREATE TABLE pulse (
    patient_id uuid NOT NULL, day date NOT NULL, beats int NOT NULL,
    PRIMARY KEY (patient_id, day));
CREATE TABLE audit (id bigserial PRIMARY KEY, tenant_id int NOT NULL, what text NOT NULL);
CREATE TABLE outbox (id bigserial PRIMARY KEY, state text NOT NULL, body text NOT NULL);
CREATE TABLE preference (
    tenant_id int NOT NULL, name text NOT NULL, value text NOT NULL, PRIMARY KEY (tenant_id, name));
CREATE TABLE access_token (token text PRIMARY KEY, tenant_id int NOT NULL, doctor_id uuid NOT NULL);

CREATE FUNCTION key_of(kind text, n int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN md5(kind || n)::uuid;
INSERT INTO tenant SELECT g, 'clinic ' || g FROM generate_series(1, 4) g;
INSERT INTO doctor SELECT key_of('doctor', g), g % 4 + 1, 'doctor ' || g,
    (ARRAY['eye','ear','skin'])[g % 3 + 1] FROM generate_series(1, 120) g;
INSERT INTO skill (name) SELECT 'skill ' || g FROM generate_series(1, 40) g;
INSERT INTO doctor_skill
    SELECT key_of('doctor', d), (d * 5 + k) % 40 + 1
    FROM generate_series(1, 120) d, generate_series(1, 3) k;
INSERT INTO patient SELECT key_of('patient', g), g % 4 + 1, 'patient ' || g,
    key_of('doctor', g % 120 + 1), CASE WHEN g % 10 = 0 THEN now() END
    FROM generate_series(1, 600) g;
INSERT INTO room SELECT t, n, 'room ' || n
    FROM generate_series(1, 4) t, generate_series(1, 25) n;
INSERT INTO visit (tenant_id, patient_id, doctor_id, room, state)
    SELECT (g + 1) % 4 + 1, key_of('patient', g % 600 + 1), key_of('doctor', g * 7 % 120 + 1),
           g * 3 % 25 + 1, (ARRAY['open','done','void'])[g % 3 + 1]
    FROM generate_series(1, 2400) g;
INSERT INTO icd SELECT 'C' || g, 'title ' || g FROM generate_series(1, 90) g;
INSERT INTO diagnosis SELECT v, p, 'C' || (v * 11 + p * 17) % 90 + 1
    FROM generate_series(1, 2400) v, generate_series(1, 2) p;
INSERT INTO drug SELECT g, 'drug ' || g, g FROM generate_series(1, 80) g;
INSERT INTO prescription (tenant_id, visit_id, drug, dose)
    SELECT g / 2 % 4 + 1, g / 2 + 1, g * 13 % 80 + 1, 'dose' FROM generate_series(0, 4799) g;
INSERT INTO department
    SELECT g, (g - 1) % 4 + 1, 'department ' || g, CASE WHEN g > 4 THEN (g - 5) / 3 / 4 * 4 + (g - 1) % 4 + 1 END
    FROM generate_series(1, 120) g;
INSERT INTO remark (tenant_id, about, about_key, body)
    SELECT g % 4 + 1, k, key_of(k, g % 100 + 1), 'remark ' || g
    FROM generate_series(1, 600) g, LATERAL (SELECT (ARRAY['doctor','patient'])[g % 2 + 1] AS k) kind;
INSERT INTO attachment (owner_type, owner_id, file_name)
    SELECT (ARRAY['visit','prescription'])[g % 2 + 1], g / 2 + 1, 'file ' || g
    FROM generate_series(0, 2399) g;
INSERT INTO outbox (state, body) SELECT 'waiting', '{}' FROM generate_series(1, 60) g;
INSERT INTO preference SELECT t, 'preference ' || g, 'value'
    FROM generate_series(1, 4) t, generate_series(1, 20) g;
INSERT INTO access_token SELECT 'token' || g, g % 4 + 1, key_of('doctor', g)
    FROM generate_series(1, 120) g;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
ANALYZE;
