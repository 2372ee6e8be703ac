/* Time, and several connections at once: cancellation, limits, clients that do not read or are
 * gone, the server's end. In the simulator, so that an hour costs nothing. */
#include "tests/common/test.h"
#include "tests/common/wire_client.h"
#include "tests/common/wire_world.h"

#include "pgwire/server.h"
#include "sql/session/session.h"

enum { QUIET_US = 20 * 1000, MINUTE_US = 60 * 1000 * 1000 };

struct scene {
    struct wire_world *world;
    struct env        *env; /* the client's */
};

typedef void scene_fn(struct scene *s);

struct scene_run {
    struct scene s;
    scene_fn    *fn;
};

static void scene_fiber(struct env *env, void *arg)
{
    struct scene_run *r = arg;

    r->s.env = env;
    r->fn(&r->s);
}

static void play_with(scene_fn *fn, const struct wire_options *o)
{
    struct scene_run r = {.fn = fn};

    r.s.world = wire_world_new(o);
    assert_true(wire_world_run(r.s.world, scene_fiber, &r, 120 * (uint64_t)MINUTE_US));
    assert_true(wire_world_settle(r.s.world, MINUTE_US));
    wire_world_check(r.s.world);
    wire_world_free(r.s.world);
}

static void play(scene_fn *fn)
{
    struct wire_options o = {.seed = 1};

    play_with(fn, &o);
}

/* ---- clients
 * --------------------------------------------------------------------------------------------------------
 */

static void say(struct wire_client *c, const char *message)
{
    struct buf b SCOPED(buf);

    buf_init(&b, NULL);
    assert_true(wire_message(&b, message));
    wire_client_send(c, buf_slice(&b));
}

/* What comes until silence; on the heap of the client's machine, which ends with the test. */
static const char *hear(struct wire_client *c)
{
    struct buf b SCOPED(buf);
    const char  *text;

    buf_init(&b, NULL);
    wire_client_read(c, &b);
    text = heap_strdup(env_heap(c->env), buf_cstr(&b));
    return text;
}

static const char *ask(struct wire_client *c, const char *message)
{
    say(c, message);
    return hear(c);
}

static void log_in(struct scene *s, struct wire_client *c)
{
    assert_true(wire_client_open(c, s->env, WIRE_HOST, WIRE_PORT, 10 * QUIET_US));
    assert_non_null(strstr(ask(c, "START user=postgres database=postgres"), "Z I\n"));
    c->raw = false;
    c->quiet_us = QUIET_US;
}

/* Silence for so long, without reading. */
static void wait_us(struct scene *s, uint64_t us)
{
    assert_st_ok(env_sleep_us(s->env, us));
}

static size_t sessions(struct scene *s)
{
    struct sql_counters n;

    sql_server_counters(wire_world_sql(s->world), &n);
    return n.sessions;
}

/* A row that `c` has locked in an open transaction. */
static void lock_row(struct wire_client *c)
{
    ask(c, "Q create table t (a int primary key, b int); insert into t values (1, 0)");
    assert_non_null(strstr(ask(c, "Q begin; update t set b = 1 where a = 1"), "Z T\n"));
}

/* ---- cancellation
 * ---------------------------------------------------------------------------------------------------
 */

static void cancel_a_wait(struct scene *s)
{
    struct wire_client a, b;

    log_in(s, &a);
    log_in(s, &b);
    lock_row(&a);
    assert_string_equal(ask(&b, "Q update t set b = 2 where a = 1"), "");
    wire_client_cancel(&b, WIRE_HOST, WIRE_PORT, 1);
    assert_string_equal(hear(&b), ""); /* not its key */
    wire_client_cancel(&b, WIRE_HOST, WIRE_PORT, 0);
    assert_string_equal(hear(&b), "E ERROR 57014 canceling statement due to user request\nZ I\n");
    assert_string_equal(ask(&b, "Q select 1 as a"), "T a:23:0\nD 1\nC SELECT 1\nZ I\n");
    wire_client_close(&a);
    wire_client_close(&b);
}

