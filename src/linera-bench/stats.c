#include "stats.h"

#include <string.h>

void stats_init(struct stats *s, const struct workload *w)
{
    memset(s, 0, sizeof *s);
    for (; w->kinds[s->kind_count] != NULL; s->kind_count++) {
        s->kinds[s->kind_count].total = histogram_new();
        s->kinds[s->kind_count].interval = histogram_new();
    }
}

void stats_deinit(struct stats *s)
{
    for (size_t i = 0; i < s->kind_count; i++) {
        histogram_free(s->kinds[i].total);
        histogram_free(s->kinds[i].interval);
    }
    s->kind_count = 0;
}

void stats_reset(struct stats *s)
{
    for (size_t i = 0; i < s->kind_count; i++) {
        histogram_reset(s->kinds[i].total);
        histogram_reset(s->kinds[i].interval);
        s->kinds[i].errors = s->kinds[i].retries = 0;
    }
    s->error_count = 0;
}

void stats_operation(struct stats *s, unsigned kind, uint64_t latency_ns)
{
    histogram_record(s->kinds[kind].total, latency_ns);
    histogram_record(s->kinds[kind].interval, latency_ns);
}

/* The entry of a SQLSTATE; a new one goes where the order wants it. */
static struct error_stats *find(struct stats *s, const struct session_error *e)
{
    size_t at = 0;

    while (at < s->error_count && strcmp(s->errors[at].sqlstate, e->sqlstate) < 0)
        at++;
    if (at < s->error_count && strcmp(s->errors[at].sqlstate, e->sqlstate) == 0)
        return &s->errors[at];
    if (s->error_count == ERROR_STATS_MAX)
        return &s->errors[ERROR_STATS_MAX - 1];
    memmove(&s->errors[at + 1], &s->errors[at], (s->error_count - at) * sizeof s->errors[0]);
    s->error_count++;
    s->errors[at] = (struct error_stats){0};
    memcpy(s->errors[at].sqlstate, e->sqlstate, sizeof e->sqlstate);
    memcpy(s->errors[at].message, e->message, sizeof e->message);
    return &s->errors[at];
}

void stats_error(struct stats *s, unsigned kind, const struct session_error *e, bool retried)
{
    struct error_stats *entry = find(s, e);

    if (retried) {
        s->kinds[kind].retries++;
        entry->retried++;
    } else {
        s->kinds[kind].errors++;
        entry->failed++;
    }
}

uint64_t stats_operations(const struct stats *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->kind_count; i++)
        sum += histogram_count(s->kinds[i].total);
    return sum;
}

uint64_t stats_errors(const struct stats *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->kind_count; i++)
        sum += s->kinds[i].errors;
    return sum;
}

uint64_t stats_retries(const struct stats *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->kind_count; i++)
        sum += s->kinds[i].retries;
    return sum;
}
