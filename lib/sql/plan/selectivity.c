/* How many rows: what part of a relation's rows a condition keeps, how many groups there are. From
 * ANALYZE's statistics where there are any (catalog/statistics.h), else PostgreSQL's defaults in
 * kind, a little less trusting of equality. The methods are PostgreSQL's, too: most common values
 * are looked up, the histogram speaks for the rest, conditions count as independent, but for the
 * two sides of one range. */
#include "base/assert.h"
#include "sql/plan/joins_internal.h"

#define EQUAL_DEFAULT 0.005
#define RANGE_DEFAULT (1.0 / 3)

/* What a condition of the form `column op constant` says. */
struct comparison {
    const struct rel               *rel;
    const struct column_statistics *stats;
    const struct type              *type;
    struct expr                    *column;
    char                            order; /* as seen from the column */
    const datum                    *value; /* NULL: not known yet */
    bool                            is_null;
};

/* ---- columns ------------------------------------------------------------------------------------
 */

static const struct rel *rel_of_column(const struct level *lv, const struct expr *e)
{
    int at;

    if (e->kind != EXPR_COLUMN || e->column.levels_up != 0 || e->column.column <= 0)
        return NULL;
    at = lv->rel_of_table[e->column.table];
    return at >= 0 ? &lv->rels[at] : NULL;
}

static const struct column_statistics *stats_of(const struct level *lv, struct expr *e)
{
    const struct rel *r;

    e = expr_strip(e);
    r = rel_of_column(lv, e);
    if (r == NULL || r->stats == NULL || r->layout == NULL)
        return NULL;
    return column_statistics_of(r->stats, e->column.column,
                                r->layout->desc->columns[e->column.column - 1].type);
}

static double common_sum(const struct column_statistics *s)
{
    double sum = 0;

    for (size_t i = 0; i < s->common_count; i++)
        sum += s->common_fractions[i];
    return sum;
}

static double distinct_of(const struct column_statistics *s, double rows)
{
    return MAX(1, s->distinct < 0 ? -s->distinct * rows : s->distinct);
}

double distinct_values(struct level *lv, struct expr *e)
{
    const struct column_statistics *s = stats_of(lv, e);
    const struct rel               *r = rel_of_column(lv, expr_strip(e));

    return s != NULL && s->distinct != 0 ? distinct_of(s, r->raw_rows) : 0;
}

/* ---- comparisons --------------------------------------------------------------------------------
 */

static char mirrored(char order)
{
    return order == '<'   ? '>'
           : order == '>' ? '<'
           : order == 'l' ? 'g'
           : order == 'g' ? 'l'
                          : order;
}

static bool as_comparison(const struct level *lv, struct expr *e, struct comparison *out)
{
    struct expr       *value;
    const struct type *t;

    if (e->kind != EXPR_CALL || e->call.op == NULL || e->call.op->order == 0 ||
        e->call.arg_count != 2)
        return false;
    out->order = e->call.op->order;
    out->column = expr_strip(e->call.args[0]);
    value = e->call.args[1];
    if (rel_of_column(lv, out->column) == NULL || expr_rels(lv, value) != 0) {
        out->column = expr_strip(value);
        value = e->call.args[0];
        out->order = mirrored(out->order);
    }
    out->rel = rel_of_column(lv, out->column);
    if (out->rel == NULL || expr_rels(lv, value) != 0)
        return false;
    out->stats = stats_of(lv, out->column);
    out->type = type_by_oid(out->column->type);
    value = expr_strip(value);
    t = type_by_oid(value->type);
    out->value = NULL;
    out->is_null = false;
    if (value->kind == EXPR_CONST && t != NULL && out->type != NULL && t->compare != NULL &&
        t->compare == out->type->compare) {
        out->value = &value->constant.value;
        out->is_null = value->constant.is_null;
    }
    return out->stats != NULL;
}

static double equal_fraction(const struct comparison *c)
{
    const struct column_statistics *s = c->stats;
    double                          distinct = distinct_of(s, c->rel->raw_rows), rest, others;

    if (c->value == NULL)
        return (1 - s->null_fraction) / distinct;
    for (size_t i = 0; i < s->common_count; i++) {
        if (c->type->compare(s->common[i], *c->value) == 0)
            return s->common_fractions[i];
    }
    rest = MAX(0, 1 - s->null_fraction - common_sum(s));
    others = distinct - (double)s->common_count;
    if (others < 1) /* all values are known, and this is none of them; but rows may be new */
        return MIN(rest, 1 / MAX(1, c->rel->raw_rows));
    rest /= others;
    if (s->common_count > 0)
        rest = MIN(rest, s->common_fractions[s->common_count - 1]);
    return rest;
}

