-- COPY FROM: what INSERT does for each row, and foreign keys at the end of the statement.
create table t(id serial primary key, parent int references t, v varchar(5) default 'dflt', n numeric(5,2) check (n > 0), g int generated always as (id*2) stored);
copy t(id,parent,n) from stdin;
1	3	1.5
2	\N	2.555
3	2	3
\.
select * from t order by id;
alter sequence t_id_seq restart with 10;
copy t(parent,v) from stdin csv header;
parent,v
1,abc
,"x,y"
2,abcdefgh
\.
copy t(n) from stdin;
1
2
-1
\.
copy t(id) from stdin;
100
1
\.
copy t(id, n) from stdin;
100	x
\.
copy t(id, n) from stdin;
100
\.
copy t(id) from stdin;
100	1
\.
copy t(id,parent) from stdin;
200	999
\.
copy t(g) from stdin;
1
\.
copy t(v) from stdin;
a
b
\.
select * from t order by id;
begin read only;
copy t(id) from stdin;
500
\.
rollback;
begin read only;
insert into t values (1);
rollback;
begin read only;
update t set v = 'x';
rollback;
begin read only;
delete from t;
rollback;
begin read only;
select * from t for update;
rollback;
create table d(a int default 7, b text default 'x' || 'y', c int generated always as identity, e timestamptz default '2020-01-01');
copy d(b) from stdin;
one
\N
\.
copy d from stdin csv;
1,two,55,2021-01-01 00:00:00+00
,,56,
\.
copy d to stdout;
copy d(c, b) to stdout csv header;
copy (select c, b from d order by c desc) to stdout with (format csv, force_quote (b), null 'nil', delimiter ';');
