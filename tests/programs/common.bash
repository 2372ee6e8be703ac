# What the bats files share: a node on free ports, psql against it, and an end to everything afterwards.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
PATH=$ROOT/${LINERA_BIN:-bin}:$PATH # LINERA_BIN: the programs of another build, such as build/san-thread/bin
export PGCONNECT_TIMEOUT=10

# start_node [STORE] [FLAG...]: waits for the ready line; sets NODE_PID, SQL_PORT, HTTP_PORT, READY.
start_node() {
    local store=${1:-mem:}
    shift || true
    local fifo=$BATS_TEST_TMPDIR/ready.$RANDOM
    mkfifo "$fifo"
    linera-node --store "$store" --sql 127.0.0.1:0 --http 127.0.0.1:0 --user postgres --log-level warn "$@" \
        >"$fifo" 2>"$BATS_TEST_TMPDIR/node.err" 3>&- &
    NODE_PID=$!
    read -r -t 20 READY <"$fifo" || { cat "$BATS_TEST_TMPDIR/node.err" >&2; return 1; }
    SQL_PORT=$(jq -r '.sql | split(":") | last' <<<"$READY")
    HTTP_PORT=$(jq -r '.http | split(":") | last' <<<"$READY")
    export PGHOST=127.0.0.1 PGPORT=$SQL_PORT PGUSER=postgres PGDATABASE=postgres
}

# stop_node [SIGNAL]: TERM by default; the exit code is in NODE_EXIT.
stop_node() {
    [ -n "${NODE_PID:-}" ] || return 0
    kill "-${1:-TERM}" "$NODE_PID" 2>/dev/null || true
    NODE_EXIT=0
    wait "$NODE_PID" 2>/dev/null || NODE_EXIT=$?
    NODE_PID=
}

# The node must end by itself, and well: sanitizers report leaks, and coverage is written, at its end.
end_node() {
    [ -n "${NODE_PID:-}" ] || return 0
    local pid=$NODE_PID
    # A program of its own: a subshell would share bats's traps, and a child sleep() outlive it.
    bash -c 'read -rt 30 <> <(:) || kill -KILL "$0"' "$pid" >/dev/null 2>&1 3>&- &
    local watchdog=$!
    stop_node TERM
    kill "$watchdog" 2>/dev/null || true
    [ "$NODE_EXIT" -eq 0 ] || { echo "the node ended with $NODE_EXIT"; cat "$BATS_TEST_TMPDIR/node.err"; return 1; } >&2
}

teardown() { end_node; }

q() { psql -X -q -At -v ON_ERROR_STOP=1 -c "$1"; }
