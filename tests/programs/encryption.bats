#!/usr/bin/env bats
# Encrypted stores as an operator meets them: keys from files and commands, rotation, what a thief of the disk sees.
bats_require_minimum_version 1.5.0
load common

SECRET=planted-secret-4711

setup() {
    STORE=$BATS_TEST_TMPDIR/store
    KEY=$BATS_TEST_TMPDIR/key
    NEW=$BATS_TEST_TMPDIR/new
    openssl rand -hex 32 >"$KEY"
    openssl rand 32 >"$NEW"
}

teardown() { stop_node KILL; }

fill() {
    q "create table secrets (a int primary key, k text, b text)"
    q "create index on secrets (k)"
    q "insert into secrets select i, '$SECRET ' || i, repeat('$SECRET', 20) from generate_series(1, 5000) i"
}

# grep_store: the files in which the secret can be read.
grep_store() { grep -rlaE "planted-|secret-4" "$STORE" || true; }

# refused WORD...: the node does not start; its line is in $output.
refused() { run -2 linera-node --store "$STORE" --sql 127.0.0.1:0 --http 127.0.0.1:0 "$@"; }

@test "nothing can be read in any file of an encrypted store, while it works and when it rests" {
    start_node "$STORE" --store-key "$KEY"
    fill
    [ -z "$(grep_store)" ]
    kill -KILL "$NODE_PID" # what is in the log is there as it was written
    wait "$NODE_PID" || true
    [ -z "$(grep_store)" ]
    start_node "$STORE" --store-key "$KEY" # makes tables of it at the end
    [ "$(q "select count(*) from secrets where k like '$SECRET%'")" -eq 5000 ]
    end_node
    [ -z "$(grep_store)" ]
    start_node "$BATS_TEST_TMPDIR/plain" # the search finds what can be found
    fill
    end_node
    STORE=$BATS_TEST_TMPDIR/plain
    [ -n "$(grep_store)" ]
}

@test "temporary files of an encrypted store hide their rows too" {
    start_node "$STORE" --store-key "$KEY"
    fill
    # A sort that spills, held open by a cursor: its files have no name, so they are read through the process.
    coproc P { psql -qAtX 2>&1; }
    echo "set work_mem = '64kB'; begin; declare c cursor for select * from secrets order by b, k desc; fetch 1 from c; \\echo ready" >&"${P[1]}"
    while read -r -t 20 line <&"${P[0]}"; do [ "$line" = ready ] && break; done
    spilled=0
    for fd in /proc/"$NODE_PID"/fd/*; do
        case $(readlink "$fd") in
        *linera-spill-*)
            spilled=$((spilled + $(stat -Lc %s "$fd")))
            ! grep -qaE "planted-|secret-4" "$fd"
            ;;
        esac
    done
    echo "\\q" >&"${P[1]}"
    [ "$spilled" -gt 100000 ]
}

@test "a store opens with its key alone, and each refusal says what to do" {
    start_node "$STORE" --store-key "$KEY"
    fill
    end_node
    refused
    [[ $output == *"is encrypted"*"Give its key"* ]]
    refused --store-key "$NEW"
    [[ $output == *"is not the one of store"*"give the old one too"* ]]
    refused --store-key "$BATS_TEST_TMPDIR/nowhere"
    [[ $output == *"cannot read the store key"*"No such file"* ]]
    echo short >"$BATS_TEST_TMPDIR/short"
    refused --store-key "$BATS_TEST_TMPDIR/short"
    [[ $output == *"is no store key"*"openssl rand -hex 32"* ]]
    refused --store-key "|exit 3"
    [[ $output == *"ended with 3"* ]]
    refused --old-store-key "$KEY"
    [[ $output == *"replaced by nothing"* ]]
    start_node "$STORE" --store-key "|cat '$KEY'"
    [ "$(q 'select count(*) from secrets')" -eq 5000 ]
    end_node
    STORE=$BATS_TEST_TMPDIR/plain
    start_node "$STORE"
    end_node
    refused --store-key "$KEY"
    [[ $output == *"is not encrypted"*"dump it into a new one"* ]]
}

@test "a store key is replaced without a file written anew" {
    start_node "$STORE" --store-key "$KEY"
    fill
    end_node
    before=$(cd "$STORE" && sha256sum ./*.sst 2>/dev/null | sort)
    start_node "$STORE" --store-key "$NEW" --old-store-key "$KEY"
    [ "$(q 'select count(*) from secrets')" -eq 5000 ]
    q "insert into secrets values (0, 'new', 'new')"
    end_node
    for line in $(awk '{print $2}' <<<"$before"); do
        [ ! -e "$STORE/$line" ] || (cd "$STORE" && sha256sum "$line") | grep -qF "$(grep -F "$line" <<<"$before")"
    done
    refused --store-key "$KEY"
    start_node "$STORE" --store-key "$NEW"
    [ "$(q 'select count(*) from secrets')" -eq 5001 ]
}

@test "linera-dump looks into an encrypted store with its key, and says that it needs one" {
    start_node "$STORE" --store-key "$KEY"
    fill
    end_node
    run --separate-stderr linera-dump store "$STORE" --verify --store-key "$KEY" --format ndjson
    [ "$status" -eq 0 ]
    [ "$(jq -s 'map(.faults) | add' <<<"$output")" -eq 0 ]
    [ "$(jq -s 'map(.entries) | add' <<<"$output")" -gt 0 ]
    run --separate-stderr linera-dump log "$STORE" --show operations --store-key "$KEY" --format ndjson
    [ "$status" -eq 0 ]
    [ -n "$output" ]
    run -1 --separate-stderr linera-dump store "$STORE" --verify
    [[ $stderr == *"encrypted"* ]]
    run -1 --separate-stderr linera-dump store "$STORE" --verify --store-key "$NEW"
    [[ $stderr == *"not the one"* ]]
    for table in "$STORE"/*.sst; do
        [ -e "$table" ] || continue
        run -0 --separate-stderr linera-dump sst "$table" --verify --store-key "$KEY"
    done
}

@test "a flipped byte anywhere is told" {
    start_node "$STORE" --store-key "$KEY"
    fill
    end_node
    for file in "$STORE"/*.manifest "$STORE"/keys "$STORE"/*.sst; do
        [ -e "$file" ] || continue
        cp "$file" "$BATS_TEST_TMPDIR/whole"
        size=$(stat -c %s "$file")
        for at in 20 70 $((size / 2)) $((size - 1)); do
            [ "$at" -lt 2000 ] || [[ $file != *.manifest ]] || continue # behind it is room taken ahead
            byte=$(od -An -tu1 -j "$at" -N 1 "$file")
            printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
            run linera-dump store "$STORE" --verify --store-key "$KEY"
            [ "$status" -ne 0 ]
            cp "$BATS_TEST_TMPDIR/whole" "$file"
        done
    done
    run -0 linera-dump store "$STORE" --verify --store-key "$KEY"
}
