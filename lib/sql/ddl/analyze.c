/* ANALYZE: statistics of a table from a sample of its rows.
 *
 * All rows are counted, a sample of them is read (reservoir sampling: Vitter's algorithm R). Per
 * column the sample, sorted, gives the part of nulls, the most common values, a histogram of the
 * rest, and the number of distinct values: as counted where the sample is the whole table, else by
 * the estimator of Haas and Stokes, "Sampling-based estimation of the number of distinct values"
 * (1995), which PostgreSQL uses. */
#include "sql/ddl/internal.h"

#include "base/sort.h"
#include "env/env.h"
#include "sql/catalog/statistics.h"
#include "sql/exec/table.h"

enum {
    SAMPLE_ROWS = 10000,
    WIDTH_MAX = 1024, /* longer values are counted, not kept */
    ROWS_PER_YIELD = 1024,
};

struct sample {
    struct sql_context        *c;
    struct arena              *a;
    const struct table_layout *layout;
    struct table_row           rows[SAMPLE_ROWS];
    uint64_t                   seen;
    size_t                     count;
};

/* ---- sampling -----------------------------------------------------------------------------------
 */

static void keep_row(struct sample *s, struct table_row *to, const struct table_row *from)
{
    for (size_t i = 0; i < s->layout->column_count; i++) {
        const struct type *t = s->layout->types[i];

        to->nulls[i] = from->nulls[i] || s->layout->desc->columns[i].dropped;
        to->values[i] = from->values[i];
        if (to->nulls[i] || t->datum_kind != DATUM_SLICE)
            continue;
        if (from->values[i].s.size > WIDTH_MAX) /* its width is all that is wanted */
            to->values[i].s = slice_make(NULL, from->values[i].s.size);
        else
            to->values[i] = datum_copy(s->a, t, from->values[i]);
    }
}

/* The place of the next row in the sample, NULL: it is not taken. */
static struct table_row *choose_place(struct sample *s)
{
    struct table_row *place;
    uint64_t          at = s->seen++;

    if (s->count == SAMPLE_ROWS) {
        at = env_rand_below(s->c->env, s->seen);
        return at < SAMPLE_ROWS ? &s->rows[at] : NULL;
    }
    place = &s->rows[s->count++];
    table_row_init(s->layout, s->a, place);
    return place;
}

static status take_sample(struct sample *s, struct txn_cursor *cursor, struct arena *scratch)
{
    struct table_row row;

    table_row_init(s->layout, s->a, &row);
    for (;;) {
        struct table_row *place;
        slice             key, value;
        status            st = txn_cursor_next(cursor, &key, &value);

        if (st == STATUS_NO_DATA)
            return STATUS_OK;
        TRY_RETURN(st);
        place = choose_place(s);
        if (place != NULL) {
            TRY_RETURN(table_decode_entry(s->layout, &s->layout->indexes[0], scratch, key, value,
                                          NULL, &row));
            keep_row(s, place, &row);
        }
        if (s->seen % ROWS_PER_YIELD == 0) {
            arena_reset(scratch);
            env_yield(s->c->env);
            TRY_RETURN(sql_check_interrupts(s->c));
        }
    }
}

static status read_sample(struct sample *s, const struct table_desc *t)
{
    SCOPED(arena) struct arena *scratch = arena_new(arena_heap(s->a), NULL);
    struct table               *table = NULL;
    struct txn_cursor          *cursor = NULL;
    status                      st;

    TRY_RETURN(table_layout_new(s->c, s->a, t, &s->layout));
    TRY_RETURN(table_open(s->c, s->a, s->layout, &table));
    st = table_scan_open(table, &(struct table_scan){.index = &s->layout->indexes[0]}, &cursor);
    if (st_ok(st))
        st = take_sample(s, cursor, scratch);
    txn_cursor_close(cursor);
    table_close(table);
    return st;
}

/* ---- one column ---------------------------------------------------------------------------------
 */

struct value_run { /* equal values of the sorted sample */
    size_t first, count;
};

struct column_sample {
    const struct type *type;
    datum             *values; /* sorted; no nulls, none that are too long */
    size_t             count, too_long;
    struct value_run  *runs;
    size_t             run_count, once; /* runs; those of one value */
};

static int compare_values(const void *x, const void *y, void *ctx)
{
    return ((const struct type *)ctx)->compare(*(const datum *)x, *(const datum *)y);
}

