#include "sql/catalog/sequence.h"

#include "sql/catalog/rows.h"

/* How many values are written ahead. */
enum { AHEAD = 32 };

/* Stored: last value (8 bytes, little end first), whether it was given out (1 byte). */
enum { STATE_SIZE = 9 };

/* What the node knows of one storage_id. */
struct sequence_state {
    struct env_mutex mutex; /* storing yields */
    bool             loaded;
    int64_t          last;
    bool             is_called;
    uint32_t         ahead; /* values behind `last` that the stored state has passed already */
};

/* ---- the node's state ------------------------------------------------------------------------ */

static void state_free(struct sequence_state *s)
{
    if (s == NULL)
        return;
    env_mutex_deinit(&s->mutex);
    heap_free(s);
}

void sequence_states_free(struct catalog *c)
{
    size_t   pos = 0;
    uint64_t key;
    void    *s;

    while (umap_next(&c->sequences, &pos, &key, &s))
        state_free(s);
}

void sequence_state_forget(struct catalog *c, const struct object *before,
                           const struct object *after)
{
    if (before->kind != OBJECT_TABLE || before->table->kind != RELATION_SEQUENCE)
        return;
    if (after == NULL || after->table->storage_id != before->table->storage_id)
        state_free(umap_remove(&c->sequences, before->table->storage_id));
}

static struct sequence_state *state_of(struct catalog *c, uint64_t storage_id)
{
    struct sequence_state *s = umap_get(&c->sequences, storage_id);

    if (s != NULL)
        return s;
    s = heap_must_alloc(c->heap, 1, sizeof *s);
    env_mutex_init(&s->mutex);
    umap_put(&c->sequences, storage_id, s);
    return s;
}

/* A transaction of its own: neither part of the caller's nor in its way. */
static status state_store(struct catalog *c, uint64_t storage_id, int64_t last, bool is_called)
{
    SCOPED(buf) struct buf key = {0};
    char                   value[STATE_SIZE];
    struct txn            *t = NULL;
    status                 st;

    buf_init(&key, c->heap);
    catalog_key_sequence(&key, storage_id);
    put_u64le(value, (uint64_t)last);
    value[8] = is_called;
    TRY_RETURN(txn_begin(c->txns, NULL, &t));
    st = txn_put(t, buf_slice(&key), slice_make(value, STATE_SIZE));
    if (st_ok(st))
        st = txn_commit(t);
    txn_free(t);
    return st;
}

static status state_load(struct catalog *c, const struct table_desc *d, struct sequence_state *s)
{
    SCOPED(buf) struct buf      key = {0};
    SCOPED(arena) struct arena *a = arena_new(c->heap, NULL);
    struct txn                 *t = NULL;
    slice                       value = SLICE_EMPTY;
    bool                        found = false;
    status                      st;

    buf_init(&key, c->heap);
    catalog_key_sequence(&key, d->storage_id);
    TRY_RETURN(txn_begin(c->txns, NULL, &t));
    st = txn_get(t, buf_slice(&key), a, &value, &found);
    if (st_ok(st) && found && value.size != STATE_SIZE)
        st = status_new(ST_CORRUPT, "the state of sequence \"%s\" cannot be read", d->name);
    txn_free(t);
    TRY_RETURN(st);
    s->last = found ? (int64_t)get_u64le(value.data) : d->sequence.first;
    s->is_called = found && value.data[8] != 0;
    s->ahead = 0;
    s->loaded = true;
    return STATUS_OK;
}

/* Lock and load. On success the caller unlocks. */
static status state_enter(struct catalog *c, const struct table_desc *d,
                          struct sequence_state **out)
{
    struct sequence_state *s = state_of(c, d->storage_id);
    status                 st;

    TRY_RETURN(env_mutex_lock(c->env, &s->mutex, 0));
    st = s->loaded ? STATUS_OK : state_load(c, d, s);
    if (!st_ok(st)) {
        env_mutex_unlock(c->env, &s->mutex);
        return st;
    }
    *out = s;
    return STATUS_OK;
}

/* The value behind `v`; false when there is none. */
static bool sequence_step(const struct sequence_desc *q, int64_t v, int64_t *out)
{
    int64_t next;
    bool    past = __builtin_add_overflow(v, q->increment, &next);

    if (q->increment > 0 && (past || next > q->max))
        next = q->min;
    else if (q->increment < 0 && (past || next < q->min))
        next = q->max;
    else {
        *out = next;
        return true;
    }
    *out = next;
    return q->cycle;
}

