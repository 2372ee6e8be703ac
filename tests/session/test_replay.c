/* Transactions that run again on the server: the client sees 40001 only when what it has seen
 * before has changed (architecture section 9, pitfall T7). "a" is the client whose transaction
 * loses the conflict, "b" the one that wins it. */
#include "tests/common/test.h"

#include "sql/session/session.h"
#include "tests/common/pg_client.h"
#include "tests/common/wire_world.h"

enum { SECOND_US = 1000000 };

struct scene {
    struct env        *env;
    struct wire_world *w;
    struct pg_client  *a, *b;
    bool               simple; /* protocol of `a` */
};

typedef void scene_fn(struct scene *s);

static void b_does(struct scene *s, const char *sql)
{
    assert_st_ok(pg_query(s->b, sql));
    assert_null(pg_sqlstate(s->b));
}

/* NULL, or the error. */
static const char *a_tries(struct scene *s, const char *sql)
{
    assert_st_ok(s->simple ? pg_query(s->a, sql) : pg_execute(s->a, sql, NULL, 0));
    return pg_sqlstate(s->a);
}

static void a_does(struct scene *s, const char *sql)
{
    const char *sqlstate = a_tries(s, sql);

    if (sqlstate != NULL)
        fail_msg("%s: %s %s", sql, sqlstate, pg_message(s->a));
}

static void b_has(struct scene *s, const char *sql, const char *value)
{
    b_does(s, sql);
    assert_string_equal(pg_value(s->b, 0, 0), value);
}

struct play {
    struct wire_world *w;
    scene_fn          *fn;
};

static void run_scene(struct env *env, void *arg)
{
    struct play *p = arg;

    for (int simple = 0; simple < 2; simple++) {
        struct scene s = {.env = env, .w = p->w, .simple = simple == 1};

        assert_st_ok(pg_connect(env, WIRE_HOST, WIRE_PORT, SECOND_US, &s.a));
        assert_st_ok(pg_connect(env, WIRE_HOST, WIRE_PORT, SECOND_US, &s.b));
        b_does(&s, "drop table if exists t");
        b_does(&s, "create table t (id int primary key, n int, s serial)");
        b_does(&s, "insert into t select g, 0 from generate_series(1, 5) g");
        p->fn(&s);
        pg_close(s.a);
        pg_close(s.b);
    }
}

static void play(scene_fn *fn, uint64_t succeeded)
{
    struct wire_options o = {.seed = 1};
    struct play         p = {wire_world_new(&o), fn};
    struct sql_counters n;

    assert_true(wire_world_run(p.w, run_scene, &p, 60 * (uint64_t)SECOND_US));
    sql_server_counters(wire_world_sql(p.w), &n);
    assert_int_equal(n.replays_succeeded, 2 * succeeded);
    assert_true(wire_world_settle(p.w, 60 * (uint64_t)SECOND_US));
    wire_world_free(p.w);
}

/* What `a` has read is written by `b`, who gets in front of it; then `a` writes a row that `b` has
 * written too, so that its reads have to hold at a later time. */
static void conflict(struct scene *s)
{
    b_does(
        s,
        "begin; update t set n = n + 1 where id = 1; update t set n = n + 1 where id = 5; commit");
}

static void unchanged_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select count(*) from t");
    conflict(s);
    a_does(s, "update t set n = n + 10 where id = 5 returning n");
    assert_string_equal(pg_value(s->a, 0, 0), "11");
    a_does(s, "commit");
    assert_int_equal(pg_state(s->a), 'I');
    b_has(s, "select n from t where id = 5", "11");
}

static void unchanged(void **state)
{
    (void)state;
    play(unchanged_scene, 1);
}

static void at_commit_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select count(*) from t");
    a_does(s, "insert into t values (7, 70)");
    b_does(s, "update t set n = n + 1 where id = 1");
    b_does(s, "select * from t"); /* the insert must commit behind this read */
    a_does(s, "commit");
    assert_string_equal(pg_tag(s->a), "COMMIT");
    b_has(s, "select sum(n) from t", "71");
}

static void at_commit(void **state)
{
    (void)state;
    play(at_commit_scene, 1);
}

static void seen_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select sum(n) from t");
    conflict(s);
    assert_string_equal(a_tries(s, "update t set n = n + 10 where id = 5"), "40001");
    assert_int_equal(pg_state(s->a), 'E');
    assert_string_equal(a_tries(s, "select 1"), "25P02");
    a_does(s, "rollback");
    b_has(s, "select n from t where id = 5", "1");
}

static void seen(void **state)
{
    (void)state;
    play(seen_scene, 0);
}

