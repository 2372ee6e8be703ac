/* linera-dump sst: one table. */
#include "dump.h"
#include "storage/lsm/table_walk.h"

static const char *kind_name(enum lsm_kind kind)
{
    return kind == LSM_TOMBSTONE ? "tombstone" : kind == LSM_CLEARED ? "cleared" : "value";
}

static status note_fault(void *ctx, const struct table_fault *f)
{
    dump_fault(ctx, f->least, f->greatest, f->error);
    return STATUS_OK;
}

static void key_or_null(struct rows *r, slice key)
{
    if (key.size > 0)
        rows_text(r, dump_key(r->arena, key));
    else
        rows_null(r);
}

/* Open the table and walk it; damage that it cannot be opened for is a fault too. */
static status walk_path(struct dump *d, struct table_walk *w)
{
    struct lsm_table *t;
    status            st = dump_open_table(d, d->options.path, &t);

    if (!st_ok(st))
        return dump_judge(d, st);
    w->ctx = d;
    w->fault = note_fault;
    w->start = d->options.start;
    w->end = d->options.end;
    st = lsm_table_walk(t, w);
    lsm_table_close(t);
    return st;
}

/* ---- entries ---- */

static status put_entry(void *ctx, const struct lsm_entry *e, uint64_t value_size)
{
    struct dump *d = ctx;
    struct rows *r = &d->rows;
    bool         has_ts = (uint8_t)e->key.data[0] != LSM_SPACE_META;

    if (!dump_wants_time(d, has_ts, e->ts))
        return STATUS_OK;
    rows_text(r, dump_key(r->arena, e->key));
    rows_text(r, dump_columns(r->arena, e->key));
    if (has_ts) {
        rows_number(r, e->ts);
        rows_text(r, dump_time(r->arena, e->ts));
    } else {
        rows_null(r);
        rows_null(r);
    }
    rows_text(r, kind_name(e->kind));
    rows_number(r, value_size);
    if (d->options.values && e->kind == LSM_VALUE && e->value.size == value_size)
        rows_text(r, dump_hex(r->arena, e->value));
    else if (d->options.values)
        rows_null(r);
    return rows_next(r);
}

status dump_sst_entries(struct dump *d)
{
    static const struct column columns[] = {{"key", TABLE_TEXT},  {"columns", TABLE_TEXT},
                                            {"ts", TABLE_NUMBER}, {"time", TABLE_TEXT},
                                            {"kind", TABLE_TEXT}, {"value_size", TABLE_NUMBER},
                                            {"value", TABLE_TEXT}};
    struct table_walk          w = {.entry = put_entry, .skip_values = !d->options.values};

    rows_columns(&d->rows, columns, ARRAY_LEN(columns) - !d->options.values);
    return walk_path(d, &w);
}

/* ---- blocks ---- */

static status put_block(void *ctx, const struct table_block *b)
{
    struct dump *d = ctx;
    struct rows *r = &d->rows;

    rows_text(r, table_block_kind_name(b->kind));
    rows_number(r, b->level);
    rows_number(r, b->handle.offset);
    rows_number(r, b->handle.size);
    rows_number(r, b->handle.raw_size);
    rows_number(r, b->count);
    key_or_null(r, b->least);
    key_or_null(r, b->greatest);
    return rows_next(r);
}

status dump_sst_blocks(struct dump *d)
{
    static const struct column columns[] = {{"kind", TABLE_TEXT},       {"level", TABLE_NUMBER},
                                            {"offset", TABLE_NUMBER},   {"size", TABLE_NUMBER},
                                            {"raw_size", TABLE_NUMBER}, {"entries", TABLE_NUMBER},
                                            {"least", TABLE_TEXT},      {"greatest", TABLE_TEXT}};
    struct table_walk          w = {.block = put_block};

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    return walk_path(d, &w);
}

/* ---- clears ---- */

static status put_clears(struct dump *d, struct lsm_table *t)
{
    size_t                  count;
    const struct lsm_clear *clears = lsm_table_clears(t, &count);

    for (size_t i = 0; i < count; i++) {
        if (!dump_wants_span(d, clears[i].start, clears[i].end))
            continue;
        rows_text(&d->rows, dump_key(d->rows.arena, clears[i].start));
        rows_text(&d->rows, dump_key(d->rows.arena, clears[i].end));
        TRY_RETURN(rows_next(&d->rows));
    }
    return STATUS_OK;
}

status dump_sst_clears(struct dump *d)
{
    static const struct column columns[] = {{"start", TABLE_TEXT}, {"end", TABLE_TEXT}};
    struct lsm_table          *t;
    status                     st;

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    st = dump_open_table(d, d->options.path, &t);
    if (!st_ok(st))
        return dump_judge(d, st);
    st = put_clears(d, t);
    lsm_table_close(t);
    return st;
}

/* ---- properties ---- */

static status put_text(struct dump *d, const char *name, const char *value)
{
    rows_text(&d->rows, name);
    rows_text(&d->rows, value);
    return rows_next(&d->rows);
}

static status put_number(struct dump *d, const char *name, uint64_t value)
{
    rows_text(&d->rows, name);
    rows_number(&d->rows, value);
    return rows_next(&d->rows);
}

