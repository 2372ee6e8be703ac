#!/usr/bin/env bats
# linera-bench as a user drives it: every workload, formats, rates, what must hold, what can go wrong.
bats_require_minimum_version 1.5.0
load common

setup() { export LINERA_URL; }

# Start a node and make bench connect to it.
node() {
    start_node "$@"
    LINERA_URL=postgresql://postgres@127.0.0.1:$SQL_PORT/postgres
}

# A throw-away PostgreSQL 15 instead.
postgres() {
    local bin=/usr/lib/postgresql/15/bin dir=$BATS_TEST_TMPDIR/pg port=$((20000 + RANDOM % 20000))
    [ -x $bin/initdb ] || skip "PostgreSQL 15 is not installed"
    mkdir "$dir"
    [ "$(id -u)" -ne 0 ] || { chown postgres "$dir" && chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*; }
    as_postgres "$bin/initdb -D $dir/data -A trust -U postgres -E UTF8 --locale=C.UTF-8 >/dev/null"
    as_postgres "$bin/pg_ctl -D $dir/data -w -l $dir/log -o '-p $port -k $dir -c listen_addresses=127.0.0.1 -c fsync=off' start >/dev/null"
    POSTGRES_DIR=$dir
    LINERA_URL=postgresql://postgres@127.0.0.1:$port/postgres
}
as_postgres() { if [ "$(id -u)" -eq 0 ]; then su postgres -c "$1" 3>&-; else bash -c "$1" 3>&-; fi; }

teardown() {
    [ -z "${POSTGRES_DIR:-}" ] ||
        as_postgres "/usr/lib/postgresql/15/bin/pg_ctl -D $POSTGRES_DIR/data -m immediate stop >/dev/null"
    end_node
}

# run_json WORKLOAD [FLAG...]: the document in $output.
run_json() { run --separate-stderr linera-bench run "$@" --format json; }
total() { jq ".operations[] | select(.operation == \"all\") | .$1" <<<"$output"; }

# Run in the background until the first live line stands in bench.err; BENCH_PID.
run_in_background() {
    : >"$BATS_TEST_TMPDIR/bench.err" # for tail: the program may not have been started yet when it looks
    linera-bench run "$@" --progress >"$BATS_TEST_TMPDIR/bench.out" 2>"$BATS_TEST_TMPDIR/bench.err" 3>&- &
    BENCH_PID=$!
    timeout 20 tail -f -n +1 --pid=$BENCH_PID "$BATS_TEST_TMPDIR/bench.err" 3>&- | grep -q -m1 ' s .*/s '
}
end_of_background() {
    BENCH_EXIT=0
    wait "$BENCH_PID" || BENCH_EXIT=$?
}

@test "kv: init fills the table, run reads and writes it with every protocol and distribution" {
    node
    linera-bench init kv --keys 1000 --value-size 50
    [ "$(q 'select count(*), min(length(value)), max(key) from bench_kv')" = '1000|50|1000' ]
    for flags in '--protocol prepared' '--protocol extended --reads 50' '--protocol simple --reads 50' \
        '--distribution zipf' '--distribution latest --reads 50'; do
        # shellcheck disable=SC2086
        run_json kv $flags --operations 300
        [ "$status" -eq 0 ]
        [ "$(total count)" -eq 300 ]
        [ "$(total errors)" -eq 0 ]
    done
    [ "$(q 'select count(*) > 1050 from bench_kv')" = t ] # latest inserts
}

@test "bank: money neither appears nor vanishes, by locks and by SERIALIZABLE alone" {
    node
    linera-bench init bank --accounts 50
    for flags in '' '--locking none' '--protocol simple' '--isolation read-committed'; do
        # shellcheck disable=SC2086
        run_json bank $flags --duration 500ms --clients 6
        [ "$status" -eq 0 ]
        [ "$(total count)" -gt 0 ]
        [ "$(jq .violations <<<"$output")" -eq 0 ]
    done
    [ "$(q 'select sum(balance) from bench_bank')" = 50000 ]
}

