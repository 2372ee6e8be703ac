#!/usr/bin/env bats
# Every cast, assignment and operator between every two types answers as PostgreSQL 15 does, types of results and
# errors included. tests/programs/casts.out is what PostgreSQL prints: psql -X -q -At -v VERBOSITY=terse <tests/programs/casts.sql

load common

@test "casts and operators of all pairs of types answer as PostgreSQL 15 does" {
    start_node
    psql -X -q -At -v VERBOSITY=terse <"$ROOT/tests/programs/casts.sql" >"$BATS_TEST_TMPDIR/casts.out" 2>&1
    diff -u "$ROOT/tests/programs/casts.out" "$BATS_TEST_TMPDIR/casts.out"
}
