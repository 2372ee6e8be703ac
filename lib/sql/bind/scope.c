#include "sql/bind/bind_internal.h"

#include "base/codec.h"

/* Names to columns: what PostgreSQL's parse_relation.c decides, with its errors and hints. */

status scope_add_item(struct scope *s, int table)
{
    const struct table_ref *t = s->q->tables[table];
    bool                    named = t->kind != TABLE_REF_JOIN || t->alias_written;

    for (size_t i = 0; named && i < s->item_count; i++) {
        const struct table_ref *other = s->q->tables[s->items[i].table];

        if (s->items[i].name_visible && strcmp(other->alias, t->alias) == 0 &&
            !(t->kind == TABLE_REF_RELATION && other->kind == TABLE_REF_RELATION &&
              !t->alias_written && !other->alias_written && t->table != other->table))
            return status_new(ST_DUPLICATE_ALIAS, "table name \"%s\" specified more than once",
                              t->alias);
    }
    if (s->item_count == s->item_capacity) {
        size_t             capacity = s->item_capacity == 0 ? 8 : s->item_capacity * 2;
        struct scope_item *items = ARENA_ARRAY(s->b->a, struct scope_item, capacity);

        if (s->item_count > 0)
            memcpy(items, s->items, s->item_count * sizeof *items);
        s->items = items;
        s->item_capacity = capacity;
    }
    s->items[s->item_count++] = (struct scope_item){
        .table = table, .name_visible = named, .columns_visible = true, .lateral_ok = true};
    return STATUS_OK;
}

int scope_add_table(struct scope *s, struct table_ref *t)
{
    struct query *q = s->q;

    if (q->table_count == s->table_capacity) {
        size_t             capacity = s->table_capacity == 0 ? 4 : s->table_capacity * 2;
        struct table_ref **tables = ARENA_ARRAY(s->b->a, struct table_ref *, capacity);

        if (q->table_count > 0)
            memcpy(tables, q->tables, q->table_count * sizeof(struct table_ref *));
        q->tables = tables;
        s->table_capacity = capacity;
    }
    q->tables[q->table_count++] = t;
    return (int)(q->table_count - 1);
}

void scope_end_lateral(struct scope *s)
{
    for (size_t i = 0; i < s->item_count; i++) {
        s->items[i].lateral_only = false;
        s->items[i].lateral_ok = true;
    }
}

static bool item_is_reachable(const struct scope *s, const struct scope_item *item)
{
    return !item->lateral_only || s->lateral_active;
}

static status check_lateral(struct scope *s, const struct scope *at, const struct scope_item *item,
                            int location)
{
    const char *alias;
    status      st;

    if (!item->lateral_only || item->lateral_ok)
        return STATUS_OK;
    alias = at->q->tables[item->table]->alias;
    st = status_new(ST_INVALID_COLUMN_REFERENCE,
                    "invalid reference to FROM-clause entry for table \"%s\"", alias);
    st =
        status_detail(st, "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
    return binder_at(s->b, location, st);
}

struct expr *scope_item_column(struct scope *s, const struct scope_item *item, int column,
                               int levels, int location)
{
    struct scope     *at = s;
    struct table_ref *t;
    struct expr      *e;

    for (int i = 0; i < levels; i++)
        at = at->parent;
    t = at->q->tables[item->table];
    if (t->kind == TABLE_REF_JOIN) {
        e = expr_shift_levels(s->b->a, t->join_columns[column - 1], levels);
        e->location = location;
        return e;
    }
    e = expr_new(s->b->a, EXPR_COLUMN, t->column_types[column - 1], t->column_typmods[column - 1],
                 location);
    e->collation = t->column_collations[column - 1];
    e->column.table = item->table;
    e->column.column = (int16_t)column;
    e->column.levels_up = levels;
    return e;
}

/* Position from 1 of a column of an entry, 0 when there is none. */
static status column_in_table(struct scope *s, const struct table_ref *t, const char *name,
                              int location, int *out)
{
    *out = 0;
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->column_names[i] == NULL || strcmp(t->column_names[i], name) != 0)
            continue;
        if (*out != 0)
            return binder_at(
                s->b, location,
                status_new(ST_AMBIGUOUS_COLUMN, "column reference \"%s\" is ambiguous", name));
        *out = (int)i + 1;
    }
    return STATUS_OK;
}

/* ---- system columns -----------------------------------------------------------------------------
 */