@test "bank: a wrong total is found, during the run and after it, and exits 5" {
    node
    linera-bench init bank --accounts 10
    q 'update bench_bank set balance = balance + 1 where id = 3'
    run_json bank --operations 20 --audits 50
    [ "$status" -eq 5 ]
    [[ "$stderr" == *'violated: an audit found 10001 in 10 accounts instead of 10000 in 10'* ]]
    [[ "$stderr" == *'violated: the check after the run found 10001'* ]]
    [ "$(jq '.violations > 1' <<<"$output")" = true ]
}

@test "bank: without locks below SERIALIZABLE updates get lost, and the audits notice" {
    node
    linera-bench init bank --accounts 5
    run_json bank --locking none --isolation read-committed --clients 20 --operations 20000
    [ "$status" -eq 5 ]
}

@test "tpcb: all sums grow alike, in one round trip, step by step and as one text" {
    node
    linera-bench init tpcb
    [ "$(q 'select count(*) from pgbench_accounts')" = 100000 ]
    for flags in '' '--step-by-step' '--protocol simple' '--protocol extended'; do
        # shellcheck disable=SC2086
        run_json tpcb $flags --operations 200
        [ "$status" -eq 0 ]
        [ "$(total count)" -eq 200 ]
    done
    [ "$(q 'select count(*) from pgbench_history')" = 800 ]
    [ "$(q 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)')" = t ]
}

@test "pgbench runs on what init tpcb has made" {
    node
    linera-bench init tpcb
    run pgbench -n -t 20 -c 2
    [ "$status" -eq 0 ]
    run_json tpcb --operations 20
    [ "$status" -eq 0 ]
}

@test "PostgreSQL itself is a target" {
    postgres
    linera-bench init kv --keys 500
    linera-bench init bank
    linera-bench init tpcb
    for flags in 'kv --reads 50' 'bank --locking none' 'bank --protocol simple' tpcb; do
        # shellcheck disable=SC2086
        run_json $flags --operations 200
        [ "$status" -eq 0 ]
        [ "$(total count)" -eq 200 ]
    done
    [[ "$(jq -r .server_version <<<"$output")" == 'PostgreSQL 15'* ]]
}

@test "init leaves tables alone that exist, unless --drop is given; run says how to make them" {
    node
    run --separate-stderr linera-bench run kv --operations 1
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'"bench_kv" does not exist; "linera-bench init kv" makes it'* ]]
    linera-bench init kv --keys 10
    run --separate-stderr linera-bench init kv --keys 20
    [ "$status" -eq 1 ]
    [ "$stderr" = "linera-bench: the table bench_kv exists already; pass --drop to make the workload's tables anew" ]
    linera-bench init kv --keys 20 --drop
    linera-bench init kv --keys 20 --drop
    [ "$(q 'select count(*) from bench_kv')" = 20 ]
}

@test "init and run show progress on stderr when asked" {
    node
    run --separate-stderr linera-bench init kv --keys 60000 --progress
    [ "${#stderr_lines[@]}" -eq 2 ] # a line a COPY of 50000 rows
    [[ "$stderr" == *'bench_kv: 60000 of 60000 rows'* ]]
    run --separate-stderr linera-bench run kv --duration 1200ms --progress
    [[ "$stderr" == *'1 s '*'/s  p50 '*'errors 0'* ]]
}

@test "every format has a row for each kind of operation and one for all" {
    node
    linera-bench init kv --keys 100
    go() { linera-bench run kv --operations 100 "$@"; }
    [ "$(go | cut -f 1 | paste -sd ' ')" = 'read write all' ] # a pipe: tsv without a header
    [ "$(go --format csv | head -1)" = 'operation,count,errors,retries,per_second,mean_us,p50_us,p95_us,p99_us,p99.9_us,max_us' ]
    [ "$(go --format csv --no-header | tail -1 | cut -d , -f 1-4)" = 'all,100,0,0' ]
    [ "$(go --format ndjson | jq -s 'map(.count) | .[0] + .[1] == .[2]')" = true ]
    [ "$(go --format json | jq -c '[.version, .workload, .parameters.clients, .end]')" = '[1,"kv",8,"complete"]' ]
    [[ "$(go --format markdown)" == '| operation | count |'* ]]
    [[ "$(go --format vertical)" == *'operation  | all'* ]]
    [[ "$(go --format table)" == 'kv: 8 clients'*'p99.9 ms'*'(3 rows)'* ]]
}

