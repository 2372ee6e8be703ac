-- What psql and linera-sql must print alike: formats, variables, conditions, \copy, \d.
create table people (id int primary key, name text not null, score numeric default 1.5);
insert into people values (1, 'Ann', 2.5), (2, E'two\nlines', null), (3, 'häß', 10);
select * from people order by id;
select id as "a very long name", name as n from people order by id;
\pset border 2
select * from people order by id;
\pset border 0
select * from people order by id;
\pset border 1
\x on
select * from people order by id;
\pset border 0
select * from people order by id;
\pset border 2
select * from people order by id;
\pset border 1
select * from people where false;
\x off
select * from people where false;
\pset null '(null)'
select * from people order by id;
\t on
select * from people order by id;
\t off
\a
select * from people order by id;
\f ','
select * from people order by id;
\x
select * from people order by id;
\x
\a
\pset format csv
select * from people order by id;
\x
select * from people order by id;
\x
\pset format html
select * from people order by id;
\pset format aligned
\pset null ''
\set x 3
\set name 'it''s'
select :x as x, :'name' as s, :"x" from (select 1 as "3") q;
select :{?x} as yes, :{?nope} as no;
\echo :x :'name' :"x" 'quoted text' `echo hi` plain
\echo -n no newline
\echo
\if :x
\echo not boolean
\else
\echo else
\endif
\if true
  select 'in if';
  \if false
     select 'never' \echo nor this
     \if true
     select 1/0;
     \endif
  \elif yes
     \echo elif taken
  \elif true
     \echo never
  \else
     \echo never
  \endif
\elif true
  \echo never
\else
  select 'no';
\endif
\if false \echo no \else \echo yes \endif
select 1 as one, 'b' as two \gset p_
\echo :p_one :p_two
select 'select ' || g || ' as g' from generate_series(1,2) g \gexec
select 1 as a, 'x'::text as b, 1.5::numeric(10,2) as c \gdesc
select 1 as a, 2 as b \gx
select 1 \; select 2;
select 'a\b', $$ d\q $$, "id" from people where name = 'x;y' or id=1;
select 'multi
line \d string' as m;
\copy people to pstdout csv header
\copy people (id, name) from stdin
10	ten
11	eleven
\.
select count(*) from people;
\copy (select id, name from people where id > 9 order by 1) to stdout
copy people (id,name) from stdin;
12	twelve
\.
select nope;
\echo :ERROR :SQLSTATE :LAST_ERROR_MESSAGE :ROW_COUNT
select 1/0 as x;
\echo :ERROR :SQLSTATE :ROW_COUNT
select id from people order by id limit 2;
\echo :ERROR :SQLSTATE :ROW_COUNT
select 'piped' as f \g | tr a-z A-Z
\C 'A title'
select 1 as one, 2 as two;
\C
\pset footer off
select 1 as one;
\pset footer on
\p
\set AUTO x
\unset AUTO
select 1 as a
\g
select;
select 1 as a, 2 as a;
\qecho done
\warn to stderr
\x
\pset border 0
select 1 as id, 'abcdefghijklmnopqrstuvwxyz' as name;
select 1 as abcdefghijklmnopqrstuvwxyz, 'a' as name;
select 1 as a, E'a\nbb\nc' as "na
me";
\pset border 1
select 1 as id, 'abcdefghijklmnopqrstuvwxyz' as name;
select 1 as abcdefghijklmnopqrstuvwxyz, 'a' as name;
select 1 as a, E'a\nbb\nc' as "na
me";
select g, E'a\tb' as c from generate_series(1,12) g;
\t
select 1 as abcdefghijklmnopqrstuvwxyz, 'a' as name;
select g, 'x' as c from generate_series(1,3) g;
\t
\pset border 2
select 1 as id, 'abcdefghijklmnopqrstuvwxyz' as name;
select 1 as abcdefghijklmnopqrstuvwxyz, 'a' as name;
select 1 as a, E'a\nbb\nc' as "na
me";
\x
select 1 as a, E'a\nbb\nc' as "na
me", E'\x01\t|' as ctl;
\pset border 1
select 1 as a, E'a\nbb\nc' as "na
me", E'\x01\ta' as ctl;
\pset border 1
\dt
\dn
\d people
create table orders (id serial primary key, person int references people on delete cascade, at timestamptz default now(), v varchar(10) unique check (v <> ''));
create index orders_at on orders (at, person);
create view vv as select id, name from people where id > 1;
\d orders
\d people
\d vv
\dv
\di
\ds
\dtv
\d nope
\d
drop table orders cascade;
drop view vv;
