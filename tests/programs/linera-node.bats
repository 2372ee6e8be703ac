#!/usr/bin/env bats
# linera-node as an operator uses it: flags, ready line, signals, errors, the control plane, durability.
bats_require_minimum_version 1.5.0
load common

@test "linera-node --help and --version go to stdout and exit 0" {
    run --separate-stderr linera-node --help
    [ "$status" -eq 0 ]
    [[ "$output" == *"--store DIR"* ]]
    [ -z "$stderr" ]
    run linera-node --version
    [ "$status" -eq 0 ]
    [[ "$output" == linera-node\ * ]]
}

@test "a missing --store is a usage error of one line" {
    run --separate-stderr linera-node
    [ "$status" -eq 2 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ "$stderr" == *"--store is missing"* ]]
}

@test "an unknown flag is named and exits 2" {
    run --separate-stderr linera-node --stoer mem:
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"unknown option --stoer"* ]]
}

@test "flags of clusters say that they are not there yet" {
    run --separate-stderr linera-node --store mem: --join 127.0.0.1:7432
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"--join is not supported yet"* ]]
}

@test "an address that is not of this machine is refused without certificates" {
    run --separate-stderr linera-node --store mem: --sql 0.0.0.0:0
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"without certificates"* ]]
}

@test "the ready line is one JSON document that names the ports" {
    start_node
    [ "$(jq -r .event <<<"$READY")" = ready ]
    [ "$SQL_PORT" -gt 0 ]
    [ "$HTTP_PORT" -gt 0 ]
    [ "$(q 'select 1 + 1')" = 2 ]
}

@test "SIGTERM drains and exits 0" {
    start_node
    q 'select 1'
    stop_node TERM
    [ "$NODE_EXIT" -eq 0 ]
}

