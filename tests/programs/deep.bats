#!/usr/bin/env bats
# Statements that are long or deep pass as in PostgreSQL, and far too deep ones get 54001.

load common

setup() {
    start_node
}

# repeat COUNT TEXT
repeat() { printf "%.0s$2" $(seq "$1"); }

# run_sql TEXT: through a file, as command lines are short
run_sql() {
    printf '%s;\n' "$1" >"$BATS_TEST_TMPDIR/deep.sql"
    run psql -X -q -At -v ON_ERROR_STOP=1 -v VERBOSITY=sqlstate -f "$BATS_TEST_TMPDIR/deep.sql"
}

@test "conditions of ten thousand alternatives, lists and rows are read" {
    run_sql "SELECT count(*) FROM generate_series(1, 100) g WHERE $(seq -f 'g=%.0f' -s ' OR ' 10000)"
    [ "$output" = 100 ]
    run_sql "SELECT count(*) FROM generate_series(1, 100) g WHERE $(seq -f 'g<>%.0f' -s ' AND ' 51 10000)"
    [ "$output" = 50 ]
    run_sql "SELECT count(*) FROM generate_series(1, 100) g WHERE g IN ($(seq -s, 10000))"
    [ "$output" = 100 ]
    run_sql "SELECT sum(column1), count(*) FROM (VALUES $(seq -f "(%.0f,'x')" -s, 10000)) t"
    [ "$output" = '50005000|10000' ]
}

@test "chains of two thousand operators, casts and UNIONs are read" {
    run_sql "SELECT 0$(repeat 2000 ' + 1'), length('a'$(repeat 2000 " || 'a'"))"
    [ "$output" = '2000|2001' ]
    run_sql "SELECT $(repeat 2000 'NOT ') true, 1$(repeat 2000 '::int')"
    [ "$output" = 't|1' ]
    run_sql "SELECT count(*) FROM (SELECT 1$(repeat 1000 ' UNION ALL SELECT 1')) t"
    [ "$output" = 1001 ]
    run_sql "WITH c0 AS (SELECT 1 AS x)$(seq 1 500 | awk '{ printf ", c%d AS (SELECT x + 1 AS x FROM c%d)", $1, $1 - 1 }') SELECT x FROM c500"
    [ "$output" = 501 ]
}

@test "hundreds of brackets, calls, CASEs and subqueries nest" {
    run_sql "SELECT $(repeat 900 '(1+')1$(repeat 900 ')'), $(repeat 300 'abs(')1$(repeat 300 ')')"
    [ "$output" = '901|1' ]
    run_sql "SELECT $(repeat 300 'CASE WHEN false THEN 0 ELSE ')1$(repeat 300 ' END')"
    [ "$output" = 1 ]
    run_sql "SELECT $(repeat 200 '(SELECT ')1$(repeat 200 ')')"
    [ "$output" = 1 ]
    run_sql "SELECT count(*) FROM generate_series(1, 2) g WHERE $(repeat 100 'EXISTS (SELECT 1 WHERE ')true$(repeat 100 ')')"
    [ "$output" = 2 ]
}

@test "what is nested too deeply is refused, and the node lives on" {
    run_sql "SELECT 0$(repeat 40000 ' + 1')"
    [[ "$output" == *54001* ]]
    run_sql "SELECT $(repeat 5000 '(SELECT ')1$(repeat 5000 ')')"
    [[ "$output" == *54001* ]]
    run_sql "WITH c0 AS (SELECT 1 AS x)$(seq 1 9000 | awk '{ printf ", c%d AS (SELECT x + 1 AS x FROM c%d)", $1, $1 - 1 }') SELECT x FROM c9000"
    [[ "$output" == *54001* || "$output" == 9001 ]] # the larger stacks of sanitizer builds have room for it
    [ "$(q 'SELECT 1')" = 1 ]
}
