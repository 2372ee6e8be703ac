#include "storage/lsm/picker.h"

#include "base/assert.h"
#include "base/sort.h"
#include "storage/lsm/picker_internal.h"

enum {
    DRAIN_SCORE = 1500, /* of a level above the base level: it keeps level 0 from going deeper */
    GARBAGE_DIVISOR = 4,
    SMALL_RUN = 4,       /* neighbours that are worth joining */
    SPAN_TABLES_MAX = 8, /* taken at once by picker_pick_span() */
    /* Of level 0, which has hundreds of tables when a full disk lets no compaction through: for
     * each that it takes the search looks at all. */
    LEVEL0_TABLES_MAX = 64,
};

void picker_init(struct picker *p, struct heap *heap, const struct picker_options *options)
{
    struct picker_options *o = &p->options;

    *p = (struct picker){.heap = heap, .options = *options};
    o->table_size = o->table_size != 0 ? o->table_size : 32 << 20;
    o->base_size_min = o->base_size_min != 0 ? o->base_size_min : 64 << 20;
    o->level0_least = o->level0_least != 0 ? o->level0_least : 6;
    o->level0_most = o->level0_most != 0 ? o->level0_most : 10;
    o->multiplier = o->multiplier != 0 ? o->multiplier : 10;
    o->grandparents_max = o->grandparents_max != 0 ? o->grandparents_max : 10;
    o->input_size_max = o->input_size_max != 0 ? o->input_size_max : 1 << 30;
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        buf_init(&p->cursors[level], heap);
}

void picker_deinit(struct picker *p)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        buf_deinit(&p->cursors[level]);
}

/* ---- targets and scores
 * ------------------------------------------------------------------------------ */

unsigned picker_targets(const struct picker *p, const struct version *v,
                        uint64_t targets[LSM_LEVELS])
{
    unsigned level = LSM_LEVELS - 1;
    uint64_t size = 0;

    for (unsigned i = 1; i < LSM_LEVELS; i++)
        size = MAX(size, v->levels[i].size);
    memset(targets, 0, LSM_LEVELS * sizeof *targets);
    targets[level] = UINT64_MAX;
    while (level > 1 && size / p->options.multiplier >= p->options.base_size_min) {
        size /= p->options.multiplier;
        targets[--level] = size;
    }
    /* A table above the base level, from when the store was larger, is newer than what is below. */
    for (unsigned i = 1; i < level; i++)
        if (v->levels[i].count > 0)
            return i;
    return level;
}

static unsigned ratio(uint64_t size, uint64_t target)
{
    uint128_t score = (uint128_t)size * 1000 / target;

    return (unsigned)MIN(score, INT32_MAX);
}

/* How many tables of level 0 it takes, when those there are have `size` bytes. */
static unsigned level0_trigger(const struct picker *p, uint64_t base_size, uint64_t size,
                               size_t count)
{
    uint64_t as_large = base_size / (size / MAX(count, (size_t)1) + 1);

    return (unsigned)MIN(MAX(as_large, (uint64_t)p->options.level0_least),
                         (uint64_t)p->options.level0_most);
}

/* `size` and `count` are of the tables that are not being compacted already. */
static unsigned score_of(const struct picker *p, const uint64_t *targets, uint64_t base_size,
                         unsigned level, uint64_t size, size_t count)
{
    if (level == 0)
        return (unsigned)(MIN(count, 1000000) * 1000 / level0_trigger(p, base_size, size, count));
    if (level == LSM_LEVELS - 1 || count == 0)
        return 0;
    if (targets[level] == 0)
        return DRAIN_SCORE;
    return ratio(size, targets[level]);
}

unsigned picker_pressure(const struct picker *p, const struct version *v)
{
    uint64_t targets[LSM_LEVELS];
    uint64_t base_size = v->levels[picker_targets(p, v, targets)].size;
    unsigned most = 0;

    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &v->levels[level];
        unsigned score = score_of(p, targets, base_size, level, l->size, l->count);

        most = MAX(most, score);
    }
    return most;
}

