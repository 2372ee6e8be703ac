#!/usr/bin/env bats
# SQL through stock psql: the sample databases load unmodified, and queries over them give PostgreSQL 15's answers.
bats_require_minimum_version 1.5.0
load common

answers_like_postgres() { # DATABASE
    PGOPTIONS='-c timezone=UTC' psql -X -q -e -d "$1" <"$ROOT/tests/sql/$1.sql" >"$BATS_TEST_TMPDIR/$1.out" 2>&1
    diff -u "$ROOT/tests/sql/$1.out" "$BATS_TEST_TMPDIR/$1.out"
}

@test "Chinook loads unmodified and answers as PostgreSQL 15 does" {
    start_node
    psql -X -q -v ON_ERROR_STOP=1 -f "$ROOT/examples/chinook.sql" 2>"$BATS_TEST_TMPDIR/err"
    ! grep ERROR "$BATS_TEST_TMPDIR/err"
    answers_like_postgres chinook
}

@test "Northwind loads unmodified and answers as PostgreSQL 15 does" {
    start_node
    psql -X -q -v ON_ERROR_STOP=1 -c 'create database northwind'
    psql -X -q -v ON_ERROR_STOP=1 -d northwind -f "$ROOT/examples/northwind.sql"
    answers_like_postgres northwind
}

@test "WITH RECURSIVE answers as PostgreSQL 15 does" {
    start_node
    q 'create database recursive'
    answers_like_postgres recursive
}

@test "COPY takes, refuses and gives rows as PostgreSQL 15 does" {
    start_node
    q 'create database copy'
    answers_like_postgres copy
}

@test "values and functions answer as PostgreSQL 15 does" {
    start_node
    answers_like_postgres postgres
}

@test "a typo in a column shows the caret and the nearest name" {
    start_node
    q 'create table people (id int primary key, first_name text)'
    run psql -X -c 'select frist_name from people'
    [ "$status" -eq 1 ]
    [[ "$output" == *'column "frist_name" does not exist'* ]]
    [[ "$output" == *'LINE 1: select frist_name from people'* ]]
    [[ "$output" == *'Perhaps you meant to reference the column "people.first_name".'* ]]
}

@test "a unique violation names constraint and key" {
    start_node
    q 'create table t (id int primary key)'
    q 'insert into t values (1)'
    run psql -X -c 'insert into t values (1)'
    [ "$status" -eq 1 ]
    [[ "$output" == *'duplicate key value violates unique constraint "t_pkey"'* ]]
    [[ "$output" == *'Key (id)=(1) already exists.'* ]]
}

@test "a failed statement fails its transaction until ROLLBACK" {
    start_node
    q 'create table t (id int primary key)'
    run psql -X -q -At <<'SQL'
begin;
insert into t values (1);
select 1/0;
select 1;
rollback;
select count(*) from t;
SQL
    [[ "$output" == *'division by zero'* ]]
    [[ "$output" == *'current transaction is aborted'* ]]
    [ "${lines[-1]}" = 0 ]
}

@test "savepoints undo a part of a transaction" {
    start_node
    q 'create table t (id int primary key)'
    psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
begin;
insert into t values (1);
savepoint a;
insert into t values (2);
rollback to a;
insert into t values (3);
commit;
SQL
    [ "$(q 'select id from t order by id' | paste -sd,)" = 1,3 ]
}

@test "COPY goes in and out, in text and in CSV" {
    start_node
    q 'create table t (id int primary key, v text, w text)'
    printf '1\ta\\tb\t\\N\n2\tx\ty\n' | psql -X -q -c 'copy t from stdin'
    [ "$(psql -X -At -c 'copy t to stdout')" = "$(printf '1\ta\\tb\t\\N\n2\tx\ty')" ]
    [ "$(psql -X -At -c 'copy (select v, w from t where id = 2) to stdout with (format csv, header)')" = $'v,w\nx,y' ]
}