@test "quantiles stand in order, and the total counts every operation" {
    node
    linera-bench init kv --keys 100
    run_json kv --operations 2000 --reads 50
    [ "$(jq '[.operations[] | .p50_us <= .p95_us and .p95_us <= .p99_us and .p99_us <= ."p99.9_us" and ."p99.9_us" <= .max_us and .p50_us > 0] | all' <<<"$output")" = true ]
}

@test "a rate is kept, and the warm-up does not count" {
    node
    linera-bench init kv --keys 100
    run_json kv --rate 200 --duration 1500ms --warmup 500ms
    [ "$status" -eq 0 ]
    [ "$(total count)" -ge 280 ]
    [ "$(total count)" -le 301 ]
}

@test "with a rate latency counts from when an operation was due" {
    node
    linera-bench init kv --keys 100
    run_json kv --rate 1000000 --duration 1s --clients 1 # far more than one client can do
    [ "$status" -eq 0 ]
    [ "$(total p50_us | cut -d . -f 1)" -gt 100000 ]
    [ "$(jq '.not_begun > 500000' <<<"$output")" = true ]
}

@test "--compare prints ratios, names what differs, and refuses another workload" {
    node
    linera-bench init kv --keys 100
    linera-bench init bank
    linera-bench run kv --operations 100 --format json >"$BATS_TEST_TMPDIR/a.json"
    run --separate-stderr linera-bench run kv --operations 100 --clients 2 --compare "$BATS_TEST_TMPDIR/a.json" --format csv
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *,per_second_ratio,p50_ratio,p95_ratio,p99_ratio,p99.9_ratio,max_ratio ]]
    [[ "${lines[3]}" =~ ^all,100(,[0-9.]+){15}$ ]]
    [ "$stderr" = 'linera-bench: clients: 8 in the earlier run, 2 in this one' ]
    run --separate-stderr linera-bench run bank --compare "$BATS_TEST_TMPDIR/a.json"
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'is a run of kv, not of bank' ]]
    run --separate-stderr linera-bench run kv --compare <(echo '{}')
    [ "$status" -eq 1 ]
}

@test "--assert exits 5 when violated, after the summary" {
    node
    linera-bench init kv --keys 100
    run_json kv --operations 200 --assert 'p99<100s' --assert 'errors<=0' --assert 'throughput>1' --assert 'read.max<100s'
    [ "$status" -eq 0 ]
    run_json kv --operations 200 --assert 'p99<100s' --assert 'write.p99.9 <1us'
    [ "$status" -eq 2 ]
    run_json kv --operations 200 --assert 'p99<100s' --assert 'write.p99.9<1us'
    [ "$status" -eq 5 ]
    [ "$(total count)" -eq 200 ]
    [[ "$stderr" == 'linera-bench: violated: write.p99.9<1us: it was '*' ms' ]]
    [ "$(jq -c '[.assertions[].holds]' <<<"$output")" = '[true,false]' ]
}

@test "--hdr writes a log that HdrHistogram's readers take, with all operations in it" {
    node
    linera-bench init kv --keys 100
    run_json kv --duration 1100ms --reads 50 --hdr "$BATS_TEST_TMPDIR/run.hlog"
    counted=$(python3 - "$BATS_TEST_TMPDIR/run.hlog" <<'PY'
import base64, struct, sys, zlib
total = 0
for line in open(sys.argv[1]):
    if not line.startswith('Tag='):
        continue
    packed = base64.b64decode(line.strip().split(',')[4])
    cookie, size = struct.unpack('>II', packed[:8])
    assert cookie == 0x1c849314
    plain = zlib.decompress(packed[8:8 + size])
    cookie, payload, _, digits, low, high, ratio = struct.unpack('>IIIIQQd', plain[:40])
    assert (cookie, digits, low, ratio) == (0x1c849313, 3, 1, 1.0) and len(plain) == 40 + payload
    at = 40
    while at < len(plain):
        v = shift = 0
        while True:
            byte = plain[at]
            at += 1
            v |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        v = (v >> 1) ^ -(v & 1)
        total += max(v, 0)
print(total)
PY
    )
    [ "$counted" -eq "$(total count)" ]
    grep -q '^Tag=write,' "$BATS_TEST_TMPDIR/run.hlog"
    run linera-bench run kv --operations 1 --hdr /nonexistent/run.hlog
    [ "$status" -eq 1 ]
}

