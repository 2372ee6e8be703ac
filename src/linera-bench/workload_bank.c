/* bank: money moves between accounts, and never appears or vanishes.
 *
 * A transfer reads two balances and writes what the client computed from them, so it is right only
 * if nobody else changes them meanwhile: by FOR UPDATE at any isolation level, or by SERIALIZABLE
 * alone. An audit adds all balances up in one statement. With plain reads below SERIALIZABLE
 * updates get lost, and the audits find it: that is what they are for. */
#include "workload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/connect.h"
#include "load.h"

enum { TRANSFER, AUDIT };
enum { BALANCE = 1000, AMOUNT_MAX = 10 }; /* of an account at first; of a transfer at most */

struct bank {
    uint64_t accounts;
    uint64_t audits; /* percent */
    bool     for_update;
};

static const struct statement statements[] = {
    {"bank_lock", "select id, balance from bench_bank where id in ($1, $2) order by id for update"},
    {"bank_read", "select id, balance from bench_bank where id in ($1, $2) order by id"},
    {"bank_write", "update bench_bank set balance = $2 where id = $1"},
    {"bank_audit", "select count(*), sum(balance) from bench_bank"},
};
enum { BANK_LOCK, BANK_READ, BANK_WRITE, BANK_AUDIT };

static bool bank_accept(const struct options *o)
{
    if (o->accounts < 2) {
        cli_usage_error(PROGRAM, "--accounts must be at least 2");
        return false;
    }
    if (o->audits > 100) {
        cli_usage_error(PROGRAM, "--audits is a percentage, 0 to 100, not %" PRIu64, o->audits);
        return false;
    }
    return true;
}

static void bank_row(struct bench *b, uint64_t row, struct buf *out)
{
    (void)b;
    buf_printf(out, "%" PRIu64 "\t%d\n", row + 1, BALANCE);
}

static status bank_create(struct bench *b, PGconn *conn)
{
    TRY_RETURN(connect_query(
        conn, "create table bench_bank (id bigint primary key, balance bigint not null)", NULL));
    return load_table(b, conn, "bench_bank", b->options->accounts, bank_row);
}

static status bank_open(struct bench *b, PGconn *conn)
{
    struct bank *bank;
    int64_t      found[2];

    TRY_RETURN(query_numbers(conn, "select count(*), max(id) from bench_bank", found, 2));
    if (found[0] < 2 || found[0] != found[1])
        return status_hint(status_new(ST_WRONG_STATE,
                                      "the table bench_bank has %" PRId64
                                      " accounts up to %" PRId64,
                                      found[0], found[1]),
                           "fill it with \"linera-bench init bank --drop\"");
    bank = heap_must_alloc(NULL, 1, sizeof *bank);
    bank->accounts = (uint64_t)found[0];
    bank->audits = b->options->audits;
    bank->for_update = strcmp(b->options->locking, "for-update") == 0;
    b->state = bank;
    return STATUS_OK;
}

static void bank_close(struct bench *b)
{
    heap_free(b->state);
    b->state = NULL;
}

/* Arguments of a transfer: from, to, amount. */
static void bank_choose(struct bench *b, struct prng *prng, struct operation *op)
{
    const struct bank *bank = b->state;

    op->kind = prng_below(prng, 100) < bank->audits ? AUDIT : TRANSFER;
    if (op->kind == AUDIT)
        return;
    op->arguments[0] = (int64_t)prng_below(prng, bank->accounts) + 1;
    op->arguments[1] = (int64_t)prng_below(prng, bank->accounts - 1) + 1;
    op->arguments[1] += op->arguments[1] >= op->arguments[0];
    op->arguments[2] = (int64_t)prng_below(prng, AMOUNT_MAX) + 1;
}

static void judge(struct bench *b, const char *who, int64_t accounts, int64_t total)
{
    const struct bank *bank = b->state;

    if (accounts != (int64_t)bank->accounts || total != (int64_t)bank->accounts * BALANCE)
        bench_violation(
            b, "%s found %" PRId64 " in %" PRId64 " accounts instead of %" PRId64 " in %" PRIu64,
            who, total, accounts, (int64_t)bank->accounts * BALANCE, bank->accounts);
}

static bool next_audit(struct bench *b, struct operation *op, const PGresult *rows,
                       struct batch *out)
{
    if (op->step == 0) {
        batch_call(out, &statements[BANK_AUDIT]);
        return true;
    }
    if (rows != NULL && PQntuples(rows) == 1)
        judge(b, "an audit", strtoll(PQgetvalue(rows, 0, 0), NULL, 10),
              strtoll(PQgetvalue(rows, 0, 1), NULL, 10));
    return false;
}

static void write_balance(struct batch *out, int64_t id, int64_t balance)
{
    struct call *c = batch_call(out, &statements[BANK_WRITE]);

    call_number(c, id);
    call_number(c, balance);
}

/* Rows come in the order of ids. A payer without the means moves nothing. */
static void pay(struct bench *b, const struct operation *op, const PGresult *rows,
                struct batch *out)
{
    int64_t from = op->arguments[0], to = op->arguments[1], amount = op->arguments[2];
    int     from_row = from < to ? 0 : 1;
    int64_t from_balance, to_balance;

    if (rows == NULL || PQntuples(rows) != 2) {
        bench_violation(b, "account %" PRId64 " or %" PRId64 " is missing", from, to);
        return;
    }
    from_balance = strtoll(PQgetvalue(rows, from_row, 1), NULL, 10);
    to_balance = strtoll(PQgetvalue(rows, 1 - from_row, 1), NULL, 10);
    if (from_balance < amount)
        return;
    write_balance(out, from, from_balance - amount);
    write_balance(out, to, to_balance + amount);
}

static bool bank_next(struct bench *b, struct operation *op, const PGresult *rows,
                      struct batch *out)
{
    const struct bank *bank = b->state;
    struct call       *c;

    if (op->kind == AUDIT)
        return next_audit(b, op, rows, out);
    switch (op->step) {
    case 0:
        batch_call(out, &statement_begin);
        c = batch_call(out, &statements[bank->for_update ? BANK_LOCK : BANK_READ]);
        call_number(c, op->arguments[0]);
        call_number(c, op->arguments[1]);
        return true;
    case 1:
        pay(b, op, rows, out);
        batch_call(out, &statement_commit);
        return true;
    default:
        return false;
    }
}

static status bank_check(struct bench *b, PGconn *conn)
{
    int64_t found[2];

    TRY_RETURN(query_numbers(conn, statements[BANK_AUDIT].sql, found, 2));
    judge(b, "the check after the run", found[0], found[1]);
    return STATUS_OK;
}

const struct workload workload_bank = {
    .name = "bank",
    .kinds = {"transfer", "audit"},
    .tables = {"bench_bank"},
    .statements = statements,
    .statement_count = ARRAY_LEN(statements),
    .accept = bank_accept,
    .create = bank_create,
    .open = bank_open,
    .close = bank_close,
    .choose = bank_choose,
    .next = bank_next,
    .check = bank_check,
};
