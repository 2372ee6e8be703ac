/* linera-dump manifest: which tables a store consists of, and how it came to be so. */
#include "base/sort.h"
#include "dump.h"
#include "storage/lsm/manifest.h"

/* Read the path's manifest into a set, show it with `put`, and free the set. */
static status show_set(struct dump *d, status (*put)(struct dump *d, const struct version_set *set))
{
    struct version_set set;
    const char        *path;
    uint64_t           records;
    status             st;

    version_set_init(&set, env_heap(d->env), NULL, NULL);
    if (dump_is_dir(d))
        TRY(st, dump_lock_store(d), out);
    st = dump_judge(d, dump_read_manifest(d, &set, &path, &records));
    if (st_ok(st))
        st = put(d, &set); /* with damage, what it said before */
out:
    version_set_deinit(&set, NULL);
    return st;
}

/* ---- tables ---- */

static void put_span(struct rows *r, slice start, slice end)
{
    rows_text(r, dump_key(r->arena, start));
    rows_text(r, dump_key(r->arena, end));
}

static void put_meta(struct rows *r, const struct table_meta *m)
{
    rows_number(r, m->level);
    rows_number(r, m->number);
    rows_number(r, m->size);
    put_span(r, m->least, m->greatest);
    rows_number(r, m->entries);
    rows_number(r, m->keys);
    rows_number(r, m->tombstones);
    rows_number(r, m->cleared);
    rows_number(r, m->clears);
    rows_number(r, m->raw_size);
    rows_text(r, m->ts_max > 0 ? dump_time(r->arena, m->ts_min) : NULL);
    rows_text(r, m->ts_max > 0 ? dump_time(r->arena, m->ts_max) : NULL);
    rows_number(r, m->seal.key_id);
    rows_text(r, dump_time_us(r->arena, m->created_us));
}

/* Whether bounds let the table in. Times are those of [since, until). */
static bool wants_table(const struct dump *d, const struct table_meta *m)
{
    const struct dump_options *o = &d->options;

    return table_meta_overlaps(m, o->start, o->end) && (o->since == 0 || m->ts_max >= o->since) &&
           (o->until == 0 || m->ts_min < o->until);
}

static status put_tables(struct dump *d, const struct version_set *set)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &set->current->levels[level];

        for (size_t i = 0; i < l->count; i++) {
            if (!wants_table(d, &l->tables[i]->meta))
                continue;
            put_meta(&d->rows, &l->tables[i]->meta);
            TRY_RETURN(rows_next(&d->rows));
        }
    }
    return STATUS_OK;
}

status dump_manifest_tables(struct dump *d)
{
    static const struct column columns[] = {
        {"level", TABLE_NUMBER},  {"number", TABLE_NUMBER},     {"size", TABLE_NUMBER},
        {"least", TABLE_TEXT},    {"greatest", TABLE_TEXT},     {"entries", TABLE_NUMBER},
        {"keys", TABLE_NUMBER},   {"tombstones", TABLE_NUMBER}, {"cleared", TABLE_NUMBER},
        {"clears", TABLE_NUMBER}, {"raw_size", TABLE_NUMBER},   {"time_min", TABLE_TEXT},
        {"time_max", TABLE_TEXT}, {"key_id", TABLE_NUMBER},     {"created", TABLE_TEXT}};

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    return show_set(d, put_tables);
}

/* ---- state beside tables ---- */

static status put_state_row(struct dump *d, const char *what, const uint64_t *range,
                            const struct gc_threshold *span, uint64_t value)
{
    struct rows *r = &d->rows;

    rows_text(r, what);
    if (range != NULL)
        rows_number(r, *range);
    else
        rows_null(r);
    rows_text(r, span != NULL ? dump_key(r->arena, span->start) : NULL);
    rows_text(r, span != NULL ? dump_key(r->arena, span->end) : NULL);
    rows_number(r, value);
    return rows_next(r);
}

/* In the order of their ids. */
static status put_applied(struct dump *d, const struct version_set *set)
{
    uint64_t *ranges = ARENA_ARRAY(d->arena, uint64_t, umap_count(&set->applied) + 1);
    size_t    pos = 0, count = 0;
    void     *index;

    while (umap_next(&set->applied, &pos, &ranges[count], &index))
        count++;
    sort_stable(NULL, ranges, count, sizeof *ranges, sort_compare_u64, NULL);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(put_state_row(d, "applied index", &ranges[i], NULL,
                                 version_set_applied(set, ranges[i])));
    return STATUS_OK;
}

static status put_state(struct dump *d, const struct version_set *set)
{
    TRY_RETURN(put_state_row(d, "log sequence", NULL, NULL, set->log_sequence));
    TRY_RETURN(put_state_row(d, "next file number", NULL, NULL, set->next_file_number));
    TRY_RETURN(put_applied(d, set));
    for (size_t i = 0; i < set->gc.count; i++)
        TRY_RETURN(
            put_state_row(d, "garbage threshold", NULL, &set->gc.spans[i], set->gc.spans[i].ts));
    return STATUS_OK;
}