static void cancel_in_parse_and_execute(struct scene *s)
{
    struct wire_client a, b;

    log_in(s, &a);
    log_in(s, &b);
    lock_row(&a);
    ask(&a, "Q alter table t add column c int");
    say(&b, "P \"\" - select * from t");
    assert_string_equal(ask(&b, "S"), ""); /* waits for the ALTER's end */
    wire_client_cancel(&b, WIRE_HOST, WIRE_PORT, 0);
    assert_string_equal(hear(&b), "E ERROR 57014 canceling statement due to user request\nZ I\n");
    assert_string_equal(ask(&b, "S"), "Z I\n");
    wire_client_close(&a);
    wire_client_close(&b);
}

static void late_cancel(struct scene *s)
{
    struct wire_client a;

    log_in(s, &a);
    ask(&a, "Q select 1");
    wire_client_cancel(&a, WIRE_HOST, WIRE_PORT, 0);
    assert_string_equal(ask(&a, "Q select 1 as a"), "T a:23:0\nD 1\nC SELECT 1\nZ I\n");
    wire_client_close(&a);
}

static void cancel_copy(struct scene *s)
{
    struct wire_client a;

    log_in(s, &a);
    ask(&a, "Q create table t (a int)");
    assert_string_equal(ask(&a, "Q copy t from stdin"), "G 0 1\n");
    say(&a, "d 1\\n");
    wire_client_cancel(&a, WIRE_HOST, WIRE_PORT, 0);
    assert_string_equal(hear(&a), "E ERROR 57014 canceling statement due to user request\nZ I\n");
    say(&a, "d 2\\n");
    say(&a, "c");
    assert_string_equal(ask(&a, "Q select count(*) as n from t"),
                        "T n:20:0\nD 0\nC SELECT 1\nZ I\n");
    wire_client_close(&a);
}

/* ---- limits of time
 * -------------------------------------------------------------------------------------------------
 */

#define TIMED_OUT "E ERROR 57014 canceling statement due to statement timeout\n"

static void timeout_of_a_wait(struct scene *s)
{
    struct wire_client a, b;

    log_in(s, &a);
    log_in(s, &b);
    lock_row(&a);
    ask(&b, "Q set statement_timeout = '5s'");
    assert_string_equal(ask(&b, "Q update t set b = 2 where a = 1"), "");
    wait_us(s, 4900 * 1000);
    assert_string_equal(hear(&b), "");
    wait_us(s, 200 * 1000);
    assert_string_equal(hear(&b), TIMED_OUT "Z I\n");
    ask(&b, "Q set statement_timeout = 0");
    assert_string_equal(ask(&b, "Q select b from t where a = 1"),
                        "T b:23:0\nD 0\nC SELECT 1\nZ I\n");
    wire_client_close(&a);
    wire_client_close(&b);
}

static void timeout_of_a_pipeline(struct scene *s)
{
    struct wire_client a, b;

    log_in(s, &a);
    log_in(s, &b);
    lock_row(&a);
    ask(&b, "Q set statement_timeout = '1s'");
    say(&b, "P \"\" - update t set b = 2 where a = 1");
    say(&b, "B \"\" \"\" - - -");
    say(&b, "E \"\" 0");
    say(&b, "P \"\" - select 1");
    assert_string_equal(ask(&b, "S"), "");
    wait_us(s, 1100 * 1000);
    assert_string_equal(hear(&b), "1\n2\n" TIMED_OUT "Z I\n");
    wire_client_close(&a);
    wire_client_close(&b);
}

static void timeout_of_copy(struct scene *s)
{
    struct wire_client a;

    log_in(s, &a);
    ask(&a, "Q create table t (a int); set statement_timeout = '1s'");
    assert_string_equal(ask(&a, "Q copy t from stdin"), "G 0 1\n");
    wait_us(s, 1100 * 1000);
    assert_string_equal(hear(&a), TIMED_OUT "Z I\n");
    wire_client_close(&a);
}

