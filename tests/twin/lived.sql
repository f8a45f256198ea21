-- What a database has that has lived: bloat, pending lists, half-made indexes, statistics of parents.

create extension postgres_fdw;
create table account (tenant int not null, id bigint generated always as identity, role text,
    prefs jsonb, email text, tags int[], primary key (tenant, id));
create index account_tags on account using gin (tags) with (fastupdate = on);
create index account_email on account (email text_pattern_ops);
insert into account (tenant, role, prefs, email, tags)
    select 10 + (800 * random() ^ 4)::int, case when i % 20 = 0 then 'admin' else 'member' end,
        case when i % 3 > 0 then jsonb_build_object('theme', (array['dark', 'light'])[1 + i % 2]) end,
        'user' || i || '@example' || i % 40 || '.com', array[i % 10, i % 100, i % 5000]
    from generate_series(1, 50000) i;
create statistics account_expression on (prefs->>'theme'), role from account;
create table book (id int, kind text, pages int);
create table novel (plot text) inherits (book);
insert into book select i, 'k' || i % 5, i % 70 from generate_series(1, 2000) i;
insert into novel select i, 'k' || i % 50, i % 50, 'p' from generate_series(1, 25000) i;
create statistics book_mcv (mcv, dependencies) on kind, pages from book;
create table trip (id int not null, day date not null, km int) partition by range (day);
create table trip_old partition of trip for values from ('2020-01-01') to ('2024-01-01');
create table trip_new partition of trip for values from ('2024-01-01') to ('2030-01-01');
insert into trip select i, date '2022-01-01' + i % 900, i % 300 from generate_series(1, 40000) i;
create index trip_km on only trip (km);
create index trip_new_km on trip_new (km);
alter index trip_km attach partition trip_new_km;
create table bloated (id int primary key, state int, pad text);
insert into bloated select i, 0, repeat('x', 200) from generate_series(1, 20000) i;
create index bloated_state on bloated (state);
create server far foreign data wrapper postgres_fdw
    options (host 'nowhere', fdw_startup_cost '555');
create foreign table remote (id int, t text) server far;
vacuum analyze;
insert into account (tenant, tags) select 5, array[i] from generate_series(1, 3000) i;
update bloated set state = state + 1;
delete from bloated where id % 3 = 0;
create table fresh (like bloated including all);
insert into fresh select i, i % 50 from generate_series(1, 7000) i;
checkpoint;
