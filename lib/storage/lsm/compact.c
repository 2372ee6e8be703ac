/* Compaction: fibers that feed a merge (merge.h) and write what it makes. */
#include "base/assert.h"
#include "base/log.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/lsm/merge.h"

enum {
    PIECE_SIZE = 256 << 10,
    RETRY_US = 1000 * 1000,
    REST_STEP_US = 250 * 1000,
    REST_TABLES = 2, /* of level 0 are worth merging at rest */
};

/* A source of the merge: tables that follow each other. */
struct input {
    struct version_table   **tables;
    size_t                   count, next; /* the table after the one being read */
    struct lsm_table_scan   *scan;
    const struct table_seal *seal; /* of the table being read */
};

struct compaction {
    struct lsm          *lsm;
    struct pick         *pick;
    struct merge        *merge;
    struct input        *inputs;
    size_t               input_count;
    struct table_file    file;
    struct manifest_edit edit;
    hlc_ts               gc_ts;   /* what the merge goes by */
    uint64_t             drops;   /* of the engine, when the inputs were last known to be there */
    uint64_t            *outputs; /* numbers of finished files, to be deleted if it fails */
    size_t               output_count;

    /* of the step that runs as a job */
    enum merge_state state;
    size_t           source;
    status           st;
};

/* ---- inputs ----------------------------------------------------------------------------------
 */

/* Each table of level 0 is a source; those of another level are one, and so are those below. */
static void make_inputs(struct compaction *c)
{
    const struct pick *p = c->pick;
    bool               apart = p->level == 0;

    c->inputs =
        heap_must_alloc(c->lsm->heap, p->input_count + p->below_count + 2, sizeof *c->inputs);
    for (size_t i = 0; i < p->input_count; i += apart ? 1 : p->input_count)
        c->inputs[c->input_count++] =
            (struct input){.tables = p->inputs + i, .count = apart ? 1 : p->input_count};
    if (p->below_count > 0)
        c->inputs[c->input_count++] = (struct input){.tables = p->below, .count = p->below_count};
}

/* The clears of a source: those of its tables, which do not overlap; what touches is one. */
static status add_clears(struct compaction *c, size_t source)
{
    struct input     *in = &c->inputs[source];
    struct lsm_clear *all = NULL;
    size_t            total = 0;
    status            st = STATUS_OK;

    for (size_t i = 0; i < in->count; i++) {
        const struct lsm_clear *clears;
        struct lsm_table       *t;
        size_t                  count;

        TRY(st, lsm_table_of(c->lsm, in->tables[i], &t), out);
        clears = lsm_table_clears(t, &count);
        if (count == 0)
            continue;
        all = heap_realloc(NULL, all, (total + count) * sizeof *all);
        if (all == NULL)
            return STATUS_OOM;
        for (size_t k = 0; k < count; k++) {
            if (total > 0 && slice_eq(all[total - 1].end, clears[k].start))
                all[total - 1].end = clears[k].end;
            else
                all[total++] = clears[k];
        }
    }
    if (total > 0)
        merge_add_clears(c->merge, source, all, total);
out:
    heap_free(all);
    return st;
}

static status next_piece(struct compaction *c, struct input *in, struct lsm_table_piece *out)
{
    for (;;) {
        struct lsm_table *t;

        if (in->scan == NULL) {
            out->count = 0;
            if (in->next == in->count)
                return STATUS_OK;
            TRY_RETURN(lsm_table_of(c->lsm, in->tables[in->next++], &t));
            in->seal = lsm_table_seal(t);
            in->scan = lsm_table_scan_open(t);
        }
        TRY_RETURN(lsm_table_scan_next(in->scan, PIECE_SIZE, out));
        if (out->count > 0)
            return STATUS_OK;
        lsm_table_piece_free(out);
        lsm_table_scan_close(in->scan);
        in->scan = NULL;
    }
}

static status feed(struct compaction *c, size_t source)
{
    struct lsm_table_piece p;

    TRY_RETURN(next_piece(c, &c->inputs[source], &p));
    if (p.count == 0) {
        merge_end_source(c->merge, source);
        return STATUS_OK;
    }
    metric_add(&c->lsm->metrics.compaction_read_bytes, p.bytes.size);
    merge_feed(c->merge, source, c->inputs[source].seal, p.offset, &p.bytes, p.blocks, p.count);
    lsm_table_piece_free(&p);
    return STATUS_OK;
}

