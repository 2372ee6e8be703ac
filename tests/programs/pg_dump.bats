#!/usr/bin/env bats
# Stock pg_dump, pg_restore and pg_dumpall: what is dumped is restored the same, here and in PostgreSQL 15.
bats_require_minimum_version 1.5.0
load common

PG_BIN=/usr/lib/postgresql/15/bin

# A dump without what changes from one to the next: the server's version and the key of \restrict.
dump() { # PG_DUMP_ARGUMENT...
    pg_dump "$@" | sed -E '/^\\(un)?restrict /d; /^-- Dumped (from|by) /d'
}

load_samples() {
    psql -X -q -v ON_ERROR_STOP=1 -c 'create database every'
    psql -X -q -v ON_ERROR_STOP=1 -d every -f "$ROOT/tests/sql/every-object.sql" >/dev/null
    psql -X -q -v ON_ERROR_STOP=1 -c 'create database northwind'
    psql -X -q -v ON_ERROR_STOP=1 -d northwind -f "$ROOT/examples/northwind.sql" >/dev/null
    psql -X -q -v ON_ERROR_STOP=1 -f "$ROOT/examples/chinook.sql" >/dev/null 2>&1
}

restore_plain() { # DATABASE FILE
    psql -X -q -v ON_ERROR_STOP=1 -c "create database $1"
    psql -X -q -v ON_ERROR_STOP=1 -d "$1" -f "$2" >/dev/null
}

start_postgres() {
    [ -x "$PG_BIN/initdb" ] || skip "PostgreSQL 15 is not installed"
    PG_DIR=$(mktemp -d)
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$PG_DIR"; fi
    as_postgres "$PG_BIN/initdb -D $PG_DIR/data -A trust -U postgres --locale=C.UTF-8 -E UTF8" >/dev/null
    as_postgres "$PG_BIN/pg_ctl -D $PG_DIR/data -w -o '-k $PG_DIR -c listen_addresses= -c fsync=off' -l $PG_DIR/log start" >/dev/null 3>&-
}

as_postgres() { if [ "$(id -u)" -eq 0 ]; then su postgres -c "$*"; else bash -c "$*"; fi; }

stop_postgres() {
    [ -n "${PG_DIR:-}" ] || return 0
    as_postgres "$PG_BIN/pg_ctl -D $PG_DIR/data -m immediate stop" >/dev/null 2>&1 || true
    rm -rf "$PG_DIR"
    PG_DIR=
}

teardown() {
    stop_postgres
    stop_node KILL
}

@test "a plain dump restored and dumped again is the same, for every kind of object and the samples" {
    start_node
    load_samples
    cd "$BATS_TEST_TMPDIR"
    for db in every northwind chinook; do
        dump "$db" >"$db.sql"
        restore_plain "${db}2" "$db.sql"
        dump "${db}2" >"$db.again"
        diff "$db.sql" "$db.again"
        dump --inserts --rows-per-insert=7 "$db" >"$db.inserts"
        restore_plain "${db}3" "$db.inserts"
        dump "${db}3" >"$db.again"
        diff "$db.sql" "$db.again"
    done
    [ "$(grep -c '^COPY' northwind.sql)" -ge 13 ]
}

@test "a custom-format dump goes through pg_restore, whole and in parts" {
    start_node
    load_samples
    cd "$BATS_TEST_TMPDIR"
    for db in every northwind; do
        dump "$db" >"$db.sql"
        pg_dump -Fc -f "$db.dump" "$db"
        psql -X -q -c "create database ${db}2" -c "create database ${db}3"
        pg_restore --exit-on-error -d "${db}2" "$db.dump"
        dump "${db}2" >"$db.again"
        diff "$db.sql" "$db.again"
        pg_restore --exit-on-error --section=pre-data -d "${db}3" "$db.dump"
        pg_restore --exit-on-error --section=data -d "${db}3" "$db.dump"
        pg_restore --exit-on-error --section=post-data -d "${db}3" "$db.dump"
        dump "${db}3" >"$db.again"
        diff "$db.sql" "$db.again"
        pg_restore --exit-on-error --clean --if-exists -d "${db}3" "$db.dump"
        dump "${db}3" >"$db.again"
        diff "$db.sql" "$db.again"
    done
}