static bool is_system_column(const char *name)
{
    static const char *const names[] = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* Position from 1 of a column that is null only where an outer join found no row; 0: none. */
static int never_null_column(const struct table_ref *t)
{
    for (size_t i = 0; i < t->table->column_count; i++)
        if (t->table->columns[i].not_null && !t->table->columns[i].dropped)
            return (int)i + 1;
    return 0;
}

/* On the nullable side of an outer join the OID is null where the row is: CASE WHEN column IS NOT
 * NULL THEN oid END, of a column that otherwise cannot be. */
static struct expr *oid_of_row(struct scope *s, struct expr *column, struct expr *oid)
{
    struct expr *test = expr_new(s->b->a, EXPR_NULL_TEST, OID_BOOL, -1, oid->location);
    struct expr *e = expr_new(s->b->a, EXPR_CASE, OID_OID, -1, oid->location);

    test->unary.arg = column;
    test->unary.negated = true;
    e->case_when.conditions = ARENA_ARRAY(s->b->a, struct expr *, 1);
    e->case_when.results = ARENA_ARRAY(s->b->a, struct expr *, 1);
    e->case_when.conditions[0] = test;
    e->case_when.results[0] = oid;
    e->case_when.count = 1;
    e->case_when.otherwise = expr_null(s->b->a, OID_OID, oid->location);
    return e;
}

/* A relation's own OID is known here; the rest speaks of PostgreSQL's pages and transactions. */
static status system_column(struct scope *s, const struct scope_item *item,
                            const struct table_ref *t, const char *name, int levels, int location,
                            struct expr **out)
{
    int column;

    *out = NULL;
    if (t->kind != TABLE_REF_RELATION || !is_system_column(name))
        return STATUS_OK;
    if (strcmp(name, "tableoid") != 0)
        return binder_unsupported(
            s->b, location, arena_printf(s->b->a, "system column \"%s\" is not supported", name));
    *out = expr_const(s->b->a, OID_OID, (datum){.i = t->table->oid}, location);
    if (!item->nullable)
        return STATUS_OK;
    column = never_null_column(t);
    if (column == 0)
        return binder_unsupported(s->b, location,
                                  "system column \"tableoid\" of the nullable side of an outer "
                                  "join is not supported for tables without a NOT NULL column");
    *out = oid_of_row(s, scope_item_column(s, item, column, levels, location), *out);
    return STATUS_OK;
}

static status item_column(struct scope *s, struct scope *at, const struct scope_item *item,
                          const char *name, int levels, int location, struct expr **out)
{
    const struct table_ref *t = at->q->tables[item->table];
    int                     column;

    *out = NULL;
    TRY_RETURN(column_in_table(s, t, name, location, &column));
    if (column != 0)
        *out = scope_item_column(s, item, column, levels, location);
    else
        TRY_RETURN(system_column(s, item, t, name, levels, location, out));
    return STATUS_OK;
}

/* ---- looking names up ---------------------------------------------------------------------------
 */

static status unqualified_at(struct scope *s, struct scope *at, const char *name, int levels,
                             int location, struct expr **out)
{
    *out = NULL;
    for (size_t i = 0; i < at->item_count; i++) {
        const struct scope_item *item = &at->items[i];
        struct expr             *found;

        if (!item->columns_visible || !item_is_reachable(at, item))
            continue;
        TRY_RETURN(item_column(s, at, item, name, levels, location, &found));
        if (found == NULL)
            continue;
        if (*out != NULL)
            return binder_at(
                s->b, location,
                status_new(ST_AMBIGUOUS_COLUMN, "column reference \"%s\" is ambiguous", name));
        TRY_RETURN(check_lateral(s, at, item, location));
        *out = found;
    }
    return STATUS_OK;
}

status scope_local_column(struct scope *s, const char *name, int location, struct expr **out)
{
    return unqualified_at(s, s, name, 0, location, out);
}

static bool item_is_called(struct scope *at, const struct scope_item *item,
                           const struct table_desc *table, const char *name)
{
    const struct table_ref *t = at->q->tables[item->table];

    if (!item->name_visible || !item_is_reachable(at, item))
        return false;
    if (table != NULL)
        return t->table == table && !t->alias_written;
    return strcmp(t->alias, name) == 0;
}

status scope_find_item(struct scope *s, const char *schema, const char *name, int location,
                       struct scope_item **out, struct scope **where, int *levels)
{
    const struct table_desc *table = NULL;

    *out = NULL;
    *levels = 0;
    if (schema != NULL && s->b->c->catalog != NULL) {
        TRY_RETURN(catalog_table_by_name(s->b->c->catalog, schema, name, &table));
        if (table == NULL)
            return STATUS_OK;
    }
    for (struct scope *at = s; at != NULL; at = at->parent, ++*levels) {
        for (size_t i = 0; i < at->item_count; i++) {
            if (!item_is_called(at, &at->items[i], table, name))
                continue;
            if (*out != NULL)
                return binder_at(
                    s->b, location,
                    status_new(ST_AMBIGUOUS_ALIAS, "table reference \"%s\" is ambiguous", name));
            TRY_RETURN(check_lateral(s, at, &at->items[i], location));
            *out = &at->items[i];
            *where = at;
        }
        if (*out != NULL)
            return STATUS_OK;
    }
    return STATUS_OK;
}

/* ---- hints for names that are not there ---------------------------------------------------------
 */

enum { FUZZY_DISTANCE_MAX = 3, FUZZY_NAME_CHARS_MAX = 255 };

static size_t decode(const char *text, uint32_t *out)
{
    size_t n = 0, size = strlen(text);

    for (size_t i = 0; i < size && n < FUZZY_NAME_CHARS_MAX; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c & 0xC0) != 0x80)
            out[n++] = c;
        else if (n > 0)
            out[n - 1] = out[n - 1] << 8 | c;
    }
    return n;
}

