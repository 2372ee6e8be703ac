#!/usr/bin/env bats
# Client drivers as Debian and npm ship them, each with its own program in tests/clients/ against a node of its own.
bats_require_minimum_version 1.5.0
load common

CLIENTS=$ROOT/tests/clients
BUILT=$ROOT/build/clients # what compilers and npm make; never in the tree

passes() { # COMMAND...: runs against a fresh node; what it prints is shown when it fails
    start_node
    run timeout 120 "$@"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "a C program with libpq: types as text and binary, COPY, pipelines, cancelling" {
    mkdir -p "$BUILT"
    # shellcheck disable=SC2046 # flags are words
    gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -o "$BUILT/libpq" "$CLIENTS/libpq.c" $(pkg-config --cflags --libs libpq)
    passes "$BUILT/libpq"
}

@test "a Python program with psycopg2: types, COPY, named cursors, errors" {
    passes /usr/bin/python3 "$CLIENTS/psycopg2_client.py"
}

@test "a Python program with psycopg 3: binary both ways, pipelines, COPY, server-side cursors" {
    passes /usr/bin/python3 "$CLIENTS/psycopg3_client.py"
}

@test "a Perl program with DBD::Pg: placeholders, COPY, asynchronous queries, what DBI asks the catalog for" {
    passes perl "$CLIENTS/dbdpg_client.pl"
}

@test "a Java program with pgjdbc: binary transfer, batches, fetch sizes, DatabaseMetaData" {
    mkdir -p "$BUILT/java"
    javac -Xlint:all,-serial -d "$BUILT/java" -cp /usr/share/java/postgresql.jar "$CLIENTS/Jdbc.java"
    passes java -cp "$BUILT/java:/usr/share/java/postgresql.jar" Jdbc
}

# Modules are installed once per lock file; without them and without a registry this fails, and says why.
install_node_modules() {
    local dir=$BUILT/node
    mkdir -p "$dir"
    cp "$CLIENTS"/node/client.js "$CLIENTS"/node/package.json "$CLIENTS"/node/package-lock.json "$dir"
    cmp -s "$dir/package-lock.json" "$dir/node_modules/installed-lock.json" && return
    npm ci --prefix "$dir" --no-audit --no-fund --prefer-offline --loglevel error || {
        echo "npm could not install tests/clients/node/package-lock.json: is a registry within reach?"
        return 1
    }
    cp "$dir/package-lock.json" "$dir/node_modules/installed-lock.json"
}

@test "a JavaScript program with node-postgres: text and binary, portals, COPY streams, pools" {
    install_node_modules
    TZ=UTC passes node "$BUILT/node/client.js"
}
