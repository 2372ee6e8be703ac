/* Any bytes from a client, against a whole server with an empty store: start-up, messages,
 * sessions. What comes back must be well-formed messages, and when the client has gone nothing may
 * be left behind: no session, transaction, lock or memory.
 *
 * The first byte chooses how the rest is read: as the stream itself, as the stream behind a good
 * start-up packet, or as choices among messages that are well-formed (which gets past the parsers
 * and into sessions, portals and COPY). A world is used again until something was written to it. */
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "tests/common/wire_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MESSAGES_MAX = 48,
    QUIET_US = 20 * 1000,        /* no answer for so long: the client leaves */
    LEAVE_US = 60 * 1000 * 1000, /* the server notices within so long */
    WORLD_USES_MAX = 500,
};

static const char *const statements[] = {
    "",
    "SELECT 1",
    "SELECT $1::int, $2::text",
    "SELECT $1 + 1, $2 || 'x', $3::bool",
    "SELECT * FROM t",
    "SELECT * FROM t WHERE a = $1 ORDER BY b LIMIT $2",
    "SELECT a, b FROM t WHERE b LIKE $1 FOR UPDATE",
    "SELECT count(*), sum(a) FROM t GROUP BY b ORDER BY 1",
    "SELECT x.a FROM t x JOIN t y ON x.a = y.a + 1",
    "SELECT * FROM generate_series(1, 5000)",
    "SELECT * FROM generate_series(1, $1)",
    "SELECT 1/0",
    "SELECT $1",
    "SELECT ARRAY[$1, 2], ROW(1, 'x')",
    "SELECT $1::timestamptz, $2::numeric, $3::bytea, $4::interval, $5::uuid",
    "SELECT $1::int[], $2::float8, $3::date, $4::text[], $5::time",
    "INSERT INTO t VALUES ($1, $2) RETURNING a",
    "INSERT INTO t VALUES (1, 'one')",
    "INSERT INTO t VALUES (7, 'seven') ON CONFLICT (a) DO UPDATE SET b = 'again'",
    "UPDATE t SET b = $1 WHERE a = $2",
    "DELETE FROM t WHERE a > $1 RETURNING *",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "ROLLBACK TO s",
    "RELEASE s",
    "COMMIT AND CHAIN",
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    "SET DateStyle = German",
    "SET LOCAL TimeZone = 'Europe/Berlin'",
    "SET application_name = 'x'",
    "SET client_encoding = 'LATIN1'",
    "RESET ALL",
    "SHOW ALL",
    "SHOW TimeZone",
    "PREPARE p AS SELECT a FROM t WHERE a = $1",
    "EXECUTE p(1)",
    "DEALLOCATE p",
    "DEALLOCATE ALL",
    "DISCARD ALL",
    "DECLARE c CURSOR FOR SELECT * FROM generate_series(1, 100)",
    "FETCH 3 FROM c",
    "MOVE ALL FROM c",
    "FETCH ALL FROM c",
    "CLOSE c",
    "CLOSE ALL",
    "EXPLAIN SELECT * FROM t WHERE a = 1",
    "EXPLAIN ANALYZE SELECT count(*) FROM t",
    "COPY t FROM STDIN",
    "COPY t FROM STDIN (FORMAT csv, HEADER)",
    "COPY t TO STDOUT",
    "COPY (SELECT * FROM t) TO STDOUT (FORMAT csv)",
    "CREATE TABLE u (x int, y text DEFAULT 'd')",
    "DROP TABLE u",
    "ALTER TABLE t ADD COLUMN c int",
    "TRUNCATE t",
    "CREATE INDEX ON t (b)",
    "SELECT relname FROM pg_class WHERE relname = $1",
    "SELECT pg_sleep(0.01)",
    "SELECT nextval('s'), set_config('a.b', $1, true)",
    "LOCK TABLE t",
    "VACUUM t",
    "SELECT 'unfinished",
    "SELECT nothing FROM nowhere",
    "VALUES ($1::int), (2)",
    "SELECT repeat('x', 100000)",
    "SELECT 1; SELECT 2; SELECT 1/0; SELECT 3",
    "BEGIN; INSERT INTO t VALUES (3, 'c'); COMMIT; SELECT 1/0",
};

/* ---- choices from the input
 * --------------------------------------------------------------------------------------- */

static size_t pick(slice *in, size_t bound)
{
    uint8_t b = 0;

    if (in->size > 0)
        b = (uint8_t)in->data[0];
    *in = slice_from(*in, MIN(in->size, (size_t)1));
    return b % bound;
}

static slice pick_bytes(slice *in, size_t max)
{
    size_t size = pick(in, max + 1);
    slice  s = slice_make(in->data, MIN(size, in->size));

    *in = slice_from(*in, s.size);
    return s;
}

