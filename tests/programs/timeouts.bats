#!/usr/bin/env bats
# statement_timeout on a real clock: whatever a statement is busy with, it ends soon after its time. (Waits, and the other
# time limits, are played in virtual time by tests/pgwire/test_server.c.)
bats_require_minimum_version 1.5.0
load common

@test "statement_timeout ends scans, joins, sorts, aggregates, recursion, DML, DDL and COPY" {
    start_node
    q "create table t as select g as a, g % 1000 as b, md5(g::text) as c from generate_series(1, 100000) g"
    q 'create table big (a int primary key, b int references big)'
    cat >"$BATS_TEST_TMPDIR/long.sql" <<'SQL'
select count(*) from generate_series(1, 100000000000);
select * from generate_series(1, 100000000000) order by 1 desc limit 5;
select count(distinct c) from t, generate_series(1, 1000);
select count(*) from t x, t y where x.a < y.a;
select count(*) from t x join t y using (b) join t z using (b);
select max(x) from (select c || repeat('x', 1000) as x from t, generate_series(1, 1000)) q;
select count(*) from regexp_matches(repeat('ab', 5000000), 'ab', 'g');
select count(*) from (select unnest(array_agg(a)) from t, generate_series(1, 100)) q;
select sum(g::numeric / 7) from generate_series(1, 100000000) g;
select a, b from t union select g, g from generate_series(1, 100000000) g;
select (select count(*) from t y where y.b = x.b) from t x;
select pg_sleep(100);
with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r;
insert into big select g, g - 1 from generate_series(1, 10000000) g;
update t set b = b + 1 where (select count(*) from generate_series(1, 1000) g where g > t.b) > 0;
delete from t where c in (select md5(g::text) from generate_series(1, 100000000) g);
create table t2 as select * from t x, generate_series(1, 10000);
alter table t add constraint ck check (length(repeat(c, 10000)) > 0);
copy (select * from generate_series(1, 10000000000)) to stdout;
explain analyze select count(*) from t x, t y where x.b < y.b;
SQL
    run timeout 120 env PGOPTIONS='-c statement_timeout=200ms' psql -X -q -At -v VERBOSITY=verbose \
        -o /dev/null -f "$BATS_TEST_TMPDIR/long.sql"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'ERROR:  57014: canceling statement due to statement timeout' <<<"$output")" -eq 20 ]
    [ "$(q 'select count(*) from t')" = 100000 ]
    [ "$(q 'select count(*) from big')" = 0 ]
}

@test "psql's Ctrl-C ends its statement" {
    start_node
    psql -X -q -At -c 'select pg_sleep(1000)' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    local psql=$! active='[.sessions[] | select(.state == "active")] | length'
    until [ "$(curl -s "http://127.0.0.1:$HTTP_PORT/api/v1/sessions" | jq "$active")" = 1 ]; do
        [ "$SECONDS" -lt 60 ]
    done
    kill -INT "$psql"
    wait "$psql" || true
    grep -q 'canceling statement due to user request' "$BATS_TEST_TMPDIR/out"
}