uint64_t picker_debt(const struct picker *p, const struct version *v)
{
    const struct version_level *level0 = &v->levels[0];
    uint64_t                    targets[LSM_LEVELS], debt = 0;
    unsigned                    base = picker_targets(p, v, targets);

    if (level0->count >= level0_trigger(p, v->levels[base].size, level0->size, level0->count))
        debt = level0->size;
    for (unsigned level = 1; level < LSM_LEVELS - 1; level++)
        if (v->levels[level].size > targets[level])
            debt += v->levels[level].size - targets[level];
    return debt;
}

/* ---- one call
 * ---------------------------------------------------------------------------------------- */

static void context_init(struct pick_context *c, const struct picker *p, struct version *v,
                         struct pick *const *running, size_t running_count)
{
    *c = (struct pick_context){
        .picker = p, .version = v, .running = running, .running_count = running_count};
    c->base = picker_targets(p, v, c->targets);
    umap_init(&c->busy, p->heap);
    for (size_t i = 0; i < running_count; i++) {
        struct pick *r = running[i];

        for (size_t k = 0; k < r->input_count; k++)
            umap_put(&c->busy, r->inputs[k]->meta.number, r);
        for (size_t k = 0; k < r->below_count; k++)
            umap_put(&c->busy, r->below[k]->meta.number, r);
    }
}

static void context_deinit(struct pick_context *c)
{
    umap_deinit(&c->busy);
}

static unsigned free_score(const struct pick_context *c, unsigned level)
{
    const struct version_level *l = &c->version->levels[level];
    uint64_t                    size = 0;
    size_t                      count = 0;

    for (size_t i = 0; i < l->count; i++)
        if (!pick_is_busy(c, l->tables[i])) {
            size += l->tables[i]->meta.size;
            count++;
        }
    return score_of(c->picker, c->targets, c->version->levels[c->base].size, level, size, count);
}

/* ---- level 0
 * ----------------------------------------------------------------------------------------- */

/* A choice among the tables of level 0, by position; the oldest is last. */
struct choice {
    bool                    *taken;
    size_t                   count; /* how many are taken */
    uint64_t                 size;
    const struct table_meta *first, *last; /* those with the least and the greatest key */
};

/* Whether a table overlaps the hull of those taken: between two of them counts too, so that the
 * span of a pick holds nothing of level 0 that is older. */
static bool is_in_hull(const struct choice *ch, const struct table_meta *t)
{
    return !table_meta_is_before(t, ch->first) && !table_meta_is_before(ch->last, t);
}

static bool ends_behind(const struct table_meta *a, const struct table_meta *b)
{
    int order = slice_cmp(a->greatest, b->greatest);

    return order != 0 ? order > 0 : !a->greatest_open && b->greatest_open;
}

static void choose(struct choice *ch, const struct version_level *l, size_t i)
{
    const struct table_meta *t = &l->tables[i]->meta;

    if (ch->count == 0 || slice_cmp(t->least, ch->first->least) < 0)
        ch->first = t;
    if (ch->count == 0 || ends_behind(t, ch->last))
        ch->last = t;
    ch->taken[i] = true;
    ch->count++;
    ch->size += t->size;
}

/* Take what is older than the newest one taken and within the hull, until nothing is. False: one of
 * them is busy, and the choice cannot be. */
static bool close_choice(const struct pick_context *c, struct choice *ch, size_t newest)
{
    const struct version_level *l = &c->version->levels[0];
    bool                        grown = true;

    while (grown) {
        grown = false;
        for (size_t i = newest; i < l->count; i++) {
            if (ch->taken[i] || !is_in_hull(ch, &l->tables[i]->meta))
                continue;
            if (pick_is_busy(c, l->tables[i]))
                return false;
            choose(ch, l, i);
            grown = true;
        }
    }
    return true;
}

static void choice_copy(struct choice *to, const struct choice *from, size_t count)
{
    bool *taken = to->taken;

    *to = *from;
    to->taken = taken;
    memcpy(taken, from->taken, count * sizeof *taken);
}