/* ---- outputs ---------------------------------------------------------------------------------
 */

static status write_output(struct compaction *c)
{
    lsm_pace_compaction(c->lsm, merge_output(c->merge)->size);
    return table_file_write(&c->file, merge_output(c->merge));
}

static status begin_output(struct compaction *c)
{
    struct table_options o;

    TRY_RETURN(table_file_open(c->lsm, &c->file));
    o = table_file_options(&c->file);
    merge_begin_table(c->merge, &o);
    return STATUS_OK;
}

static status end_output(struct compaction *c)
{
    struct table_properties p = *merge_table(c->merge);
    struct table_meta       meta;

    TRY_RETURN(write_output(c));
    p.file_size = c->file.offset;
    metric_add(&c->lsm->base.metrics.compaction_bytes, p.file_size);
    meta = lsm_meta_of(&c->file, c->pick->output_level, &p);
    meta.gc_ts = c->gc_ts;
    manifest_edit_add(&c->edit, &meta);
    c->outputs = heap_realloc(c->lsm->heap, c->outputs, (c->output_count + 1) * sizeof *c->outputs);
    if (c->outputs == NULL)
        return STATUS_OOM;
    c->outputs[c->output_count++] = c->file.number;
    return table_file_finish(&c->file);
}

static void delete_outputs(struct compaction *c)
{
    table_file_abandon(&c->file);
    for (size_t i = 0; i < c->output_count; i++) {
        char *path = lsm_table_path(c->lsm, c->outputs[i]);

        st_clear(env_unlink(c->lsm->base.env, path)); /* the next opening tries again */
        heap_free(path);
    }
}

/* ---- the merge -------------------------------------------------------------------------------
 */

static void step(void *arg)
{
    struct compaction *c = arg;

    c->st = merge_step(c->merge, &c->state, &c->source);
}

static bool inputs_are_there(const struct compaction *c)
{
    const struct pick    *p = c->pick;
    const struct version *now = c->lsm->set.current;
    bool                  are_there = true;

    for (size_t i = 0; i < p->input_count && are_there; i++)
        are_there = version_has(now, p->level, p->inputs[i]->meta.number);
    for (size_t i = 0; i < p->below_count && are_there; i++)
        are_there = version_has(now, p->output_level, p->below[i]->meta.number);
    return are_there;
}

static status dropped(void)
{
    return status_new(ST_CANCELLED, "an input of the compaction was dropped");
}

/* CANCELLED: an input was dropped whole meanwhile, and what of it is in the outputs must not come
 * back. */
static status check_inputs(struct compaction *c)
{
    if (c->drops == c->lsm->drops)
        return STATUS_OK;
    c->drops = c->lsm->drops;
    return inputs_are_there(c) ? STATUS_OK : dropped();
}

static status run_merge(struct compaction *c)
{
    for (;;) {
        env_offload(c->lsm->base.env, ENV_LANE_CPU, step, c);
        TRY_RETURN(c->st);
        if (c->lsm->is_closing)
            return status_new(ST_CANCELLED, "the store is being closed");
        TRY_RETURN(check_inputs(c));
        switch (c->state) {
        case MERGE_NEED_INPUT:
            TRY_RETURN(feed(c, c->source));
            break;
        case MERGE_NEED_TABLE:
            TRY_RETURN(begin_output(c));
            break;
        case MERGE_OUTPUT:
            TRY_RETURN(write_output(c));
            break;
        case MERGE_TABLE_DONE:
            TRY_RETURN(end_output(c));
            break;
        case MERGE_DONE:
            return STATUS_OK;
        }
    }
}

static bool is_input(const struct pick *p, const struct version_table *t)
{
    for (size_t i = 0; i < p->input_count; i++) {
        if (p->inputs[i] == t)
            return true;
    }
    return false;
}

/* Lower `max` below what a source that is no older than the merge's holds. */
static hlc_ts garbage_below(hlc_ts max, hlc_ts ts_min, bool has_cleared)
{
    if (has_cleared || ts_min == 0)
        return 0;
    return MIN(max, ts_min - 1);
}