/* The more common first; of equally common ones the lesser. */
static int compare_runs(const void *x, const void *y, void *ctx)
{
    const struct value_run *a = x, *b = y;

    (void)ctx;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

static void find_runs(struct column_sample *c, struct arena *a)
{
    sort_stable(arena_heap(a), c->values, c->count, sizeof *c->values, compare_values,
                (void *)(uintptr_t)c->type);
    c->runs = ARENA_ARRAY(a, struct value_run, c->count);
    for (size_t i = 0; i < c->count; i++) {
        if (i > 0 && c->type->compare(c->values[i - 1], c->values[i]) == 0) {
            c->runs[c->run_count - 1].count++;
            continue;
        }
        c->runs[c->run_count++] = (struct value_run){.first = i, .count = 1};
    }
    for (size_t i = 0; i < c->run_count; i++)
        c->once += c->runs[i].count == 1;
}

/* Distinct values among the table's `rows` that are not null. */
static double estimate_distinct(const struct column_sample *c, double rows)
{
    double n = (double)(c->count + c->too_long), d = (double)(c->run_count + c->too_long);
    double f1 = (double)(c->once + c->too_long);

    if (n >= rows || f1 == 0)
        return d; /* all was seen, or nothing only once: more is not expected */
    if (d == n)
        return rows;
    d = n * d / (n - f1 + f1 * n / rows);
    return MIN(MAX(d, (double)(c->run_count + c->too_long)), rows);
}

/* Values that are clearly more common than the others, or all when they are few. */
static size_t count_common(const struct column_sample *c, double distinct)
{
    double least, bucket = (double)c->count / STATISTICS_TARGET;
    size_t n = 0;

    if (c->too_long == 0 && c->run_count <= STATISTICS_TARGET && distinct <= (double)c->run_count &&
        c->once < c->run_count)
        return c->run_count;
    least = MAX(1.25 * (double)c->count / MAX(distinct, 1), 2);
    least = MIN(least, MAX(bucket, 2)); /* one of a bucket's size is worth its place in any case */
    while (n < c->run_count && n < STATISTICS_TARGET && (double)c->runs[n].count >= least)
        n++;
    return n;
}

static void set_common(struct column_statistics *s, const struct column_sample *c, struct arena *a,
                       size_t sample_rows)
{
    s->common = ARENA_ARRAY(a, datum, s->common_count);
    s->common_fractions = ARENA_ARRAY(a, double, s->common_count);
    for (size_t i = 0; i < s->common_count; i++) {
        s->common[i] = c->values[c->runs[i].first];
        s->common_fractions[i] = (double)c->runs[i].count / (double)sample_rows;
    }
}

/* Bounds of equally full buckets over the values that are not among the common ones. */
static void set_bounds(struct column_statistics *s, struct column_sample *c, struct arena *a)
{
    size_t left = 0;

    for (size_t i = s->common_count; i < c->run_count; i++)
        left += c->runs[i].count;
    s->bound_count = MIN(c->run_count - s->common_count, (size_t)STATISTICS_TARGET + 1);
    if (s->bound_count < 2) {
        s->bound_count = 0;
        return;
    }
    datum *rest = ARENA_ARRAY(a, datum, left);
    size_t n = 0;

    for (size_t i = s->common_count; i < c->run_count; i++) {
        for (size_t k = 0; k < c->runs[i].count; k++)
            rest[n++] = c->values[c->runs[i].first + k];
    }
    sort_stable(arena_heap(a), rest, n, sizeof *rest, compare_values, (void *)(uintptr_t)c->type);
    s->bounds = ARENA_ARRAY(a, datum, s->bound_count);
    for (size_t i = 0; i < s->bound_count; i++)
        s->bounds[i] = rest[i * (n - 1) / (s->bound_count - 1)];
}

static void collect_column(const struct sample *s, size_t column, struct column_sample *c,
                           struct column_statistics *out)
{
    size_t nulls = 0;
    double width = 0;

    c->type = s->layout->types[column];
    c->values = ARENA_ARRAY(s->a, datum, s->count);
    for (size_t i = 0; i < s->count; i++) {
        datum v = s->rows[i].values[column];

        if (s->rows[i].nulls[column]) {
            nulls++;
            continue;
        }
        width += c->type->datum_kind == DATUM_SLICE ? (double)v.s.size : c->type->size;
        if (c->type->datum_kind == DATUM_SLICE && v.s.size > WIDTH_MAX)
            c->too_long++;
        else
            c->values[c->count++] = v;
    }
    out->column = (int16_t)(column + 1);
    out->type = c->type->oid;
    out->null_fraction = s->count > 0 ? (double)nulls / (double)s->count : 0;
    out->width = nulls < s->count ? width / (double)(s->count - nulls) : 0;
}

static void analyze_column(const struct sample *s, size_t column, struct column_statistics *out)
{
    struct column_sample c = {0};
    double               rows, distinct;

    collect_column(s, column, &c, out);
    if (c.type->compare == NULL || c.count + c.too_long == 0)
        return;
    rows = (double)s->seen * (1 - out->null_fraction);
    find_runs(&c, s->a);
    distinct = estimate_distinct(&c, rows);
    /* A number that grows with the table is kept as a part of its rows. */
    out->distinct = distinct > 0.1 * (double)s->seen ? -distinct / (double)s->seen : distinct;
    sort_stable(arena_heap(s->a), c.runs, c.run_count, sizeof *c.runs, compare_runs, NULL);
    out->common_count = count_common(&c, distinct);
    set_common(out, &c, s->a, s->count);
    set_bounds(out, &c, s->a);
}

status ddl_analyze(struct sql_context *c, struct arena *a, const struct table_desc *t)
{
    struct sample          *s = ARENA_NEW(a, struct sample);
    struct table_statistics out = {0};

    if (t->kind != RELATION_TABLE || t->virtual_table != NULL)
        return STATUS_OK;
    s->c = c;
    s->a = a;
    TRY_RETURN(read_sample(s, t));
    out.rows = (double)s->seen;
    out.columns = ARENA_ARRAY(a, struct column_statistics, t->column_count);
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].dropped)
            continue;
        analyze_column(s, i, &out.columns[out.column_count++]);
        TRY_RETURN(sql_check_interrupts(c));
    }
    return catalog_put_statistics(c->catalog, t->oid, &out);
}