/* Whether the base level has nothing within the hull of what is taken. */
static bool nothing_below(const struct pick_context *c, const struct choice *ch)
{
    struct buf end;
    size_t     first;
    bool       nothing;

    buf_init(&end, c->picker->heap);
    pick_put_end(&end, ch->last);
    nothing = version_overlaps(c->version, c->base, ch->first->least, buf_slice(&end), &first) == 0;
    buf_deinit(&end);
    return nothing;
}

/* From a seed, take newer tables as they overlap what is taken, until one cannot be or is too much:
 * then those newer than it stay too, for they may overlap it. Tables apart are taken along while
 * there is nothing to merge with below, so that loads in order move many at once. */
static bool choose_from(const struct pick_context *c, size_t seed, struct choice *ch,
                        struct choice *trial)
{
    const struct version_level *l = &c->version->levels[0];
    bool                        is_load;

    memset(ch->taken, 0, l->count * sizeof *ch->taken);
    ch->count = ch->size = 0;
    choose(ch, l, seed);
    if (!close_choice(c, ch, seed))
        return false;
    is_load = nothing_below(c, ch);
    for (size_t i = seed; i > 0; i--) {
        const struct version_table *t = l->tables[i - 1];
        bool                        inside = is_in_hull(ch, &t->meta);

        if (!inside && (!is_load || pick_is_busy(c, t)))
            continue;
        if (pick_is_busy(c, t))
            break;
        choice_copy(trial, ch, l->count);
        choose(trial, l, i - 1);
        if (!close_choice(c, trial, i - 1) || trial->size > c->picker->options.input_size_max ||
            trial->count > LEVEL0_TABLES_MAX)
            break;
        if (!inside && !nothing_below(c, trial))
            continue;
        choice_copy(ch, trial, l->count);
    }
    return true;
}

static struct pick *make_choice(const struct pick_context *c, enum pick_reason reason,
                                const struct choice *ch)
{
    const struct version_level *l = &c->version->levels[0];
    struct version_table      **tables = heap_must_alloc(c->picker->heap, l->count, sizeof *tables);
    size_t                      count = 0;
    struct pick                *pk;

    for (size_t i = 0; i < l->count; i++)
        if (ch->taken[i])
            tables[count++] = l->tables[i];
    pk = pick_make(c, reason, 0, c->base, tables, count);
    heap_free(tables);
    return pk;
}

/* The pick of level 0 that begins with the oldest table it can, among those that overlap the span
 * (empty `end`: no upper end). */
static struct pick *pick_level0(const struct pick_context *c, enum pick_reason reason, slice start,
                                slice end)
{
    const struct version_level *l = &c->version->levels[0];
    struct choice               ch = {0}, trial = {0};
    struct pick                *pk = NULL;

    ch.taken = heap_must_alloc(c->picker->heap, l->count + 1, sizeof *ch.taken);
    trial.taken = heap_must_alloc(c->picker->heap, l->count + 1, sizeof *trial.taken);
    for (size_t i = l->count; i > 0 && pk == NULL; i--) {
        const struct version_table *t = l->tables[i - 1];

        if (pick_is_busy(c, t) || !table_meta_overlaps(&t->meta, start, end))
            continue;
        if (choose_from(c, i - 1, &ch, &trial))
            pk = make_choice(c, reason, &ch);
    }
    heap_free(ch.taken);
    heap_free(trial.taken);
    return pk;
}

/* The pick that brings this table on its way. */
static struct pick *pick_level0_table(const struct pick_context *c, enum pick_reason reason,
                                      const struct table_meta *t)
{
    struct buf   end;
    struct pick *pk;

    buf_init(&end, c->picker->heap);
    pick_put_end(&end, t);
    pk = pick_level0(c, reason, t->least, buf_slice(&end));
    buf_deinit(&end);
    return pk;
}

/* ---- other levels
 * ------------------------------------------------------------------------------------ */

struct rank {
    size_t   at;
    unsigned garbage;    /* class of density */
    uint64_t overlapped; /* bytes below per byte, in halves */
};

