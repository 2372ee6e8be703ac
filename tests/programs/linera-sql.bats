#!/usr/bin/env bats
# linera-sql as a user drives it: pipes, formats, errors, the terminal.
bats_require_minimum_version 1.5.0
load common

url() { echo "postgresql://postgres@127.0.0.1:$SQL_PORT/postgres"; }

@test "without a node it says so in one line and exits 3" {
    run --separate-stderr linera-sql postgresql://127.0.0.1:1/x -c 'select 1'
    [ "$status" -eq 3 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ "$stderr" == linera-sql:* ]]
}

@test "a pipe gives tab-separated values without a header" {
    start_node
    run linera-sql "$(url)" -c "select 1 as a, 'x' as b, null as c"
    [ "$status" -eq 0 ]
    [ "$output" = $'1\tx\t\\N' ]
}

@test "every format prints the same rows its own way" {
    start_node
    sql="select 1 as a, 'x|y' as b"
    [ "$(linera-sql "$(url)" -F csv -c "$sql")" = $'a,b\n1,x|y' ]
    [ "$(linera-sql "$(url)" -F csv --no-header -c "$sql")" = '1,x|y' ]
    [ "$(linera-sql "$(url)" -F json -c "$sql" | jq -c .)" = '{"version":1,"rows":[{"a":1,"b":"x|y"}]}' ]
    [ "$(linera-sql "$(url)" -F ndjson -c "$sql")" = '{"a":1,"b":"x|y"}' ]
    [ "$(linera-sql "$(url)" -F markdown -c "$sql")" = $'| a | b |\n|---|---|\n| 1 | x\\|y |' ]
    [[ "$(linera-sql "$(url)" -F vertical -c "$sql")" == *'a | 1'* ]]
    [[ "$(linera-sql "$(url)" -F table -c "$sql")" == *'(1 row)'* ]]
}

@test "statements come through a pipe, over several lines, with quotes and comments" {
    start_node
    run linera-sql "$(url)" <<'SQL'
create table t (id int primary key, v text); -- a comment; with a semicolon
insert into t values (1, 'a;b'),
    (2, $$c'd$$);
/* select 0; */ select v from t
order by id;
select 3
SQL
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 'a;b' ]
    [ "${lines[1]}" = "c'd" ]
    [ "${lines[2]}" = 3 ]
}

@test "the first error stops a pipe with exit 1; --on-error continue goes on" {
    start_node
    run linera-sql "$(url)" <<<$'select 1;\nselect nope;\nselect 2;'
    [ "$status" -eq 1 ]
    [[ "$output" == *'column "nope" does not exist'* ]]
    [[ "$output" != *$'\n2'* ]]
    run linera-sql "$(url)" --on-error continue <<<$'select nope;\nselect 2;'
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = 2 ]
}

@test "variables are put in, quoted as asked" {
    start_node
    [ "$(linera-sql "$(url)" -v n=7 -v "s=it's" -c "select :n, :'s', '12:30'::text")" = $'7\tit\'s\t12:30' ]
}

@test "\\d describes a table, \\dt lists tables, an unknown command is named" {
    start_node
    q 'create table people (id int primary key, name text not null)'
    run linera-sql "$(url)" -c '\d people'
    [[ "$output" == *name*text*'not null'* ]]
    [[ "$output" == *people_pkey* ]]
    [[ "$(linera-sql "$(url)" -c '\dt')" == *people* ]]
    run linera-sql "$(url)" -c '\nosuch'
    [ "$status" -eq 1 ]
    [[ "$output" == *'unknown command \nosuch'* ]]
}

@test "on a terminal it shows a prompt, runs what is typed and leaves with \\q" {
    start_node
    run expect <<EXPECT
set timeout 10
spawn linera-sql [lindex {$(url)} 0] -X
expect "postgres=> "
send "select 40 + 2 as answer;\r"
expect "42"
expect "(1 row)"
send "begin;\r"
expect "postgres=*> "
send "\\\\q\r"
expect eof
EXPECT
    [ "$status" -eq 0 ]
    [[ "$output" == *'42'* ]]
    [[ "$output" == *'postgres=*>'* ]]
}

@test "a script prints what psql prints: formats, variables, conditions, copy, descriptions" {
    start_node
    psql -X -q -f "$BATS_TEST_DIRNAME/scripts/psql.sql" >"$BATS_TEST_TMPDIR/psql" 2>/dev/null || true
    q 'drop table people'
    linera-sql "$(url)" -F table --on-error continue -f "$BATS_TEST_DIRNAME/scripts/psql.sql" \
        >"$BATS_TEST_TMPDIR/linera" 2>/dev/null
    diff "$BATS_TEST_TMPDIR/psql" "$BATS_TEST_TMPDIR/linera"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/psql")" -gt 300 ]
}

