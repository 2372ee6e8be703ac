/* The checker is shown histories with planted anomalies, and clean ones (pitfall V4). */
#include "tests/common/test.h"

#include "client/elle.h"

/* A history as text: transactions separated by ';', each "BEGIN-END outcome: ops", ops like "a1=5"
 * (append 5 to key 1) and "r1=5,6" (read key 1). Outcome: ok, fail, info. */
static void parse_op(struct elle *e, size_t txn, const char **at)
{
    char     kind = *(*at)++;
    char    *end;
    uint64_t key = strtoull(*at, &end, 10), values[16];
    size_t   count = 0;

    assert_int_equal(*end, '=');
    do {
        *at = end + 1;
        if (**at >= '0' && **at <= '9')
            values[count++] = strtoull(*at, &end, 10);
        else
            end = (char *)(uintptr_t)*at;
    } while (*end == ',');
    *at = end;
    if (kind == 'a')
        elle_append(e, txn, key, values[0]);
    else
        elle_read(e, txn, key, values, count);
}

static void parse(struct elle *e, const char *text)
{
    while (*text != '\0') {
        unsigned long long begin, finish;
        char               outcome[8];
        int                size;
        size_t             txn;

        assert_int_equal(sscanf(text, " %llu-%llu %7[a-z]:%n", &begin, &finish, outcome, &size), 3);
        text += size;
        txn = elle_begin(e, begin);
        while (*text == ' ' || *text == 'a' || *text == 'r') {
            if (*text == ' ')
                text++;
            else
                parse_op(e, txn, &text);
        }
        elle_end(e, txn,
                 outcome[0] == 'o'   ? ELLE_OK
                 : outcome[0] == 'f' ? ELLE_FAILED
                                     : ELLE_UNKNOWN,
                 finish);
        if (*text == ';')
            text++;
    }
}

/* Check; returns the anomalies' names in `out`, first lines of the report. */
static struct elle_result check(const char *history, enum elle_level level, struct buf *out)
{
    struct elle       *e = elle_new(NULL);
    struct elle_result r;

    parse(e, history);
    elle_check(e, level, true, out, &r);
    elle_free(e);
    return r;
}

static void clean(const char *history)
{
    struct buf         out;
    struct elle_result r;

    buf_init(&out, NULL);
    r = check(history, ELLE_SERIALIZABLE, &out);
    if (out.size > 0)
        fail_msg("%s: %s", history, buf_cstr(&out));
    assert_int_equal(r.forbidden, 0);
    buf_deinit(&out);
}

static void planted(enum elle_anomaly anomaly, enum elle_level allowed, const char *history,
                    const char *words)
{
    struct buf         out;
    struct elle_result r;

    buf_init(&out, NULL);
    r = check(history, ELLE_SERIALIZABLE, &out);
    if (r.found[anomaly] != 1 || strstr(buf_cstr(&out), words) == NULL)
        fail_msg("%s not found in %s: %s", elle_anomaly_name(anomaly), history, buf_cstr(&out));
    assert_true(r.forbidden > 0);
    if (allowed < ELLE_SERIALIZABLE)
        assert_int_equal(check(history, allowed, NULL).forbidden, 0);
    buf_deinit(&out);
}

static void clean_histories(void **state)
{
    (void)state;
    clean("");
    clean("0-1 ok: a1=1; 2-3 ok: r1=1 a1=2; 4-5 ok: r1=1,2; 0-9 ok: r1=");
    /* Own appends, an unknown that took effect and one that did not, a failed one nobody saw. */
    clean("0-1 ok: a1=1 a1=2 r1=1,2; 2-9 info: a1=3; 4-5 ok: r1=1,2,3; 2-3 fail: a1=4; 2-9 info: "
          "a2=1;"
          "6-7 ok: r2=");
    /* Concurrent ones in either order. */
    clean("0-9 ok: a1=1 r2=; 0-9 ok: a2=1 r1=1; 10-11 ok: r1=1 r2=1");
}