/* Up to where versions are garbage for what the merge sees alone. A newer source may hold an older
 * version, which a tombstone here hides (L14), or clear the version that makes others garbage.
 * Most often its times are all later, and this takes nothing away. */
static hlc_ts garbage_max(const struct compaction *c)
{
    const struct pick *p = c->pick;
    const struct lsm  *l = c->lsm;
    hlc_ts max = garbage_below(HLC_TS_MAX, l->memtable->ts_min, l->memtable->has_cleared);

    LIST_FOR_EACH (it, &l->waiting) {
        const struct memtable *m = CONTAINER_OF(it, struct memtable, link);

        max = garbage_below(max, m->ts_min, m->has_cleared);
    }
    for (unsigned level = 0; level < p->output_level; level++) {
        const struct version_level *tables = &l->set.current->levels[level];

        for (size_t i = 0; i < tables->count; i++) {
            const struct table_meta *t = &tables->tables[i]->meta;

            if (table_meta_overlaps(t, p->start, p->end) && !is_input(p, tables->tables[i]) &&
                t->ts_max > 0)
                max = garbage_below(max, t->ts_min, t->cleared > 0);
        }
    }
    return max;
}

static status merge_tables(struct compaction *c)
{
    struct merge_options o = {.pick = c->pick,
                              .table_size = c->lsm->picker.options.table_size,
                              .gc = c->lsm->set.gc.spans,
                              .gc_count = c->lsm->set.gc.count,
                              .gc_max = garbage_max(c)};

    c->gc_ts = version_set_gc_least(&c->lsm->set, c->pick->start, c->pick->end);
    make_inputs(c);
    o.source_count = c->input_count;
    c->merge = merge_new(&o);
    for (size_t i = 0; i < c->input_count; i++)
        TRY_RETURN(add_clears(c, i));
    TRY_RETURN(run_merge(c));
    return env_sync_dir(c->lsm->base.env, c->lsm->path, ENV_LANE_WRITE);
}

/* An edit that waits behind one that drops an input is rejected, like any that removes what is not
 * there. */
static status install(struct compaction *c)
{
    status st = lsm_edit(c->lsm, &c->edit);

    if (status_code(st) != ST_CORRUPT || inputs_are_there(c))
        return st;
    st_clear(st);
    return dropped();
}

static status compact(struct lsm *l, struct pick *p, uint64_t drops)
{
    struct compaction c = {.lsm = l, .pick = p, .drops = drops};
    status            st = STATUS_OK;

    manifest_edit_init(&c.edit, l->heap);
    pick_edit(p, &c.edit);
    if (!p->is_move)
        st = merge_tables(&c);
    if (st_ok(st))
        st = install(&c);
    if (!st_ok(st) && !manifest_has_failed(l->manifest)) /* else the edit may count after all */
        delete_outputs(&c);
    for (size_t i = 0; i < c.input_count; i++)
        lsm_table_scan_close(c.inputs[i].scan);
    merge_free(c.merge);
    manifest_edit_deinit(&c.edit);
    heap_free(c.inputs);
    heap_free(c.outputs);
    return st;
}

/* ---- the fibers ------------------------------------------------------------------------------
 */

/* What the fiber of one compaction is given. */
struct task {
    struct lsm  *lsm;
    struct pick *pick;
    uint64_t     drops; /* the engine's, when the pick was made */
};

/* Garbage and small tables are for idle times: one at a time, and when nothing else is under way.
 */
static struct pick *next_pick(struct lsm *l)
{
    struct pick *p = picker_pick(&l->picker, l->set.current, l->picks, l->pick_count);

    if (p != NULL || l->pick_count > 0)
        return p;
    return picker_pick_garbage(&l->picker, l->set.current, NULL, 0);
}

static void add_pick(struct lsm *l, struct pick *p)
{
    ASSERT(l->pick_count < l->compactions_max);
    for (size_t i = 0; i < l->pick_count; i++)
        ASSERT(picks_are_apart(l->picks[i], p));
    l->picks[l->pick_count++] = p;
    metric_set(&l->base.metrics.compactions_running, (int64_t)l->pick_count);
}