@test "errors in a file carry its name and line, also of a file it reads" {
    start_node
    printf 'select 1;\n\\ir inner.sql\n' >"$BATS_TEST_TMPDIR/outer.sql"
    printf '\n\nselect nope;\n' >"$BATS_TEST_TMPDIR/inner.sql"
    run --separate-stderr linera-sql "$(url)" -f "$BATS_TEST_TMPDIR/outer.sql"
    [ "$status" -eq 1 ]
    [[ "${stderr_lines[0]}" == "$BATS_TEST_TMPDIR/inner.sql:3: ERROR:  column \"nope\" does not exist" ]]
}

@test "a file that ends within \\if is an error, and what \\if skips runs nothing" {
    start_node
    run --separate-stderr linera-sql "$(url)" <<<$'\\if false\n\\! touch '"$BATS_TEST_TMPDIR"$'/ran\n\\echo `touch '"$BATS_TEST_TMPDIR"$'/ran`'
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'without \endif'* ]]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    run --separate-stderr linera-sql "$(url)" <<<$'\\else'
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'no matching \if'* ]]
}

@test "\\copy takes and gives files and programs, and says what failed" {
    start_node
    q 'create table t (id int primary key, v text)'
    printf '1,one\n2,"t,wo"\n' >"$BATS_TEST_TMPDIR/in.csv"
    linera-sql "$(url)" -c "\\copy t from '$BATS_TEST_TMPDIR/in.csv' csv"
    linera-sql "$(url)" -c "\\copy t (id, v) from program 'echo 3,three; echo 4,four' with (format csv)"
    linera-sql "$(url)" -c "\\copy (select v from t where id < 3 order by id) to '$BATS_TEST_TMPDIR/out'"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = $'one\nt,wo' ]
    linera-sql "$(url)" -c "\\copy t (id) to program 'sort -r >$BATS_TEST_TMPDIR/sorted'"
    [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/sorted")" = '4 3 2 1 ' ]
    [ "$(printf '9\tnine\n' | linera-sql "$(url)" -c '\copy t from pstdin' -c 'select count(*) from t')" = 5 ]
    run --separate-stderr linera-sql "$(url)" -c "\\copy t from '$BATS_TEST_TMPDIR/nosuch'"
    [ "$status" -eq 1 ]
    [[ "$stderr" == *nosuch*'No such file'* ]]
    run --separate-stderr linera-sql "$(url)" -c "\\copy t from '$BATS_TEST_TMPDIR/in.csv' csv"
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'duplicate key'* ]]
    run --separate-stderr linera-sql "$(url)" -c "\\copy t nowhere"
    [ "$status" -eq 1 ]
}

@test "\\g writes to files and programs, \\gexec runs cells, \\gset keeps a row, \\bind gives parameters" {
    start_node
    run linera-sql "$(url)" <<SQL
select 'x' as a \g $BATS_TEST_TMPDIR/file
select 'y' as a \g | tr y z
select format('select %s * 2', g) from generate_series(1, 2) g \gexec
select 7 as seven, null as nothing \gset my_
\echo :my_seven :{?my_nothing}
select \$1::int + \$2::int \bind 30 12 \g
select 1 as a, 'b'::text as b \gdesc
SQL
    [ "$status" -eq 0 ]
    [ "$(cat "$BATS_TEST_TMPDIR/file")" = x ]
    [ "$output" = $'z\n2\n4\n7 FALSE\n42\na\tinteger\nb\ttext' ]
}

@test "\\watch runs so often as it is told, with the time above" {
    start_node
    run linera-sql "$(url)" -F table -c '\watch' <<<''
    [ "$status" -eq 1 ]
    run linera-sql "$(url)" -F table <<<$'select 5 as five \\watch i=0.01 c=3'
    [ "$(grep -c 'every 0.01s' <<<"$output")" = 3 ]
    [ "$(grep -c '^    5$' <<<"$output")" = 3 ]
}

