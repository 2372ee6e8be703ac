#include "client/elle.h"

#include "base/assert.h"
#include "base/sort.h"
#include "client/elle_internal.h"

static const struct {
    const char     *name;
    enum elle_level level;
} anomalies[ELLE_ANOMALY_COUNT] = {
#define X(id, text, from) [ELLE_##id] = {text, from},
    ELLE_ANOMALIES(X)
#undef X
};

const char *elle_anomaly_name(enum elle_anomaly a)
{
    return anomalies[a].name;
}

struct elle *elle_new(struct heap *heap)
{
    struct elle *e = heap_must_alloc(heap, 1, sizeof *e);

    e->heap = heap;
    e->arena = arena_new(heap, NULL);
    return e;
}

void elle_free(struct elle *e)
{
    if (e == NULL)
        return;
    arena_free(e->arena);
    heap_free(e->txns);
    heap_free(e);
}

size_t elle_txn_count(const struct elle *e)
{
    return e->count;
}

size_t elle_begin(struct elle *e, uint64_t invoked)
{
    if (e->count == e->capacity) {
        size_t           capacity = e->capacity == 0 ? 256 : 2 * e->capacity;
        struct elle_txn *txns = heap_must_alloc(e->heap, capacity, sizeof *txns);

        if (e->count > 0)
            memcpy(txns, e->txns, e->count * sizeof *txns);
        heap_free(e->txns);
        e->txns = txns;
        e->capacity = capacity;
    }
    ASSERT(e->count < ELLE_NONE);
    e->txns[e->count] = (struct elle_txn){.invoked = invoked};
    return e->count++;
}

static struct elle_op *op_add(struct elle *e, size_t txn, uint64_t key)
{
    struct elle_txn *t = &e->txns[txn];
    struct elle_op  *op = ARENA_NEW(e->arena, struct elle_op);

    ASSERT(txn < e->count && !t->ended);
    op->key = key;
    if (t->last != NULL)
        t->last->next = op;
    else
        t->first = op;
    t->last = op;
    return op;
}

void elle_append(struct elle *e, size_t txn, uint64_t key, uint64_t value)
{
    op_add(e, txn, key)->value = value;
}

void elle_read(struct elle *e, size_t txn, uint64_t key, const uint64_t *values, size_t count)
{
    struct elle_op *op = op_add(e, txn, key);

    op->is_read = true;
    op->count = count;
    op->values = ARENA_ARRAY(e->arena, uint64_t, count + 1);
    if (count > 0)
        memcpy(op->values, values, count * sizeof *values);
}

void elle_end(struct elle *e, size_t txn, enum elle_outcome outcome, uint64_t completed)
{
    struct elle_txn *t = &e->txns[txn];

    ASSERT(!t->ended);
    t->ended = true;
    t->outcome = outcome;
    t->completed = completed;
}

void elle_weaken(struct elle *e, size_t txn)
{
    e->txns[txn].weak = true;
}

void elle_found(struct elle *e, enum elle_anomaly a)
{
    e->result->found[a]++;
    if (e->report != NULL)
        buf_printf(e->report, "%s: ", anomalies[a].name);
}

static int compare_writes(const void *a, const void *b, void *ctx)
{
    const struct elle_write *x = a, *y = b;

    (void)ctx;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

const struct elle_write *elle_find_write(const struct elle *e, uint64_t key, uint64_t value)
{
    struct elle_write wanted = {.key = key, .value = value};
    size_t            at =
        sort_lower_bound(e->writes, e->write_count, sizeof wanted, &wanted, compare_writes, NULL);

    if (at == e->write_count || compare_writes(&e->writes[at], &wanted, NULL) != 0)
        return NULL;
    return &e->writes[at];
}

void elle_add_edge(struct elle *e, uint32_t from, uint32_t to, enum elle_edge_kind kind,
                   uint64_t key, uint64_t value)
{
    struct elle_edge *edge;

    if (from == to)
        return;
    edge = ARENA_NEW(e->scratch, struct elle_edge);
    *edge = (struct elle_edge){
        .to = to, .kind = kind, .key = key, .value = value, .next = e->edges[from]};
    e->edges[from] = edge;
}

static bool is_final(const struct elle_op *op)
{
    for (const struct elle_op *later = op->next; later != NULL; later = later->next) {
        if (!later->is_read && later->key == op->key)
            return false;
    }
    return true;
}

static void collect_writes(struct elle *e)
{
    size_t count = 0;

    for (size_t i = 0; i < e->count; i++) {
        for (const struct elle_op *op = e->txns[i].first; op != NULL; op = op->next)
            count += !op->is_read;
    }
    e->writes = ARENA_ARRAY(e->scratch, struct elle_write, count + 1);
    e->write_count = 0;
    for (size_t i = 0; i < e->count; i++) {
        for (const struct elle_op *op = e->txns[i].first; op != NULL; op = op->next) {
            if (!op->is_read)
                e->writes[e->write_count++] = (struct elle_write){
                    .key = op->key, .value = op->value, .txn = (uint32_t)i, .final = is_final(op)};
        }
    }
    sort_stable(e->heap, e->writes, e->write_count, sizeof *e->writes, compare_writes, NULL);
    /* Every write is unique and recognisable (pitfall V5). */
    for (size_t i = 1; i < e->write_count; i++)
        ASSERT(compare_writes(&e->writes[i - 1], &e->writes[i], NULL) < 0);
}

/* A transaction of unknown outcome has committed if somebody has seen a write of it. */
static void decide_unknown(struct elle *e)
{
    for (size_t i = 0; i < e->count; i++)
        e->txns[i].committed = e->txns[i].ended && e->txns[i].outcome == ELLE_OK;
    for (size_t i = 0; i < e->count; i++) {
        if (!e->txns[i].ended || e->txns[i].outcome != ELLE_OK)
            continue;
        for (const struct elle_op *op = e->txns[i].first; op != NULL; op = op->next) {
            for (size_t v = 0; op->is_read && v < op->count; v++) {
                const struct elle_write *w = elle_find_write(e, op->key, op->values[v]);

                if (w != NULL &&
                    (!e->txns[w->txn].ended || e->txns[w->txn].outcome == ELLE_UNKNOWN))
                    e->txns[w->txn].committed = true;
            }
        }
    }
}

void elle_check(struct elle *e, enum elle_level level, bool realtime, struct buf *report,
                struct elle_result *out)
{
    *out = (struct elle_result){0};
    e->scratch = arena_new(e->heap, NULL);
    e->edges = ARENA_ARRAY(e->scratch, struct elle_edge *, e->count + 1);
    e->report = report;
    e->result = out;
    e->realtime = realtime;
    collect_writes(e);
    decide_unknown(e);
    elle_infer(e);
    elle_find_cycles(e);
    for (int a = 0; a < ELLE_ANOMALY_COUNT; a++) {
        if (anomalies[a].level <= level)
            out->forbidden += out->found[a];
    }
    arena_free(e->scratch);
    e->scratch = NULL;
}