@test "SIGINT prints the summary so far and exits 130" {
    node
    linera-bench init kv --keys 100
    run_in_background kv --duration 60s --format json
    kill -INT "$BENCH_PID"
    end_of_background
    [ "$BENCH_EXIT" -eq 130 ]
    output=$(cat "$BATS_TEST_TMPDIR/bench.out")
    [ "$(jq -r .end <<<"$output")" = interrupted ]
    [ "$(total count)" -gt 0 ]
}

@test "a node that dies ends the run with exit 1 and its summary" {
    node
    linera-bench init kv --keys 100
    run_in_background kv --duration 60s --format json
    stop_node KILL
    end_of_background
    [ "$BENCH_EXIT" -eq 1 ]
    output=$(cat "$BATS_TEST_TMPDIR/bench.out")
    [ "$(jq -r .end <<<"$output")" = error ]
    [ "$(jq -r '.errors[0].sqlstate' <<<"$output")" = 08006 ]
}

@test "--on-error continue outlives a node's crash, and the bank's total is right afterwards" {
    node "$BATS_TEST_TMPDIR/store"
    linera-bench init bank
    run_in_background bank --duration 4s --on-error continue --format json
    stop_node KILL
    start_node "$BATS_TEST_TMPDIR/store" --sql "127.0.0.1:$SQL_PORT"
    end_of_background
    cat "$BATS_TEST_TMPDIR/bench.err"
    [ "$BENCH_EXIT" -eq 0 ]
    output=$(cat "$BATS_TEST_TMPDIR/bench.out")
    [ "$(total errors)" -gt 0 ]
    [ "$(jq -r .end <<<"$output")" = complete ]
}

@test "an error of a statement ends the run, or is counted by SQLSTATE" {
    node
    linera-bench init kv --keys 100
    q 'alter table bench_kv add constraint short check (length(value) < 101)'
    run_json kv --operations 100 --reads 0 --value-size 200
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'write: '*'violates check constraint "short" (SQLSTATE 23514); --on-error continue'* ]]
    run_json kv --operations 100 --reads 0 --value-size 200 --on-error continue
    [ "$status" -eq 0 ]
    [ "$(total errors)" -eq 100 ]
    [ "$(jq -c '[.errors[0].sqlstate, .errors[0].failed]' <<<"$output")" = '["23514",100]' ]
}

@test "a thousand clients" {
    node
    linera-bench init kv --keys 1000
    run_json kv --clients 1000 --operations 5000
    [ "$status" -eq 0 ]
    [ "$(total count)" -eq 5000 ]
}

@test "without a node it says so in one line and exits 3" {
    for verb in init run; do
        run --separate-stderr linera-bench $verb kv --url postgresql://127.0.0.1:1/x
        [ "$status" -eq 3 ]
        [ "${#stderr_lines[@]}" -eq 1 ]
        [[ "$stderr" == linera-bench:* ]]
    done
}

@test "wrong usage is one line that says what would be right, and exits 2" {
    for words in '' 'run' 'go kv' 'run nothing' 'run ycsb-a' 'run tpcc' 'run kv more' 'run kv --nosuch' 'run kv --scale 2' \
        'run bank --keys 3' 'run kv --clients 0' 'run kv --duration 5' 'run kv --rate x' 'run kv --reads 101' \
        'run kv --assert p99' 'run kv --assert p98<1ms' 'run kv --assert p99<5' 'run kv --assert nope.p99<5ms' \
        'run kv --format xml' 'run kv --drop' 'init bank --accounts 1' 'init tpcb --scale 0'; do
        # shellcheck disable=SC2086
        run --separate-stderr linera-bench $words --url postgresql://127.0.0.1:1/x
        [ "$status" -eq 2 ] || { echo "$words: $status $stderr"; return 1; }
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    run --separate-stderr linera-bench run tpcc
    [[ "$stderr" == *'tpcc is not supported yet'* ]]
}

