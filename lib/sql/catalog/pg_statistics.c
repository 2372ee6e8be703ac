/* pg_statistic and pg_stats: what ANALYZE has stored. */
#include "sql/catalog/rows.h"
#include "sql/catalog/statistics.h"
#include "sql/func/function.h"
#include "sql/types/array.h"

enum { KIND_COMMON = 1, KIND_HISTOGRAM = 2, KINDS = 5 }; /* PostgreSQL's numbers of slots */

typedef status column_row(struct rows *r, const struct table_desc *t,
                          const struct column_desc *column, const struct column_statistics *s);

static status row_values(struct rows *r, size_t at, const struct type *element, const datum *values,
                         size_t count)
{
    slice packed;

    TRY_RETURN(array_build(r->a, element, values, NULL, count, &packed));
    r->nulls[at] = false;
    r->values[at].s = packed;
    return STATUS_OK;
}

static status row_floats(struct rows *r, size_t at, const double *numbers, size_t count)
{
    datum *values = ARENA_ARRAY(r->a, datum, count);

    for (size_t i = 0; i < count; i++)
        values[i].f = (float)numbers[i];
    return row_values(r, at, type_by_oid(OID_FLOAT4), values, count);
}

static status each_column(struct rows *r, size_t key_at, column_row *make)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct table_statistics *s;

        if (key_at != SIZE_MAX && !rows_want_int(r, key_at, list[i]->oid))
            continue;
        s = catalog_statistics(r->v, list[i]->oid);
        for (size_t k = 0; s != NULL && k < list[i]->column_count; k++) {
            const struct column_desc       *column = &list[i]->columns[k];
            const struct column_statistics *c =
                column_statistics_of(s, column->number, column->type);

            if (c != NULL && !column->dropped)
                TRY_RETURN(make(r, list[i], column, c));
        }
    }
    return STATUS_OK;
}

/* ---- pg_statistic -----------------------------------------------------------------------------
 */

struct slot {
    int64_t       kind, op;
    const double *numbers;
    const datum  *values;
    size_t        count;
};

static size_t slots_of(const struct column_statistics *s, struct slot *out)
{
    const struct operator_def *equal = operator_for_order(s->type, '=');
    const struct operator_def *less = operator_for_order(s->type, '<');
    size_t                     n = 0;

    if (s->common_count > 0)
        out[n++] = (struct slot){KIND_COMMON, equal != NULL ? equal->oid : 0, s->common_fractions,
                                 s->common, s->common_count};
    if (s->bound_count > 0)
        out[n++] = (struct slot){KIND_HISTOGRAM, less != NULL ? less->oid : 0, NULL, s->bounds,
                                 s->bound_count};
    return n;
}

static status statistic_row(struct rows *r, const struct table_desc *t,
                            const struct column_desc *column, const struct column_statistics *s)
{
    struct slot slots[KINDS] = {0};
    size_t      count = slots_of(s, slots);

    row_begin(r);
    row_int(r, COLUMN_AT(pg_statistic, starelid), t->oid);
    row_int(r, COLUMN_AT(pg_statistic, staattnum), column->number);
    row_bool(r, COLUMN_AT(pg_statistic, stainherit), false);
    row_float(r, COLUMN_AT(pg_statistic, stanullfrac), (float)s->null_fraction);
    row_int(r, COLUMN_AT(pg_statistic, stawidth), (int64_t)(s->width + 0.5));
    row_float(r, COLUMN_AT(pg_statistic, stadistinct), (float)s->distinct);
    for (size_t i = 0; i < KINDS; i++) {
        row_int(r, COLUMN_AT(pg_statistic, stakind1) + i, slots[i].kind);
        row_int(r, COLUMN_AT(pg_statistic, staop1) + i, slots[i].op);
        row_int(r, COLUMN_AT(pg_statistic, stacoll1) + i, i < count ? column->collation : 0);
        if (slots[i].numbers != NULL)
            TRY_RETURN(row_floats(r, COLUMN_AT(pg_statistic, stanumbers1) + i, slots[i].numbers,
                                  slots[i].count));
        if (i < count)
            TRY_RETURN(row_values(r, COLUMN_AT(pg_statistic, stavalues1) + i, type_by_oid(s->type),
                                  slots[i].values, slots[i].count));
    }
    return row_end(r);
}

status scan_pg_statistic(struct rows *r)
{
    return each_column(r, COLUMN_AT(pg_statistic, starelid), statistic_row);
}

/* ---- pg_stats ---------------------------------------------------------------------------------
 */

static status stats_row(struct rows *r, const struct table_desc *t,
                        const struct column_desc *column, const struct column_statistics *s)
{
    const struct object *schema = view_peek(r->v, OBJECT_SCHEMA, t->schema_oid);

    row_begin(r);
    row_text(r, COLUMN_AT(pg_stats, schemaname), schema != NULL ? object_name(schema) : NULL);
    row_text(r, COLUMN_AT(pg_stats, tablename), t->name);
    row_text(r, COLUMN_AT(pg_stats, attname), column->name);
    row_bool(r, COLUMN_AT(pg_stats, inherited), false);
    row_float(r, COLUMN_AT(pg_stats, null_frac), (float)s->null_fraction);
    row_int(r, COLUMN_AT(pg_stats, avg_width), (int64_t)(s->width + 0.5));
    row_float(r, COLUMN_AT(pg_stats, n_distinct), (float)s->distinct);
    if (s->common_count > 0) {
        TRY_RETURN(row_values(r, COLUMN_AT(pg_stats, most_common_vals), type_by_oid(s->type),
                              s->common, s->common_count));
        TRY_RETURN(row_floats(r, COLUMN_AT(pg_stats, most_common_freqs), s->common_fractions,
                              s->common_count));
    }
    if (s->bound_count > 0)
        TRY_RETURN(row_values(r, COLUMN_AT(pg_stats, histogram_bounds), type_by_oid(s->type),
                              s->bounds, s->bound_count));
    return row_end(r);
}

status scan_pg_stats(struct rows *r)
{
    return each_column(r, SIZE_MAX, stats_row);
}
