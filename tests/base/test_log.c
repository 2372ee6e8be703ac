/* The logger and the metrics. */
#include "base/log.h"

#include "base/metrics.h"
#include "tests/common/test.h"

struct capture {
    struct buf text;
    uint64_t   now_us;
};

static void sink(void *ctx, enum log_level level, slice line)
{
    (void)level;
    buf_append_slice(&((struct capture *)ctx)->text, line);
}

static uint64_t clock_us(void *ctx)
{
    return ((struct capture *)ctx)->now_us;
}

static struct log *make(struct capture *c, enum log_format format)
{
    struct log_options o = {.level = LOG_INFO,
                            .format = format,
                            .sink = sink,
                            .sink_ctx = c,
                            .clock = clock_us,
                            .clock_ctx = c,
                            .node = "n1"};

    buf_init(&c->text, NULL);
    c->now_us = UINT64_C(1700000000123456);
    return log_new(NULL, &o);
}

static void end(struct capture *c, struct log *l)
{
    buf_deinit(&c->text);
    log_free(l);
}

static void text_lines(void **state)
{
    struct capture c;
    struct log    *l = make(&c, LOG_TEXT);
    status         st = status_new(ST_DISK_FULL, "no \"room\"");

    (void)state;
    log_info(l, "range split", kv_u64("range", 81), kv_key("at", SLICE_LIT("\x01\xff")));
    log_debug(l, "not shown", kv_u64("x", 1));
    log_error(l, "write failed", kv_status(st), kv_str("who", "a b"), kv_bool("again", true));
    log_info(NULL, "nobody listens");
    assert_string_equal(buf_cstr(&c.text),
                        "2023-11-14T22:13:20.123456Z info  range split node=n1 range=81 at=01ff\n"
                        "2023-11-14T22:13:20.123456Z error write failed node=n1 "
                        "error=\"no \\\"room\\\"\" sqlstate=53100 who=\"a b\" again=true\n");
    st_clear(st);
    end(&c, l);
}

static void json_lines(void **state)
{
    struct capture c;
    struct log    *l = make(&c, LOG_JSON);

    (void)state;
    log_warn(l, "odd", kv_str("s", "a\n\x01\xff\"\\"), kv_f64("f", 0.5), kv_f64("nan", 0.0 / 0.0),
             kv_i64("i", -3));
    assert_string_equal(
        buf_cstr(&c.text),
        "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warn\",\"message\":\"odd\","
        "\"node\":\"n1\",\"s\":\"a\\n\\u0001\xef\xbf\xbd\\\"\\\\\",\"f\":0.5,\"nan\":null,"
        "\"i\":-3}\n");
    end(&c, l);
}

static void held_back_lines(void **state)
{
    struct capture   c;
    struct log      *l = make(&c, LOG_TEXT);
    struct log_limit limit = {.interval_us = 1000000};

    (void)state;
    for (int i = 0; i < 10; i++)
        log_warn_limited(l, &limit, "slow");
    c.now_us += 1000000;
    log_warn_limited(l, &limit, "slow", kv_u64("n", 1));
    assert_string_equal(buf_cstr(&c.text),
                        "2023-11-14T22:13:20.123456Z warn  slow node=n1\n"
                        "2023-11-14T22:13:21.123456Z warn  slow node=n1 n=1 held_back=9\n");
    buf_reset(&c.text);
    c.now_us -= 500000000; /* the clock was set back */
    log_warn_limited(l, &limit, "slow");
    assert_true(c.text.size > 0);
    end(&c, l);
}

#define TEST_METRICS(X)                                                                            \
    X(COUNTER, things, "test_things_total", "Things.")                                             \
    X(GAUGE, level, "test_level", "A level.")                                                      \
    X(HISTOGRAM, size, "test_size_bytes", "Sizes.")

struct test_metrics {
    TEST_METRICS(METRIC_FIELD)
};

#define X(...) METRIC_DESC(struct test_metrics, __VA_ARGS__)
static const struct metric_desc descs[] = {TEST_METRICS(X)};
#undef X

static void prometheus_text(void **state)
{
    struct test_metrics a = {0}, b = {0};
    struct metrics     *m = metrics_new(NULL);
    struct buf          out;

    (void)state;
    buf_init(&out, NULL);
    metrics_add(m, descs, ARRAY_LEN(descs), &a, "store=\"1\"");
    metrics_add(m, descs, ARRAY_LEN(descs), &b, "store=\"2\"");
    metric_add(&a.things, 3);
    metric_set(&b.level, -7);
    metric_observe(&a.size, 5);
    metric_observe(&a.size, 100);
    metrics_print(m, &out);
    assert_non_null(strstr(buf_cstr(&out), "# HELP test_things_total Things.\n"
                                           "# TYPE test_things_total counter\n"
                                           "test_things_total{store=\"1\"} 3\n"
                                           "test_things_total{store=\"2\"} 0\n"));
    assert_non_null(strstr(buf_cstr(&out), "test_level{store=\"2\"} -7\n"));
    assert_non_null(strstr(buf_cstr(&out), "test_size_bytes_bucket{store=\"1\",le=\"+Inf\"} 2\n"
                                           "test_size_bytes_sum{store=\"1\"} 105\n"
                                           "test_size_bytes_count{store=\"1\"} 2\n"));
    metrics_remove(m, &a);
    buf_reset(&out);
    metrics_print(m, &out);
    assert_null(strstr(buf_cstr(&out), "store=\"1\""));
    buf_deinit(&out);
    metrics_free(m);
}

static void quantiles(void **state)
{
    struct metric_histogram *h = calloc(1, sizeof *h);

    (void)state;
    assert_int_equal(metric_quantile(h, 0.5), 0);
    for (uint64_t i = 1; i <= 100000; i++)
        metric_observe(h, i);
    assert_in_range(metric_quantile(h, 0.5), 50000, 50000 * 5 / 4);
    assert_in_range(metric_quantile(h, 0.99), 99000, 99000 * 5 / 4);
    metric_observe(h, UINT64_MAX);
    assert_true(metric_quantile(h, 1.0) == UINT64_MAX);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a text line has time, level, message and fields", text_lines),
        T("a JSON line is JSON whatever the fields hold", json_lines),
        T("lines that repeat are held back and counted", held_back_lines),
        T("metrics print as Prometheus reads them", prometheus_text),
        T("quantiles are off by a quarter at most", quantiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
