-- A schema with one of everything: types, access methods, partitions, inheritance, views, names.

create extension pg_trgm;
create extension hstore;
create extension btree_gist;
create extension citext;
create extension postgres_fdw;
create extension file_fdw;
create schema app;
create schema "Weird Schema";
create type app.mood as enum ('sad','ok','happy');
create type app.addr as (street text, zip text);
create domain app.posint as int check (value > 0);
create domain app.email as citext check (value ~ '@');
create type app.tsr as range (subtype = timestamp);
create function app.slug(t text) returns text language sql immutable as $$ select lower(replace(t,' ','-'))
    $$;
create function app.depends_on_table() returns setof app.addr language sql as $$ select 'a','b' $$;
create table app.person (id serial primary key, dropme int, name text not null, email app.email, mood
    app.mood, age app.posint, home app.addr, tags text[], props jsonb, h hstore, bio text collate "C",
    created timestamptz default now(), active bool, slug text generated always as (app.slug(name)) stored,
    score float8, during int4range, ip inet, uid uuid default gen_random_uuid());
alter table app.person drop column dropme;
insert into app.person(name,email,mood,age,home,tags,props,h,bio,created,active,score,during,ip)
 select 'Person Nr '||(i*7919%20000), 'p'||i||'@x'||i%100||'.org',
    (array['sad','ok','happy'])[1+i%3]::app.mood, 1+i%90, row('s'||i%100,'z'||i%10)::app.addr,
    array['t'||i%50,'t'||i%7,'u'||i%1000],
    jsonb_build_object('k',i%20,'name','n'||i%500,'deep',jsonb_build_object('x',i%3)),
    hstore('a',(i%30)::text), repeat(md5(i::text),3), timestamptz '2024-01-01'+ i*interval '13 min',
    i%10<>0, (i*31%1000)/7.0, int4range(i%1000,i%1000+i%37), ('10.0.'||i%256||'.'||i%250)::inet from
    generate_series(1,20000) i;
create index person_name_trgm on app.person using gin(name gin_trgm_ops);
create index person_tags on app.person using gin(tags);
create index person_props on app.person using gin(props jsonb_path_ops);
create index person_props2 on app.person using gin(props);
create index person_mood_created on app.person(mood, created desc nulls last) include (name);
create index person_active on app.person(age) where not active;
create index person_lower on app.person(lower(name) text_pattern_ops, (props->>'k'));
create index person_during on app.person using gist(during);
create index person_ip on app.person using gist(ip inet_ops);
create index person_ip2 on app.person using spgist(ip);
create index person_created_brin on app.person using brin(created) with (pages_per_range=16);
create index person_hash on app.person using hash(uid);
create unique index person_email on app.person(email) with (fillfactor=60);
create index person_bio on app.person(bio);
create statistics app.st1 (ndistinct,dependencies,mcv) on mood, active, age from app.person;
create statistics app.st2 on tags, props from app.person;
create statistics app.st3 on (age % 10), mood from app.person;
create table app.event (id bigint generated always as identity, at date not null, person_id int references
    app.person, kind text, amount numeric(12,2), primary key (id, at, kind)) partition by range (at);
create table app.event_2024 partition of app.event for values from ('2024-01-01') to ('2025-01-01')
    partition by list (kind);
create table app.event_2024_a partition of app.event_2024 for values in ('a','b');
create table app.event_2024_rest partition of app.event_2024 default;
create table app.event_2025 partition of app.event for values from ('2025-01-01') to ('2026-01-01');
create table app.event_default partition of app.event default;
create index event_person on app.event(person_id, at);
create index event_2025_amount on app.event_2025(amount);
insert into app.event(at,person_id,kind,amount) select date '2024-01-01'+(i%900), 1+i%20000, chr(97+i%5),
    i%1000/10.0 from generate_series(1,60000) i;
create table app.hashpart (k int primary key, v text) partition by hash(k);
create table app.hashpart_0 partition of app.hashpart for values with (modulus 3, remainder 0);
create table app.hashpart_1 partition of app.hashpart for values with (modulus 3, remainder 1);
create table app.hashpart_2 partition of app.hashpart for values with (modulus 3, remainder 2);
insert into app.hashpart select i, 'v'||i from generate_series(1,20000) i;
create table public.animal (id int primary key, name text, legs int check (legs>=0));
create table public.dog (breed text) inherits (public.animal);
create table public.cat (primary key(id), check (legs=4)) inherits (public.animal);
insert into animal select i,'a'||i,i%5 from generate_series(1,1000) i;
insert into dog select i,'d'||i,4,'b'||i%20 from generate_series(1,5000) i;
insert into cat select i,'c'||i,4 from generate_series(1,3000) i;
create index dog_breed on dog(breed);
create table "Weird Schema"."Table ""Q"" " ("Id" int primary key, "select" text, "Größe" numeric, ref int
    references app.person);
insert into "Weird Schema"."Table ""Q"" " select i, 's'||i%50, i/3.0, 1+i%20000 from
    generate_series(1,30000) i;
create index "Idx "" q" on "Weird Schema"."Table ""Q"" "("select", "Größe" desc);
create table public.tenant (id int primary key, org int, secret text);
insert into tenant select i, i%50, 's'||i from generate_series(1,20000) i;
create index tenant_org on tenant(org);
alter table tenant enable row level security;
create policy p on tenant using (org = current_setting('app.org')::int);
create unlogged table public.cache (k text primary key, v jsonb);
insert into cache select 'k'||i, '{}' from generate_series(1,3000) i;
create table public.onerow (a int);
insert into onerow values (1);
create table public.empty (a int primary key, b text);
create table public.never (a int primary key, b text) with (autovacuum_enabled=false);
create view app.v_person as select id, name, mood from app.person where active with local check option;
create view app.v_agg as select mood, count(*) n, avg(age) a from app.person group by mood;
create view app.v_join as select p.name, e.at, e.amount from app.v_person p join app.event e on
    e.person_id=p.id;
create materialized view app.mv as select kind, at, sum(amount) s from app.event group by 1,2;
create index mv_at on app.mv(at);
create server fs foreign data wrapper postgres_fdw options (host 'nowhere', dbname 'x');
create foreign table public.remote (id int, t text) server fs options (table_name 'r');
create table public.wide as select i as a, i%10 as b, i%100 as c, i%1000 as d, null::int as n, case when
    i%4=0 then null else i end as m from generate_series(1,40000) i;
create index wide_bc on wide(b,c);
create index wide_m on wide(m) ;
create index wide_mn on wide(m) where m is not null;
create index wide_cd on wide(c desc, d);
create index w_tie1 on wide(d);
create index w_tie2 on wide(d);
create statistics wide_st (ndistinct,dependencies) on b,c,d from wide;
create statistics wide_m2 (mcv) on b,c,m from wide;
create table public.ex (room int, during tstzrange, exclude using gist (room with =, during with &&));
insert into ex select i%100, tstzrange(timestamptz '2024-01-01'+i*interval '1 h', timestamptz
    '2024-01-01'+i*interval '1 h'+interval '30 min') from generate_series(1,5000) i;
create rule r_ins as on insert to app.v_agg do instead nothing;
vacuum analyze;
