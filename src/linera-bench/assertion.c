#include "assertion.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/format.h"

enum unit { MICROSECONDS, PER_SECOND, COUNT };

/* What can be asserted, by the name it has there and in a result. */
static const struct metric {
    const char *name, *result_name;
    enum unit   unit;
} metrics[] = {
    {"p50", "p50_us", MICROSECONDS},
    {"p95", "p95_us", MICROSECONDS},
    {"p99", "p99_us", MICROSECONDS},
    {"p99.9", "p99.9_us", MICROSECONDS},
    {"max", "max_us", MICROSECONDS},
    {"mean", "mean_us", MICROSECONDS},
    {"throughput", "per_second", PER_SECOND},
    {"errors", "errors", COUNT},
    {"retries", "retries", COUNT},
};

static const struct metric *find(slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        if (slice_eq_cstr(name, metrics[i].name))
            return &metrics[i];
    }
    return NULL;
}

static bool is_kind(const struct workload *w, slice name)
{
    for (size_t i = 0; w->kinds[i] != NULL; i++) {
        if (slice_eq_cstr(name, w->kinds[i]))
            return true;
    }
    return slice_eq_cstr(name, "all");
}

/* "read.p99" is the metric of one operation. "p99.9" has a point of its own, so the part before it
 * counts only when it names an operation. */
static slice take_operation(const struct workload *w, slice left, struct assertion *out)
{
    const char *dot = memchr(left.data, '.', left.size);
    slice       name = slice_make(left.data, dot != NULL ? (size_t)(dot - left.data) : 0);

    snprintf(out->operation, sizeof out->operation, "all");
    if (dot == NULL || !is_kind(w, name))
        return left;
    snprintf(out->operation, sizeof out->operation, "%.*s", SLICE_FMT(name));
    return slice_from(left, name.size + 1);
}

static bool parse_limit(const struct metric *m, const char *text, double *out)
{
    char *end;

    if (m->unit == MICROSECONDS) {
        uint64_t us;
        status   st = format_parse_duration_us(slice_cstr(text), &us);

        *out = (double)us;
        if (st_ok(st))
            return true;
        cli_usage_error(PROGRAM, "--assert %s: %s", m->name, status_message(st));
        st_clear(st);
        return false;
    }
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && *out >= 0)
        return true;
    cli_usage_error(PROGRAM, "--assert %s takes a number, not \"%s\"", m->name, text);
    return false;
}

bool assertion_parse(const struct workload *w, const char *text, struct assertion *out)
{
    size_t               size = strcspn(text, "<>");
    const char          *limit = text + size + 1;
    const struct metric *m;
    slice                name;

    *out = (struct assertion){.text = text};
    if (text[size] == '\0') {
        cli_usage_error(PROGRAM, "--assert takes METRIC, <, <=, > or >=, and a limit, not \"%s\"",
                        text);
        return false;
    }
    out->less = text[size] == '<';
    out->equal = *limit == '=';
    limit += out->equal;
    name = take_operation(w, slice_make(text, size), out);
    m = find(name);
    if (m == NULL) {
        cli_usage_error(PROGRAM,
                        "--assert knows p50, p95, p99, p99.9, max, mean, throughput, errors and "
                        "retries, also of one operation as in %s.p99, not \"%.*s\"",
                        w->kinds[0], SLICE_FMT(name));
        return false;
    }
    out->metric = m->name;
    return parse_limit(m, limit, &out->limit);
}

void assertion_check(struct assertion *a, const struct result *r)
{
    const struct result_row *row = result_find(r, a->operation);
    const struct metric     *m = find(slice_cstr(a->metric));

    ASSERT(row != NULL && m != NULL);
    if (strcmp(m->name, "errors") == 0)
        a->value = (double)row->errors;
    else if (strcmp(m->name, "retries") == 0)
        a->value = (double)row->retries;
    else
        (void)result_metric(row, m->result_name, &a->value);
    /* Without a single operation no latency is proven. */
    a->holds =
        (a->less ? a->value < a->limit : a->value > a->limit) || (a->equal && a->value == a->limit);
    a->holds = a->holds && (m->unit != MICROSECONDS || row->count > 0);
    if (a->holds)
        return;
    if (m->unit == MICROSECONDS)
        fprintf(stderr, "%s: violated: %s: it was %.3f ms%s\n", PROGRAM, a->text, a->value / 1e3,
                row->count > 0 ? "" : ", of no operations");
    else
        fprintf(stderr, "%s: violated: %s: it was %.15g\n", PROGRAM, a->text, a->value);
}
