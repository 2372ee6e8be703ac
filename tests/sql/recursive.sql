-- WITH RECURSIVE. What is refused is in tests/sql_bind: PostgreSQL points its carets elsewhere.
with recursive t(n) as (values (1) union all select n + 1 from t where n < 100) select sum(n), count(*) from t;
with recursive t(n) as (select 1 union all select n + 1 from t) select n from t limit 5;
create table tree (id int primary key, parent int, name text);
insert into tree values (1, null, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'aa'), (5, 4, 'aaa'), (6, 3, 'ba');
with recursive down as (select id, parent, name, 0 as depth, name as path from tree where parent is null
  union all select c.id, c.parent, c.name, d.depth + 1, d.path || '/' || c.name from tree c join down d on c.parent = d.id)
  select * from down order by path;
with recursive up as (select * from tree where id = 5 union select p.* from tree p, up where p.id = up.parent) select * from up;
with recursive g(a, b) as (values (1, 2), (2, 3), (3, 1)), reach(x) as (select 1 union select b from g, reach where a = x) select * from reach;
with recursive t as (select 'a' as s union all select s || 'b' from t where length(s) < 5) select * from t;
with recursive t(n) as (select 1 union all select n + 1.5 from t where n < 5) select * from t;
with recursive x as (select 1 as a union select 2), y as (select a from x union all select a + 10 from y where a < 20) select * from y order by 1;
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select a.n, b.n from t a join t b on a.n = b.n * 2;
select x, (with recursive t(n) as (select x union all select n - 1 from t where n > 0) select sum(n) from t) from generate_series(1, 4) x;
with recursive t(n) as (select 1 union all (select n + 1 from (select n from t) s where n < 4)) select * from t;
create view deep as with recursive t(n) as (select 1 union all select n + 1 from t where n < 10) select n from t where n > 5;
select * from deep;
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5), u(m) as (select n from t where n = 5 union all select m - 1 from u where m > 1) select * from u;
with recursive a(id, n) as (select id, 1 from tree union all select a.id, n + 1 from a left join tree on tree.id = a.n where n < 3) select count(*) from a;
insert into tree with recursive t(n) as (select 100 union all select n + 1 from t where n < 105) select n, 1, 'x' from t;
select count(*) from tree;
prepare p(int) as with recursive t(n) as (select $1 union all select n + 1 from t where n < $1 + 3) select array_agg(n) from t;
execute p(5); execute p(7);
delete from tree where id in (with recursive t(n) as (select 100 union all select n + 1 from t where n < 103) select n from t);
select count(*) from tree;
drop view deep; drop table tree;
