/* Lists. They come in pages: "limit" entries, and a "next_cursor" with which the next page is asked
 * for, null at the end. A cursor names the last entry of its page, not a number of entries, so that
 * what comes and goes meanwhile neither repeats others nor hides them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "env/env.h"
#include "http/http_internal.h"
#include "sql/session/session.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

/* False: `out` says what is wrong with it. */
static bool parse_limit(const struct http_request *r, size_t *limit, struct http_reply *out)
{
    const char   *text = http_argument(r, "limit");
    char         *end;
    unsigned long n;

    *limit = LIMIT_DEFAULT;
    if (text == NULL)
        return true;
    n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < 1 || n > LIMIT_MAX) {
        http_problem(out, 400, "invalid argument", "limit is a number from 1 to %d, not \"%.100s\"",
                     LIMIT_MAX, text);
        return false;
    }
    *limit = n;
    return true;
}

static void add_cursor(cJSON *o, const char *cursor)
{
    if (cursor != NULL)
        cJSON_AddStringToObject(o, "next_cursor", cursor);
    else
        cJSON_AddNullToObject(o, "next_cursor");
}

/* RFC 3339 in UTC, from microseconds since 2000; 0 is null. */
static void add_time(cJSON *o, const char *name, int64_t us)
{
    enum { UNIX_SECONDS_OF_2000 = 946684800 };
    time_t    seconds = (time_t)(us / 1000000) + UNIX_SECONDS_OF_2000;
    struct tm tm;
    char      day[32], text[64];

    if (us <= 0 || gmtime_r(&seconds, &tm) == NULL) {
        cJSON_AddNullToObject(o, name);
        return;
    }
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text, "%s.%06dZ", day, (int)(us % 1000000));
    cJSON_AddStringToObject(o, name, text);
}

/* False: `out` says what is wrong with it. */
static bool parse_number(const struct http_request *r, const char *name, unsigned long *number,
                         struct http_reply *out)
{
    const char *text = http_argument(r, name);
    char       *end;

    *number = 0;
    if (text == NULL)
        return true;
    *number = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0')
        return true;
    http_problem(out, 400, "invalid argument", "%s is a number, not \"%.100s\"", name, text);
    return false;
}

/* ---- ranges ------------------------------------------------------------------------------------
 */

/* One node has one range, of all keys: every table lies in it. */
void http_page_ranges(struct http_server *s, const struct http_request *r, struct http_reply *out)
{
    enum { RANGE_ID = 1, NODE_ID = 1 };
    unsigned long after, table;
    size_t        limit;
    const int     replicas[] = {NODE_ID};
    cJSON        *o, *list, *range;

    (void)s;
    if (!parse_limit(r, &limit, out) || !parse_number(r, "cursor", &after, out) ||
        !parse_number(r, "table", &table, out))
        return;
    o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "version", 1);
    list = cJSON_AddArrayToObject(o, "ranges");
    if (after < RANGE_ID) {
        range = cJSON_CreateObject();
        cJSON_AddNumberToObject(range, "id", RANGE_ID);
        cJSON_AddNullToObject(range, "start_key");
        cJSON_AddNullToObject(range, "end_key");
        cJSON_AddNumberToObject(range, "leaseholder", NODE_ID);
        cJSON_AddItemToObject(range, "replicas",
                              cJSON_CreateIntArray(replicas, ARRAY_LEN(replicas)));
        cJSON_AddItemToArray(list, range);
    }
    add_cursor(o, NULL);
    http_json(out, o);
}

/* ---- sessions ----------------------------------------------------------------------------------
 */

static cJSON *describe_session(const struct session_info *x)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddNumberToObject(o, "id", x->process_id);
    cJSON_AddStringToObject(o, "user", x->user);
    cJSON_AddStringToObject(o, "database", x->database);
    cJSON_AddStringToObject(o, "application_name", x->application_name);
    cJSON_AddStringToObject(o, "client_address", x->client_address);
    cJSON_AddStringToObject(o, "state", x->state);
    cJSON_AddStringToObject(o, "query", x->query);
    add_time(o, "session_start", x->backend_start_us);
    add_time(o, "transaction_start", x->transaction_start_us);
    add_time(o, "query_start", x->query_start_us);
    return o;
}