@test "--schema-only and --data-only together are the whole; --table and --schema are parts" {
    start_node
    load_samples
    cd "$BATS_TEST_TMPDIR"
    dump northwind >whole.sql
    dump --schema-only northwind >schema.sql
    dump --data-only --disable-triggers northwind >data.sql
    ! grep -q '^COPY' schema.sql
    ! grep -q '^CREATE' data.sql
    dump --data-only northwind >data.sql
    psql -X -q -c 'create database parts'
    dump --section=pre-data northwind | psql -X -q -v ON_ERROR_STOP=1 -d parts >/dev/null
    psql -X -q -v ON_ERROR_STOP=1 -d parts -f data.sql >/dev/null
    dump --section=post-data northwind | psql -X -q -v ON_ERROR_STOP=1 -d parts >/dev/null
    dump parts >again.sql
    diff whole.sql again.sql
    dump -t shop.orders every >table.sql
    grep -q 'CREATE TABLE shop.orders' table.sql
    ! grep -q 'CREATE TABLE shop.customer' table.sql
    dump -n '"Odd Name"' every >schema.sql
    grep -q 'CREATE TABLE "Odd Name"."Mixed Case"' schema.sql
    ! grep -q 'CREATE TABLE public' schema.sql
}

@test "a directory-format dump with parallel jobs restores with parallel jobs" {
    start_node
    load_samples
    cd "$BATS_TEST_TMPDIR"
    dump northwind >northwind.sql
    pg_dump -Fd -j 1 -f northwind.d northwind
    psql -X -q -c 'create database northwind2'
    pg_restore --exit-on-error -j 2 -d northwind2 northwind.d
    dump northwind2 >again.sql
    diff northwind.sql again.sql
}

@test "pg_dumpall writes all databases and roles, and another node takes them" {
    start_node
    load_samples
    cd "$BATS_TEST_TMPDIR"
    q 'create role reader nologin'
    q "create role writer login connection limit 3"
    pg_dumpall >all.sql
    dump every >every.sql
    grep -q '^CREATE ROLE writer' all.sql
    stop_node
    start_node
    psql -X -q -f all.sql >/dev/null 2>err
    # What is there in every new node is an error, as in PostgreSQL.
    [ "$(grep -c ERROR err)" -eq "$(grep -cE 'role "postgres" already exists|database "(defaultdb|postgres)" already exists' err)" ]
    dump every >again.sql
    diff every.sql again.sql
    [ "$(q "select rolconnlimit from pg_roles where rolname = 'writer'")" = 3 ]
}

# Lines sorted: a heap gives its rows in an order of its own.
# PostgreSQL reads ARRAY[...]::text[] of varchars as a cast of each element, and prints it so.
comparable() {
    sed -E "s/\('([a-z]+)'::character varying\)::text/'\1'::character varying/g; s/\(ARRAY\[([^]]*)\]\)::text\[\]/ARRAY[\1]/g" "$1" | sort
}

@test "PostgreSQL 15 takes a dump and dumps the same; its dump comes back the same" {
    start_postgres
    start_node
    load_samples
    cd "$BATS_TEST_TMPDIR"
    for db in every northwind chinook; do
        dump "$db" >"$db.sql"
        PGHOST=$PG_DIR PGPORT=5432 restore_plain "$db" "$db.sql"
        PGHOST=$PG_DIR PGPORT=5432 dump "$db" >"$db.pg"
        diff <(comparable "$db.sql") <(comparable "$db.pg")
        restore_plain "${db}2" "$db.pg"
        dump "${db}2" >"$db.again"
        diff <(sort "$db.pg") <(sort "$db.again")
    done
}
