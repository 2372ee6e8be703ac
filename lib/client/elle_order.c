/* From reads to the order of versions and the edges between transactions. */
#include "base/assert.h"
#include "base/sort.h"
#include "client/elle_internal.h"

/* The longest list that was read of a key: the order of its versions, as far as anyone knows. */
struct key_order {
    uint64_t              key;
    const struct elle_op *longest; /* NULL: nobody has read it */
};

struct orders {
    struct key_order *keys; /* sorted */
    size_t            count;
};

static int compare_keys(const void *a, const void *b, void *ctx)
{
    const struct key_order *x = a, *y = b;

    (void)ctx;
    return (x->key > y->key) - (x->key < y->key);
}

static struct key_order *find_key(const struct orders *o, uint64_t key)
{
    struct key_order wanted = {.key = key};

    return &o->keys[sort_lower_bound(o->keys, o->count, sizeof wanted, &wanted, compare_keys,
                                     NULL)];
}

static void line(struct elle *e, const char *fmt, ...) PRINTF(2, 3);
static void line(struct elle *e, const char *fmt, ...)
{
    va_list args;

    if (e->report == NULL)
        return;
    va_start(args, fmt);
    buf_vprintf(e->report, fmt, args);
    va_end(args);
    buf_append_cstr(e->report, "\n");
}

#define ULL(x) ((unsigned long long)(x))

/* ---- inside one transaction ---------------------------------------------------------------------
 */

/* What the transaction must see of a key, from what it has read and appended before. */
static void check_internal_read(struct elle *e, size_t txn, const struct elle_op *read)
{
    const struct elle_op *base = NULL;
    size_t                own = 0, at;

    for (const struct elle_op *op = e->txns[txn].first; op != read; op = op->next) {
        if (op->key != read->key)
            continue;
        if (op->is_read) {
            base = op;
            own = 0;
        } else {
            own++;
        }
    }
    at = base != NULL ? base->count : read->count - MIN(own, read->count);
    bool wrong = read->count != at + own ||
                 (base != NULL && base->count > 0 &&
                  memcmp(base->values, read->values, base->count * sizeof *base->values) != 0);

    for (const struct elle_op *op = base != NULL ? base->next : e->txns[txn].first;
         op != read && !wrong; op = op->next) {
        if (op->key == read->key && !op->is_read)
            wrong = read->values[at++] != op->value;
    }
    if (wrong) {
        elle_found(e, ELLE_INTERNAL);
        line(e, "T%zu reads key %llu not as it has read and appended before", txn, ULL(read->key));
    }
}

/* Elements that the transaction itself has appended before, at the end of a read. */
static size_t own_suffix(const struct elle *e, size_t txn, const struct elle_op *read)
{
    size_t own = 0;

    while (own < read->count) {
        const struct elle_write *w =
            elle_find_write(e, read->key, read->values[read->count - own - 1]);

        if (w == NULL || w->txn != txn)
            break;
        own++;
    }
    return own;
}

/* ---- one read -----------------------------------------------------------------------------------
 */

static void check_elements(struct elle *e, size_t txn, const struct elle_op *read)
{
    for (size_t i = 0; i < read->count; i++) {
        const struct elle_write *w = elle_find_write(e, read->key, read->values[i]);

        for (size_t k = 0; k < i; k++) {
            if (read->values[k] == read->values[i]) {
                elle_found(e, ELLE_DUPLICATE);
                line(e, "T%zu reads %llu twice in key %llu", txn, ULL(read->values[i]),
                     ULL(read->key));
            }
        }
        if (w == NULL) {
            elle_found(e, ELLE_GARBAGE);
            line(e, "T%zu reads %llu in key %llu", txn, ULL(read->values[i]), ULL(read->key));
        } else if (e->txns[w->txn].ended && e->txns[w->txn].outcome == ELLE_FAILED) {
            elle_found(e, ELLE_G1A);
            line(e, "T%zu reads %llu in key %llu, appended by T%u, which failed", txn,
                 ULL(read->values[i]), ULL(read->key), w->txn);
        } else if (i + 1 == read->count && !w->final && w->txn != txn) {
            elle_found(e, ELLE_G1B);
            line(e, "T%zu reads key %llu up to %llu, which is not the last that T%u appended", txn,
                 ULL(read->key), ULL(read->values[i]), w->txn);
        }
    }
}

/* ---- orders -------------------------------------------------------------------------------------
 */

static void collect_keys(struct elle *e, struct orders *o)
{
    size_t ops = 0, out = 0;

    for (size_t i = 0; i < e->count; i++) {
        for (const struct elle_op *op = e->txns[i].first; op != NULL; op = op->next)
            ops++;
    }
    o->keys = ARENA_ARRAY(e->scratch, struct key_order, ops + 1);
    o->count = 0;
    for (size_t i = 0; i < e->count; i++) {
        for (const struct elle_op *op = e->txns[i].first; op != NULL; op = op->next)
            o->keys[o->count++].key = op->key;
    }
    sort_stable(e->heap, o->keys, o->count, sizeof *o->keys, compare_keys, NULL);
    for (size_t i = 0; i < o->count; i++) {
        if (i == 0 || o->keys[i].key != o->keys[out - 1].key)
            o->keys[out++] = o->keys[i];
    }
    o->count = out;
}

static bool is_prefix(const struct elle_op *shorter, const struct elle_op *longer)
{
    return shorter->count == 0 ||
           memcmp(shorter->values, longer->values, shorter->count * sizeof *shorter->values) == 0;
}