@test "a statement that was not sent yet goes to another host of the URL, one under way is not sent again" {
    start_node
    local first=$NODE_PID first_port=$SQL_PORT
    start_node
    second=$NODE_PID
    coproc SHELL_ { linera-sql "postgresql://postgres@127.0.0.1:$first_port,127.0.0.1:$SQL_PORT/postgres" \
        --on-error continue 2>&1; }
    local shell=$SHELL__PID
    echo 'select 1;' >&"${SHELL_[1]}"
    read -r line <&"${SHELL_[0]}"
    [ "$line" = 1 ]
    kill -9 "$first"
    wait "$first" || true
    echo 'select 2;' >&"${SHELL_[1]}"
    read -r line <&"${SHELL_[0]}"
    [[ "$line" == *'connection broke' ]]
    read -r line <&"${SHELL_[0]}"
    [[ "$line" == *"connected again to 127.0.0.1:$SQL_PORT" ]]
    read -r line <&"${SHELL_[0]}"
    [ "$line" = 2 ]
    echo '\q' >&"${SHELL_[1]}"
    wait "$shell" 2>/dev/null || true # it may be gone already
    NODE_PID=$second
}

@test "\\nodes and \\ranges ask the control plane, the first address that answers" {
    start_node
    q 'create table t (id int)'
    export LINERA_HTTP=http://127.0.0.1:1,http://127.0.0.1:$HTTP_PORT
    run linera-sql "$(url)" -c '\nodes'
    [[ "$output" == $'1\trunning\t127.0.0.1:'"$SQL_PORT"$'\t127.0.0.1:'"$HTTP_PORT"$'\tmem:\t'* ]]
    [[ "$(linera-sql "$(url)" -c '\ranges t')" == 1$'\t'* ]]
    run linera-sql "$(url)" -c '\ranges nosuch'
    [ "$status" -eq 1 ]
    LINERA_HTTP=http://127.0.0.1:1 run --separate-stderr linera-sql "$(url)" -c '\nodes'
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'set LINERA_HTTP'* ]]
}

@test "\\h shows the syntax of what there is, \\? lists the commands, and the man page has them all" {
    start_node
    [[ "$(linera-sql "$(url)" -c '\h insert')" == *'INSERT INTO table'*'ON CONFLICT'* ]]
    [[ "$(linera-sql "$(url)" -c '\h')" == *'CREATE TABLE AS'* ]]
    [[ "$(linera-sql "$(url)" -c '\h create')" == *'CREATE VIEW'* ]]
    for command in $(linera-sql "$(url)" -c '\?' | sed -n 's/^  \\\([^ ]*\).*/\1/p'); do
        grep -qF -- "\\e$command" "$ROOT/man/linera-sql.1" || { echo "man page lacks \\$command"; return 1; }
    done
}

@test "a script of pg_dump loads, and within \\restrict no command is taken" {
    start_node
    linera-sql "$(url)" -f "$ROOT/examples/chinook.sql" >/dev/null
    pg_dump -d chinook >"$BATS_TEST_TMPDIR/dump"
    q 'create database copied'
    linera-sql "$(url)" -c '\c copied' -f "$BATS_TEST_TMPDIR/dump" >/dev/null
    [ "$(linera-sql "$(url)" -c '\c copied' -c 'select count(*) from track')" = 3503 ]
    run --separate-stderr linera-sql "$(url)" --on-error continue <<<$'\\restrict key\n\\! echo ran\n\\unrestrict wrong\n\\unrestrict key\n\\echo after'
    [ "$output" = after ]
    [[ "$stderr" == *'only \unrestrict is allowed'*'wrong key'* ]]
}

@test "\\errverbose shows the last error's SQLSTATE; \\set VERBOSITY does for all" {
    start_node
    run --separate-stderr linera-sql "$(url)" --on-error continue <<<$'select nope;\n\\errverbose\n\\set VERBOSITY sqlstate\nselect 1/0;'
    [[ "$output" == *'ERROR:  42703: column "nope" does not exist'* ]]
    [[ "$stderr" == *'ERROR:  22012'* ]]
}

# terminal COMMANDS: an expect script against linera-sql on a pseudo-terminal, its home a directory of its own.
terminal() {
    export HOME=$BATS_TEST_TMPDIR/home TERM=xterm
    mkdir -p "$HOME"
    expect <<EXPECT
set timeout 10
proc want {text} {
    expect {
        -ex \$text {}
        timeout { puts "MISSING: \$text"; exit 1 }
        eof { puts "ENDED BEFORE: \$text"; exit 1 }
    }
}
set stty_init "rows 24 columns 80"
spawn linera-sql [lindex {$(url)} 0]
want "postgres=> "
$1
EXPECT
}

