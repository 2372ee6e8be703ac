#!/usr/bin/env bats
# psql 15's backslash commands, and the queries of drivers and ORMs, about a schema with an example of everything: the
# answers are PostgreSQL 15's (tests/sql/take-expected), sizes aside.
bats_require_minimum_version 1.5.0
load common

setup() {
    start_node
    q 'create database every'
    psql -X -q -v ON_ERROR_STOP=1 -d every -f "$ROOT/tests/sql/every-object.sql" >/dev/null
    export PGOPTIONS='-c timezone=UTC'
}

@test "psql's backslash commands show user objects as PostgreSQL 15 does" {
    psql -X -q -d every <"$ROOT/tests/sql/psql-meta.psql" 2>&1 |
        sed -E 's/[0-9]+ (bytes|kB|MB)/SIZE/g' >"$BATS_TEST_TMPDIR/out"
    diff -u "$ROOT/tests/sql/psql-meta.out" "$BATS_TEST_TMPDIR/out"
}

@test "introspection by drivers and ORMs answers as PostgreSQL 15 does" {
    psql -X -q -e -d every <"$ROOT/tests/sql/introspection.sql" >"$BATS_TEST_TMPDIR/out" 2>&1
    diff -u "$ROOT/tests/sql/introspection.out" "$BATS_TEST_TMPDIR/out"
}

@test "every backslash command of psql is answered without an error" {
    for command in '\d' '\d+' '\dS' '\da' '\daS' '\dA' '\dA+' '\dAc' '\dAc+' '\dAf' '\dAf+' '\dAo' '\dAo+' '\dAp' '\dAp+' '\db' \
        '\db+' '\dc' '\dcS+' '\dconfig' '\dconfig+ *' '\dC' '\dC+' '\ddS' '\dD' '\dDS+' '\ddp' '\dE' '\dES+' '\des+' \
        '\det+' '\deu+' '\dew+' '\df' '\dfS+' '\dF' '\dF+' '\dFd+' '\dFp+' '\dFt+' '\dg+' '\dgS+' '\diS+' '\dl+' '\dL' '\dLS+' \
        '\dmS+' '\dn' '\dnS+' '\do' '\doS+' '\dO' '\dOS+' '\dp' '\dP' '\dPtin+' '\drds' '\dRp+' '\dRs+' '\dsS+' \
        '\dtS+' '\dT' '\dTS+' '\du+' '\duS' '\dvS+' '\dx' '\dx+' '\dX' '\dy+' '\l' '\l+' '\z' '\zS' '\dS pg_class' \
        '\d information_schema.*' '\d pg_catalog.pg_t*' '\dit shop.*' '\sf abs(integer)' '\encoding' '\conninfo'; do
        run psql -X -q -d every -c "$command"
        # A listing that finds nothing is status 1 for some of them.
        [[ $output != *ERROR* && $status -le 1 ]] || { echo "$command: $output"; false; }
    done
}