status dump_manifest_state(struct dump *d)
{
    static const struct column columns[] = {{"what", TABLE_TEXT},
                                            {"range", TABLE_NUMBER},
                                            {"start", TABLE_TEXT},
                                            {"end", TABLE_TEXT},
                                            {"value", TABLE_NUMBER}};

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    return show_set(d, put_state);
}

/* ---- edits ---- */

struct edit_row {
    const char *action;
    uint64_t    level, number, value; /* the number is a table's or a range's; 0: neither */
    bool        is_table;
    slice       least, greatest;
};

static status put_edit_row(struct dump *d, const struct manifest_record *r, uint64_t offset,
                           const struct edit_row *e)
{
    struct rows *rows = &d->rows;

    rows_number(rows, r->edit);
    rows_number(rows, offset);
    rows_number(rows, r->synced);
    rows_text(rows, e->action);
    if (e->is_table)
        rows_number(rows, e->level);
    else
        rows_null(rows);
    if (e->number != 0)
        rows_number(rows, e->number);
    else
        rows_null(rows);
    rows_text(rows, e->least.size > 0 ? dump_key(rows->arena, e->least) : NULL);
    rows_text(rows, e->greatest.size > 0 ? dump_key(rows->arena, e->greatest) : NULL);
    rows_number(rows, e->value);
    return rows_next(rows);
}

static status put_tables_of_edit(struct dump *d, uint64_t offset, const struct manifest_record *r,
                                 const struct manifest_edit *e)
{
    for (size_t i = 0; i < e->removed_count; i++) {
        struct edit_row row = {.action = "remove",
                               .is_table = true,
                               .level = e->removed[i].level,
                               .number = e->removed[i].number};

        if (!dump_has_bounds(d))
            TRY_RETURN(put_edit_row(d, r, offset, &row));
    }
    for (size_t i = 0; i < e->added_count; i++) {
        const struct table_meta *m = &e->added[i];
        struct edit_row          row = {.action = "add",
                                        .is_table = true,
                                        .level = m->level,
                                        .number = m->number,
                                        .least = m->least,
                                        .greatest = m->greatest,
                                        .value = m->size};

        if (wants_table(d, m))
            TRY_RETURN(put_edit_row(d, r, offset, &row));
    }
    return STATUS_OK;
}

static status put_rest_of_edit(struct dump *d, uint64_t offset, const struct manifest_record *r,
                               const struct manifest_edit *e)
{
    for (size_t i = 0; i < e->applied_count; i++)
        TRY_RETURN(put_edit_row(d, r, offset,
                                &(struct edit_row){.action = "applied index",
                                                   .number = e->applied[i].range_id,
                                                   .value = e->applied[i].index}));
    for (size_t i = 0; i < e->gc_count; i++)
        TRY_RETURN(put_edit_row(d, r, offset,
                                &(struct edit_row){.action = "garbage threshold",
                                                   .least = e->gc[i].start,
                                                   .greatest = e->gc[i].end,
                                                   .value = e->gc[i].ts}));
    if (e->log_sequence != 0)
        TRY_RETURN(put_edit_row(
            d, r, offset, &(struct edit_row){.action = "log sequence", .value = e->log_sequence}));
    if (e->next_file_number != 0)
        TRY_RETURN(put_edit_row(
            d, r, offset,
            &(struct edit_row){.action = "next file number", .value = e->next_file_number}));
    return STATUS_OK;
}

static status put_edit(void *ctx, uint64_t offset, const struct manifest_record *r,
                       const struct manifest_edit *e)
{
    struct dump *d = ctx;

    TRY_RETURN(put_tables_of_edit(d, offset, r, e));
    if (dump_has_bounds(d))
        return STATUS_OK;
    if (r->payload.size == 0)
        return put_edit_row(d, r, offset, &(struct edit_row){.action = "mark"});
    return put_rest_of_edit(d, offset, r, e);
}

status dump_manifest_edits(struct dump *d)
{
    static const struct column columns[] = {
        {"edit", TABLE_NUMBER}, {"offset", TABLE_NUMBER}, {"synced", TABLE_NUMBER},
        {"action", TABLE_TEXT}, {"level", TABLE_NUMBER},  {"number", TABLE_NUMBER},
        {"least", TABLE_TEXT},  {"greatest", TABLE_TEXT}, {"value", TABLE_NUMBER}};
    struct manifest_header header;
    const char            *path;
    uint64_t               torn;

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    if (dump_is_dir(d))
        TRY_RETURN(dump_lock_store(d));
    TRY_RETURN(dump_find_manifest(d, &path));
    return dump_judge(d, manifest_read(d->env, path, d->keyring, &header, put_edit, d, &torn));
}

/* ---- verification ---- */

status dump_manifest_verify(struct dump *d)
{
    struct version_set set;
    const char        *path = d->options.path;
    uint64_t           records = 0;
    status             st;

    dump_verified_columns(d);
    version_set_init(&set, env_heap(d->env), NULL, NULL);
    if (dump_is_dir(d))
        TRY(st, dump_lock_store(d), out);
    TRY(st, dump_judge(d, dump_read_manifest(d, &set, &path, &records)), out);
    st = dump_verified(d, path, "manifest", dump_file_size(d, path), records, 0);
out:
    version_set_deinit(&set, NULL);
    return st;
}