@test "the man page and the completions of linera-bench name every option" {
    for option in $( { linera-bench --help; linera-bench engine --help; } | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
        grep -q -- "${option//-/\\\\-}" "$ROOT/man/linera-bench.1" || { echo "man page lacks $option"; return 1; }
        for shell in bash/linera-bench zsh/_linera-bench fish/linera-bench.fish; do
            grep -q -- "${option#--}" "$ROOT/completions/$shell" || { echo "$shell lacks $option"; return 1; }
        done
    done
}

# engine_json [FLAG...]: a small store; the document in $output.
engine_json() { run --separate-stderr linera-bench engine --rows 2000 --duration 50ms "$@" --format json; }
# of WORKLOAD OPERATION FIELD
of() { jq -r ".operations[] | select(.workload == \"$1\" and .operation == \"$2\") | .\"$3\"" <<<"$output"; }

@test "engine: every workload measures its operations, in memory" {
    local flags=()
    for w in fillseq readrandom readmissing seekrandom scan mixed fillrandom overwrite; do flags+=(--workload $w); done
    engine_json "${flags[@]}"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$(of fillseq put count)" -eq 2000 ]
    [ "$(of fillrandom put entries)" -eq 2000 ]
    for row in 'readrandom get' 'readmissing get' 'seekrandom seek' 'scan scan' 'mixed get' 'mixed put' 'overwrite put'; do
        # shellcheck disable=SC2086
        [ "$(of $row count)" -gt 0 ] || { echo "$row"; return 1; }
    done
    [ "$(of readmissing get entries)" -eq 0 ]
    [ "$(of fillseq put write_amplification)" = null ]
    [ "$(jq '[.workloads[].violations] | add' <<<"$output")" -eq 0 ]
    [ "$(jq '.workloads[-1].entries' <<<"$output")" -eq 2000 ]
}

@test "engine: a store in a directory stays, its amplification is told, batches and fibers share the work" {
    local dir=$BATS_TEST_TMPDIR/store
    engine_json --path "$dir" --workload fillrandom --batch 7 --fibers 3 --value-size 50 --sync
    [ "$status" -eq 0 ]
    [ "$(of fillrandom put entries)" -eq 2000 ]
    [ "$(of fillrandom put count)" -eq 288 ] # each fiber's last batch is short
    [ "$(jq '.operations[0].write_amplification >= 1 and .operations[0].space_amplification >= 1' <<<"$output")" = true ]
    engine_json --path "$dir" --workload readrandom --workload seekrandom --operations 40 --duration 20s --scan-length 3 --distribution zipf
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$(of readrandom get count)" -eq 40 ]
    [ "$(of seekrandom seek count)" -eq 40 ]
}

@test "engine: a workload that reads fills an empty store, and refuses one with too few rows" {
    engine_json --path "$BATS_TEST_TMPDIR/store" --workload scan
    [ "$status" -eq 0 ]
    [[ "$stderr" == *'the store is empty: filling it with 2000 rows first'* ]]
    engine_json --path "$BATS_TEST_TMPDIR/store" --workload scan --rows 3000
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'fewer than 3000 rows; say --rows'* ]]
}

@test "engine: a node's store is refused and stays as it is" {
    start_node "$BATS_TEST_TMPDIR/store"
    q 'create table t (a int)'
    stop_node
    engine_json --path "$BATS_TEST_TMPDIR/store" --workload fillseq
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    start_node "$BATS_TEST_TMPDIR/store"
    [ "$(q 'select count(*) from t')" = 0 ]
}

@test "engine: an interruption prints what was measured, exit 130" {
    linera-bench engine --rows 100 --workload readrandom --duration 60s --progress --format json \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local pid=$! code=0
    timeout 20 tail -f -n +1 --pid=$pid "$BATS_TEST_TMPDIR/err" 3>&- | grep -q -m1 ' operations, '
    kill -INT $pid
    wait $pid || code=$?
    [ "$code" -eq 130 ]
    [ "$(jq '.operations[0].count > 0' "$BATS_TEST_TMPDIR/out")" = true ]
}

@test "engine: what is wrong with the command line is one line, exit 2" {
    for words in '' '--workload nonsense' '--workload scan --cache 1MiB' '--workload scan --memtable-size 1MiB' \
        '--workload scan --rows 0' '--workload mixed --reads 101' '--workload scan extra'; do
        # shellcheck disable=SC2086
        run --separate-stderr linera-bench engine $words
        [ "$status" -eq 2 ] || { echo "$words: $status $stderr"; return 1; }
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    run --separate-stderr linera-bench run engine
    [ "$status" -eq 2 ]
    [[ "$stderr" == *'linera-bench engine'* ]]
}