/* Where between two bounds a value lies, 0 to 1. */
static double within_bucket(const struct type *t, datum low, datum high, datum v)
{
    double l, h, x;

    if (t->datum_kind == DATUM_INT) {
        l = (double)low.i;
        h = (double)high.i;
        x = (double)v.i;
    } else if (t->datum_kind == DATUM_FLOAT) {
        l = low.f;
        h = high.f;
        x = v.f;
    } else {
        return 0.5;
    }
    return h > l && x >= l && x <= h ? (x - l) / (h - l) : 0.5;
}

/* The part of the histogram's rows that lie below the value. */
static double histogram_below(const struct comparison *c)
{
    const struct column_statistics *s = c->stats;
    size_t                          low = 0, high = s->bound_count;

    if (s->bound_count < 2)
        return RANGE_DEFAULT;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (c->type->compare(s->bounds[middle], *c->value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    if (low == s->bound_count)
        return 1;
    return ((double)(low - 1) +
            within_bucket(c->type, s->bounds[low - 1], s->bounds[low], *c->value)) /
           (double)(s->bound_count - 1);
}

static double range_fraction(const struct comparison *c)
{
    const struct column_statistics *s = c->stats;
    bool below = c->order == '<' || c->order == 'l', inclusive = c->order == 'l' || c->order == 'g';
    double common = 0, rest = MAX(0, 1 - s->null_fraction - common_sum(s)), part;

    if (c->value == NULL)
        return RANGE_DEFAULT * (1 - s->null_fraction);
    for (size_t i = 0; i < s->common_count; i++) {
        int d = c->type->compare(s->common[i], *c->value);

        if ((below && d < 0) || (!below && d > 0) || (inclusive && d == 0))
            common += s->common_fractions[i];
    }
    part = histogram_below(c);
    /* Never quite none: what was added since may lie there. */
    return common + MAX(rest * (below ? part : 1 - part), 0.0001);
}

static double comparison_fraction(const struct comparison *c)
{
    if (c->is_null)
        return 0;
    return c->order == '=' ? equal_fraction(c) : range_fraction(c);
}

/* ---- conditions ---------------------------------------------------------------------------------
 */

static bool are_one_range(const struct comparison *x, const struct comparison *y)
{
    bool x_below = x->order == '<' || x->order == 'l', y_below = y->order == '<' || y->order == 'l';

    return x->order != '=' && y->order != '=' && x_below != y_below && x->value != NULL &&
           y->value != NULL && expr_equal(x->column, y->column);
}

double list_selectivity(struct level *lv, struct expr *const *list, size_t count)
{
    double all = 1;

    for (size_t i = 0; i < count; i++) {
        struct comparison x, y;
        double            s = selectivity(lv, list[i]);

        if (as_comparison(lv, list[i], &x)) {
            size_t k = 0;

            /* The earlier side of the same range: what both keep is no product. */
            while (k < i && !(as_comparison(lv, list[k], &y) && are_one_range(&x, &y)))
                k++;
            if (k < i) {
                double other = comparison_fraction(&y);

                s = MAX(s + other - (1 - x.stats->null_fraction), 0.0001) / MAX(other, 0.0001);
            }
        }
        all *= MIN(s, 1);
    }
    return all;
}

static double array_selectivity(struct level *lv, struct expr *e)
{
    const struct column_statistics *s = stats_of(lv, e->binary.left);
    struct expr                    *list = e->binary.right;
    double                          sum = 0, count;

    if (e->binary.op->order != '=' || e->binary.all)
        return 0.5;
    count = list->kind == EXPR_ARRAY ? (double)list->list.count : 10;
    if (s == NULL)
        return MIN(0.5, EQUAL_DEFAULT * count);
    struct comparison c = {.rel = rel_of_column(lv, expr_strip(e->binary.left)),
                           .stats = s,
                           .type = type_by_oid(expr_strip(e->binary.left)->type),
                           .order = '='};

    if (list->kind != EXPR_ARRAY)
        return MIN(1, count * equal_fraction(&c));
    for (size_t i = 0; i < list->list.count; i++) {
        struct expr       *v = expr_strip(list->list.args[i]);
        const struct type *t = type_by_oid(v->type);

        c.value =
            v->kind == EXPR_CONST && t->compare == c.type->compare ? &v->constant.value : NULL;
        if (v->kind != EXPR_CONST || !v->constant.is_null)
            sum += equal_fraction(&c);
    }
    return MIN(1, sum);
}

static double null_selectivity(struct level *lv, struct expr *e)
{
    const struct column_statistics *s = stats_of(lv, e->unary.arg);
    double                          part = s != NULL ? s->null_fraction : EQUAL_DEFAULT;

    return e->unary.negated ? 1 - part : part;
}

static double bool_selectivity(struct level *lv, struct expr *e)
{
    struct comparison c = {.rel = rel_of_column(lv, e), .stats = stats_of(lv, e), .order = '='};
    const datum       yes = {.b = true};

    if (c.stats == NULL || e->type != OID_BOOL)
        return 0.5;
    c.type = type_by_oid(OID_BOOL);
    c.value = &yes;
    return equal_fraction(&c);
}

double selectivity(struct level *lv, struct expr *e)
{
    struct comparison c;
    double            s;

    switch (e->kind) {
    case EXPR_AND:
        return list_selectivity(lv, e->list.args, e->list.count);
    case EXPR_OR:
        s = 1;
        for (size_t i = 0; i < e->list.count; i++)
            s *= 1 - selectivity(lv, e->list.args[i]);
        return 1 - s;
    case EXPR_NOT:
        return 1 - selectivity(lv, e->unary.arg);
    case EXPR_CALL:
        if (as_comparison(lv, e, &c))
            return comparison_fraction(&c);
        return e->call.op != NULL && e->call.op->order == '=' ? EQUAL_DEFAULT : RANGE_DEFAULT;
    case EXPR_ARRAY_OP:
        return array_selectivity(lv, e);
    case EXPR_NULL_TEST:
        return null_selectivity(lv, e);
    case EXPR_CONST:
        return !e->constant.is_null && e->constant.value.b ? 1 : 0;
    case EXPR_COLUMN:
        return bool_selectivity(lv, e);
    default:
        return 0.5;
    }
}

double condition_selectivity(struct level *lv, struct expr *e, double fallback)
{
    struct comparison c;
    struct expr      *x, *y;
    double            distinct;

    if (as_comparison(lv, e, &c) || (e->kind == EXPR_ARRAY_OP && stats_of(lv, e->binary.left)) ||
        (e->kind == EXPR_NULL_TEST && stats_of(lv, e->unary.arg) != NULL))
        return selectivity(lv, e);
    if (is_equality(e, &x, &y)) { /* of two relations: a look-up for each outer row */
        distinct = MAX(distinct_values(lv, x), distinct_values(lv, y));
        if (distinct > 0)
            return 1 / distinct;
    }
    return fallback;
}

/* ---- joins --------------------------------------------------------------------------------------
 */

/* Without statistics of the column: as many values as the table has rows. */
static double distinct_or_rows(struct level *lv, struct expr *e, double *not_null)
{
    const struct column_statistics *s = stats_of(lv, e);
    const struct rel               *r = rel_of_column(lv, expr_strip(e));

    if (s != NULL && s->distinct != 0) {
        *not_null *= 1 - s->null_fraction;
        return distinct_of(s, r->raw_rows);
    }
    return r != NULL && r->layout != NULL ? r->raw_rows : 0;
}

double clause_selectivity(struct level *lv, struct expr *e)
{
    struct expr *x, *y;
    double       distinct, not_null = 1;

    if (!is_equality(e, &x, &y) || expr_rels(lv, x) == 0 || expr_rels(lv, y) == 0)
        return selectivity(lv, e);
    distinct = distinct_or_rows(lv, x, &not_null);
    distinct = MAX(distinct, distinct_or_rows(lv, y, &not_null));
    return distinct > 0 ? not_null / distinct : EQUAL_DEFAULT;
}

/* What part of the left rows finds a partner, from the first equality whose values are counted:
 * each of the fewer values of one side is taken to be among those of the other. */
double match_fraction(struct level *lv, const struct join_args *j)
{
    for (size_t i = 0; i < j->clauses.count; i++) {
        struct expr *x, *y;
        double       left, right;

        if (!join_key_sides(lv, j, j->clauses.items[i], &x, &y))
            continue;
        left = distinct_values(lv, x);
        right = distinct_values(lv, y);
        if (left > 0 && right > 0)
            return MIN(1, MIN(right, MAX(1, j->right->rows)) / left);
    }
    return 0.5;
}

double group_estimate(struct level *lv, struct expr *const *groups, size_t count, double rows,
                      double fallback)
{
    double product = 1;

    for (size_t i = 0; i < count; i++) {
        double distinct = distinct_values(lv, groups[i]);

        if (distinct == 0)
            return MAX(1, rows * fallback);
        product *= distinct;
    }
    return count == 0 ? MAX(1, rows * fallback) : MAX(1, MIN(product, rows));
}