/* Take the next value, and up to cache - 1 behind it: *first to *last in steps of the increment. */
static status take(struct catalog *c, const struct table_desc *d, struct sequence_state *s,
                   int64_t *first, int64_t *last)
{
    const struct sequence_desc *q = &d->sequence;
    int64_t                     v = s->last, ahead;
    uint32_t                    taken = 1;

    if (s->is_called && !sequence_step(q, v, &v))
        return status_new(ST_SEQUENCE_LIMIT, "nextval: reached %s value of sequence \"%s\" (%lld)",
                          q->increment > 0 ? "maximum" : "minimum", d->name,
                          (long long)(q->increment > 0 ? q->max : q->min));
    *first = *last = v;
    for (int64_t n = 1; n < q->cache && sequence_step(q, v, &v); n++) {
        /* Cached values run in one direction: a cycle begins a new block. */
        if ((q->increment > 0) != (v > *last))
            break;
        *last = v;
        taken++;
    }
    if (s->ahead < taken) {
        uint32_t n = 0;

        ahead = *last;
        for (v = *last; n < AHEAD && sequence_step(q, v, &v) && (q->increment > 0) == (v > ahead);
             n++)
            ahead = v;
        TRY_RETURN(state_store(c, d->storage_id, ahead, true));
        s->ahead = n;
    } else {
        s->ahead -= taken;
    }
    s->last = *last;
    s->is_called = true;
    return STATUS_OK;
}

status sequence_read(struct catalog_view *v, const struct table_desc *t, int64_t *last,
                     bool *is_called)
{
    struct sequence_state *s;

    /* The hold keeps the state from being dropped while this waits. */
    TRY_RETURN(catalog_table_by_oid(v, t->oid, &t));
    if (t == NULL)
        return status_new(ST_UNDEFINED_TABLE, "the sequence has been dropped");
    TRY_RETURN(state_enter(v->catalog, t, &s));
    *last = s->last;
    *is_called = s->is_called;
    env_mutex_unlock(v->catalog->env, &s->mutex);
    return STATUS_OK;
}

/* ---- sessions -------------------------------------------------------------------------------- */

struct taken {
    uint64_t storage_id;
    int64_t  current; /* what currval() says */
    int64_t  last;    /* cached up to here */
};

struct sequence_session {
    struct heap *heap;
    struct umap  taken; /* OID -> struct taken * */
    uint32_t     last_oid;
};

struct sequence_session *sequence_session_new(struct heap *heap)
{
    struct sequence_session *s = heap_must_alloc(heap, 1, sizeof *s);

    s->heap = heap;
    umap_init(&s->taken, heap);
    return s;
}

void sequence_session_reset(struct sequence_session *s)
{
    size_t   pos = 0;
    uint64_t key;
    void    *t;

    while (umap_next(&s->taken, &pos, &key, &t))
        heap_free(t);
    umap_reset(&s->taken);
    s->last_oid = 0;
}

void sequence_session_free(struct sequence_session *s)
{
    if (s == NULL)
        return;
    sequence_session_reset(s);
    umap_deinit(&s->taken);
    heap_free(s);
}