static void timeout_of_sleep(struct scene *s)
{
    struct wire_client a;

    log_in(s, &a);
    ask(&a, "Q set statement_timeout = '1s'");
    assert_string_equal(ask(&a, "Q select pg_sleep(3600)"), "");
    wait_us(s, 1100 * 1000);
    assert_string_equal(hear(&a), "T pg_sleep:2278:0\n" TIMED_OUT "Z I\n");
    wire_client_close(&a);
}

static void lock_timeouts(struct scene *s)
{
    struct wire_client a, b;

    log_in(s, &a);
    log_in(s, &b);
    lock_row(&a);
    ask(&b, "Q begin; set local lock_timeout = '2s'");
    assert_string_equal(ask(&b, "Q update t set b = 2 where a = 1"), "");
    wait_us(s, 2100 * 1000);
    assert_string_equal(hear(&b), "E ERROR 55P03 canceling statement due to lock timeout\nZ E\n");
    ask(&b, "Q rollback");
    assert_string_equal(ask(&b, "Q update t set b = 2 where a = 1"), "");
    wait_us(s, 10 * 1000 * 1000);
    assert_string_equal(hear(&b), ""); /* SET LOCAL ended with its block */
    assert_string_equal(ask(&a, "Q commit"), "C COMMIT\nZ I\n");
    assert_non_null(strstr(hear(&b), "UPDATE 1"));
    wire_client_close(&a);
    wire_client_close(&b);
}

static void idle_in_transaction(struct scene *s)
{
    struct wire_client a;

    log_in(s, &a);
    ask(&a, "Q create table t (a int); set idle_in_transaction_session_timeout = '10s'");
    wait_us(s, 60 * 1000 * 1000); /* not in a transaction: no matter */
    assert_string_equal(ask(&a, "Q begin; insert into t values (1)"),
                        "C BEGIN\nC INSERT 0 1\nZ T\n");
    wait_us(s, 9 * 1000 * 1000);
    assert_string_equal(ask(&a, "Q select 1 as a"), "T a:23:0\nD 1\nC SELECT 1\nZ T\n");
    wait_us(s, 9 * 1000 * 1000);
    assert_string_equal(hear(&a), "");
    wait_us(s, 1100 * 1000);
    assert_string_equal(hear(&a), "E FATAL 25P03 terminating connection due to "
                                  "idle-in-transaction timeout\nclosed\n");
    wire_client_close(&a);
    log_in(s, &a);
    assert_string_equal(ask(&a, "Q select count(*) as n from t"),
                        "T n:20:0\nD 0\nC SELECT 1\nZ I\n");
    wire_client_close(&a);
}

static void idle_session(struct scene *s)
{
    struct wire_client a;

    log_in(s, &a);
    ask(&a, "Q set idle_session_timeout = '10s'");
    ask(&a, "Q begin");
    wait_us(s, 60 * 1000 * 1000); /* within a transaction: no matter */
    assert_string_equal(ask(&a, "Q commit"), "C COMMIT\nZ I\n");
    wait_us(s, 10100 * 1000);
    assert_string_equal(
        hear(&a), "E FATAL 57P05 terminating connection due to idle-session timeout\nclosed\n");
    wire_client_close(&a);
}

static void silent_start(struct scene *s)
{
    struct wire_client a;

    assert_true(wire_client_open(&a, s->env, WIRE_HOST, WIRE_PORT, QUIET_US));
    wait_us(s, 59 * 1000 * 1000);
    assert_string_equal(hear(&a), "");
    wait_us(s, 2 * 1000 * 1000);
    assert_non_null(strstr(hear(&a), "closed\n"));
    wire_client_close(&a);
}

/* ---- clients that do not read, or are gone
 * ---------------------------------------------------------------------------------------- */

