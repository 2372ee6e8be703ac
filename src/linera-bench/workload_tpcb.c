/* tpcb: the tables of pgbench and its TPC-B-like transaction. The tables have pgbench's names and
 * columns, so either program runs on what the other has filled.
 *
 * The transaction needs no answer before its end, so it travels in one round trip, which measures
 * the server; --step-by-step waits for each of its seven statements as pgbench does. */
#include "workload.h"

#include <inttypes.h>
#include <stdlib.h>

#include "client/connect.h"
#include "load.h"

enum { TELLERS = 10, ACCOUNTS = 100000, DELTA_MAX = 5000, SUMS = 4 };
#define SCALE_MAX 20000 /* accounts are numbered by an integer of 32 bits */

struct tpcb {
    uint64_t scale;
    int64_t  sums[SUMS]; /* before the run */
};

static const struct statement statements[] = {
    {"tpcb_account", "update pgbench_accounts set abalance = abalance + $2 where aid = $1"},
    {"tpcb_balance", "select abalance from pgbench_accounts where aid = $1"},
    {"tpcb_teller", "update pgbench_tellers set tbalance = tbalance + $2 where tid = $1"},
    {"tpcb_branch", "update pgbench_branches set bbalance = bbalance + $2 where bid = $1"},
    {"tpcb_history", "insert into pgbench_history (tid, bid, aid, delta, mtime) "
                     "values ($1, $2, $3, $4, current_timestamp)"},
};
enum { TPCB_ACCOUNT, TPCB_BALANCE, TPCB_TELLER, TPCB_BRANCH, TPCB_HISTORY };

/* One statement, so that all four are of one moment. */
static const char sums_sql[] = "select (select sum(abalance) from pgbench_accounts), "
                               "(select sum(tbalance) from pgbench_tellers), "
                               "(select sum(bbalance) from pgbench_branches), "
                               "(select sum(delta) from pgbench_history)";

static bool tpcb_accept(const struct options *o)
{
    if (o->scale >= 1 && (o->scale <= SCALE_MAX || o->scale == NOT_GIVEN))
        return true;
    cli_usage_error(PROGRAM, "--scale must be from 1 to %d", SCALE_MAX);
    return false;
}

/* ---- init ---- */

static const char *const create_sql[] = {
    "create table pgbench_branches "
    "(bid integer primary key, bbalance integer, filler character(88))",
    "create table pgbench_tellers "
    "(tid integer primary key, bid integer, tbalance integer, filler character(84))",
    "create table pgbench_accounts "
    "(aid integer primary key, bid integer, abalance integer, filler character(84))",
    "create table pgbench_history "
    "(tid integer, bid integer, aid integer, delta integer, mtime timestamp, filler character(22))",
};

static void branch_row(struct bench *b, uint64_t row, struct buf *out)
{
    (void)b;
    buf_printf(out, "%" PRIu64 "\t0\t\\N\n", row + 1);
}

static void teller_row(struct bench *b, uint64_t row, struct buf *out)
{
    (void)b;
    buf_printf(out, "%" PRIu64 "\t%" PRIu64 "\t0\t\\N\n", row + 1, row / TELLERS + 1);
}

static void account_row(struct bench *b, uint64_t row, struct buf *out)
{
    (void)b;
    buf_printf(out, "%" PRIu64 "\t%" PRIu64 "\t0\t\n", row + 1, row / ACCOUNTS + 1);
}

static status tpcb_create(struct bench *b, PGconn *conn)
{
    uint64_t scale = b->options->scale;

    for (size_t i = 0; i < ARRAY_LEN(create_sql); i++)
        TRY_RETURN(connect_query(conn, create_sql[i], NULL));
    TRY_RETURN(load_table(b, conn, "pgbench_branches", scale, branch_row));
    TRY_RETURN(load_table(b, conn, "pgbench_tellers", scale * TELLERS, teller_row));
    return load_table(b, conn, "pgbench_accounts", scale * ACCOUNTS, account_row);
}

/* ---- run ---- */

