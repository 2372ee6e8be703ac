#!/usr/bin/env bats
# linera-dump as an operator drives it: what there is to show, what is found when files are damaged, what is refused.
bats_require_minimum_version 1.5.0
load common

# One store for all tests, which each copies: with tables (values above 32 MiB), a manifest and a log behind them.
setup_file() {
    load common
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    start_node "$BATS_FILE_TMPDIR/made"
    q "create table small (a int primary key, b text); insert into small select i, 'row ' || i from generate_series(1, 3000) i"
    q "delete from small where a % 3 = 0"
    q "create table large (a int primary key, b text); insert into large select i, repeat(md5(i::text), 32000) from generate_series(1, 40) i"
    q "insert into small values (100000, 'in the log')"
    end_node
    [ "$(find "$BATS_FILE_TMPDIR/made" -name '*.sst' | wc -l)" -gt 0 ]
}

setup() {
    STORE=$BATS_TEST_TMPDIR/store
    cp -r "$BATS_FILE_TMPDIR/made" "$STORE"
    TABLE=$(find "$STORE" -name '*.sst' | sort | head -1)
    MANIFEST=$(find "$STORE" -name '*.manifest')
}

# flip_byte FILE OFFSET
flip_byte() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# dump WORD...: rows as JSON in $output.
dump() { run --separate-stderr linera-dump "$@" --format ndjson; }