static void put_text(struct buf *out, const char *text)
{
    buf_append(out, text, strlen(text) + 1);
}

static void put_name(struct buf *out, slice *in)
{
    static const char *const names[] = {"", "a", "b", "c", "p"};

    put_text(out, names[pick(in, ARRAY_LEN(names))]);
}

static void put_statement(struct buf *out, slice *in)
{
    size_t n = pick(in, ARRAY_LEN(statements) + 8);

    if (n < ARRAY_LEN(statements)) {
        put_text(out, statements[n]);
        return;
    }
    if (n % 2 == 0) { /* two statements, the second from the list */
        buf_append_cstr(out, statements[pick(in, ARRAY_LEN(statements))]);
        buf_append_cstr(out, ";");
        put_text(out, statements[pick(in, ARRAY_LEN(statements))]);
        return;
    }
    buf_append_slice(out, pick_bytes(in, 64));
    buf_put_u8(out, 0);
}

static void put_formats(struct buf *out, slice *in)
{
    size_t count = pick(in, 4);

    buf_put_u16be(out, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        buf_put_u16be(out, (uint16_t)pick(in, 2));
}

static void put_value(struct buf *out, slice *in)
{
    static const char *const texts[] = {"1",          "-7", "one", "t",       "2026-01-02 03:04:05",
                                        "{1,NULL,3}", "",   "1e3", "1 day 2", "\xc3\x28"};
    slice                    bytes;

    switch (pick(in, 4)) {
    case 0:
        buf_put_u32be(out, UINT32_MAX); /* null */
        return;
    case 1:
        bytes = slice_cstr(texts[pick(in, ARRAY_LEN(texts))]);
        break;
    case 2:
        bytes = slice_make("\0\0\0\0\0\0\0\5", 8);
        bytes = slice_from(bytes, 8 - pick(in, 9));
        break;
    default:
        bytes = pick_bytes(in, 40);
        break;
    }
    buf_put_u32be(out, (uint32_t)bytes.size);
    buf_append_slice(out, bytes);
}

/* ---- messages
 * -------------------------------------------------------------------------------------------------
 */

static void begin(struct buf *out, char type, size_t *at)
{
    buf_put_u8(out, (uint8_t)type);
    *at = out->size;
    buf_put_u32be(out, 0);
}

static void end(struct buf *out, size_t at)
{
    put_u32be(out->data + at, (uint32_t)(out->size - at));
}

static void put_parse(struct buf *out, slice *in)
{
    static const uint32_t types[] = {0, 23, 25, 20, 1700, 16, 17, 1184, 1007, 705};
    size_t                count;

    put_name(out, in);
    put_statement(out, in);
    count = pick(in, 4);
    buf_put_u16be(out, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        buf_put_u32be(out, types[pick(in, ARRAY_LEN(types))]);
}

static void put_bind(struct buf *out, slice *in)
{
    size_t count;

    put_name(out, in);
    put_name(out, in);
    put_formats(out, in);
    count = pick(in, 6);
    buf_put_u16be(out, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        put_value(out, in);
    put_formats(out, in);
}

static void put_body(struct buf *out, slice *in, char type)
{
    static const char *const lines[] = {"1\tone\n", "2\t\\N\n", "x\ty\n", "3,\"c\nd\"\n", "\\.\n"};

    switch (type) {
    case 'Q':
        put_statement(out, in);
        break;
    case 'P':
        put_parse(out, in);
        break;
    case 'B':
        put_bind(out, in);
        break;
    case 'D':
    case 'C':
        buf_put_u8(out, pick(in, 2) == 0 ? 'S' : 'P');
        put_name(out, in);
        break;
    case 'E':
        put_name(out, in);
        buf_put_u32be(out, (uint32_t)pick(in, 5));
        break;
    case 'd':
        buf_append_cstr(out, lines[pick(in, ARRAY_LEN(lines))]);
        break;
    case 'f':
        put_text(out, "enough");
        break;
    default:
        break;
    }
}

static void put_message(struct buf *out, slice *in)
{
    /* Those that get furthest come more often. */
    static const char types[] = "QQQPPPBBBBDDEEEECSSSSHddcfFX";
    size_t            n = pick(in, sizeof types), at;

    if (n == sizeof types - 1) { /* a good frame around any body */
        begin(out, types[pick(in, sizeof types - 1)], &at);
        buf_append_slice(out, pick_bytes(in, 60));
    } else {
        begin(out, types[n], &at);
        put_body(out, in, types[n]);
    }
    end(out, at);
}

static void put_startup(struct buf *out)
{
    static const char body[] = "\0\3\0\0user\0postgres\0database\0postgres\0"
                               "options\0-c statement_timeout=3\0";

    buf_put_u32be(out, (uint32_t)(sizeof body + 4));
    buf_append(out, body, sizeof body);
}

/* The bytes to send; true when the answers must be well-formed from the first byte on. */
static bool compose(struct buf *out, slice in)
{
    size_t mode = pick(&in, 8);

    if (mode > 0)
        put_startup(out);
    if (mode < 3) {
        buf_append_slice(out, in);
        return mode > 0;
    }
    for (int i = 0; i < MESSAGES_MAX && in.size > 0; i++)
        put_message(out, &in);
    return true;
}

/* ---- the client
 * -----------------------------------------------------------------------------------------------
 */

struct client {
    struct conn  *conn;
    slice         input;
    struct buf    answer;
    struct fiber *writer;
};

static void write_all(struct env *env, void *arg)
{
    struct client *c = arg;

    (void)env;
    st_clear(conn_write(c->conn, &c->input, 1, 0));
}

static void run_client(struct env *env, void *arg)
{
    struct client *c = arg;
    status         st = env_connect(env, WIRE_HOST, WIRE_PORT, 0, &c->conn);
    size_t         n;

    ASSERT(st_ok(st));
    st = env_spawn(env, "writer", write_all, c, &c->writer);
    ASSERT(st_ok(st));
    for (;;) {
        char *to = buf_reserve(&c->answer, 4096);

        st = conn_read(c->conn, to, 4096, env_deadline(env, QUIET_US), &n);
        if (!st_ok(st) || n == 0)
            break;
        buf_advance(&c->answer, n);
    }
    st_clear(st);
    conn_shutdown(c->conn);
    fiber_join(c->writer);
    conn_close(c->conn);
}

/* Frames of known types, one after the other; nothing behind a FATAL error. The last may be cut:
 * the client did not wait for it. */
static void check_answer(slice at)
{
    bool fatal = false;

    while (at.size >= 5) {
        uint32_t size = get_u32be(at.data + 1);

        ASSERT(strchr("RKSZTDCEINGHdc123nstv", at.data[0]) != NULL && at.data[0] != '\0');
        ASSERT(size >= 4 && !fatal);
        if (size + (size_t)1 > at.size)
            return;
        if (at.data[0] == 'Z')
            ASSERT(size == 5 && strchr("ITE", at.data[5]) != NULL);
        fatal = at.data[0] == 'E' && memcmp(at.data + 5, "SFATAL", 6) == 0;
        at = slice_from(at, size + 1);
    }
}

static void send_text(struct wire_world *w, const char *sql)
{
    struct client c = {0};
    struct buf    in;

    buf_init(&in, NULL);
    buf_init(&c.answer, NULL);
    put_startup(&in);
    buf_put_u8(&in, 'Q');
    buf_put_u32be(&in, (uint32_t)(strlen(sql) + 5));
    put_text(&in, sql);
    c.input = buf_slice(&in);
    ASSERT(wire_world_run(w, run_client, &c, LEAVE_US));
    ASSERT(wire_world_settle(w, LEAVE_US));
    buf_deinit(&in);
    buf_deinit(&c.answer);
}

/* ---- the world, kept while nothing is written to it
 * ----------------------------------------------------------- */

static struct {
    struct wire_world *world;
    uint64_t           writes;
    int                uses;
} kept;

static struct wire_world *take_world(void)
{
    struct wire_options o = {.seed = 1, .sql_memory = (size_t)16 << 20};

    if (kept.world != NULL && kept.uses < WORLD_USES_MAX &&
        wire_world_writes(kept.world) == kept.writes) {
        kept.uses++;
        return kept.world;
    }
    wire_world_free(kept.world);
    kept.world = wire_world_new(&o);
    send_text(kept.world, "CREATE TABLE t (a int PRIMARY KEY, b text);"
                          "INSERT INTO t SELECT i * 10, 'row ' || i FROM generate_series(1, 20) i;"
                          "CREATE SEQUENCE s");
    kept.writes = wire_world_writes(kept.world);
    kept.uses = 0;
    return kept.world;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_world *w = take_world();
    struct client      c = {0};
    struct buf         in;
    bool               checked;

    buf_init(&in, NULL);
    buf_init(&c.answer, NULL);
    checked = compose(&in, slice_make(data, size));
    c.input = buf_slice(&in);
    ASSERT(wire_world_run(w, run_client, &c, LEAVE_US));
    if (checked)
        check_answer(buf_slice(&c.answer));
    if (wire_world_settle(w, LEAVE_US)) {
        wire_world_check(w);
    } else { /* something waits for hours: stopping must end it */
        wire_world_free(w);
        kept.world = NULL;
    }
    buf_deinit(&in);
    buf_deinit(&c.answer);
    return 0;
}