static void slow_reader(struct scene *s)
{
    struct wire_client a, b;
    struct env        *server = wire_world_server_env(s->world);
    size_t             before, during;

    log_in(s, &a);
    log_in(s, &b);
    ask(&b, "Q select 1 as a");
    before = heap_used(env_heap(server));
    say(&a, "Q select repeat('x', 1000) from generate_series(1, 1000000)"); /* a gigabyte */
    wait_us(s, MINUTE_US);
    during = heap_used(env_heap(server));
    assert_true(during < before + ((size_t)4 << 20));
    assert_string_equal(ask(&b, "Q select 1 as a"), "T a:23:0\nD 1\nC SELECT 1\nZ I\n");
    wire_client_close(&a); /* and the server notices */
    wait_us(s, 5 * 1000 * 1000);
    assert_int_equal(sessions(s), 1);
    wire_client_close(&b);
}

static void slow_reader_of_a_pipeline(struct scene *s)
{
    struct wire_client a;
    struct env        *server = wire_world_server_env(s->world);
    struct buf b       SCOPED(buf);
    size_t             before;

    log_in(s, &a);
    buf_init(&b, NULL);
    for (int i = 0; i < 500; i++) {
        assert_true(wire_message(&b, "P \"\" - select repeat('x', 100000)"));
        assert_true(wire_message(&b, "B \"\" \"\" - - -"));
        assert_true(wire_message(&b, "E \"\" 0"));
    }
    before = heap_used(env_heap(server));
    wire_client_send(&a, buf_slice(&b));
    wait_us(s, MINUTE_US);
    assert_true(heap_used(env_heap(server)) < before + ((size_t)4 << 20));
    wire_client_close(&a);
}

static void huge_announcement(struct scene *s)
{
    struct wire_client a;
    struct env        *server = wire_world_server_env(s->world);
    size_t             before;

    log_in(s, &a);
    before = heap_used(env_heap(server));
    say(&a,
        "RAW Q\\x3f\\xff\\xff\\xffselect"); /* a gigabyte is announced: nothing is taken for it */
    wait_us(s, 1000 * 1000);
    assert_true(heap_used(env_heap(server)) < before + ((size_t)1 << 20));
    wire_client_close(&a);
}

static void client_gone_while_it_waits(struct scene *s)
{
    struct wire_client a, b;

    log_in(s, &a);
    log_in(s, &b);
    lock_row(&a);
    assert_string_equal(ask(&b, "Q update t set b = 2 where a = 1"), "");
    wire_client_close(&b);
    wait_us(s, 3 * 1000 * 1000);
    assert_int_equal(sessions(s), 1);
    assert_string_equal(ask(&a, "Q commit"), "C COMMIT\nZ I\n");
    assert_string_equal(ask(&a, "Q select b from t"), "T b:23:0\nD 1\nC SELECT 1\nZ I\n");
    wire_client_close(&a);
}

/* With a limit that is far, so that it looks at the clock. */
static void client_gone_while_it_computes(struct scene *s)
{
    struct wire_client a;

    log_in(s, &a);
    ask(&a, "Q set statement_timeout = '1h'");
    say(&a, "Q select count(*) from generate_series(1, 1000000000000)");
    wait_us(s, 1000);
    wire_client_close(&a);
    wait_us(s, 3 * 1000 * 1000);
    assert_int_equal(sessions(s), 0);
}

/* ---- many connections, and the end
 * -------------------------------------------------------------------------------------------- */

static void too_many(struct scene *s)
{
    struct wire_client c[4];

    for (int i = 0; i < 3; i++)
        log_in(s, &c[i]);
    assert_true(wire_client_open(&c[3], s->env, WIRE_HOST, WIRE_PORT, QUIET_US));
    assert_string_equal(ask(&c[3], "START user=postgres database=postgres"),
                        "E FATAL 53300 sorry, too many clients already\nclosed\n");
    wire_client_close(&c[3]);
    assert_true(wire_client_open(&c[3], s->env, WIRE_HOST, WIRE_PORT, QUIET_US));
    wire_client_cancel(&c[0], WIRE_HOST, WIRE_PORT, 0); /* which needs no session */
    wire_client_close(&c[3]);
    for (int i = 0; i < 3; i++)
        wire_client_close(&c[i]);
}