size_t levenshtein_limited(const char *a, const char *b, size_t limit)
{
    uint32_t x[FUZZY_NAME_CHARS_MAX], y[FUZZY_NAME_CHARS_MAX];
    size_t   row[FUZZY_NAME_CHARS_MAX + 1];
    size_t   m = decode(a, x), n = decode(b, y);

    if ((m > n ? m - n : n - m) > limit)
        return limit + 1;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replace = diagonal + (x[i - 1] != y[j - 1]);

            diagonal = row[j];
            row[j] = MIN(replace, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return MIN(row[n], limit + 1);
}

struct fuzzy {
    size_t                  distance;
    const struct table_ref *first, *second;
    int                     first_column, second_column; /* from 1 */
    bool                    exact; /* `first` has just that column, but is not visible */
};

static void fuzzy_column(struct fuzzy *f, const struct table_ref *t, int column, const char *wanted,
                         size_t penalty)
{
    const char *actual = t->column_names[column - 1];
    size_t      d;

    if (penalty > f->distance || actual == NULL || actual[0] == '\0')
        return;
    d = levenshtein_limited(actual, wanted, f->distance + 1 - penalty);
    if (d > strlen(wanted) / 2)
        return;
    d += penalty;
    if (d < f->distance) {
        *f = (struct fuzzy){.distance = d, .first = t, .first_column = column};
    } else if (d == f->distance) {
        if (f->second_column != 0) { /* too many that are equally near: none of them helps */
            *f = (struct fuzzy){.distance = d - 1};
        } else if (f->first_column != 0) {
            f->second = t;
            f->second_column = column;
        } else if (f->distance <= FUZZY_DISTANCE_MAX) {
            f->first = t;
            f->first_column = column;
        }
    }
}

static bool fuzzy_table(struct fuzzy *f, const struct table_ref *t, const char *alias,
                        const char *wanted)
{
    size_t penalty =
        alias == NULL ? 0 : levenshtein_limited(alias, t->alias, FUZZY_DISTANCE_MAX + 1);
    bool exact = false;

    for (size_t i = 0; i < t->column_count; i++) {
        exact |= t->column_names[i] != NULL && strcmp(t->column_names[i], wanted) == 0;
        fuzzy_column(f, t, (int)i + 1, wanted, penalty);
    }
    if (!exact || penalty != 0)
        return false;
    *f = (struct fuzzy){.first = t, .exact = true};
    return true;
}

static struct fuzzy fuzzy_search(struct scope *s, const char *alias, const char *wanted)
{
    struct fuzzy f = {.distance = FUZZY_DISTANCE_MAX + 1};

    for (; s != NULL; s = s->parent)
        for (size_t i = 0; i < s->q->table_count; i++)
            if (s->q->tables[i]->kind != TABLE_REF_JOIN &&
                fuzzy_table(&f, s->q->tables[i], alias, wanted))
                return f;
    return f;
}

static status missing_column(struct scope *s, const char *relation, const char *column,
                             int location)
{
    struct fuzzy f = fuzzy_search(s, relation, column);
    status       st;

    st = relation != NULL
             ? status_new(ST_UNDEFINED_COLUMN, "column %s.%s does not exist", relation, column)
             : status_new(ST_UNDEFINED_COLUMN, "column \"%s\" does not exist", column);
    if (f.second != NULL)
        st = status_hint(st,
                         "Perhaps you meant to reference the column \"%s.%s\" or the column "
                         "\"%s.%s\".",
                         f.first->alias, f.first->column_names[f.first_column - 1], f.second->alias,
                         f.second->column_names[f.second_column - 1]);
    else if (f.exact)
        st = status_hint(st,
                         "There is a column named \"%s\" in table \"%s\", but it cannot be "
                         "referenced from this part of the query.",
                         column, f.first->alias);
    else if (f.first != NULL)
        st = status_hint(st, "Perhaps you meant to reference the column \"%s.%s\".", f.first->alias,
                         f.first->column_names[f.first_column - 1]);
    return binder_at(s->b, location, st);
}

/* An entry that the writer may have meant by `name`: of that alias or that table. */
static const struct table_ref *likely_table(struct scope *s, const char *schema, const char *name)
{
    for (; s != NULL; s = s->parent)
        for (size_t i = 0; i < s->q->table_count; i++) {
            const struct table_ref *t = s->q->tables[i];

            if (t->kind == TABLE_REF_JOIN && !t->alias_written)
                continue;
            if (t->table != NULL && strcmp(t->table->name, name) == 0)
                return t;
            if (schema == NULL && strcmp(t->alias, name) == 0)
                return t;
        }
    return NULL;
}

status scope_missing_table(struct scope *s, const char *schema, const char *name, int location)
{
    const struct table_ref *t = likely_table(s, schema, name);
    status                  st;

    if (t == NULL)
        st = status_new(ST_UNDEFINED_TABLE, "missing FROM-clause entry for table \"%s\"", name);
    else
        st = status_new(ST_UNDEFINED_TABLE,
                        "invalid reference to FROM-clause entry for table \"%s\"", name);
    if (t != NULL && t->alias_written && strcmp(t->alias, name) != 0)
        st = status_hint(st, "Perhaps you meant to reference the table alias \"%s\".", t->alias);
    else if (t != NULL)
        st = status_hint(st,
                         "There is an entry for table \"%s\", but it cannot be referenced from "
                         "this part of the query.",
                         t->alias);
    return binder_at(s->b, location, st);
}

/* ---- column references --------------------------------------------------------------------------
 */

static status whole_row(struct scope *s, const struct scope_item *item, struct scope *at,
                        int levels, int location, struct expr **out)
{
    const struct table_ref *t = at->q->tables[item->table];
    struct expr            *e;

    if (t->kind == TABLE_REF_JOIN)
        return binder_unsupported(s->b, location, "a whole row of a join's alias is not supported");
    /* A function in FROM whose one column has the function's name: the name is the value. */
    if (t->kind == TABLE_REF_FUNCTION && t->column_count == 1) {
        *out = scope_item_column(s, item, 1, levels, location);
        return STATUS_OK;
    }
    e = expr_new(s->b->a, EXPR_COLUMN, OID_RECORD, -1, location);
    e->column.table = item->table;
    e->column.levels_up = levels;
    *out = e;
    return STATUS_OK;
}

static status unqualified_ref(struct scope *s, const char *name, int location, struct expr **out)
{
    struct scope_item *item;
    struct scope      *at;
    int                levels = 0;

    *out = NULL;
    for (at = s; at != NULL && *out == NULL; at = at->parent, levels++)
        TRY_RETURN(unqualified_at(s, at, name, levels, location, out));
    if (*out != NULL)
        return STATUS_OK;
    TRY_RETURN(scope_find_item(s, NULL, name, location, &item, &at, &levels));
    if (item == NULL)
        return missing_column(s, NULL, name, location);
    return whole_row(s, item, at, levels, location, out);
}

static status qualified_ref(struct scope *s, const char *schema, const char *table,
                            const PgQuery__Node *field, int location, struct expr **out)
{
    struct scope_item *item;
    struct scope      *at;
    int                levels;
    const char        *column = node_string(field);

    TRY_RETURN(scope_find_item(s, schema, table, location, &item, &at, &levels));
    if (item == NULL)
        return scope_missing_table(s, schema, table, location);
    if (field->node_case == NODE(A_STAR))
        return whole_row(s, item, at, levels, location, out);
    TRY_RETURN(item_column(s, at, item, column, levels, location, out));
    if (*out == NULL)
        return missing_column(s, table, column, location);
    return STATUS_OK;
}

status scope_column_ref(struct scope *s, const PgQuery__ColumnRef *r, struct expr **out)
{
    PgQuery__Node *const *f = r->fields;
    size_t                n = r->n_fields;

    if (!clause_allows_columns(s->clause))
        return binder_unsupported(s->b, r->location,
                                  "cannot use column reference in DEFAULT expression");
    if (n == 1 && f[0]->node_case != NODE(A_STAR))
        return unqualified_ref(s, node_string(f[0]), r->location, out);
    if (n == 2)
        return qualified_ref(s, NULL, node_string(f[0]), f[1], r->location, out);
    if (n == 3)
        return qualified_ref(s, node_string(f[0]), node_string(f[1]), f[2], r->location, out);
    if (n == 4 && strcmp(node_string(f[0]), s->b->c->database) == 0)
        return qualified_ref(s, node_string(f[1]), node_string(f[2]), f[3], r->location, out);
    if (n == 4)
        return binder_at(s->b, r->location,
                         status_new(ST_FEATURE_NOT_SUPPORTED,
                                    "cross-database references are not implemented: %s",
                                    names_join(s->b->a, f, n)));
    return binder_at(s->b, r->location,
                     status_new(ST_SYNTAX_ERROR,
                                "improper qualified name (too many dotted names): %s",
                                names_join(s->b->a, f, n)));
}
