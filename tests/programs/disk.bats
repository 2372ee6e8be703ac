#!/usr/bin/env bats
# Stores on disks that cannot take them: read-only, or full. bad-disk.c plays the disk, so that no rights are needed.
bats_require_minimum_version 1.5.0
load common

setup_file() {
    ${CC:-cc} -shared -fPIC -o "$BATS_FILE_TMPDIR/bad-disk.so" "$BATS_TEST_DIRNAME/bad-disk.c" -ldl
}

setup() {
    STORE=$BATS_TEST_TMPDIR/store
    export BAD_DISK_FULL=$BATS_TEST_TMPDIR/full
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 # the library comes before it
}

# The disk is full while the file $BAD_DISK_FULL is there.
start_on_bad_disk() {
    LD_PRELOAD=$BATS_FILE_TMPDIR/bad-disk.so start_node "$STORE"
}

# refused PATH: a node does not start there, and says why in one line.
# shellcheck disable=SC2154 # `run` sets them
refused() {
    run --separate-stderr linera-node --store "$1" --sql 127.0.0.1:0 --http 127.0.0.1:0 --log-level error
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ "$stderr" == *"$1"* ]]
    [ -z "$output" ]
}

read_only_refused() {
    export LD_PRELOAD=$BATS_FILE_TMPDIR/bad-disk.so BAD_DISK_READ_ONLY=$STORE
    refused "$STORE"
    unset LD_PRELOAD BAD_DISK_READ_ONLY
}

# Rows of 3 kB until one message of 1000 is refused; ACKNOWLEDGED counts those that were not.
fill() {
    local error
    ACKNOWLEDGED=0
    for batch in $(seq 20); do
        error=$(q "insert into t select $batch * 1000 + i, repeat(md5(i::text), 100) from generate_series(0, 999) i" 2>&1) ||
            break
        ACKNOWLEDGED=$((ACKNOWLEDGED + 1000))
    done
    [[ "$error" == *"No space left on device"* ]]
}

state_of() { psql -X -q -At -v VERBOSITY=sqlstate -c "$1" 2>&1; }

@test "a store below a file, in /proc, or on a read-only disk is refused in one line" {
    touch "$BATS_TEST_TMPDIR/file"
    refused "$BATS_TEST_TMPDIR/file"
    refused "$BATS_TEST_TMPDIR/file/store"
    refused /proc/linera-store
    read_only_refused
    [[ "$stderr" == *"Read-only file system"* ]]
    mkdir "$STORE"
    read_only_refused
}

@test "a store whose disk has become read-only is refused in one line, and is there afterwards" {
    start_node "$STORE"
    q 'create table t (a int primary key); insert into t values (1)'
    stop_node
    read_only_refused
    start_node "$STORE"
    [ "$(q 'select a from t')" = 1 ]
}

@test "on a full disk writes fail with 53100, reads and deletes go on, and writes too when there is room" {
    start_on_bad_disk
    q 'create table t (a int primary key, b text)'
    echo 0 >"$BAD_DISK_FULL"
    fill
    [ "$ACKNOWLEDGED" -gt 0 ]
    [[ "$(state_of "insert into t select i, repeat('x', 3000) from generate_series(0, 999) i")" == *53100* ]]
    [ "$(q 'select count(*) from t')" = "$ACKNOWLEDGED" ]
    [ "$(q 'delete from t where a < 1500 returning 1' | wc -l)" = 500 ]
    q 'begin; delete from t where a < 1700; commit'
    [ "$(q 'select count(*) from t')" = $((ACKNOWLEDGED - 700)) ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/node.err")" = 1 ]
    grep -q 'error the disk is full, the store refuses writes' "$BATS_TEST_TMPDIR/node.err"
    rm "$BAD_DISK_FULL"
    q "insert into t select -i, repeat('x', 3000) from generate_series(1, 1000) i"
    stop_node KILL
    start_on_bad_disk
    [ "$(q 'select count(*) from t')" = $((ACKNOWLEDGED + 300)) ]
    [ "$(q 'select min(a) from t where a > 0')" = 1700 ]
}

@test "TRUNCATE on a full disk makes room" {
    start_on_bad_disk
    q 'create table t (a int primary key, b text)'
    q "insert into t select -i, repeat(md5(i::text), 100) from generate_series(1, 5000) i" # into a second segment
    echo 100000 >"$BAD_DISK_FULL"
    fill
    q 'truncate t'
    [ "$(q 'select count(*) from t')" = 0 ]
    until q "insert into t select i, repeat('x', 3000) from generate_series(0, 999) i" 2>/dev/null; do
        [ "$SECONDS" -lt 60 ]
    done
    stop_node KILL
    rm "$BAD_DISK_FULL"
    start_on_bad_disk
    [ "$(q 'select count(*) from t')" = 1000 ]
}

@test "a node starts on a full disk and serves reads; without any room at all it says so in one line" {
    start_on_bad_disk
    q 'create table t (a int primary key); insert into t values (1)'
    stop_node KILL
    echo 300000 >"$BAD_DISK_FULL"
    start_on_bad_disk
    [ "$(q 'select a from t')" = 1 ]
    [[ "$(state_of 'insert into t values (2)')" == *53100* ]]
    q 'delete from t where a = 1'
    [ "$(q 'select count(*) from t')" = 0 ]
    stop_node
    [ "$NODE_EXIT" -eq 0 ]
    echo 0 >"$BAD_DISK_FULL"
    run --separate-stderr env LD_PRELOAD="$BATS_FILE_TMPDIR/bad-disk.so" linera-node --store "$STORE" \
        --sql 127.0.0.1:0 --http 127.0.0.1:0 --log-level error
    [ "$status" -eq 1 ]
    [[ "${stderr_lines[-1]}" == *"No space left on device"* ]]
}
