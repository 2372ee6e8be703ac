/* TRUNCATE and COMMENT ON. */
#include "sql/ddl/internal.h"

#include "sql/exec/table.h"

struct targets {
    const struct table_desc **items;
    size_t                    count, capacity;
};

static bool targets_have(const struct targets *p, uint32_t oid)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i]->oid == oid)
            return true;
    return false;
}

static void targets_add(const struct ddl *d, struct targets *p, const struct table_desc *t)
{
    if (targets_have(p, t->oid))
        return;
    if (p->count == p->capacity) {
        size_t capacity = p->capacity == 0 ? 8 : p->capacity * 2;

        p->items = arena_realloc(d->a, p->items, p->capacity * sizeof *p->items,
                                 capacity * sizeof *p->items);
        p->capacity = capacity;
    }
    p->items[p->count++] = t;
}

/* Tables that reference what is truncated come along with CASCADE, and are a reason to refuse
 * without: their rows would point at nothing. */
static status add_referencing(const struct ddl *d, struct targets *p, bool cascade)
{
    for (size_t i = 0; i < p->count; i++) {
        for (size_t j = 0; j < p->items[i]->inbound_count; j++) {
            const struct table_desc *from;

            if (targets_have(p, p->items[i]->inbound[j].table_oid))
                continue;
            TRY_RETURN(
                catalog_table_by_oid_for_change(d->v, p->items[i]->inbound[j].table_oid, &from));
            if (from == NULL)
                continue;
            if (!cascade)
                return status_hint(
                    status_detail(status_new(ST_FEATURE_NOT_SUPPORTED,
                                             "cannot truncate a table referenced "
                                             "in a foreign key constraint"),
                                  "Table \"%s\" references \"%s\".", from->name, p->items[i]->name),
                    "Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.",
                    from->name);
            ddl_notice(d, status_new(ST_SUCCESS, "truncate cascades to table \"%s\"",
                                     ddl_relation_name(d, from)));
            targets_add(d, p, from);
        }
    }
    return STATUS_OK;
}

static status truncate_one(const struct ddl *d, const struct table_desc *before, bool restart)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);
    uint32_t           storage;

    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    TRY_RETURN(storage_is_new(d, t));
    TRY_RETURN(catalog_put_table(d->v, t));
    TRY_RETURN(table_wipe(d->c, before, SIZE_MAX));
    for (size_t i = 0; restart && i < t->column_count; i++)
        if (t->columns[i].sequence_oid != 0)
            TRY_RETURN(sequence_restart(d, t->columns[i].sequence_oid));
    return STATUS_OK;
}

status ddl_truncate(const struct ddl *d, const PgQuery__TruncateStmt *s)
{
    struct targets           p = {0};
    const struct table_desc *t;

    d->result->tag = "TRUNCATE TABLE";
    for (size_t i = 0; i < s->n_relations; i++) {
        TRY_RETURN(ddl_relation(d, s->relations[i]->range_var, WANT_TABLE, false, &t));
        targets_add(d, &p, t);
    }
    TRY_RETURN(add_referencing(d, &p, s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE));
    for (size_t i = 0; i < p.count; i++)
        TRY_RETURN(truncate_one(d, p.items[i], s->restart_seqs));
    return STATUS_OK;
}

/* ---- COMMENT ON ------------------------------------------------------------------------------ */

static const char *comment_text(const PgQuery__CommentStmt *s)
{
    return given(s->comment) ? s->comment : NULL;
}

/* The table of "[schema.]table.part", for change. */
static status find_part(const struct ddl *d, const PgQuery__Node *list,
                        const struct table_desc **out, const char **part)
{
    size_t                n = list->list->n_items;
    PgQuery__Node *const *items = list->list->items;

    *part = ddl_node_string(items[n - 1]);
    if (n < 2)
        return status_new(ST_SYNTAX_ERROR, "column name must be qualified");
    TRY_RETURN(catalog_table_by_name_for_change(d->v, n > 2 ? ddl_node_string(items[n - 3]) : NULL,
                                                ddl_node_string(items[n - 2]), out));
    return *out != NULL ? STATUS_OK : ddl_relation_missing(d, NULL, ddl_node_string(items[n - 2]));
}

