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

@test "the man page and the completions of linera-sql name every option" {
    for option in $(linera-sql --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
        grep -q -- "${option//-/\\\\-}" "$ROOT/man/linera-sql.1" || { echo "man page lacks $option"; return 1; }
        for shell in bash/linera-sql zsh/_linera-sql fish/linera-sql.fish; do
            grep -q -- "${option#--}" "$ROOT/completions/$shell" || { echo "$shell lacks $option"; return 1; }
        done
    done
}