/* Tombstones, CLEARED and clears per KiB, in classes, so that noise does not outweigh overlap. */
static unsigned garbage_class(const struct table_meta *t)
{
    uint64_t weight = t->tombstones + t->cleared + 64 * MIN(t->clears, UINT32_MAX);
    uint64_t density = weight / (t->size / 1024 + 1);

    return density < 1 ? 0 : density < 4 ? 1 : density < 16 ? 2 : 3;
}

static uint64_t overlapped_below(const struct pick_context *c, unsigned below,
                                 const struct table_meta *t)
{
    struct buf end;
    uint64_t   size = 0;
    size_t     first, count;

    buf_init(&end, c->picker->heap);
    pick_put_end(&end, t);
    count = version_overlaps(c->version, below, t->least, buf_slice(&end), &first);
    for (size_t i = first; i < first + count; i++)
        size += c->version->levels[below].tables[i]->meta.size;
    buf_deinit(&end);
    return size;
}

static int compare_ranks(const void *a, const void *b, void *ctx)
{
    const struct rank *x = a, *y = b;

    (void)ctx;
    if (x->garbage != y->garbage)
        return x->garbage > y->garbage ? -1 : 1;
    return (x->overlapped > y->overlapped) - (x->overlapped < y->overlapped);
}

/* The level's free tables, best first; of equals the one behind the cursor. Returns how many. */
static size_t rank_tables(const struct pick_context *c, unsigned level, struct rank *ranks)
{
    const struct version_level *l = &c->version->levels[level];
    unsigned                    below = pick_level_below(c, level);
    slice                       cursor = buf_slice(&c->picker->cursors[level]);
    size_t                      first = 0, count = 0;

    while (first < l->count && slice_cmp(l->tables[first]->meta.least, cursor) < 0)
        first++;
    for (size_t i = 0; i < l->count; i++) {
        size_t                   at = (first + i) % l->count;
        const struct table_meta *t = &l->tables[at]->meta;

        if (pick_is_busy(c, l->tables[at]))
            continue;
        ranks[count++] =
            (struct rank){.at = at,
                          .garbage = garbage_class(t),
                          .overlapped = overlapped_below(c, below, t) * 2 / (t->size + 1)};
    }
    sort_stable(c->picker->heap, ranks, count, sizeof *ranks, compare_ranks, NULL);
    return count;
}

static void move_cursor(struct picker *p, const struct pick *pk)
{
    struct buf *cursor = &p->cursors[pk->level];

    buf_reset(cursor);
    pick_put_end(cursor, &pk->inputs[pk->input_count - 1]->meta);
}

static struct pick *pick_level(struct picker *p, const struct pick_context *c, unsigned level)
{
    const struct version_level *l = &c->version->levels[level];
    struct rank                *ranks = heap_must_alloc(p->heap, l->count + 1, sizeof *ranks);
    size_t                      count = rank_tables(c, level, ranks);
    unsigned                    below = pick_level_below(c, level);
    struct pick                *pk = NULL;

    for (size_t i = 0; i < count && pk == NULL; i++)
        pk = pick_make(c, PICK_SIZE, level, below, &l->tables[ranks[i].at], 1);
    if (pk != NULL)
        move_cursor(p, pk);
    heap_free(ranks);
    return pk;
}

struct pick *picker_pick(struct picker *p, struct version *v, struct pick *const *running,
                         size_t running_count)
{
    struct pick_context c;
    unsigned            scores[LSM_LEVELS];
    struct pick        *pk = NULL;

    context_init(&c, p, v, running, running_count);
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        scores[level] = free_score(&c, level);
    while (pk == NULL) {
        unsigned most = 0;

        for (unsigned level = 1; level < LSM_LEVELS; level++)
            if (scores[level] > scores[most])
                most = level;
        if (scores[most] < 1000)
            break;
        pk = most == 0 ? pick_level0(&c, PICK_LEVEL0, SLICE_EMPTY, SLICE_EMPTY)
                       : pick_level(p, &c, most);
        scores[most] = 0;
    }
    context_deinit(&c);
    return pk;
}

/* ---- garbage
 * ----------------------------------------------------------------------------------------- */

/* How many in a thousand of what is hidden within the table are at or below the threshold, by a
 * guess: as if timestamps were spread evenly, from the threshold on with which it was written. */