static void time_scene(struct scene *s)
{
    char before[64];

    a_does(s, "begin");
    a_does(s, "select now(), statement_timestamp(), count(*) from t");
    snprintf(before, sizeof before, "%s", pg_value(s->a, 0, 0));
    conflict(s);
    a_does(s, "update t set n = 2 where id = 5 returning now()");
    assert_string_equal(pg_value(s->a, 0, 0), before);
    a_does(s, "commit");
}

static void time_stands(void **state)
{
    (void)state;
    play(time_scene, 1);
}

static void sequence_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select count(*) from t");
    a_does(s, "insert into t values (8, 0) returning s"); /* a number that is gone for good */
    conflict(s);
    assert_string_equal(a_tries(s, "update t set n = 2 where id = 5"), "40001");
    a_does(s, "rollback");
}

static void sequence_shown(void **state)
{
    (void)state;
    play(sequence_scene, 0);
}

static void unseen_sequence_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select count(*) from t");
    a_does(s, "insert into t values (8, 0)");
    conflict(s);
    a_does(s, "update t set n = 2 where id = 5");
    a_does(s, "commit");
    b_has(s, "select count(*) from t", "6");
}

static void sequence_unseen(void **state)
{
    (void)state;
    play(unseen_sequence_scene, 1);
}

static void setval_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select count(*), setval('t_s_seq', 50) from t");
    conflict(s);
    assert_string_equal(a_tries(s, "update t set n = 2 where id = 5"), "40001");
    a_does(s, "rollback");
}

static void touched_outside(void **state)
{
    (void)state;
    play(setval_scene, 0);
}

static void savepoint_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "set local datestyle = 'German'");
    a_does(s, "select count(*), date '2026-01-02' from t group by 2");
    a_does(s, "savepoint one");
    a_does(s, "insert into t values (9, 9)");
    a_does(s, "rollback to one");
    a_does(s, "insert into t values (10, 10)");
    a_does(s, "release one");
    conflict(s);
    a_does(s, "update t set n = 2 where id = 5");
    a_does(s, "commit");
    b_has(s, "select string_agg(id::text, ',' order by id) from t where id > 5", "10");
}

static void savepoints(void **state)
{
    (void)state;
    play(savepoint_scene, 1);
}

static void cursor_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "declare c cursor for select id from t order by id");
    a_does(s, "fetch 2 from c");
    conflict(s);
    assert_string_equal(a_tries(s, "update t set n = 2 where id = 5"), "40001");
    a_does(s, "rollback");
}

static void cursors(void **state)
{
    (void)state;
    play(cursor_scene, 0);
}

static void snapshot_scene(struct scene *s)
{
    a_does(s, "begin isolation level repeatable read");
    a_does(s, "select count(*) from t");
    conflict(s);
    a_does(s, "update t set n = n + 10 where id = 5 returning n");
    assert_string_equal(pg_value(s->a, 0, 0), "11");
    a_does(s, "commit");
}

static void snapshots(void **state)
{
    (void)state;
    play(snapshot_scene, 1);
}

static void long_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select count(*) from t");
    for (int i = 0; i < 300; i++)
        a_does(s, "select 1");
    conflict(s);
    assert_string_equal(a_tries(s, "update t set n = 2 where id = 5"), "40001");
    a_does(s, "rollback");
}

static void after_error_scene(struct scene *s)
{
    assert_string_equal(a_tries(s, "create table t (x int)"), "42P07");
    unchanged_scene(s);
}

static void after_error(void **state)
{
    (void)state;
    play(after_error_scene, 1);
}

static void too_long(void **state)
{
    (void)state;
    play(long_scene, 0);
}

static void large_result_scene(struct scene *s)
{
    a_does(s, "begin");
    a_does(s, "select count(*) from t");
    a_does(s, "select g, repeat('x', 100) from generate_series(1, 5000) g"); /* leaves in pieces */
    conflict(s);
    a_does(s, "update t set n = 2 where id = 5");
    a_does(s, "commit");
}

static void large_results(void **state)
{
    (void)state;
    play(large_result_scene, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a conflict in mid-transaction is not seen when its results are the same", unchanged),
        T("nor is one at COMMIT", at_commit),
        T("nor is one after another transaction has failed", after_error),
        T("40001 when what the client has read is no longer so", seen),
        T("now() and statement_timestamp() stand still when a transaction runs again", time_stands),
        T("40001 when the client was shown a sequence's number", sequence_shown),
        T("a sequence's number that nobody has seen may become another one", sequence_unseen),
        T("what changes things outside of the transaction does not run twice", touched_outside),
        T("savepoints and settings come back", savepoints),
        T("a transaction with a cursor does not run again", cursors),
        T("REPEATABLE READ: the first committer's victim runs again", snapshots),
        T("a transaction of too many statements does not run again", too_long),
        T("results that have left in pieces are compared, too", large_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