static void remove_pick(struct lsm *l, struct pick *p)
{
    size_t i = 0;

    while (i < l->pick_count && l->picks[i] != p)
        i++;
    ASSERT(i < l->pick_count);
    for (l->pick_count--; i < l->pick_count; i++)
        l->picks[i] = l->picks[i + 1];
    metric_set(&l->base.metrics.compactions_running, (int64_t)l->pick_count);
    pick_free(p);
}

/* What failed would fail again at once. Its tables stay taken meanwhile, and others have their
 * turn. */
static void await_retry(struct lsm *l)
{
    struct env *env = l->base.env;
    uint64_t    until_us = env_mono_us(env) + RETRY_US;
    status      st = STATUS_OK;

    while (st_ok(st) && !l->is_closing && l->base.state != ENGINE_STOPPED)
        st = env_wait(env, &l->idle, until_us);
    st_clear(st);
}

static void compaction_fiber(struct env *env, void *arg)
{
    struct task task = *(struct task *)arg;
    struct lsm *l = task.lsm;
    status      st = compact(l, task.pick, task.drops);

    heap_free(arg);
    l->compact_fails = !st_ok(st);
    if (st_ok(st))
        metric_add(&l->base.metrics.compactions, 1);
    else if (status_code(st) != ST_CANCELLED && !l->is_closing) {
        metric_add(&l->base.metrics.compaction_failures, 1);
        env_broadcast(env, &l->idle);
        log_error(env_log(env), "a compaction failed", kv_status(st));
        await_retry(l);
    }
    st_clear(st);
    remove_pick(l, task.pick);
    env_broadcast(env, &l->idle);
    lsm_start_compaction(l);
}

static status start(struct lsm *l, struct pick *p)
{
    struct task *task = heap_must_alloc(l->heap, 1, sizeof *task);
    status       st;

    *task = (struct task){.lsm = l, .pick = p, .drops = l->drops};
    add_pick(l, p);
    st = env_spawn(l->base.env, "compaction", compaction_fiber, task, NULL);
    if (!st_ok(st)) {
        remove_pick(l, p);
        heap_free(task);
    }
    return st;
}

/* ---- at rest ---------------------------------------------------------------------------------
 */

static size_t level0_tables(const struct lsm *l)
{
    return l->set.current->levels[0].count;
}

static bool is_busy(const struct lsm *l)
{
    return l->pick_count > 0 || l->waiting_count > 0 || l->is_held ||
           l->base.state != ENGINE_RUNNING;
}

/* Each table of level 0 is one more source for every read. While writes go on it pays to gather
 * some before they are merged with what is below; when they have ended it does not. */
static void rest_fiber(struct env *env, void *arg)
{
    struct lsm  *l = arg;
    struct pick *p = NULL;

    lsm_note_writes(l);
    while (p == NULL && !l->is_closing && l->base.state != ENGINE_STOPPED &&
           level0_tables(l) >= REST_TABLES) {
        st_clear(env_wait(env, &l->idle, env_mono_us(env) + REST_STEP_US));
        if (lsm_has_written(l) || is_busy(l))
            lsm_note_writes(l);
        else if (lsm_is_at_rest(l))
            p = picker_pick_level0(&l->picker, l->set.current, NULL, 0);
    }
    l->is_resting = false;
    if (p != NULL)
        st_clear(start(l, p)); /* the next one tries again */
    env_broadcast(env, &l->idle);
}

static void start_rest(struct lsm *l)
{
    status st;

    if (l->is_resting || l->is_closing || level0_tables(l) < REST_TABLES)
        return;
    l->is_resting = true;
    st = env_spawn(l->base.env, "level 0 at rest", rest_fiber, l, NULL);
    if (!st_ok(st)) {
        l->is_resting = false;
        st_clear(st);
    }
}

void lsm_start_compaction(struct lsm *l)
{
    struct pick *p;
    status       st = STATUS_OK;

    while (st_ok(st) && l->pick_count < l->compactions_max && !l->is_closing && !l->is_held &&
           l->base.state != ENGINE_STOPPED && (p = next_pick(l)) != NULL)
        st = start(l, p);
    st_clear(st); /* the next flush tries again */
    start_rest(l);
}