static uint64_t below_threshold(const struct table_meta *t, hlc_ts threshold)
{
    hlc_ts from = MAX(t->ts_min, t->gc_ts);

    if (threshold <= t->gc_ts || threshold < from)
        return 0;
    if (threshold >= t->ts_max)
        return 1000;
    return (uint64_t)((uint128_t)(threshold - from) * 1000 / (t->ts_max - from));
}

static bool is_share(uint64_t garbage, uint64_t entries)
{
    return garbage > 0 && garbage >= entries / GARBAGE_DIVISOR;
}

static bool has_older(const struct pick_context *c, unsigned level, const struct table_meta *t,
                      slice end)
{
    return level + 1 < LSM_LEVELS && version_any_overlap(c->version, level + 1, t->least, end);
}

enum verdict { LEAVE, REWRITE, PUSH_DOWN };

/* What to do with a table in idle times: written anew it loses what is hidden within it, and when
 * nothing older is below, what hid that; pushed down it frees what it hides. */
static enum verdict judge(const struct pick_context *c, unsigned level, const struct table_meta *t)
{
    uint64_t     below, dead = 0, hiding;
    enum verdict verdict = LEAVE;
    struct buf   end;

    buf_init(&end, c->picker->heap);
    pick_put_end(&end, t);
    below = below_threshold(t, version_set_gc_least(c->version->set, t->least, buf_slice(&end)));
    if (t->keys > 0)
        dead = (t->entries - t->keys) * below / 1000;
    hiding = t->tombstones * below / 1000 + t->cleared;
    if (has_older(c, level, t, buf_slice(&end))) {
        if (t->clears > 0 || is_share(hiding, t->entries))
            verdict = PUSH_DOWN;
        else if (level > 0 && is_share(dead, t->entries))
            verdict = REWRITE;
    } else if (level > 0 && (is_share(dead + hiding, t->entries) || t->clears > 0)) {
        verdict = REWRITE;
    }
    buf_deinit(&end);
    return verdict;
}

static struct pick *pick_garbage_of(const struct pick_context *c, unsigned level)
{
    const struct version_level *l = &c->version->levels[level];
    struct pick                *pk = NULL;

    for (size_t i = 0; i < l->count && pk == NULL; i++) {
        struct version_table *t = l->tables[i];
        enum verdict          verdict;

        if (pick_is_busy(c, t))
            continue;
        verdict = judge(c, level, &t->meta);
        if (verdict == REWRITE)
            pk = pick_make(c, PICK_GARBAGE, level, level, &t, 1);
        else if (verdict == PUSH_DOWN && level > 0)
            pk = pick_make(c, PICK_GARBAGE, level, pick_level_below(c, level), &t, 1);
        else if (verdict == PUSH_DOWN)
            pk = pick_level0_table(c, PICK_GARBAGE, &t->meta);
    }
    return pk;
}

/* Whether the outputs would be cut for what they overlap below: then they would be as small. */
static bool is_cut(const struct pick *pk)
{
    uint64_t size = 0;

    for (size_t i = 0; i < pk->grandparents.count; i++)
        size += pk->grandparents.tables[i]->size;
    return size > pk->grandparents_max_bytes;
}

/* Neighbours that together are no larger than a table should be; restarts and loads of little data
 * leave them. */
static struct pick *pick_small(const struct pick_context *c, unsigned level)
{
    const struct version_level *l = &c->version->levels[level];
    struct pick                *pk = NULL;

    for (size_t first = 0; first < l->count && pk == NULL;) {
        uint64_t size = 0;
        size_t   next = first;

        while (next < l->count && !pick_is_busy(c, l->tables[next]) &&
               size + l->tables[next]->meta.size <= c->picker->options.table_size)
            size += l->tables[next++]->meta.size;
        if (next - first >= SMALL_RUN)
            pk = pick_make(c, PICK_SMALL, level, level, &l->tables[first], next - first);
        if (pk != NULL && is_cut(pk)) {
            pick_free(pk);
            pk = NULL;
        }
        first = MAX(next, first + 1);
    }
    return pk;
}