static void too_many_connections(void **state)
{
    struct wire_options o = {.seed = 1, .connections_max = 3};

    (void)state;
    play_with(too_many, &o);
}

/* The world's end stops the server, with a second of grace. */
static void log_in_and_stay(struct scene *s)
{
    static const char *const last_words[] = {
        "Q select 1",
        "Q begin",
        "Q select pg_sleep(100000)",
        "Q set statement_timeout = '1h'; select count(*) from generate_series(1, 1000000000000)",
        "Q select repeat('x', 1000) from generate_series(1, 1000000)",
        "RAW Q\\x00\\x00",
        "Q begin; lock table pg_class",
    };
    struct wire_client c;

    for (size_t i = 0; i < ARRAY_LEN(last_words); i++) {
        log_in(s, &c);
        say(&c, last_words[i]);
    }
    assert_true(wire_client_open(&c, s->env, WIRE_HOST, WIRE_PORT, QUIET_US)); /* says nothing */
}

static void stop_with_clients(void **state)
{
    struct wire_options o = {.seed = 1, .slow = true};
    struct scene_run    r = {.fn = log_in_and_stay};

    (void)state;
    r.s.world = wire_world_new(&o);
    assert_true(wire_world_run(r.s.world, scene_fiber, &r, MINUTE_US));
    wire_world_free(r.s.world); /* asserts that it stops, and leaves nothing */
}

static void test_client_gone_while_it_computes(void **state)
{
    struct wire_options o = {.seed = 1, .slow = true};

    (void)state;
    play_with(client_gone_while_it_computes, &o);
}

#define SCENE(fn)                                                                                  \
    static void test_##fn(void **state)                                                            \
    {                                                                                              \
        (void)state;                                                                               \
        play(fn);                                                                                  \
    }

SCENE(cancel_a_wait)
SCENE(cancel_in_parse_and_execute)
SCENE(late_cancel)
SCENE(cancel_copy)
SCENE(timeout_of_a_wait)
SCENE(timeout_of_a_pipeline)
SCENE(timeout_of_copy)
SCENE(timeout_of_sleep)
SCENE(lock_timeouts)
SCENE(idle_in_transaction)
SCENE(idle_session)
SCENE(silent_start)
SCENE(slow_reader)
SCENE(slow_reader_of_a_pipeline)
SCENE(huge_announcement)
SCENE(client_gone_while_it_waits)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a wait for a lock is cancelled by its key and no other", test_cancel_a_wait),
        T("a Parse that waits for a schema change is cancelled", test_cancel_in_parse_and_execute),
        T("a cancellation that comes late hits nothing", test_late_cancel),
        T("a COPY that waits for its client is cancelled", test_cancel_copy),
        T("statement_timeout ends a wait for a lock", test_timeout_of_a_wait),
        T("statement_timeout ends a pipeline's statement, and its rest is skipped",
          test_timeout_of_a_pipeline),
        T("statement_timeout ends a COPY whose client is silent", test_timeout_of_copy),
        T("statement_timeout ends pg_sleep()", test_timeout_of_sleep),
        T("lock_timeout holds from where it is set to the end of its scope", test_lock_timeouts),
        T("idle_in_transaction_session_timeout ends the session and its transaction",
          test_idle_in_transaction),
        T("idle_session_timeout counts outside of transactions only", test_idle_session),
        T("a client that says nothing is thrown out after the start-up's limit", test_silent_start),
        T("a client that does not read its rows costs no memory", test_slow_reader),
        T("a client that does not read its pipeline's answers costs no memory",
          test_slow_reader_of_a_pipeline),
        T("a length that is announced costs nothing until the bytes come", test_huge_announcement),
        T("a statement ends its wait when its client has gone", test_client_gone_while_it_waits),
        T("a statement ends its work when its client has gone", test_client_gone_while_it_computes),
        T("a connection too many is refused, a cancellation is not", too_many_connections),
        T("the server stops whatever its clients do", stop_with_clients),
    };

    return cmocka_run_group_tests_name("pgwire/server", tests, NULL, NULL);
}