@test "a port in use is one clear line and exit 1" {
    start_node
    run --separate-stderr linera-node --store mem: --sql "127.0.0.1:$SQL_PORT" --http 127.0.0.1:0 --log-level error
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"$SQL_PORT"* ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a store that another process uses is refused" {
    start_node "$BATS_TEST_TMPDIR/store"
    run --separate-stderr linera-node --store "$BATS_TEST_TMPDIR/store" --sql 127.0.0.1:0 --http 127.0.0.1:0 --log-level error
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "what was committed is there after kill -9" {
    start_node "$BATS_TEST_TMPDIR/store"
    q 'create table t (id int primary key, v text)'
    q "insert into t select i, 'v' || i from generate_series(1, 100) i"
    stop_node KILL
    start_node "$BATS_TEST_TMPDIR/store"
    [ "$(q 'select count(*), min(v), max(id) from t')" = '100|v1|100' ]
}

@test "addresses.json stands in the store and the pid file where it was asked for" {
    start_node "$BATS_TEST_TMPDIR/store" --pid-file "$BATS_TEST_TMPDIR/pid"
    [ "$(jq -r .event "$BATS_TEST_TMPDIR/store/addresses.json")" = ready ]
    [ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$NODE_PID" ]
}

@test "health, readiness, metrics, cluster and sessions answer over HTTP" {
    start_node
    [ "$(curl -sf "http://127.0.0.1:$HTTP_PORT/health" | jq -r .status)" = ok ]
    [ "$(curl -sf "http://127.0.0.1:$HTTP_PORT/ready" | jq -r .status)" = ready ]
    curl -sf "http://127.0.0.1:$HTTP_PORT/metrics" | grep -q '^sql_statements_total '
    [ "$(curl -sf "http://127.0.0.1:$HTTP_PORT/api/v1/cluster" | jq -r '.nodes[0].state')" = running ]
    curl -sf "http://127.0.0.1:$HTTP_PORT/api/v1/sessions" | jq -e .sessions
    [ "$(curl -sf "http://127.0.0.1:$HTTP_PORT/api/v1/cluster" | jq -r '.nodes[0].sql')" = "127.0.0.1:$SQL_PORT" ]
    [ "$(curl -sf "http://127.0.0.1:$HTTP_PORT/api/v1/ranges?table=1" | jq -c '.ranges[0].replicas')" = '[1]' ]
}

@test "a store on disk counts what its engine does" {
    start_node "$BATS_TEST_TMPDIR/store"
    metric() { curl -sf "http://127.0.0.1:$HTTP_PORT/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }
    [ "$(metric storage_flushes_total)" -eq 0 ]
    q "create table t (a int primary key, b text)"
    q "insert into t select i, repeat(md5(i::text), 100) from generate_series(1, 12000) i" # more than a memtable
    [ "$(metric storage_memtable_bytes)" -gt 1000000 ]
    end_node
    start_node "$BATS_TEST_TMPDIR/store"
    [ "$(q 'select count(b) from t where a > 0')" -eq 12000 ]
    [ "$(q 'select length(b) from t where a = 77')" -eq 3200 ]
    local tables
    tables=$(curl -sf "http://127.0.0.1:$HTTP_PORT/metrics" | awk '/^storage_level_tables/ { n += $2 } END { print n }')
    [ "$tables" -gt 0 ]
    [ "$(metric storage_cache_misses_total)" -gt 0 ]
    [ "$(metric storage_cache_bytes)" -gt 0 ]
    [ "$(metric storage_tables_open)" -gt 0 ]
    [ "$(metric storage_filter_checks_total)" -ge "$(metric storage_filter_negatives_total)" ]
    [ "$(metric storage_corrupt_reads_total)" -eq 0 ]
    for name in storage_flush_bytes_total storage_compactions_total storage_compaction_debt_bytes storage_write_stops_total \
        storage_write_delay_us_total 'storage_level_bytes{level="6"}'; do
        [ -n "$(metric "$name")" ] || { echo "no $name"; false; }
    done
}

@test "every page that docs/openapi.yaml describes is there, and every field it names" {
    start_node
    q 'select 1'
    psql -X -q -c 'select pg_sleep(30)' 2>/dev/null & # a session to be listed
    local psql=$!
    until [ "$(api sessions | jq '.sessions | length')" = 1 ]; do :; done
    python3 - "$ROOT/docs/openapi.yaml" "http://127.0.0.1:$HTTP_PORT" <<'PYTHON'
import json, sys, urllib.request
import yaml

spec = yaml.safe_load(open(sys.argv[1]))


def resolve(schema):
    while "$ref" in schema:
        node = spec
        for part in schema["$ref"].split("/")[1:]:
            node = node[part]
        schema = node
    return schema


def check(value, schema, where):
    schema = resolve(schema)
    if schema.get("type") == "object":
        assert set(schema.get("properties", {})) == set(value), (where, set(value) ^ set(schema["properties"]))
        for name, inner in schema["properties"].items():
            check(value[name], inner, where + "." + name)
    elif schema.get("type") == "array":
        assert value, where + " is empty"
        check(value[0], schema["items"], where + "[0]")
    else:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kind = {str: "string", int: "integer", float: "number", type(None): "null"}[type(value)]
        assert kind in kinds or (kind == "integer" and "number" in kinds), (where, kind, kinds)
        assert "enum" not in schema or value in schema["enum"], (where, value)


for path, methods in spec["paths"].items():
    reply = urllib.request.urlopen(sys.argv[2] + path)
    content = methods["get"]["responses"]["200"]["content"]
    assert reply.headers["Content-Type"].split(";")[0] in content, path
    if "application/json" in content:
        check(json.load(reply), content["application/json"]["schema"], path)
PYTHON
    kill "$psql"
}

api() { curl -s "http://127.0.0.1:$HTTP_PORT/api/v1/$1"; }

@test "/api/v1/statements counts calls, errors, rows, reused plans and times by the statement's shape" {
    start_node
    psql -X -q -At >/dev/null 2>&1 <<<"create table t (id int primary key, v text);
        insert into t values (1, 'secret'), (2, 'b'), (3, 'c');
        select v from t where id = 1; select v from t where id = 2; select v from t where id < 4;
        select 1 / (id - 1) from t where v = 'secret';"
    local statement='.statements[] | select(.statement == "select v from t where id = $1")'
    [ "$(api statements | jq -c "$statement | [.calls, .errors, .rows, .plans_reused, .database, .user]")" = \
        '[2,0,2,1,"postgres","postgres"]' ]
    api statements | jq -e "$statement | .min_us <= .p50_us and .p50_us <= .p99_us and .p99_us <= .max_us and
        .max_us <= .total_us and (.mean_us * 2 == .total_us) and (.last_seen | endswith(\"Z\"))"
    [ "$(api statements | jq '[.statements[] | select(.errors > 0)] | length')" = 1 ]
    run api statements
    [[ "$output" != *secret* ]]
}

@test "/api/v1/statements counts prepared statements and the plans they reuse" {
    start_node
    echo 'select :client_id::int + g from generate_series(1, 10) g' >"$BATS_TEST_TMPDIR/script"
    pgbench -n -M prepared -t 3 -f "$BATS_TEST_TMPDIR/script" >/dev/null 2>&1
    [ "$(api statements | jq -c '.statements[] | select(.statement | test("generate_series"))
        | [.statement, .calls, .rows, .plans_reused]')" = \
        '["select $1::int + g from generate_series($2, $3) g",3,30,2]' ]
}

@test "lists come in pages: each statement and each session once, and bad arguments are 400" {
    start_node
    for i in 1 2 3 4 5; do q "select 1 as c$i" >/dev/null; done
    for sort in total_us mean_us calls last_seen; do
        local cursor='' all=''
        while :; do
            page=$(api "statements?limit=2&sort=$sort${cursor:+&cursor=$cursor}")
            all+=$(jq -r '.statements[].id' <<<"$page")$'\n'
            cursor=$(jq -r '.next_cursor // empty' <<<"$page")
            [ -n "$cursor" ] || break
        done
        [ "$(grep -c . <<<"$all")" = 5 ]
        [ "$(sort -u <<<"$all" | grep -c .)" = 5 ]
    done
    [ "$(api 'sessions?limit=1' | jq -c '[.sessions, .next_cursor]')" = '[[],null]' ]
    for bad in 'limit=0' 'limit=x' 'cursor=x' 'sort=x' 'nosuch=1'; do
        [ "$(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code} %{content_type}' \
            "http://127.0.0.1:$HTTP_PORT/api/v1/statements?$bad")" = '400 application/problem+json' ]
        jq -e '.detail | length > 0' "$BATS_TEST_TMPDIR/body"
    done
}

@test "statements of the extended protocol leave no memory behind" {
    start_node
    pgbench -i -s 1 -q 2>/dev/null
    local memory='curl -s http://127.0.0.1:'$HTTP_PORT'/metrics'
    before=$($memory | awk '$1 == "sql_memory_bytes" { print $2 }')
    pgbench -n -M extended -S -t 2000 >/dev/null 2>&1
    after=$($memory | awk '$1 == "sql_memory_bytes" { print $2 }')
    [ "$after" -le "$before" ]
}

@test "an unknown page is a problem document with 404, a POST one with 405" {
    start_node
    run curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code} %{content_type}' "http://127.0.0.1:$HTTP_PORT/nothing"
    [ "$output" = '404 application/problem+json' ]
    [ "$(jq .status "$BATS_TEST_TMPDIR/body")" = 404 ]
    run curl -s -o /dev/null -w '%{http_code}' -X POST -d x=1 "http://127.0.0.1:$HTTP_PORT/health"
    [ "$output" = 405 ]
}

@test "the man page and the completions name every option" {
    for option in $(linera-node --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
        grep -q -- "${option//-/\\\\-}" "$ROOT/man/linera-node.1" || { echo "man page lacks $option"; return 1; }
        for shell in bash/linera-node zsh/_linera-node fish/linera-node.fish; do
            grep -q -- "${option#--}" "$ROOT/completions/$shell" || { echo "$shell lacks $option"; return 1; }
        done
    done
}