#define FOR_EACH_COMMITTED_READ(e, i, op)                                                          \
    for (size_t i = 0; i < (e)->count; i++)                                                        \
        if ((e)->txns[i].ended && (e)->txns[i].outcome == ELLE_OK)                                 \
            for (const struct elle_op *op = (e)->txns[i].first; op != NULL; op = op->next)         \
                if (op->is_read)

static void find_longest(struct elle *e, struct orders *o)
{
    FOR_EACH_COMMITTED_READ(e, i, op)
    {
        struct key_order *k = find_key(o, op->key);

        if (k->longest == NULL || op->count > k->longest->count)
            k->longest = op;
    }
    FOR_EACH_COMMITTED_READ(e, i, op)
    {
        struct key_order *k = find_key(o, op->key);

        if (!is_prefix(op, k->longest)) {
            elle_found(e, ELLE_ORDER);
            line(e, "T%zu reads key %llu in another order than others", i, ULL(op->key));
        }
    }
}

/* ---- edges --------------------------------------------------------------------------------------
 */

static void add_ww(struct elle *e, const struct key_order *k)
{
    for (size_t v = 1; k->longest != NULL && v < k->longest->count; v++) {
        const struct elle_write *a = elle_find_write(e, k->key, k->longest->values[v - 1]);
        const struct elle_write *b = elle_find_write(e, k->key, k->longest->values[v]);

        if (a != NULL && b != NULL)
            elle_add_edge(e, a->txn, b->txn, EDGE_WW, k->key, b->value);
    }
}

/* Lists only grow: whoever has read the longest list and not seen an append comes before it. */
static void add_unseen(struct elle *e, uint32_t txn, const struct elle_op *read)
{
    struct elle_write first = {.key = read->key};

    for (const struct elle_write *w = e->writes; w < e->writes + e->write_count; w++) {
        bool seen = false;

        if (w->key != first.key || !e->txns[w->txn].committed)
            continue;
        for (size_t v = 0; v < read->count && !seen; v++)
            seen = read->values[v] == w->value;
        if (!seen)
            elle_add_edge(e, txn, w->txn, EDGE_RW, w->key, w->value);
    }
}

static void add_read(struct elle *e, const struct orders *o, uint32_t txn,
                     const struct elle_op *read)
{
    const struct elle_op    *longest = find_key(o, read->key)->longest;
    size_t                   seen = read->count - own_suffix(e, txn, read);
    const struct elle_write *w;

    if (seen > 0 && (w = elle_find_write(e, read->key, read->values[seen - 1])) != NULL)
        elle_add_edge(e, w->txn, txn, EDGE_WR, read->key, w->value);
    if (e->txns[txn].weak)
        return;
    if (read->count < longest->count) {
        w = elle_find_write(e, read->key, longest->values[read->count]);
        if (w != NULL)
            elle_add_edge(e, txn, w->txn, EDGE_RW, read->key, w->value);
    } else {
        add_unseen(e, txn, read);
    }
}

/* Real time: an edge from each transaction to those that began after it had ended, without those
 * that follow from others. The frontier holds the ended ones that no later one covers. */
struct event {
    uint64_t time;
    uint32_t txn;
    bool     end;
};

static int compare_events(const void *a, const void *b, void *ctx)
{
    const struct event *x = a, *y = b;

    (void)ctx;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (int)x->end - (int)y->end; /* at the same time they overlap: the begin comes first */
}

static void add_realtime(struct elle *e)
{
    struct event *events = ARENA_ARRAY(e->scratch, struct event, 2 * e->count + 1);
    uint32_t     *frontier = ARENA_ARRAY(e->scratch, uint32_t, e->count + 1);
    size_t        count = 0, size = 0;

    for (size_t i = 0; i < e->count; i++) {
        if (!e->txns[i].committed)
            continue;
        events[count++] = (struct event){e->txns[i].invoked, (uint32_t)i, false};
        /* Nobody knows when one of unknown outcome took effect. */
        if (e->txns[i].ended && e->txns[i].outcome == ELLE_OK)
            events[count++] = (struct event){e->txns[i].completed, (uint32_t)i, true};
    }
    sort_stable(e->heap, events, count, sizeof *events, compare_events, NULL);
    for (size_t i = 0; i < count; i++) {
        uint32_t txn = events[i].txn;
        size_t   kept = 0;

        if (!events[i].end) {
            for (size_t k = 0; k < size; k++)
                elle_add_edge(e, frontier[k], txn, EDGE_RT, 0, 0);
            continue;
        }
        for (size_t k = 0; k < size; k++) {
            if (e->txns[frontier[k]].completed >= e->txns[txn].invoked)
                frontier[kept++] = frontier[k];
        }
        frontier[kept++] = txn;
        size = kept;
    }
}

void elle_infer(struct elle *e)
{
    struct orders o;

    FOR_EACH_COMMITTED_READ(e, i, op)
    {
        check_internal_read(e, i, op);
        check_elements(e, i, op);
    }
    collect_keys(e, &o);
    find_longest(e, &o);
    for (size_t k = 0; k < o.count; k++)
        add_ww(e, &o.keys[k]);
    FOR_EACH_COMMITTED_READ(e, i, op)
    {
        add_read(e, &o, (uint32_t)i, op);
    }
    if (e->realtime)
        add_realtime(e);
}