@test "a whole store is said to be whole, and nothing in it has changed afterwards" {
    state() { (cd "$STORE" && sha256sum ./* && find . -type f -printf '%f %s %T@\n' | sort); }
    before=$(state)
    chmod -R a-w "$STORE"
    run --separate-stderr linera-dump store "$STORE" --verify --format json
    chmod -R u+w "$STORE"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$(jq '.rows | map(.faults) | add' <<<"$output")" -eq 0 ]
    [ "$(jq '.rows | map(select(.kind == "table")) | map(.entries) | add' <<<"$output")" -gt 3000 ]
    [ "$(jq '.rows | map(select(.kind == "log")) | map(.entries) | add' <<<"$output")" -gt 0 ]
    [ "$before" = "$(state)" ]
    start_node "$STORE" # a node takes it as before
    [ "$(q 'select count(*) from small')" -eq 2001 ]
}

@test "the files of a store, and what of them is in use" {
    echo left >"$STORE/000000000999.sst"
    dump store "$STORE"
    [ "$status" -eq 0 ]
    [ "$(jq -r 'select(.kind == "table" and .state == "in use") | .level' <<<"$output" | wc -l)" -gt 0 ]
    [ "$(jq -r 'select(.file == "000000000999.sst") | .state' <<<"$output")" = 'left over' ]
    [ "$(jq -r 'select(.file == "identity") | "\(.kind) \(.size)"' <<<"$output")" = 'identity 64' ]
}

@test "entries, with readable keys and columns, between bounds of keys and time" {
    dump sst "$TABLE"
    [ "$status" -eq 0 ]
    [ "$(jq -c 'select(.kind == "tombstone")' <<<"$output" | wc -l)" -eq 1000 ]
    local first
    first=$(jq -r 'select(.columns == "7") | .key' <<<"$output" | head -1)
    [[ "$first" == /table/*/1/1907 ]]
    local index=${first%/*}
    dump sst "$TABLE" --keys "$index/1907..$index/190a" --values
    [ "$(jq -r .columns <<<"$output" | sort -un | tr '\n' ' ')" = '7 8 9 ' ]
    [ "$(jq -r 'select(.columns == "7") | .value' <<<"$output" | xxd -r -p | grep -c 'row 7')" -eq 1 ]
    dump sst "$TABLE" --keys "$index"
    [ "$(jq -c 'select(.kind == "value")' <<<"$output" | wc -l)" -eq 3000 ]
    local ts
    ts=$(jq -s 'map(.ts) | max' <<<"$output" | grep -oE '^[0-9]+')
    dump sst "$TABLE" --keys "$index" --until 2020-01-01T00:00:00Z
    [ -z "$output" ]
    dump sst "$TABLE" --keys "$index" --since 2020-01-01T00:00:00+01:00
    [ -n "$output" ]
    [ "$ts" -gt 0 ]
}

@test "blocks, clears and properties of a table" {
    dump sst "$TABLE" --show blocks
    [ "$status" -eq 0 ]
    [ "$(jq -rs 'map(.kind) - ["clears"] | unique | join(" ")' <<<"$output")" = 'data filter index properties value' ]
    # Blocks fill the file up to its footer.
    [ "$(jq -s 'map(.size) | add + 96' <<<"$output")" -eq "$(stat -c %s "$TABLE")" ]
    dump sst "$TABLE" --show properties
    [ "$(jq -r 'select(.property == "file_size") | .value' <<<"$output")" -eq "$(stat -c %s "$TABLE")" ]
    dump sst "$TABLE" --show clears
    [ "$status" -eq 0 ]
}

@test "tables, edits and state of a manifest, of the store or by its file" {
    for path in "$STORE" "$MANIFEST"; do
        dump manifest "$path"
        [ "$status" -eq 0 ]
        [ "$(jq -s 'map(select(.entries > 0)) | length' <<<"$output")" -gt 0 ]
        dump manifest "$path" --show edits
        [ "$(jq -r .action <<<"$output" | grep -c '^add$')" -gt 0 ]
        dump manifest "$path" --show state
        [ "$(jq -r 'select(.what == "log sequence") | .value' <<<"$output")" -gt 1 ]
    done
    dump manifest "$STORE" --keys /table/9999999
    [ -z "$output" ]
}

@test "records, operations and segments of the log" {
    dump log "$STORE"
    [ "$status" -eq 0 ]
    [ "$(jq -r .type <<<"$output" | grep -c mark)" -gt 0 ]
    dump log "$STORE" --show operations --values
    [ "$(jq -r 'select(.operation == "put") | .value' <<<"$output" | xxd -r -p | grep -ac 'in the log')" -gt 0 ]
    dump log "$STORE" --keys /table
    [ "$(jq -rs 'map(.operation) | unique | join(" ")' <<<"$output")" = put ]
    dump log "$STORE" --show segments
    [ "$(jq -r 'select(.state == "read") | .number' <<<"$output" | wc -l)" -gt 0 ]
    local segment
    segment=$(jq -r 'select(.state == "read") | .number' <<<"$output" | tail -1)
    dump log "$STORE/$(printf %012d "$segment").log" --verify
    [ "$status" -eq 0 ]
    [ "$(jq .entries <<<"$output")" -gt 0 ]
}

@test "sst --verify exits 5 and says file, block and keys of what is damaged" {
    dump sst "$TABLE" --show blocks
    read -r offset least greatest < <(jq -r 'select(.kind == "data" and .least != null) | "\(.offset) \(.least) \(.greatest)"' <<<"$output" | head -1)
    flip_byte "$TABLE" $((offset + 9))
    run --separate-stderr linera-dump sst "$TABLE" --verify --format ndjson
    [ "$status" -eq 5 ]
    [[ "$stderr" == *"$TABLE"*"block at $offset: "*"; keys $least to $greatest"* ]]
    [ "$(jq .faults <<<"$output")" -eq 1 ]
    # What is not damaged is still shown, and the exit says that something is.
    run --separate-stderr linera-dump sst "$TABLE" --format ndjson
    [ "$status" -eq 1 ]
    [ "$(wc -l <<<"$output")" -gt 1000 ]
}

@test "every kind of damage to a store is found" {
    fault() { # fault WORDS: the store has it, and then not any more
        run --separate-stderr linera-dump store "$STORE" --verify
        [ "$status" -eq 5 ] || { echo "$1: exit $status"; return 1; }
        [[ "$stderr" == *"$1"* ]] || { echo "not \"$1\" but: $stderr"; return 1; }
        rm -rf "$STORE"
        cp -r "$BATS_FILE_TMPDIR/made" "$STORE"
    }
    rm "$TABLE"
    fault "could not open file \"$TABLE\""
    truncate -s -1 "$TABLE"
    fault "$TABLE"
    flip_byte "$TABLE" $(($(stat -c %s "$TABLE") - 50)) # the footer
    fault "$TABLE"
    flip_byte "$MANIFEST" 70
    fault "$MANIFEST"
    flip_byte "$STORE/current" 20
    fault current
    rm "$STORE/current"
    fault 'has tables, but its file "current" is gone'
    rm "$STORE"/*.log
    fault log
    segment=$(linera-dump log "$STORE" | head -1 | cut -f2)
    flip_byte "$STORE/$(printf %012d "$segment").log" 80
    fault 'damaged'
    cp "$STORE/identity" "$BATS_TEST_TMPDIR/id"
    flip_byte "$STORE/identity" 50
    run --separate-stderr linera-dump store "$STORE" --verify
    [ "$status" -ne 0 ]
    [[ "$stderr" == *identity* ]]
}

@test "a store that a node has open is refused, its single files are not" {
    start_node "$STORE"
    for words in "store $STORE" "log $STORE" "manifest $STORE --show edits" "store $STORE --verify"; do
        # shellcheck disable=SC2086
        run --separate-stderr linera-dump $words
        [ "$status" -eq 1 ]
        [[ "$stderr" == "linera-dump: a node uses the store \"$STORE\"; "* ]]
        [ -z "$output" ]
    done
    run linera-dump sst "$(find "$STORE" -name '*.sst' | head -1)" --verify
    [ "$status" -eq 0 ]
}

@test "what is wrong with the command line is one line, exit 2" {
    for words in '' 'nonsense x' 'log' 'log a b' 'log a --show tables' 'sst a --show entries --verify' 'sst a --keys nonsense' \
        'sst a --keys /table/5../table/4' 'sst a --since yesterday' 'sst a --format x' '--nonsense'; do
        # shellcheck disable=SC2086
        run --separate-stderr linera-dump $words
        [ "$status" -eq 2 ] || { echo "$words: $status $stderr"; return 1; }
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    for verb in range sql schema csv ndjson restore; do
        run --separate-stderr linera-dump $verb x
        [ "$status" -eq 1 ]
        [ "$stderr" = "linera-dump: \"$verb\" is not there yet; see docs/limits.md" ]
    done
    run --separate-stderr linera-dump store "$BATS_TEST_TMPDIR/none"
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    run --separate-stderr linera-dump sst /dev/null
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'is not named like a table'* ]]
}

@test "the man page and the completions of linera-dump name every option" {
    for option in $(linera-dump --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
        grep -q -- "${option//-/\\\\-}" "$ROOT/man/linera-dump.1" || { echo "man page lacks $option"; return 1; }
        for shell in bash/linera-dump zsh/_linera-dump fish/linera-dump.fish; do
            grep -q -- "${option#--}" "$ROOT/completions/$shell" || { echo "$shell lacks $option"; return 1; }
        done
    done
    [ "$(linera-dump --help | awk 'length > 200' | wc -l)" -eq 0 ]
}