static status find_sequence(struct sql_context *c, uint32_t oid, const struct table_desc **out)
{
    TRY_RETURN(catalog_table_by_oid(c->catalog, oid, out));
    if (*out == NULL)
        return status_new(ST_UNDEFINED_TABLE, "could not open relation with OID %u", oid);
    if ((*out)->kind != RELATION_SEQUENCE)
        return status_new(ST_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence", (*out)->name);
    return STATUS_OK;
}

static status refuse_read_only(struct sql_context *c, const char *function)
{
    if (c->txn != NULL && txn_is_read_only(c->txn))
        return status_new(ST_READ_ONLY_TRANSACTION,
                          "cannot execute %s() in a read-only transaction", function);
    return STATUS_OK;
}

static struct taken *taken_of(struct sequence_session *s, const struct table_desc *d)
{
    struct taken *t = umap_get(&s->taken, d->oid);

    if (t == NULL) {
        t = heap_must_alloc(s->heap, 1, sizeof *t);
        umap_put(&s->taken, d->oid, t);
    }
    return t;
}

status sequence_next(struct sql_context *c, uint32_t oid, int64_t *out)
{
    struct catalog          *catalog = catalog_view_catalog(c->catalog);
    const struct table_desc *d;
    struct sequence_state   *s;
    struct taken            *t;
    int64_t                  first = 0, last = 0;
    status                   st;

    TRY_RETURN(find_sequence(c, oid, &d));
    TRY_RETURN(refuse_read_only(c, "nextval"));
    t = umap_get(&c->sequences->taken, oid);
    if (t != NULL && t->storage_id == d->storage_id && t->current != t->last) {
        t->current += d->sequence.increment;
        c->sequences->last_oid = oid;
        *out = t->current;
        return STATUS_OK;
    }
    TRY_RETURN(state_enter(catalog, d, &s));
    st = take(catalog, d, s, &first, &last);
    env_mutex_unlock(catalog->env, &s->mutex);
    TRY_RETURN(st);
    *taken_of(c->sequences, d) =
        (struct taken){.storage_id = d->storage_id, .current = first, .last = last};
    c->sequences->last_oid = oid;
    *out = first;
    return STATUS_OK;
}

status sequence_current(struct sql_context *c, uint32_t oid, int64_t *out)
{
    const struct table_desc *d;
    const struct taken      *t;

    TRY_RETURN(find_sequence(c, oid, &d));
    t = umap_get(&c->sequences->taken, oid);
    if (t == NULL)
        return status_new(ST_WRONG_STATE,
                          "currval of sequence \"%s\" is not yet defined in this session", d->name);
    *out = t->current;
    return STATUS_OK;
}

status sequence_last(struct sql_context *c, int64_t *out)
{
    uint32_t                 oid = c->sequences->last_oid;
    const struct table_desc *d = NULL;

    if (oid != 0)
        TRY_RETURN(catalog_table_by_oid(c->catalog, oid, &d));
    if (d == NULL)
        return status_new(ST_WRONG_STATE, "lastval is not yet defined in this session");
    return sequence_current(c, oid, out);
}

status sequence_set(struct sql_context *c, uint32_t oid, int64_t value, bool is_called)
{
    struct catalog          *catalog = catalog_view_catalog(c->catalog);
    const struct table_desc *d;
    struct sequence_state   *s;
    status                   st;

    TRY_RETURN(find_sequence(c, oid, &d));
    TRY_RETURN(refuse_read_only(c, "setval"));
    if (value < d->sequence.min || value > d->sequence.max)
        return status_new(ST_NUMERIC_OUT_OF_RANGE,
                          "setval: value %lld is out of bounds for sequence \"%s\" (%lld..%lld)",
                          (long long)value, d->name, (long long)d->sequence.min,
                          (long long)d->sequence.max);
    TRY_RETURN(state_enter(catalog, d, &s));
    st = state_store(catalog, d->storage_id, value, is_called);
    c->touched_outside = true;
    if (st_ok(st)) {
        s->last = value;
        s->is_called = is_called;
        s->ahead = 0;
    }
    env_mutex_unlock(catalog->env, &s->mutex);
    TRY_RETURN(st);
    if (is_called || umap_has(&c->sequences->taken, oid)) {
        struct taken *t = taken_of(c->sequences, d);

        t->storage_id = d->storage_id;
        if (is_called)
            t->current = value;
        t->last = t->current;
    }
    return STATUS_OK;
}

/* ---- SELECT ... FROM a sequence -------------------------------------------------------------- */

static const struct virtual_column sequence_columns[] = {
    {.name = "last_value", .type = OID_INT8, .not_null = true},
    {.name = "log_cnt", .type = OID_INT8, .not_null = true},
    {.name = "is_called", .type = OID_BOOL, .not_null = true},
};

static status scan_sequence(struct sql_context *c, struct arena *a, const struct table_desc *table,
                            int key_column, const datum *key, struct row_sink *sink)
{
    datum values[3];
    bool  nulls[3] = {false};

    (void)a;
    (void)key_column;
    (void)key;
    TRY_RETURN(sequence_read(c->catalog, table, &values[0].i, &values[2].b));
    values[1].i = 0;
    return sink->row(sink, values, nulls);
}

const struct virtual_table virtual_table_sequence = {
    .schema = "",
    .name = "sequence",
    .columns = sequence_columns,
    .column_count = ARRAY_LEN(sequence_columns),
    .scan = scan_sequence,
};
