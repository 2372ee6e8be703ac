/* Indexes: CREATE INDEX, REINDEX, and the parts that constraints share. DROP INDEX is in drop.c. */
#include "sql/ddl/internal.h"

#include "sql/exec/table.h"

void index_add_row_id(const struct ddl *d, struct table_desc *t)
{
    struct index_desc *x;

    ASSERT(t->index_count == 0);
    x = draft_add_index(d, t);
    x->key_id = 1;
    x->name = "";
    x->unique = true;
    t->has_row_id = true;
}

static status refuse_unordered(const struct ddl *d, uint32_t type)
{
    const struct type *t = type_by_oid(type);

    if (t != NULL && t->compare != NULL && t->key_encode != NULL)
        return STATUS_OK;
    return status_hint(status_new(ST_UNDEFINED_OBJECT,
                                  "data type %s has no default operator class for access method "
                                  "\"btree\"",
                                  type_format(d->a, type, -1)),
                       "You must specify an operator class for the index or define a default "
                       "operator class for the data type.");
}

status index_column_part(const struct ddl *d, const struct table_desc *t, const char *column,
                         const char *what, struct index_part *part)
{
    const struct column_desc *c = table_column_by_name(t, column);

    if (c == NULL)
        return status_new(ST_UNDEFINED_COLUMN, "%s \"%s\" %s", "column", column, what);
    part->column = c->number;
    part->type = c->type;
    return refuse_unordered(d, c->type);
}

status index_check_params(const struct ddl *d, PgQuery__Node *const *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *e = options[i]->def_elem;

        if (ddl_equal(e->defname, "fillfactor") || ddl_equal(e->defname, "deduplicate_items") ||
            strncmp(e->defname, "autovacuum_", 11) == 0 ||
            ddl_equal(e->defname, "toast_tuple_target") ||
            ddl_equal(e->defname, "parallel_workers") || ddl_equal(e->defname, "oids") ||
            ddl_equal(e->defname, "vacuum_truncate") ||
            ddl_equal(e->defname, "user_catalog_table")) {
            ddl_notice(
                d, status_new(ST_SUCCESS, "storage parameter \"%s\" has no effect", e->defname));
            continue;
        }
        return status_new(ST_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", e->defname);
    }
    return STATUS_OK;
}

/* ---- CREATE INDEX ---------------------------------------------------------------------------- */

static status refuse_extras(const struct ddl *d, const PgQuery__IndexStmt *s)
{
    static const char *const others[] = {"hash", "gin", "gist", "brin", "spgist"};

    if (s->n_exclude_op_names > 0)
        return ddl_unsupported("exclusion constraints are not supported");
    if (!given(s->access_method) || ddl_equal(s->access_method, "btree"))
        return index_check_params(d, s->options, s->n_options);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (ddl_equal(s->access_method, others[i]))
            return ddl_unsupported("access method \"%s\" is not supported", s->access_method);
    return status_new(ST_UNDEFINED_OBJECT, "access method \"%s\" does not exist", s->access_method);
}

static status expression_part(const struct ddl *d, const struct table_desc *t,
                              const PgQuery__Node *node, struct index_part *part)
{
    struct expr *e;

    TRY_RETURN(ddl_expression(d, node, t, 0, -1, "index expression", &e, &part->expression_text));
    if (expr_volatility(e) != VOLATILITY_IMMUTABLE)
        return status_new(ST_INVALID_OBJECT_DEFINITION,
                          "functions in index expression must be marked IMMUTABLE");
    /* (a) in parentheses is column a. */
    if (e->kind == EXPR_COLUMN) {
        part->column = e->column.column;
        part->expression_text = NULL;
    }
    part->type = e->type;
    return refuse_unordered(d, e->type);
}

static status element_part(const struct ddl *d, const struct table_desc *t,
                           const PgQuery__IndexElem *e, struct index_part *part)
{
    if (given(e->name))
        TRY_RETURN(index_column_part(d, t, e->name, "does not exist", part));
    else
        TRY_RETURN(expression_part(d, t, e->expr, part));
    for (size_t i = 0; i < e->n_opclass; i++) {
        const char *name = ddl_node_string(e->opclass[i]);

        /* The pattern classes order by bytes, which is how every index here is ordered. */
        if (strstr(name, "_ops") == NULL || ddl_equal(name, "gin_trgm_ops"))
            return status_new(ST_UNDEFINED_OBJECT,
                              "operator class \"%s\" does not exist for access method \"btree\"",
                              name);
    }
    part->descending = e->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    part->nulls_first =
        e->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
        (e->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT && part->descending);
    return STATUS_OK;
}