struct pick *picker_pick_garbage(struct picker *p, struct version *v, struct pick *const *running,
                                 size_t running_count)
{
    struct pick_context c;
    struct pick        *pk = NULL;

    context_init(&c, p, v, running, running_count);
    for (unsigned level = 0; level < LSM_LEVELS && pk == NULL; level++)
        pk = pick_garbage_of(&c, level);
    for (unsigned level = 1; level < LSM_LEVELS && pk == NULL; level++)
        pk = pick_small(&c, level);
    context_deinit(&c);
    return pk;
}

struct pick *picker_pick_level0(struct picker *p, struct version *v, struct pick *const *running,
                                size_t running_count)
{
    struct pick_context c;
    struct pick        *pk;

    context_init(&c, p, v, running, running_count);
    pk = pick_level0(&c, PICK_LEVEL0, SLICE_EMPTY, SLICE_EMPTY);
    context_deinit(&c);
    return pk;
}

/* ---- spans
 * ------------------------------------------------------------------------------------------- */

/* Up to SPAN_TABLES_MAX free tables in a row of the level, one level down. */
static struct pick *pick_level_span(const struct pick_context *c, unsigned level, size_t first,
                                    size_t count)
{
    const struct version_level *l = &c->version->levels[level];
    unsigned                    below = pick_level_below(c, level);
    struct pick                *pk = NULL;

    for (size_t i = first; i < first + count && pk == NULL; i++) {
        size_t next = i;

        while (next < first + count && next - i < SPAN_TABLES_MAX &&
               !pick_is_busy(c, l->tables[next]))
            next++;
        if (next > i)
            pk = pick_make(c, PICK_SPAN, level, below, &l->tables[i], next - i);
    }
    return pk;
}

struct pick *picker_pick_span(struct picker *p, struct version *v, slice start, slice end,
                              struct pick *const *running, size_t running_count, bool *busy)
{
    struct pick_context c;
    struct pick        *pk = NULL;
    bool                found = false;

    context_init(&c, p, v, running, running_count);
    for (size_t i = 0; i < v->levels[0].count && !found; i++)
        found = table_meta_overlaps(&v->levels[0].tables[i]->meta, start, end);
    if (found)
        pk = pick_level0(&c, PICK_SPAN, start, end);
    for (unsigned level = 1; level < LSM_LEVELS - 1 && !found; level++) {
        size_t first, count = version_overlaps(v, level, start, end, &first);

        found = count > 0 && version_any_overlap(v, level + 1, start, end);
        if (found)
            pk = pick_level_span(&c, level, first, count);
    }
    *busy = found && pk == NULL;
    context_deinit(&c);
    return pk;
}

/* Whether no table of the level is in the way. */
static bool is_free(const struct version *v, unsigned level, slice start, slice end,
                    const struct manifest_edit *edit)
{
    const struct version_level *l = &v->levels[level];
    size_t                      first = 0, count = l->count;

    if (level > 0)
        count = version_overlaps(v, level, start, end, &first);
    for (size_t i = first; i < first + count; i++) {
        const struct table_meta *t = &l->tables[i]->meta;

        if (table_meta_overlaps(t, start, end) && (edit == NULL || !manifest_edit_removes(edit, t)))
            return false;
    }
    return true;
}

/* Whether the outputs of the pick may come to overlap the span on the level. */
static bool comes_to(const struct pick *pk, unsigned level, slice start, slice end)
{
    return pk->output_level == level && slice_cmp(start, pk->end) < 0 &&
           (end.size == 0 || slice_cmp(pk->start, end) < 0);
}

unsigned picker_ingest_level(const struct version *v, slice start, slice end,
                             const struct manifest_edit *edit, struct pick *const *running,
                             size_t running_count)
{
    unsigned level = 0;

    if (!is_free(v, 0, start, end, edit))
        return 0;
    while (level + 1 < LSM_LEVELS && is_free(v, level + 1, start, end, edit)) {
        for (size_t i = 0; i < running_count; i++)
            if (comes_to(running[i], level + 1, start, end))
                return level;
        level++;
    }
    return level;
}