static status comment_on_column(const struct ddl *d, const PgQuery__CommentStmt *s)
{
    const struct table_desc *before;
    struct table_desc       *t;
    struct column_desc      *c;
    const char              *name;

    TRY_RETURN(find_part(d, s->object, &before, &name));
    t = table_desc_copy(d->a, before, 0);
    c = draft_column(t, name);
    if (c == NULL)
        return status_new(ST_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist",
                          name, t->name);
    c->comment = comment_text(s);
    return catalog_put_table(d->v, t);
}

static status comment_on_constraint(const struct ddl *d, const PgQuery__CommentStmt *s)
{
    const struct table_desc *before;
    struct table_desc       *t;
    const char              *name;
    int                      at;

    TRY_RETURN(find_part(d, s->object, &before, &name));
    t = table_desc_copy(d->a, before, 0);
    at = draft_constraint(t, name);
    if (at < 0)
        return status_new(ST_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist",
                          name, t->name);
    t->constraints[at].comment = comment_text(s);
    return catalog_put_table(d->v, t);
}

static status comment_on_index(const struct ddl *d, const PgQuery__CommentStmt *s,
                               const char *schema, const char *name)
{
    const struct table_desc *before;
    struct table_desc       *t;
    size_t                   position;

    TRY_RETURN(catalog_index_by_name_for_change(d->v, schema, name, &before, &position));
    if (before == NULL)
        return ddl_relation_missing(d, schema, name);
    t = table_desc_copy(d->a, before, 0);
    t->indexes[position].comment = comment_text(s);
    return catalog_put_table(d->v, t);
}

static status comment_on_relation(const struct ddl *d, const PgQuery__CommentStmt *s,
                                  const char *schema, const char *name, enum relation_kind kind)
{
    const struct table_desc *before;
    struct table_desc       *t;

    TRY_RETURN(catalog_table_by_name_for_change(d->v, schema, name, &before));
    if (before == NULL)
        return ddl_relation_missing(d, schema, name);
    if (before->kind != kind || before->oid < OID_FIRST_USER)
        return status_new(ST_WRONG_OBJECT_TYPE, "\"%s\" is not a %s", name, ddl_kind_name(kind));
    t = table_desc_copy(d->a, before, 0);
    t->comment = comment_text(s);
    return catalog_put_table(d->v, t);
}

static status comment_on_schema(const struct ddl *d, const PgQuery__CommentStmt *s)
{
    const struct schema_desc *before;
    struct schema_desc        copy;
    const char               *name = ddl_node_string(s->object);

    TRY_RETURN(catalog_schema_by_name(d->v, name, &before));
    if (before == NULL || before->database_oid == 0)
        return status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", name);
    TRY_RETURN(catalog_hold(d->v, OBJECT_SCHEMA, before->oid, true));
    copy = *before;
    copy.comment = comment_text(s);
    return catalog_put_schema(d->v, &copy);
}

static status comment_on_database(const struct ddl *d, const PgQuery__CommentStmt *s)
{
    const struct database_desc *before;
    struct database_desc        copy;
    const char                 *name = ddl_node_string(s->object);

    TRY_RETURN(catalog_database_by_name(d->v, name, &before));
    if (before == NULL)
        return status_new(ST_UNDEFINED_DATABASE, "database \"%s\" does not exist", name);
    copy = *before;
    copy.comment = comment_text(s);
    return catalog_put_database(d->v, &copy);
}

static status comment_on_role(const struct ddl *d, const PgQuery__CommentStmt *s)
{
    const struct role_desc *before;
    struct role_desc        copy;
    const char             *name = ddl_node_string(s->object);

    TRY_RETURN(catalog_role_by_name(d->v, name, &before));
    if (before == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
    copy = *before;
    copy.comment = comment_text(s);
    return catalog_put_role(d->v, &copy);
}

status ddl_comment(const struct ddl *d, const PgQuery__CommentStmt *s)
{
    const char *schema, *name;

    d->result->tag = "COMMENT";
    node_names(s->object, &schema, &name);
    switch (s->objtype) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
        return comment_on_relation(d, s, schema, name, RELATION_TABLE);
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        return comment_on_relation(d, s, schema, name, RELATION_VIEW);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        return comment_on_relation(d, s, schema, name, RELATION_SEQUENCE);
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        return comment_on_index(d, s, schema, name);
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
        return comment_on_column(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
        return comment_on_constraint(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        return comment_on_schema(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE:
        return comment_on_database(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_ROLE:
        return comment_on_role(d, s);
    default:
        return ddl_unsupported("COMMENT ON this kind of object is not supported");
    }
}
