#!/usr/bin/env bats
# What EXPLAIN shows, and the settings that change plans and what they may use.
bats_require_minimum_version 1.5.0
load common

@test "enable_hashjoin, enable_mergejoin and enable_nestloop choose among the ways to join" {
    start_node
    q 'create table a (id int primary key, x int); create table b (id int primary key, y int)'
    run q 'explain (costs off) select * from a join b on a.x = b.y'
    [[ "$output" == "Hash Join"* ]]
    run q 'set enable_hashjoin = off; explain (costs off) select * from a join b on a.x = b.y'
    [[ "$output" == "Merge Join
  Merge Cond: (a.x = b.y)"* ]]
    run q 'set enable_hashjoin = off; set enable_mergejoin = off; explain (costs off) select * from a join b on a.x = b.y'
    [[ "$output" == "Nested Loop"* ]]
    # A cached plan of the same text is not what the settings now ask for.
    run q 'select * from a join b on a.x = b.y; set enable_hashjoin = off; select * from a join b on a.x = b.y; show enable_hashjoin'
    [ "$output" = off ]
}

@test "EXPLAIN (FORMAT JSON) has PostgreSQL's field names" {
    start_node
    q "create table a (id int primary key, x int, t text); create table b (id int primary key, a int)"
    q "insert into a select g, g % 5, 'x' from generate_series(1, 20) g; insert into b select g, g % 7 from generate_series(1, 50) g"
    run q 'explain (format json) select * from a where id = 1 and x > 3'
    [ "$status" -eq 0 ]
    [ "$(jq -r '.[0].Plan | ."Node Type", ."Scan Direction", ."Index Name", ."Relation Name", .Alias, ."Plan Rows", ."Index Cond", .Filter' <<<"$output" | paste -sd,)" = \
        "Index Scan,Forward,a_pkey,a,a,1,(id = 1),(x > 3)" ]
    jq -e '.[0].Plan."Total Cost" > 0 and (.[0] | has("Planning Time") | not)' <<<"$output"
    run q 'explain (format json, analyze) select a.x, count(*) from a join b on a.x = b.a where a.t = $$"$$ or a.x > 0 group by a.x order by 2 desc'
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.. | ."Node Type"? // empty]' <<<"$output")" = '["Sort","Aggregate","Hash Join","Seq Scan","Hash","Seq Scan"]' ]
    [ "$(jq -c '[.. | ."Parent Relationship"? // empty]' <<<"$output")" = '["Outer","Outer","Outer","Inner","Outer"]' ]
    jq -e '.[0] | ."Planning Time" > 0 and ."Execution Time" > 0 and .Triggers == []' <<<"$output"
    jq -e '.[0].Plan | ."Actual Rows" == 4 and ."Actual Loops" == 1 and ."Actual Total Time" >= ."Actual Startup Time"' <<<"$output"
    jq -e '.[0].Plan."Sort Key" == ["(count(*)) DESC"]' <<<"$output"
    jq -e '.. | select(."Hash Cond"? == "(a.x = b.a)" and ."Join Type" == "Inner")' <<<"$output"
    jq -e '.. | select(.Strategy? == "Hashed" and ."Partial Mode" == "Simple" and ."Group Key" == ["a.x"])' <<<"$output"
    [ "$(psql -X -q -At <<<'explain (format json) select 1 \gdesc')" = 'QUERY PLAN|json' ]
    run q 'explain (format yaml) select 1'
    [[ "$output" == *"EXPLAIN (FORMAT YAML) is not supported"* ]]
    run psql -X -v VERBOSITY=verbose -c 'explain (format xml) select 1'
    [[ "$output" == *"0A000: EXPLAIN (FORMAT XML) is not supported"* ]]
    run q 'explain (analyze) select * from a'
    [[ "$output" == *"Planning Time: "*" ms"*"Execution Time: "*" ms" ]]
}

@test "rows beyond work_mem go to temporary files that nothing leaves behind" {
    start_node "$BATS_TEST_TMPDIR/db"
    q "create table t (id int primary key, s text); insert into t select g, repeat('x', g % 50) || g from generate_series(1, 20000) g"
    run q "set work_mem = '64kB'; explain (analyze, costs off, timing off, summary off) select * from t order by s"
    [[ "$output" == *"Sort Method: external merge  Disk: "*"kB"* ]]
    run q "set work_mem = '64MB'; explain (analyze, costs off, timing off, summary off) select * from t order by s"
    [[ "$output" == *"Sort Method: quicksort  Memory: "*"kB"* ]]
    run q "explain (analyze, costs off, timing off, summary off) select * from t order by s limit 3"
    [[ "$output" == *"Sort Method: top-N heapsort  Memory: "*"kB"* ]]
    run q "set work_mem = '64kB'; explain (analyze, costs off, timing off, summary off) select s, count(*) from t group by s"
    [[ "$output" == *"Batches: "*"Memory Usage: "*"kB  Disk Usage: "*"kB"* ]]
    run q "set work_mem = '64kB'; explain (analyze, costs off, timing off, summary off) select * from t a join t b on a.s = b.s"
    [[ "$output" =~ Batches:\ ([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -gt 1 ]
    run q "set work_mem = '64kB'; explain (analyze, format json) select * from t order by s"
    jq -e '.[0].Plan | ."Sort Method" == "external merge" and ."Sort Space Type" == "Disk" and ."Sort Space Used" > 64' <<<"$output"
    [ "$(q "set work_mem = '64kB'; select md5(string_agg(s, ',')) from (select s from t order by s offset 0) x")" = \
        "$(q "select md5(string_agg(s, ',')) from (select s from t order by s offset 0) x")" ]
    run psql -X -v VERBOSITY=verbose -c "set work_mem = '64kB'" -c "set temp_file_limit = '100kB'" -c 'select * from t order by s'
    [[ "$output" == *"53400: temporary file size exceeds temp_file_limit (100kB)"* ]]
    run q "set statement_timeout = '300ms'; set work_mem = '64kB'; select count(*) from (select a.s from t a, t b order by b.s, a.s offset 0) x"
    [[ "$output" == *"canceling statement due to statement timeout"* ]]
    [ -d "$BATS_TEST_TMPDIR/db/tmp" ]
    [ -z "$(ls "$BATS_TEST_TMPDIR/db/tmp")" ]
    # No open file is left either, and what a crash left goes at the next start.
    ! ls -l "/proc/$NODE_PID/fd" | grep linera-spill
    stop_node KILL
    touch "$BATS_TEST_TMPDIR/db/tmp/linera-spill-0123456789abcdef"
    start_node "$BATS_TEST_TMPDIR/db"
    [ -z "$(ls "$BATS_TEST_TMPDIR/db/tmp")" ]
    [ "$(q 'select count(*) from t')" = 20000 ]
}

@test "ANALYZE and enough changes take statistics, which outlive a restart" {
    start_node "$BATS_TEST_TMPDIR/db"
    q 'create table t (id int primary key, k int); create table u (id int primary key)'
    q 'insert into u values (1), (2)'
    [ "$(q "select reltuples from pg_class where relname = 'u'")" = -1 ]
    q 'analyze u'
    [ "$(q "select reltuples from pg_class where relname = 'u'")" = 2 ]
    # Nobody asks for these: the node takes them after the commit.
    q 'insert into t select g, g % 5 from generate_series(1, 3000) g'
    for _ in $(seq 200); do
        [ "$(q "select reltuples from pg_class where relname = 't'")" = 3000 ] && break
    done
    [ "$(q "select reltuples from pg_class where relname = 't'")" = 3000 ]
    [ "$(q "select most_common_vals, most_common_freqs from pg_stats where tablename = 't' and attname = 'k'")" = \
        '{0,1,2,3,4}|{0.2,0.2,0.2,0.2,0.2}' ]
    stop_node KILL
    start_node "$BATS_TEST_TMPDIR/db"
    [ "$(q "select n_distinct from pg_stats where tablename = 't' and attname = 'k'")" = 5 ]
    q 'vacuum analyze'
    q 'analyze'
    run psql -X -c 'analyze missing'
    [[ "$output" == *'relation "missing" does not exist'* ]]
}
