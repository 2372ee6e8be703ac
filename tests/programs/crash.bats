#!/usr/bin/env bats
# The node is killed under load; make crash RUNS=200 is the long form.
bats_require_minimum_version 1.5.0
load common

@test "kill -9 at random moments loses no acknowledged commit and leaves no half of a transaction" {
    cd "$ROOT"
    run tests/crash/kill9 6
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ "$output" == *"nothing lost, no halves"* ]]
}
