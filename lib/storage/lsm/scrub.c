/* The scrubber: reads all tables from end to end in the background, at a bounded rate, so that bits
 * that rot where nobody reads are found while other copies are still whole. */
#include <inttypes.h>

#include "base/log.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/lsm/table_walk.h"

enum {
    AHEAD_US = 10 * 1000, /* so far ahead of its rate a walk may be before it waits */
    PAUSE_US = 1000 * 1000,
};

struct scrub {
    struct lsm       *lsm;
    uint64_t          start_us, bytes; /* of this table */
    struct lsm_table *table;
    uint64_t          faults;
};

/* What was read so far may have taken so long at the least. */
static status keep_rate(struct scrub *s)
{
    uint64_t due = s->start_us + s->bytes * 1000000 / s->lsm->scrub_rate;

    if (due < env_mono_us(s->lsm->base.env) + AHEAD_US)
        return STATUS_OK;
    return env_sleep_us(s->lsm->base.env, due - env_mono_us(s->lsm->base.env));
}

static status note_block(void *ctx, const struct table_block *b)
{
    struct scrub *s = ctx;

    s->bytes += b->handle.size;
    metric_add(&s->lsm->metrics.scrubbed_bytes, b->handle.size);
    if (s->lsm->is_closing)
        return status_new(ST_CANCELLED, "the store is being closed");
    return keep_rate(s);
}

static status note_fault(void *ctx, const struct table_fault *f)
{
    struct scrub *s = ctx;

    s->faults++;
    metric_add(&s->lsm->metrics.scrub_faults, 1);
    log_error(env_log(s->lsm->base.env), "a table is damaged",
              kv_str("file", lsm_table_file_path(s->table)), kv_u64("offset", f->offset),
              kv_key("least_key", f->least), kv_key("greatest_key", f->greatest),
              kv_status(f->error));
    return STATUS_OK;
}

static status walk(struct scrub *s, struct version_table *t)
{
    struct table_walk o = {.ctx = s, .fault = note_fault, .block = note_block};
    status            st = lsm_table_of(s->lsm, t, &s->table);

    s->start_us = env_mono_us(s->lsm->base.env);
    s->bytes = 0;
    if (st_ok(st))
        st = lsm_table_walk(s->table, &o);
    if (status_code(st) != ST_CORRUPT)
        return st;
    /* It cannot even be opened. */
    metric_add(&s->lsm->metrics.scrub_faults, 1);
    log_error(env_log(s->lsm->base.env), "a table is damaged", kv_status(st));
    st_clear(st);
    return STATUS_OK;
}

/* The table of the least number above `after` that the store has now; NULL: none. */
static struct version_table *next_table(const struct version *v, uint64_t after)
{
    struct version_table *next = NULL;

    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        for (size_t i = 0; i < v->levels[level].count; i++) {
            struct version_table *t = v->levels[level].tables[i];

            if (t->meta.number > after && (next == NULL || t->meta.number < next->meta.number))
                next = t;
        }
    }
    return next;
}

/* Every table that was there when the round began and still is; the files of no more than one are
 * kept from being deleted meanwhile. */
static status scrub_round(struct scrub *s)
{
    uint64_t last = s->lsm->set.next_file_number, number = 0;
    status   st = STATUS_OK;

    while (st_ok(st)) {
        struct version       *v = version_ref(s->lsm->set.current);
        struct version_table *t = next_table(v, number);

        if (t == NULL || t->meta.number >= last) {
            version_unref(v);
            break;
        }
        number = t->meta.number;
        st = walk(s, t);
        version_unref(v);
    }
    if (st_ok(st))
        metric_add(&s->lsm->metrics.scrub_rounds, 1);
    return st;
}

static void scrub_fiber(struct env *env, void *arg)
{
    struct scrub s = {.lsm = arg};
    status       st = STATUS_OK;

    while (status_code(st) != ST_CANCELLED) {
        st_clear(st);
        st = env_sleep_us(env, s.lsm->scrub_interval_us);
        if (st_ok(st))
            st = scrub_round(&s);
        if (st_ok(st) || status_code(st) == ST_CANCELLED)
            continue;
        log_warn(env_log(env), "could not scrub the store", kv_status(st));
        st_clear(st);
        st = env_sleep_us(env, PAUSE_US);
    }
    st_clear(st);
}

status lsm_scrub_start(struct lsm *l)
{
    return l->scrub_rate > 0 ? env_spawn(l->base.env, "scrub", scrub_fiber, l, &l->scrubber)
                             : STATUS_OK;
}

void lsm_scrub_stop(struct lsm *l)
{
    if (l->scrubber == NULL)
        return;
    fiber_cancel(l->scrubber);
    fiber_join(l->scrubber);
    l->scrubber = NULL;
}