static status add_includes(const struct ddl *d, const struct table_desc *t, struct index_desc *x,
                           PgQuery__Node *const *nodes, size_t count)
{
    if (count > INDEX_KEY_PARTS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "cannot use more than %d columns in an index",
                          INDEX_KEY_PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const PgQuery__IndexElem *e = nodes[i]->index_elem;
        const struct column_desc *c;

        if (!given(e->name))
            return ddl_unsupported("expressions are not supported in included columns");
        c = table_column_by_name(t, e->name);
        if (c == NULL)
            return status_new(ST_UNDEFINED_COLUMN, "column \"%s\" does not exist", e->name);
        x->include[x->include_count++] = c->number;
    }
    (void)d;
    return STATUS_OK;
}

static const char *part_name(const struct table_desc *t, const struct index_part *p)
{
    return p->column != 0 ? t->columns[p->column - 1].name : p->name;
}

/* Expressions are called by their function, numbered where the name is taken in this index. */
static void name_part(const struct ddl *d, const struct table_desc *t, const PgQuery__Node *node,
                      struct index_desc *x, size_t at)
{
    const char *base = target_name(node);
    bool        taken = true;

    if (x->parts[at].column != 0)
        return;
    if (ddl_equal(base, "?column?"))
        base = "expr";
    x->parts[at].name = base;
    for (size_t i = 1; taken; i++) {
        taken = false;
        for (size_t k = 0; k < at; k++)
            taken |= ddl_equal(part_name(t, &x->parts[k]), x->parts[at].name);
        if (taken)
            x->parts[at].name = arena_printf(d->a, "%s%zu", base, i);
    }
}

/* "a_b_expr": the columns in an index's made-up name. */
static const char *column_names(const struct ddl *d, const struct table_desc *t,
                                const struct index_desc *x)
{
    SCOPED(buf) struct buf out = {0};

    buf_init(&out, NULL);
    for (size_t i = 0; i < x->part_count + x->include_count; i++) {
        if (i > 0)
            buf_append_cstr(&out, "_");
        buf_append_cstr(&out, i < x->part_count
                                  ? part_name(t, &x->parts[i])
                                  : t->columns[x->include[i - x->part_count] - 1].name);
        if (out.size >= NAME_SIZE_MAX)
            break;
    }
    return arena_strdup(d->a, buf_cstr(&out));
}

static status describe_index(const struct ddl *d, const struct table_desc *t,
                             const PgQuery__IndexStmt *s, struct index_desc *x)
{
    struct expr *predicate;

    if (s->n_index_params > INDEX_KEY_PARTS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "cannot use more than %d columns in an index",
                          INDEX_KEY_PARTS_MAX);
    x->unique = s->unique;
    x->nulls_not_distinct = s->nulls_not_distinct;
    if (x->nulls_not_distinct)
        return ddl_unsupported("NULLS NOT DISTINCT is not supported");
    for (; x->part_count < s->n_index_params; x->part_count++) {
        const PgQuery__IndexElem *e = s->index_params[x->part_count]->index_elem;

        TRY_RETURN(element_part(d, t, e, &x->parts[x->part_count]));
        name_part(d, t, e->expr, x, x->part_count);
    }
    TRY_RETURN(add_includes(d, t, x, s->index_including_params, s->n_index_including_params));
    if (s->where_clause == NULL)
        return STATUS_OK;
    TRY_RETURN(ddl_expression(d, s->where_clause, t, OID_BOOL, -1, "index predicate", &predicate,
                              &x->predicate_text));
    if (expr_volatility(predicate) != VOLATILITY_IMMUTABLE)
        return status_new(ST_INVALID_OBJECT_DEFINITION,
                          "functions in index predicate must be marked IMMUTABLE");
    return STATUS_OK;
}

static status index_name(const struct ddl *d, const struct table_desc *t,
                         const PgQuery__IndexStmt *s, struct index_desc *x, bool *exists)
{
    const struct schema_desc *schema;
    bool                      made_up = !given(s->idxname);

    TRY_RETURN(catalog_schema_by_oid(d->v, t->schema_oid, &schema));
    x->name = made_up ? choose_relation_name(d, t, column_names(d, t, x), "idx") : s->idxname;
    TRY_RETURN(ddl_claim_relation(d, schema, x->name, exists));
    if (!*exists || s->if_not_exists)
        return STATUS_OK;
    return status_new(ST_DUPLICATE_TABLE, "relation \"%s\" already exists", x->name);
}

