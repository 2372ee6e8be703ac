/* src/linera-bench/workload.h: what a workload is: tables to make, operations to choose, the
 * batches of statements each operation sends, and what must hold afterwards. Workloads know nothing
 * of connections, time and retries; those are session.c's and runner.c's. */
#ifndef LINERA_BENCH_WORKLOAD_H
#define LINERA_BENCH_WORKLOAD_H

#include "base/buf.h"
#include "base/prng.h"
#include "base/status.h"
#include "bench.h"

enum { KINDS_MAX = 4, CALLS_MAX = 8, PARAMS_MAX = 5, ARGUMENTS_MAX = 5, TABLES_MAX = 4 };

/* `name` is how connections prepare it; NULL: it is sent as a text with every protocol. */
struct statement {
    const char *name;
    const char *sql; /* with $1 .. */
};

struct parameter {
    slice text;
    char  digits[24]; /* where a number's text stands */
    bool  is_number;
};

struct call {
    const struct statement *statement;
    struct parameter        parameters[PARAMS_MAX];
    int                     count;
};

/* Statements that travel together: one round trip. A batch without BEGIN has one call. */
struct batch {
    struct call calls[CALLS_MAX];
    size_t      count;
};

struct call *batch_call(struct batch *b, const struct statement *statement);
void         call_number(struct call *c, int64_t value);
/* `text` is borrowed until the batch is sent. */
void         call_text(struct call *c, slice text);

/* One operation of one client, with the random choices it was born with: a retry repeats them. */
struct operation {
    unsigned kind; /* position in the workload's kinds */
    unsigned step; /* how many batches have succeeded; 0 again at a retry */
    int64_t  arguments[ARGUMENTS_MAX];
};

struct workload {
    const char             *name;
    const char             *kinds[KINDS_MAX + 1];   /* ended by NULL */
    const char             *tables[TABLES_MAX + 1]; /* ended by NULL; in order of creation */
    const struct statement *statements;
    size_t                  statement_count;

    /* Whether the options make sense; a line has been printed when not. */
    bool (*accept)(const struct options *o);
    /* Make and fill the tables; none of them exists. */
    status (*create)(struct bench *b, PGconn *conn);
    /* Learn before a run what init has made, and set b->state. */
    status (*open)(struct bench *b, PGconn *conn);
    void (*close)(struct bench *b);
    /* Begin: set kind and arguments. */
    void (*choose)(struct bench *b, struct prng *prng, struct operation *op);
    /* Put the batch for op->step together; `rows` is what the batch before returned last (NULL in
     * step 0). False: the operation is done. */
    bool (*next)(struct bench *b, struct operation *op, const PGresult *rows, struct batch *out);
    /* After the run, nothing under way: report what does not hold by bench_violation(). May be
     * NULL. */
    status (*check)(struct bench *b, PGconn *conn);
};

extern const struct workload workload_kv, workload_bank, workload_tpcb;

/* NULL after a line on stderr when there is none, or none yet. */
const struct workload *workload_find(const char *name);

/* ---- for workloads ---- */

extern const struct statement statement_begin, statement_commit, statement_rollback;

/* Whole numbers in the first row of what `sql` returns; nulls are 0. */
status query_numbers(PGconn *conn, const char *sql, int64_t *out, int count) MUST_CHECK;

#endif