/* In the order in which they were opened, which is that of their numbers. */
void http_page_sessions(struct http_server *s, const struct http_request *r, struct http_reply *out)
{
    SCOPED(arena) struct arena *a = arena_new(env_heap(s->env), NULL);
    unsigned long               after;
    size_t                      count, limit, sent = 0, i = 0;
    struct session_info        *infos;
    cJSON                      *o, *list;
    char                        next[32];

    if (!parse_limit(r, &limit, out) || !parse_number(r, "cursor", &after, out))
        return;
    infos = sql_server_sessions(s->sql, a, &count);
    o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "version", 1);
    list = cJSON_AddArrayToObject(o, "sessions");
    for (; i < count && sent < limit; i++) {
        if (infos[i].process_id <= after)
            continue;
        cJSON_AddItemToArray(list, describe_session(&infos[i]));
        snprintf(next, sizeof next, "%" PRIu32, infos[i].process_id);
        sent++;
    }
    add_cursor(o, i < count && sent > 0 ? next : NULL);
    http_json(out, o);
}

/* ---- statements --------------------------------------------------------------------------------
 */

static const struct {
    const char          *name;
    enum statement_order order;
} orders[] = {
    {"total_us", STATEMENTS_BY_TOTAL_TIME},
    {"mean_us", STATEMENTS_BY_MEAN_TIME},
    {"calls", STATEMENTS_BY_CALLS},
    {"last_seen", STATEMENTS_BY_LAST_SEEN},
};

static bool parse_order(const struct http_request *r, enum statement_order *order,
                        struct http_reply *out)
{
    const char *text = http_argument(r, "sort");

    *order = STATEMENTS_BY_TOTAL_TIME;
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(orders); i++) {
        if (strcmp(orders[i].name, text) == 0) {
            *order = orders[i].order;
            return true;
        }
    }
    if (text != NULL)
        http_problem(out, 400, "invalid argument",
                     "sort is one of total_us, mean_us, calls, last_seen, not \"%.100s\"", text);
    return text == NULL;
}

static bool parse_statement_cursor(const struct http_request *r, struct statement_page *page,
                                   struct http_reply *out)
{
    const char *text = http_argument(r, "cursor");
    int         end = 0;

    page->has_after = text != NULL;
    if (text == NULL ||
        (sscanf(text, "%" SCNu64 ".%" SCNx64 "%n", &page->after_rank, &page->after_id, &end) == 2 &&
         text[end] == '\0'))
        return true;
    http_problem(out, 400, "invalid argument",
                 "cursor is the next_cursor of an earlier page, not \"%.100s\"", text);
    return false;
}

static cJSON *describe_statement(const struct statement_info *x)
{
    cJSON *o = cJSON_CreateObject();
    char   id[32];

    snprintf(id, sizeof id, "%016" PRIx64, x->id);
    cJSON_AddStringToObject(o, "id", id);
    cJSON_AddStringToObject(o, "database", x->database);
    cJSON_AddStringToObject(o, "user", x->user);
    cJSON_AddStringToObject(o, "statement", x->text);
    cJSON_AddNumberToObject(o, "calls", (double)x->calls);
    cJSON_AddNumberToObject(o, "errors", (double)x->errors);
    cJSON_AddNumberToObject(o, "rows", (double)x->rows);
    cJSON_AddNumberToObject(o, "plans_reused", (double)x->plans_reused);
    cJSON_AddNumberToObject(o, "total_us", (double)x->total_us);
    cJSON_AddNumberToObject(o, "mean_us", (double)x->total_us / (double)x->calls);
    cJSON_AddNumberToObject(o, "min_us", (double)x->min_us);
    cJSON_AddNumberToObject(o, "max_us", (double)x->max_us);
    cJSON_AddNumberToObject(o, "p50_us", (double)x->p50_us);
    cJSON_AddNumberToObject(o, "p99_us", (double)x->p99_us);
    add_time(o, "last_seen", x->last_seen_us);
    return o;
}

void http_page_statements(struct http_server *s, const struct http_request *r,
                          struct http_reply *out)
{
    SCOPED(arena) struct arena *a = arena_new(env_heap(s->env), NULL);
    struct statement_page       page;
    struct statement_info      *infos;
    size_t                      count;
    uint64_t                    evicted;
    bool                        more;
    cJSON                      *o, *list;
    char                        next[64];

    if (!parse_limit(r, &page.limit, out) || !parse_order(r, &page.order, out) ||
        !parse_statement_cursor(r, &page, out))
        return;
    infos = sql_server_statements(s->sql, a, &page, &count, &more, &evicted);
    o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "version", 1);
    list = cJSON_AddArrayToObject(o, "statements");
    for (size_t i = 0; i < count; i++) {
        cJSON_AddItemToArray(list, describe_statement(&infos[i]));
        snprintf(next, sizeof next, "%" PRIu64 ".%016" PRIx64, infos[i].rank, infos[i].id);
    }
    cJSON_AddNumberToObject(o, "evicted", (double)evicted);
    add_cursor(o, more ? next : NULL);
    http_json(out, o);
}
