/* What workloads have in common: their names, batches, small queries. */
#include "workload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/connect.h"

static const struct workload *const workloads[] = {&workload_kv, &workload_bank, &workload_tpcb};

/* Named by the program's description; what they would measure is not there yet. */
static const char *const planned[] = {"ycsb-a", "ycsb-b", "ycsb-c", "ycsb-d", "ycsb-e",
                                      "ycsb-f", "tpcc",   "tpch",   "insert", "scan"};

const struct workload *workload_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(workloads); i++) {
        if (strcmp(workloads[i]->name, name) == 0)
            return workloads[i];
    }
    if (strcmp(name, "engine") == 0) {
        cli_usage_error(PROGRAM,
                        "the storage engine has no init and run: say \"linera-bench engine\"");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(planned); i++) {
        if (strcmp(planned[i], name) == 0) {
            cli_usage_error(PROGRAM, "the workload %s is not supported yet, only kv, bank and tpcb",
                            name);
            return NULL;
        }
    }
    cli_usage_error(PROGRAM, "there is no workload \"%s\", only kv, bank and tpcb", name);
    return NULL;
}

/* ---- batches ---- */

const struct statement statement_begin = {NULL, "begin"};
const struct statement statement_commit = {NULL, "commit"};
const struct statement statement_rollback = {NULL, "rollback"};

struct call *batch_call(struct batch *b, const struct statement *statement)
{
    struct call *c = &b->calls[b->count];

    ASSERT(b->count < CALLS_MAX);
    b->count++;
    c->statement = statement;
    c->count = 0;
    return c;
}

void call_number(struct call *c, int64_t value)
{
    struct parameter *p = &c->parameters[c->count];
    int               n;

    ASSERT(c->count < PARAMS_MAX);
    n = snprintf(p->digits, sizeof p->digits, "%" PRId64, value);
    p->text = slice_make(p->digits, (size_t)n);
    p->is_number = true;
    c->count++;
}

void call_text(struct call *c, slice text)
{
    ASSERT(c->count < PARAMS_MAX);
    c->parameters[c->count++] = (struct parameter){.text = text};
}

/* ---- queries ---- */

status query_numbers(PGconn *conn, const char *sql, int64_t *out, int count)
{
    PGresult *result;

    TRY_RETURN(connect_query(conn, sql, &result));
    ASSERT(PQntuples(result) == 1 && PQnfields(result) == count);
    for (int i = 0; i < count; i++)
        out[i] = strtoll(PQgetvalue(result, 0, i), NULL, 10);
    PQclear(result);
    return STATUS_OK;
}
