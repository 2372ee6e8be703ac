#!/usr/bin/env bats
# What the documents promise: the statements of docs/sql.md are taken, README's tour works, links lead somewhere.
# (`make lint` holds the tables of docs/sql.md against the sources.)
bats_require_minimum_version 1.5.0
load common

@test "every form of statement that docs/sql.md shows is taken" {
    start_node
    run --separate-stderr linera-sql "postgresql://postgres@127.0.0.1:$SQL_PORT/postgres" -f "$BATS_TEST_DIRNAME/scripts/statements.sql"
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ "$stderr" != *ERROR* ]]
}

@test "the files that README, CONTRIBUTING and the documents name are there" {
    cd "$ROOT"
    for document in README.md CONTRIBUTING.md docs/*.md docs/design/*.md man/*.1; do
        for path in $(grep -oE '(^|[^/A-Za-z0-9_.-])(docs|lib|src|tests|scripts|man|examples|completions|bin)/[A-Za-z0-9_./-]+[A-Za-z0-9_]' "$document" |
            sed 's/^[^a-z]//' | grep -vE '^bin/|^docs/design/NN|[*<>]' | sort -u); do
            [ -e "$path" ] || { echo "$document names $path, which is not there"; failed=1; }
        done
        for link in $(grep -oE '\]\([^)#:]+' "$document" | cut -c3-); do
            [ -e "$(dirname "$document")/$link" ] || { echo "$document links to $link, which is not there"; failed=1; }
        done
    done
    [ -z "${failed:-}" ]
}

@test "README's tour: the ready line has the fields it shows, psql and curl find what it says" {
    cd "$ROOT"
    start_node
    local shown
    shown=$(grep -oE '\{"event":"ready".*\}' README.md)
    [ "$(jq -c 'keys' <<<"$shown")" = "$(jq -c 'keys' <<<"$READY")" ]
    [ "$(psql -X -At -h 127.0.0.1 -p "$SQL_PORT" -d defaultdb -c 'select 1')" = 1 ]
    curl -sf "http://127.0.0.1:$HTTP_PORT/metrics" | grep -q '^# HELP '
}