static status put_properties(struct dump *d, const struct table_properties *p)
{
    const struct {
        const char *name;
        uint64_t    value;
    } numbers[] = {{"file_size", p->file_size},
                   {"entries", p->entries},
                   {"keys", p->keys},
                   {"tombstones", p->tombstones},
                   {"cleared", p->cleared},
                   {"clears", p->clears},
                   {"raw_key_size", p->raw_key_size},
                   {"raw_value_size", p->raw_value_size},
                   {"data_size", p->data_size},
                   {"data_blocks", p->data_blocks},
                   {"value_blocks", p->value_blocks},
                   {"ts_min", p->ts_min},
                   {"ts_max", p->ts_max}};
    struct arena *a = d->rows.arena;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        TRY_RETURN(put_number(d, numbers[i].name, numbers[i].value));
    TRY_RETURN(put_text(d, "time_min", p->ts_max > 0 ? dump_time(a, p->ts_min) : NULL));
    TRY_RETURN(put_text(d, "time_max", p->ts_max > 0 ? dump_time(a, p->ts_max) : NULL));
    TRY_RETURN(put_text(d, "least_key", dump_key(a, p->least_key)));
    TRY_RETURN(put_text(d, "greatest_key", dump_key(a, p->greatest_key)));
    return put_text(d, "created", dump_time_us(a, p->created_us));
}

status dump_sst_properties(struct dump *d)
{
    static const struct column columns[] = {{"property", TABLE_TEXT}, {"value", TABLE_TEXT}};
    struct lsm_table          *t;
    status                     st;

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    st = dump_open_table(d, d->options.path, &t);
    if (!st_ok(st))
        return dump_judge(d, st);
    st = put_properties(d, lsm_table_properties(t));
    lsm_table_close(t);
    return st;
}

/* ---- verification ---- */

/* What the manifest says of the table against what it says itself. */
static const char *find_difference(const struct table_meta *m, const struct table_properties *p)
{
    if (m->size != p->file_size)
        return "another size";
    if (m->entries != p->entries || m->tombstones != p->tombstones || m->cleared != p->cleared ||
        m->clears != p->clears || (m->keys != 0 && m->keys != p->keys) ||
        m->raw_size != p->raw_key_size + p->raw_value_size)
        return "other counts";
    if (m->ts_min != p->ts_min || m->ts_max != p->ts_max)
        return "other timestamps";
    if (!slice_eq(m->least, p->least_key) || !slice_eq(m->greatest, p->greatest_key) ||
        m->greatest_open != (p->greatest_ts == UINT64_MAX))
        return "other bounds";
    return NULL;
}

static void compare_meta(struct dump *d, const char *path, const struct table_meta *m,
                         const struct table_properties *p)
{
    const char *what = find_difference(m, p);
    status      st;

    if (what == NULL)
        return;
    st = status_new(ST_CORRUPT, "file \"%s\": the manifest says %s of it", path, what);
    dump_fault(d, m->least, m->greatest, st);
    st_clear(st);
}

status dump_check_table(struct dump *d, const char *path, const struct table_meta *meta,
                        uint64_t *entries)
{
    struct table_walk w = {.ctx = d, .fault = note_fault};
    struct lsm_table *t;
    status            st = dump_open_table(d, path, &t);

    *entries = 0;
    if (status_code(st) == ST_CORRUPT || (meta != NULL && status_code(st) == ST_UNDEFINED_FILE)) {
        dump_fault(d, meta != NULL ? meta->least : SLICE_EMPTY,
                   meta != NULL ? meta->greatest : SLICE_EMPTY, st);
        st_clear(st);
        return STATUS_OK;
    }
    TRY_RETURN(st);
    *entries = lsm_table_properties(t)->entries;
    if (meta != NULL)
        compare_meta(d, path, meta, lsm_table_properties(t));
    if (meta == NULL) { /* one table alone: the part that was asked for */
        w.start = d->options.start;
        w.end = d->options.end;
    }
    st = lsm_table_walk(t, &w);
    lsm_table_close(t);
    return st;
}

void dump_verified_columns(struct dump *d)
{
    static const struct column columns[] = {{"file", TABLE_TEXT},
                                            {"kind", TABLE_TEXT},
                                            {"size", TABLE_NUMBER},
                                            {"entries", TABLE_NUMBER},
                                            {"faults", TABLE_NUMBER}};

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
}

status dump_verified(struct dump *d, const char *path, const char *kind, uint64_t size,
                     uint64_t entries, uint64_t faults_before)
{
    rows_text(&d->rows, dump_base_name(path));
    rows_text(&d->rows, kind);
    rows_number(&d->rows, size);
    rows_number(&d->rows, entries);
    rows_number(&d->rows, d->faults - faults_before);
    return rows_next(&d->rows);
}

status dump_sst_verify(struct dump *d)
{
    uint64_t entries;

    dump_verified_columns(d);
    TRY_RETURN(dump_check_table(d, d->options.path, NULL, &entries));
    return dump_verified(d, d->options.path, "table", dump_file_size(d, d->options.path), entries,
                         0);
}
