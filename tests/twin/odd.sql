-- Names, defaults, types and objects that trip a loader.
create schema "s p";
create table "s p"."T\x" ("a""b" int, "c;d" text default 'x;y', e text check (e <> ';--'));
create function "s p"."f n"(x int) returns int language plpgsql immutable as $q$ begin return x; /* ; */ end $q$;
create table "s p".ref (id int primary key, z "s p"."T\x", arr "s p"."T\x"[]);
create table sys_like (oid_ int, "xmin_" int, "select" int);
create index on "s p"."T\x" ("s p"."f n"("a""b"));
create table lo(a varchar(10), b char(3), n numeric(20,5), bt bit(4), vb bit varying, iv interval,
    tm timetz, m money, x xml, j json, ts tsvector, tq tsquery, mac macaddr8, pt polygon,
    mr int4multirange, c "char", nm name, o oid, lsn pg_lsn);
insert into lo(a,b,n,iv,m) select i::text, 'a', i, i*interval '1 min', i from generate_series(1,3000) i;
analyze;
create view v1 as select * from lo;
create view v2 as select * from v1;
create recursive view rv(n) as select 1 union all select n+1 from rv where n<5;
create table pt(a int, b text) partition by list ((lower(b)) collate "C");
create table pt1 partition of pt for values in ('a', null);
create table pt2 partition of pt default;
create table self(id int primary key, p int references self);
create table a1(id int primary key, b int);
create table b1(id int primary key, a int references a1);
alter table a1 add foreign key (b) references b1;
create sequence sq;
create table dfl(id int default nextval('sq'), u uuid default gen_random_uuid(), t text default E'a\\''b');
create domain d1 as text collate "C" check (length(value)<100);
create domain d2 as d1 not null;
create table dd(x d2);
create aggregate myagg(int) (sfunc=int4pl, stype=int, initcond='0');
create table gen(a int, b int generated always as (a*2) stored, c int generated always as (a+1) virtual);
create table excl(r int4range, exclude using gist (r with &&));
create unlogged table ul(a int);
create table nnd(a int unique nulls not distinct);
create collation ci (provider=builtin, locale='C.UTF-8');
create table co(a text collate ci);
create table empty_cols();
create materialized view mv as select 1 as a, current_setting('nope.x', true) as b;
create unique index on mv(a);