status ddl_create_index(const struct ddl *d, const PgQuery__IndexStmt *s)
{
    const struct table_desc *before;
    struct table_desc       *t;
    struct index_desc       *x = ARENA_NEW(d->a, struct index_desc);
    bool                     exists;
    uint64_t                 rows;

    d->result->tag = "CREATE INDEX";
    TRY_RETURN(refuse_extras(d, s));
    TRY_RETURN(ddl_relation(d, s->relation, WANT_ANY, false, &before));
    if (before->kind != RELATION_TABLE)
        return status_detail(status_new(ST_WRONG_OBJECT_TYPE,
                                        "cannot create index on relation \"%s\"", before->name),
                             "This operation is not supported for %ss.",
                             ddl_kind_name(before->kind));
    TRY_RETURN(describe_index(d, before, s, x));
    TRY_RETURN(index_name(d, before, s, x, &exists));
    if (exists) {
        ddl_notice(
            d, status_new(ST_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", x->name));
        return STATUS_OK;
    }
    t = table_desc_copy(d->a, before, 1);
    TRY_RETURN(catalog_new_oid(d->v, &x->oid));
    x->key_id = t->next_key_id++;
    *draft_add_index(d, t) = *x;
    TRY_RETURN(catalog_put_table(d->v, t));
    TRY_RETURN(index_is_new(d, t, t->index_count - 1));
    return table_backfill_index(d->c, t, t->index_count - 1, &rows);
}

/* ---- REINDEX --------------------------------------------------------------------------------- */

static status rebuild(const struct ddl *d, struct table_desc *t, size_t position)
{
    uint64_t rows;

    TRY_RETURN(table_wipe(d->c, t, position));
    t->indexes[position].key_id = t->next_key_id++;
    TRY_RETURN(catalog_put_table(d->v, t));
    TRY_RETURN(index_is_new(d, t, position));
    return table_backfill_index(d->c, t, position, &rows);
}

/* The primary index is the table, so only the others can be built anew. */
static status rebuild_all(const struct ddl *d, const struct table_desc *before)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);

    for (size_t i = 1; i < t->index_count; i++)
        TRY_RETURN(rebuild(d, t, i));
    return STATUS_OK;
}

static status reindex_many(const struct ddl *d, const PgQuery__ReindexStmt *s)
{
    const struct table_desc **tables, *t;
    const struct schema_desc *schema = NULL;
    size_t                    count;

    if (s->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SCHEMA) {
        TRY_RETURN(catalog_schema_by_name(d->v, s->name, &schema));
        if (schema == NULL)
            return status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", s->name);
    }
    TRY_RETURN(catalog_list_tables(d->v, d->a, &tables, &count));
    for (size_t i = 0; i < count; i++) {
        if (tables[i]->kind != RELATION_TABLE || tables[i]->oid < OID_FIRST_USER ||
            (schema != NULL && tables[i]->schema_oid != schema->oid))
            continue;
        TRY_RETURN(catalog_table_by_oid_for_change(d->v, tables[i]->oid, &t));
        if (t != NULL)
            TRY_RETURN(rebuild_all(d, t));
    }
    return STATUS_OK;
}

status ddl_reindex(const struct ddl *d, const PgQuery__ReindexStmt *s)
{
    const struct table_desc *t;
    const char              *schema;
    size_t                   position;

    d->result->tag = "REINDEX";
    if (s->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_TABLE) {
        TRY_RETURN(ddl_relation(d, s->relation, WANT_TABLE, false, &t));
        return rebuild_all(d, t);
    }
    if (s->kind != PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_INDEX)
        return reindex_many(d, s);
    TRY_RETURN(ddl_schema_name(d, s->relation, &schema));
    TRY_RETURN(catalog_index_by_name_for_change(d->v, schema, s->relation->relname, &t, &position));
    if (t == NULL)
        return ddl_at(d, ddl_relation_missing(d, schema, s->relation->relname),
                      s->relation->location);
    return position == 0 ? STATUS_OK : rebuild(d, table_desc_copy(d->a, t, 0), position);
}