static status tpcb_open(struct bench *b, PGconn *conn)
{
    struct tpcb *t;
    int64_t      scale;

    TRY_RETURN(query_numbers(conn, "select count(*) from pgbench_branches", &scale, 1));
    if (scale < 1)
        return status_hint(status_new(ST_WRONG_STATE, "the table pgbench_branches is empty"),
                           "fill it with \"linera-bench init tpcb --drop\"");
    t = heap_must_alloc(NULL, 1, sizeof *t);
    b->state = t;
    t->scale = (uint64_t)scale;
    return query_numbers(conn, sums_sql, t->sums, SUMS);
}

static void tpcb_close(struct bench *b)
{
    heap_free(b->state);
    b->state = NULL;
}

/* Arguments: account, branch, teller, delta; drawn apart from each other, as in pgbench. */
static void tpcb_choose(struct bench *b, struct prng *prng, struct operation *op)
{
    const struct tpcb *t = b->state;

    op->arguments[0] = (int64_t)prng_below(prng, t->scale * ACCOUNTS) + 1;
    op->arguments[1] = (int64_t)prng_below(prng, t->scale) + 1;
    op->arguments[2] = (int64_t)prng_below(prng, t->scale * TELLERS) + 1;
    op->arguments[3] = (int64_t)prng_below(prng, 2 * DELTA_MAX + 1) - DELTA_MAX;
}

static void add_delta(struct batch *out, unsigned statement, int64_t id, int64_t delta)
{
    struct call *c = batch_call(out, &statements[statement]);

    call_number(c, id);
    call_number(c, delta);
}

enum { STEPS = 7 };

static void put_step(const struct operation *op, unsigned step, struct batch *out)
{
    int64_t      account = op->arguments[0], branch = op->arguments[1], teller = op->arguments[2];
    int64_t      delta = op->arguments[3];
    struct call *c;

    switch (step) {
    case 0:
        batch_call(out, &statement_begin);
        break;
    case 1:
        add_delta(out, TPCB_ACCOUNT, account, delta);
        break;
    case 2:
        call_number(batch_call(out, &statements[TPCB_BALANCE]), account);
        break;
    case 3:
        add_delta(out, TPCB_TELLER, teller, delta);
        break;
    case 4:
        add_delta(out, TPCB_BRANCH, branch, delta);
        break;
    case 5:
        c = batch_call(out, &statements[TPCB_HISTORY]);
        call_number(c, teller);
        call_number(c, branch);
        call_number(c, account);
        call_number(c, delta);
        break;
    default:
        batch_call(out, &statement_commit);
        break;
    }
}

static bool tpcb_next(struct bench *b, struct operation *op, const PGresult *rows,
                      struct batch *out)
{
    (void)rows;
    if (b->options->step_by_step) {
        if (op->step == STEPS)
            return false;
        put_step(op, op->step, out);
        return true;
    }
    for (unsigned i = 0; i < STEPS && op->step == 0; i++)
        put_step(op, i, out);
    return op->step == 0;
}

/* Each transaction adds the same to all four sums, so they grow alike. How they stood before does
 * not matter: pgbench empties the history when it begins. */
static status tpcb_check(struct bench *b, PGconn *conn)
{
    const struct tpcb *t = b->state;
    int64_t            now[SUMS];

    TRY_RETURN(query_numbers(conn, sums_sql, now, SUMS));
    for (int i = 0; i < SUMS; i++)
        now[i] -= t->sums[i];
    if (now[0] != now[1] || now[0] != now[2] || now[0] != now[3])
        bench_violation(b,
                        "the run added %" PRId64 " to accounts, %" PRId64 " to tellers, %" PRId64
                        " to branches and %" PRId64 " to the history",
                        now[0], now[1], now[2], now[3]);
    return STATUS_OK;
}

const struct workload workload_tpcb = {
    .name = "tpcb",
    .kinds = {"transaction"},
    .tables = {"pgbench_branches", "pgbench_tellers", "pgbench_accounts", "pgbench_history"},
    .statements = statements,
    .statement_count = ARRAY_LEN(statements),
    .accept = tpcb_accept,
    .create = tpcb_create,
    .open = tpcb_open,
    .close = tpcb_close,
    .choose = tpcb_choose,
    .next = tpcb_next,
    .check = tpcb_check,
};
