/* kv: a table of keys and values, single reads and single writes. */
#include "workload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/connect.h"
#include "client/distribution.h"
#include "load.h"

enum { READ, WRITE };
#define VALUE_SIZE_MAX ((uint64_t)1 << 20)

enum distribution { UNIFORM, ZIPF, LATEST };

struct kv {
    uint64_t          reads, value_size;
    enum distribution distribution;
    uint64_t          keys; /* keys 1 to this one are there */
    uint64_t          key_next;
    uint64_t          misses; /* reads that found nothing */
    struct zipf       zipf;
    struct prng       prng; /* of values */
    char             *pool; /* random text; every value is a part of it */
};

static const struct statement statements[] = {
    {"kv_read", "select value from bench_kv where key = $1"},
    {"kv_update", "update bench_kv set value = $2 where key = $1"},
    {"kv_insert", "insert into bench_kv (key, value) values ($1, $2) "
                  "on conflict (key) do update set value = excluded.value"},
};
enum { KV_READ, KV_UPDATE, KV_INSERT };

static bool kv_accept(const struct options *o)
{
    if (o->reads > 100) {
        cli_usage_error(PROGRAM, "--reads is a percentage, 0 to 100, not %" PRIu64, o->reads);
        return false;
    }
    if (o->keys == 0) {
        cli_usage_error(PROGRAM, "--keys must be at least 1");
        return false;
    }
    if (o->value_size == 0 || o->value_size > VALUE_SIZE_MAX) {
        cli_usage_error(PROGRAM, "--value-size must be from 1B to 1MiB");
        return false;
    }
    return true;
}

/* ---- values: random, so that no storage engine compresses them beyond what text allows ---- */

static void pool_fill(struct kv *kv)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";

    for (uint64_t i = 0; i < 2 * VALUE_SIZE_MAX; i++)
        kv->pool[i] = letters[prng_next(&kv->prng) % 64];
}

static slice value_next(struct kv *kv)
{
    return slice_make(kv->pool + prng_below(&kv->prng, VALUE_SIZE_MAX), kv->value_size);
}

static struct kv *kv_new(struct bench *b)
{
    const struct options *o = b->options;
    struct kv            *kv = heap_must_alloc(NULL, 1, sizeof *kv);

    kv->reads = o->reads;
    kv->value_size = o->value_size;
    kv->distribution = strcmp(o->distribution, "zipf") == 0     ? ZIPF
                       : strcmp(o->distribution, "latest") == 0 ? LATEST
                                                                : UNIFORM;
    kv->pool = heap_must_alloc(NULL, 1, 2 * VALUE_SIZE_MAX);
    prng_init(&kv->prng, o->seed);
    pool_fill(kv);
    b->state = kv;
    return kv;
}

static void kv_close(struct bench *b)
{
    struct kv *kv = b->state;

    if (kv == NULL)
        return;
    heap_free(kv->pool);
    heap_free(kv);
    b->state = NULL;
}

/* ---- init ---- */

static void kv_row(struct bench *b, uint64_t row, struct buf *out)
{
    buf_printf(out, "%" PRIu64 "\t", row + 1);
    buf_append_slice(out, value_next(b->state));
    buf_put_u8(out, '\n');
}

static status kv_create(struct bench *b, PGconn *conn)
{
    kv_new(b);
    TRY_RETURN(connect_query(
        conn, "create table bench_kv (key bigint primary key, value text not null)", NULL));
    return load_table(b, conn, "bench_kv", b->options->keys, kv_row);
}

/* ---- run ---- */

static status kv_open(struct bench *b, PGconn *conn)
{
    struct kv *kv;
    int64_t    newest;

    TRY_RETURN(query_numbers(conn, "select max(key) from bench_kv", &newest, 1));
    if (newest < 1)
        return status_hint(status_new(ST_WRONG_STATE, "the table bench_kv is empty"),
                           "fill it with \"linera-bench init kv --drop\"");
    kv = kv_new(b);
    kv->keys = MIN((uint64_t)newest, b->options->keys); /* not given: all of them */
    kv->key_next = (uint64_t)newest + 1;
    zipf_init(&kv->zipf, kv->keys);
    return STATUS_OK;
}

static int64_t key_choose(struct kv *kv, struct prng *prng)
{
    switch (kv->distribution) {
    case ZIPF:
        return (int64_t)scatter(zipf_next(&kv->zipf, prng) - 1, kv->keys) + 1;
    case LATEST:
        if (kv->zipf.n != kv->keys)
            zipf_init(&kv->zipf, kv->keys);
        return (int64_t)(kv->keys - zipf_next(&kv->zipf, prng)) + 1;
    case UNIFORM:
        break;
    }
    return (int64_t)prng_below(prng, kv->keys) + 1;
}

static void kv_choose(struct bench *b, struct prng *prng, struct operation *op)
{
    struct kv *kv = b->state;

    op->kind = prng_below(prng, 100) < kv->reads ? READ : WRITE;
    if (op->kind == WRITE && kv->distribution == LATEST)
        op->arguments[0] = (int64_t)kv->key_next++;
    else
        op->arguments[0] = key_choose(kv, prng);
}

static bool kv_next(struct bench *b, struct operation *op, const PGresult *rows, struct batch *out)
{
    struct kv   *kv = b->state;
    bool         insert = op->kind == WRITE && kv->distribution == LATEST;
    struct call *c;

    if (op->step > 0) {
        if (op->kind == READ && (rows == NULL || PQntuples(rows) != 1))
            kv->misses++;
        if (insert)
            kv->keys = MAX(kv->keys, (uint64_t)op->arguments[0]);
        return false;
    }
    c = batch_call(out, &statements[op->kind == READ ? KV_READ : insert ? KV_INSERT : KV_UPDATE]);
    call_number(c, op->arguments[0]);
    if (op->kind == WRITE)
        call_text(c, value_next(kv));
    return true;
}

/* With "latest" a read may be ahead of an insert that is still under way or failed; otherwise all
 * keys are there. */
static status kv_check(struct bench *b, PGconn *conn)
{
    struct kv *kv = b->state;

    (void)conn;
    if (kv->misses > 0 && kv->distribution != LATEST)
        bench_violation(b, "%" PRIu64 " reads of keys 1 to %" PRIu64 " found no row", kv->misses,
                        kv->keys);
    return STATUS_OK;
}

const struct workload workload_kv = {
    .name = "kv",
    .kinds = {"read", "write"},
    .tables = {"bench_kv"},
    .statements = statements,
    .statement_count = ARRAY_LEN(statements),
    .accept = kv_accept,
    .create = kv_create,
    .open = kv_open,
    .close = kv_close,
    .choose = kv_choose,
    .next = kv_next,
    .check = kv_check,
};