@test "on a terminal: names are completed from the catalogue, keywords in the case they are typed in" {
    start_node
    q 'create table customers (cust_id int primary key, full_name text)'
    q "insert into customers values (1, 'Ann')"
    run terminal '
send "sel\tfull_n\tfrom cust\twher\tcust_i\t= 1;\r"
want "select full_name from customers where cust_id = 1;"
want "Ann"
want "postgres=> "
send "SEL\t1 as x \\gs\t"
want "SELECT 1 as x \\gset"
send "\r"
want "postgres=> "
send "\\q\r"
expect eof'
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "on a terminal: the prompt shows what is open, Ctrl-C gives it up and cancels a statement" {
    start_node
    export HTTP_PORT # to see when the statement runs: a request that comes before hits nothing, by the protocol's rules
    run terminal '
send "select (1,\r"
want "postgres(> "
send "\x27\r"
want "postgres\x27> "
send "\x03"
want "postgres=> "
send "/* a comment\r"
want "postgres*> "
send "*/ select 6 * 7\r"
want "postgres-> "
send ";\r"
want "42"
want "postgres=> "
send "begin; select pg_sleep(60);\r"
want "BEGIN"
exec sh -c {until curl -s "http://127.0.0.1:$HTTP_PORT/api/v1/sessions" | grep -q "active.*pg_sleep"; do :; done}
send "\x03"
want "canceling statement due to user request"
want "postgres=!> "
send "rollback;\r"
want "postgres=> "
send "\\if no\r"
want "postgres@> "
send "select 1/0;\r"
want "postgres@> "
send "\\endif\r"
want "postgres=> "
send "\\q\r"
expect eof'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" != *'division by zero'* ]]
}

@test "on a terminal: a statement of several lines is one entry of the history, also the next time" {
    start_node
    run terminal '
send "select 40 +\r"
want "postgres-> "
send "2 as answer;\r"
want "42"
want "postgres=> "
send "\\q\r"
expect eof'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/home/.linera_history")" = 2 ]
    run terminal '
send "\x1b\[A\x1b\[A\r"
want "42"
want "postgres=> "
send "\\q\r"
expect eof'
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "on a terminal: long results go through the pager, short ones do not; \\pset pager off" {
    start_node
    export PAGER="sed s/^/paged/"
    run terminal '
send "select g from generate_series(1, 100) g;\r"
want "paged 100"
want "postgres=> "
send "select 5 as five;\r"
want "(1 row)"
want "postgres=> "
send "\\pset pager off\r"
want "Pager usage is off."
send "select 1000 + g from generate_series(1, 100) g;\r"
want "(100 rows)"
want "postgres=> "
send "\\q\r"
expect eof'
    echo "$output"
    [ "$status" -eq 0 ]
    ! grep -qE 'paged.*1 row|paged *1100' <<<"$output"
}

@test "on a terminal: \\e edits the statement and runs it, ~/.linerarc is read first" {
    start_node
    mkdir -p "$BATS_TEST_TMPDIR/home"
    printf '\\set greeting hello\n\\pset null NIL\n' >"$BATS_TEST_TMPDIR/home/.linerarc"
    printf '#!/bin/sh\nsed -i "s/40/41/" "$1"\n' >"$BATS_TEST_TMPDIR/editor"
    chmod +x "$BATS_TEST_TMPDIR/editor"
    export EDITOR="$BATS_TEST_TMPDIR/editor"
    run terminal '
send "\\echo :greeting\r"
want "hello"
want "postgres=> "
send "select 40 + 1, null as nothing;\r"
want "NIL"
want "postgres=> "
send "\\e\r"
want "42"
want "postgres=> "
send "\\q\r"
expect eof'
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "on a terminal: when the only node goes, the shell stays and says so; \\x auto turns wide rows" {
    start_node
    run terminal "
send \"\\\\x auto\\r\"
want \"used automatically\"
send \"select repeat('a', 60) as one, repeat('b', 60) as two;\\r\"
want \"RECORD 1\"
want \"postgres=> \"
exec kill -9 $NODE_PID
send \"select 1;\\r\"
want \"could not connect again\"
want \"!=> \"
send \"\\\\q\\r\"
expect eof"
    echo "$output"
    [ "$status" -eq 0 ]
    wait "$NODE_PID" || true
    NODE_PID=
}

@test "the man page and the completions of linera-sql name every option" {
    for option in $(linera-sql --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
        grep -q -- "${option//-/\\\\-}" "$ROOT/man/linera-sql.1" || { echo "man page lacks $option"; return 1; }
        for shell in bash/linera-sql zsh/_linera-sql fish/linera-sql.fish; do
            grep -q -- "${option#--}" "$ROOT/completions/$shell" || { echo "$shell lacks $option"; return 1; }
        done
    done
}
