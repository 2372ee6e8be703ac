#include "sql/session/statement_stats.h"

#include "base/arena.h"
#include "tests/common/test.h"

struct fixture {
    struct statement_stats *stats;
    struct arena           *arena;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->stats = statement_stats_new(NULL, 3);
    f->arena = arena_new(NULL, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    statement_stats_free(f->stats);
    arena_free(f->arena);
    free(f);
    return 0;
}

static struct statement_entry *run(struct fixture *f, const char *sql, uint64_t us)
{
    struct statement_entry *e = statement_stats_get(f->stats, "db", "me", slice_cstr(sql));

    statement_stats_note(f->stats, &e,
                         &(struct statement_run){.elapsed_us = us, .rows = 1, .started_us = 9});
    return e;
}

static void run_once(struct fixture *f, const char *sql, uint64_t us)
{
    statement_entry_unref(run(f, sql, us));
}

static struct statement_info *list(struct fixture *f, size_t *count)
{
    struct statement_page page = {.order = STATEMENTS_BY_TOTAL_TIME, .limit = 100};
    bool                  more;

    return statement_stats_list(f->stats, f->arena, &page, count, &more);
}

static void same_shape_is_one_entry(void **state)
{
    struct fixture        *f = *state;
    size_t                 count;
    struct statement_info *infos;

    run_once(f, "select 1", 10);
    run_once(f, "select 2", 30);
    run_once(f, "select  x", 100);
    infos = list(f, &count);
    assert_int_equal(count, 2);
    assert_string_equal(infos[1].text, "select $1");
    assert_int_equal(infos[1].calls, 2);
    assert_int_equal(infos[1].total_us, 40);
    assert_int_equal(infos[1].min_us, 10);
    assert_int_equal(infos[1].max_us, 30);
    assert_true(infos[1].p50_us >= 10 && infos[1].p50_us <= infos[1].p99_us);
    assert_int_equal(infos[1].p99_us, 30);
}

static void longest_unused_makes_room(void **state)
{
    struct fixture        *f = *state;
    size_t                 count;
    struct statement_info *infos;

    run_once(f, "select a", 1);
    run_once(f, "select b", 2);
    run_once(f, "select c", 3);
    run_once(f, "select a", 1);
    run_once(f, "select d", 4);
    infos = list(f, &count);
    assert_int_equal(count, 3);
    assert_int_equal(statement_stats_evicted(f->stats), 1);
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(infos[i].text, "select b");
}

static void held_entries_come_back(void **state)
{
    struct fixture         *f = *state;
    struct statement_entry *held = run(f, "select a", 5);
    size_t                  count;
    struct statement_info  *infos;

    run_once(f, "select b", 2);
    run_once(f, "select c", 3);
    run_once(f, "select d", 4);
    statement_stats_note(f->stats, &held, &(struct statement_run){.elapsed_us = 7});
    infos = list(f, &count);
    assert_int_equal(count, 3);
    assert_string_equal(infos[0].text, "select a");
    assert_int_equal(infos[0].calls, 1); /* what it had was dropped with it */
    statement_entry_unref(held);
}

static void pages_cover_the_list(void **state)
{
    struct fixture       *f = *state;
    struct statement_page page = {.order = STATEMENTS_BY_CALLS, .limit = 1};
    const char           *seen[3];
    size_t                count, n = 0;
    bool                  more = true;

    run_once(f, "select a", 1);
    run_once(f, "select b", 1);
    run_once(f, "select c", 1);
    run_once(f, "select c", 1);
    while (more) {
        struct statement_info *infos =
            statement_stats_list(f->stats, f->arena, &page, &count, &more);

        assert_int_equal(count, 1);
        assert_true(n < 3);
        seen[n++] = infos[0].text;
        page.has_after = true;
        page.after_rank = infos[0].rank;
        page.after_id = infos[0].id;
    }
    assert_int_equal(n, 3);
    assert_string_equal(seen[0], "select c");
    assert_string_not_equal(seen[1], seen[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TF("statements that differ in literals alone are one entry", same_shape_is_one_entry, setup,
           teardown),
        TF("the entry that was not used for longest makes room", longest_unused_makes_room, setup,
           teardown),
        TF("a held entry that made room is listed again when it runs", held_entries_come_back,
           setup, teardown),
        TF("pages show every entry once, also those of equal rank", pages_cover_the_list, setup,
           teardown),
    };

    return cmocka_run_group_tests_name("session/statement_stats", tests, NULL, NULL);
}