static void planted_anomalies(void **state)
{
    (void)state;
    planted(ELLE_INTERNAL, ELLE_SERIALIZABLE, "0-1 ok: a1=1 r1=", "T0");
    planted(ELLE_INTERNAL, ELLE_SERIALIZABLE, "0-9 ok: r1= r1=1; 0-9 ok: a1=1", "T0");
    planted(ELLE_DUPLICATE, ELLE_SERIALIZABLE, "0-1 ok: a1=1; 2-3 ok: r1=1,1", "twice");
    planted(ELLE_GARBAGE, ELLE_SERIALIZABLE, "2-3 ok: r1=7", "7");
    planted(ELLE_ORDER, ELLE_SERIALIZABLE,
            "0-9 ok: a1=1; 0-9 ok: a1=2; 0-9 ok: r1=1,2; 0-9 ok: r1=2", "order");
    planted(ELLE_G1A, ELLE_SERIALIZABLE, "0-1 fail: a1=1; 2-3 ok: r1=1", "failed");
    planted(ELLE_G1B, ELLE_SERIALIZABLE, "0-9 ok: a1=1 a1=2; 0-9 ok: r1=1", "not the last");
    planted(ELLE_G0, ELLE_SERIALIZABLE,
            "0-9 ok: a1=1 a2=2; 0-9 ok: a1=2 a2=1; 10-11 ok: r1=1,2 r2=1,2",
            "T0 -ww(key 1, 2)-> T1 -ww(key 2, 2)-> T0");
    planted(ELLE_G1C, ELLE_SERIALIZABLE, "0-9 ok: a1=1 r2=1; 0-9 ok: a2=1 r1=1", "wr");
    planted(ELLE_G_SINGLE, ELLE_READ_COMMITTED,
            "0-9 ok: a1=1 a2=1; 0-9 ok: r1= r2=1; 10-11 ok: r1=1 r2=1", "rw");
    planted(ELLE_G2_ITEM, ELLE_SNAPSHOT, "0-9 ok: r1= a2=1; 0-9 ok: r2= a1=1; 10-11 ok: r1=1 r2=1",
            "rw");
    /* Long fork. */
    planted(ELLE_G2_ITEM, ELLE_SNAPSHOT,
            "0-9 ok: a1=1; 0-9 ok: a2=1; 0-9 ok: r1=1 r2=; 0-9 ok: r1= r2=1; 10-11 ok: r1=1 r2=1",
            "rw");
}

static void planted_in_real_time(void **state)
{
    (void)state;
    /* A read that misses what was acknowledged before it began; a lost append that nobody ever saw.
     */
    planted(ELLE_G_SINGLE, ELLE_READ_COMMITTED, "0-1 ok: a1=1; 2-3 ok: r1=; 4-5 ok: r1=1", "rt");
    planted(ELLE_G_SINGLE, ELLE_READ_COMMITTED, "0-1 ok: a1=1; 2-3 ok: r1=", "rt");
}

static void shortest_cycle(void **state)
{
    struct buf         out;
    struct elle_result r;

    /* A ring of three read-writes with a shortcut of two inside. */
    (void)state;
    buf_init(&out, NULL);
    r = check("0-9 ok: r1= a2=1 a3=1; 0-9 ok: r2= a4=1; 0-9 ok: r4= a1=1 r3=;"
              "10-11 ok: r1=1 r2=1 r3=1 r4=1",
              ELLE_SERIALIZABLE, &out);
    assert_int_equal(r.found[ELLE_G2_ITEM], 1);
    assert_non_null(strstr(buf_cstr(&out), "T0 -rw(key 1, 1)-> T2 -rw(key 3, 1)-> T0"));
    buf_deinit(&out);
}

static void mixed_levels(void **state)
{
    /* Write skew between a weak and a strong one: allowed, as the weak one has promised nothing. */
    struct elle_result r;
    struct elle       *e = elle_new(NULL);

    (void)state;
    parse(e, "0-9 ok: r1= a2=1; 0-9 ok: r2= a1=1; 10-11 ok: r1=1 r2=1");
    elle_weaken(e, 0);
    elle_check(e, ELLE_SERIALIZABLE, true, NULL, &r);
    assert_int_equal(r.forbidden, 0);
    elle_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a serializable history has no anomaly", clean_histories),
        T("every kind of planted anomaly is found, at the levels that forbid it",
          planted_anomalies),
        T("real time counts", planted_in_real_time),
        T("the reads of weak transactions bind nobody", mixed_levels),
        T("the shortest cycle is the one that is printed", shortest_cycle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
