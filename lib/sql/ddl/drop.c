/* DROP: what depends on what, and the messages about it.
 *
 * The order is PostgreSQL's: an object, then what depends on it, by OID, each followed by its own
 * dependents. What belongs to an object without a life of its own (an owned sequence, an index over
 * a dropped column) goes silently; the rest needs CASCADE. */
#include "sql/ddl/internal.h"

struct entry {
    struct drop_item item;
    bool             wanted; /* named in the statement */
    bool             silent; /* part of what it depends on */
    size_t           cause;  /* position of what it depends on */
};

struct drop {
    const struct ddl         *d;
    struct entry             *entries;
    size_t                    count, capacity;
    const struct table_desc **tables; /* all there are */
    size_t                    table_count;
};

static bool same_item(const struct drop_item *a, const struct drop_item *b)
{
    return a->kind == b->kind && a->oid == b->oid && a->sub == b->sub;
}

static const struct table_desc *find_table(const struct drop *p, uint32_t oid)
{
    for (size_t i = 0; i < p->table_count; i++)
        if (p->tables[i]->oid == oid)
            return p->tables[i];
    return NULL;
}

/* ---- words ----------------------------------------------------------------------------------- */

static const char *constraint_name(const struct table_desc *t, uint32_t oid)
{
    const struct constraint_desc *c = table_constraint_by_oid(t, oid);

    return c != NULL ? c->name : "?";
}

static const char *index_name(const struct table_desc *t, uint32_t oid)
{
    for (size_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].oid == oid)
            return t->indexes[i].name;
    return "?";
}

static const char *describe(const struct drop *p, const struct drop_item *item)
{
    const struct ddl         *d = p->d;
    const struct table_desc  *t = find_table(p, item->oid);
    const struct schema_desc *schema = NULL;
    const char               *kind, *name;

    if (item->kind == DROP_SCHEMA) {
        st_clear(catalog_schema_by_oid(d->v, item->oid, &schema));
        return arena_printf(d->a, "schema %s", schema != NULL ? schema->name : "?");
    }
    kind = ddl_kind_name(t->kind);
    name = ddl_relation_name(d, t);
    switch (item->kind) {
    case DROP_CONSTRAINT:
        return arena_printf(d->a, "constraint %s on table %s", constraint_name(t, item->sub), name);
    case DROP_COLUMN:
        return arena_printf(d->a, "column %s of %s %s", t->columns[item->sub - 1].name, kind, name);
    case DROP_DEFAULT:
        return arena_printf(d->a, "default value for column %s of %s %s",
                            t->columns[item->sub - 1].name, kind, name);
    case DROP_INDEX:
        return arena_printf(d->a, "index %s", index_name(t, item->sub));
    default:
        return arena_printf(d->a, "%s %s", kind, name);
    }
}

/* ---- dependents ------------------------------------------------------------------------------ */

static status visit(struct drop *p, const struct drop_item *item, bool wanted, bool silent,
                    size_t cause);

static status add_item(struct drop *p, enum drop_kind kind, uint32_t oid, uint32_t sub, bool silent,
                       size_t cause)
{
    struct drop_item item = {.kind = kind, .oid = oid, .sub = sub};

    return visit(p, &item, false, silent, cause);
}

static bool view_reads(const struct table_desc *view, uint32_t table, int16_t column)
{
    for (size_t i = 0; i < view->depends_count; i++)
        if (view->depends[i].table_oid == table &&
            (column == 0 || view->depends[i].column == column))
            return true;
    return false;
}

static status add_views(struct drop *p, uint32_t table, int16_t column, size_t cause)
{
    for (size_t i = 0; i < p->table_count; i++)
        if (p->tables[i]->kind == RELATION_VIEW && view_reads(p->tables[i], table, column))
            TRY_RETURN(add_item(p, DROP_RELATION, p->tables[i]->oid, 0, false, cause));
    return STATUS_OK;
}

/* Foreign keys of other tables that rely on an index of `t`; 0: on any. */
static status add_references(struct drop *p, const struct table_desc *t, uint32_t index_oid,
                             size_t cause)
{
    for (size_t i = 0; i < t->inbound_count; i++) {
        const struct table_desc      *from = find_table(p, t->inbound[i].table_oid);
        const struct constraint_desc *c =
            from == NULL ? NULL : table_constraint_by_oid(from, t->inbound[i].constraint_oid);

        if (c == NULL || (index_oid == 0 && from->oid == t->oid) ||
            (index_oid != 0 && c->index_oid != index_oid))
            continue;
        TRY_RETURN(add_item(p, DROP_CONSTRAINT, from->oid, c->oid, false, cause));
    }
    return STATUS_OK;
}

static status add_defaults(struct drop *p, uint32_t sequence, size_t cause)
{
    for (size_t i = 0; i < p->table_count; i++) {
        const struct table_desc *t = p->tables[i];

        for (size_t j = 0; j < t->column_count; j++)
            if (!t->columns[j].dropped && t->columns[j].default_sequence_oid == sequence)
                TRY_RETURN(add_item(p, DROP_DEFAULT, t->oid, (uint32_t)j + 1, false, cause));
    }
    return STATUS_OK;
}

static status refuse_identity_sequence(struct drop *p, const struct table_desc *sequence)
{
    const struct sequence_desc *q = &sequence->sequence;
    const struct table_desc    *owner = find_table(p, q->owner_table_oid);
    const char                 *column;

    if (owner == NULL || owner->columns[q->owner_column - 1].identity == IDENTITY_NONE)
        return STATUS_OK;
    column = owner->columns[q->owner_column - 1].name;
    return status_hint(
        status_new(ST_DEPENDENT_OBJECTS,
                   "cannot drop sequence %s because column %s of table %s requires it",
                   ddl_relation_name(p->d, sequence), column, ddl_relation_name(p->d, owner)),
        "You can drop column %s of table %s instead.", column, ddl_relation_name(p->d, owner));
}

static status relation_dependents(struct drop *p, const struct table_desc *t, size_t at)
{
    TRY_RETURN(add_views(p, t->oid, 0, at));
    TRY_RETURN(add_references(p, t, 0, at));
    if (t->kind == RELATION_SEQUENCE)
        TRY_RETURN(add_defaults(p, t->oid, at));
    for (size_t i = 0; t->kind == RELATION_TABLE && i < t->column_count; i++)
        if (t->columns[i].sequence_oid != 0 && !t->columns[i].dropped)
            TRY_RETURN(add_item(p, DROP_RELATION, t->columns[i].sequence_oid, 0, true, at));
    return STATUS_OK;
}

static status add_generated(struct drop *p, const struct table_desc *t, int16_t column, size_t at)
{
    for (size_t i = 0; i < t->column_count; i++) {
        bool *used = ARENA_ARRAY(p->d->a, bool, COLUMNS_MAX);

        if (t->columns[i].dropped || !t->columns[i].generated_stored)
            continue;
        TRY_RETURN(text_columns(p->d, t, t->columns[i].default_text, used));
        if (used[column - 1])
            TRY_RETURN(add_item(p, DROP_COLUMN, t->oid, (uint32_t)i + 1, false, at));
    }
    return STATUS_OK;
}

static status index_uses(const struct ddl *d, const struct table_desc *t,
                         const struct index_desc *x, int16_t column, bool *uses)
{
    bool *used = ARENA_ARRAY(d->a, bool, COLUMNS_MAX);

    for (size_t i = 0; i < x->part_count; i++) {
        if (x->parts[i].column != 0)
            used[x->parts[i].column - 1] = true;
        else
            TRY_RETURN(text_columns(d, t, x->parts[i].expression_text, used));
    }
    for (size_t i = 0; i < x->include_count; i++)
        used[x->include[i] - 1] = true;
    if (x->predicate_text != NULL)
        TRY_RETURN(text_columns(d, t, x->predicate_text, used));
    *uses = used[column - 1];
    return STATUS_OK;
}

static bool constraint_uses(const struct constraint_desc *c, int16_t column)
{
    for (size_t i = 0; i < c->column_count; i++)
        if (c->columns[i] == column)
            return true;
    return false;
}

static bool index_has_constraint(const struct table_desc *t, uint32_t index_oid)
{
    for (size_t i = 0; i < t->constraint_count; i++)
        if (t->constraints[i].index_oid == index_oid &&
            t->constraints[i].kind != CONSTRAINT_FOREIGN)
            return true;
    return false;
}

static status column_dependents(struct drop *p, const struct table_desc *t, int16_t column,
                                size_t at)
{
    bool uses;

    TRY_RETURN(add_views(p, t->oid, column, at));
    for (size_t i = 0; i < t->constraint_count; i++)
        if (constraint_uses(&t->constraints[i], column))
            TRY_RETURN(add_item(p, DROP_CONSTRAINT, t->oid, t->constraints[i].oid, true, at));
    for (size_t i = 0; i < t->index_count; i++) {
        if (t->indexes[i].oid == 0 || index_has_constraint(t, t->indexes[i].oid))
            continue;
        TRY_RETURN(index_uses(p->d, t, &t->indexes[i], column, &uses));
        if (uses)
            TRY_RETURN(add_item(p, DROP_INDEX, t->oid, t->indexes[i].oid, true, at));
    }
    TRY_RETURN(add_generated(p, t, column, at));
    if (t->columns[column - 1].sequence_oid != 0)
        TRY_RETURN(add_item(p, DROP_RELATION, t->columns[column - 1].sequence_oid, 0, true, at));
    return STATUS_OK;
}

static status schema_dependents(struct drop *p, uint32_t schema, size_t at)
{
    for (size_t i = 0; i < p->table_count; i++)
        if (p->tables[i]->schema_oid == schema)
            TRY_RETURN(add_item(p, DROP_RELATION, p->tables[i]->oid, 0, false, at));
    return STATUS_OK;
}

static status dependents(struct drop *p, const struct drop_item *item, size_t at)
{
    const struct table_desc      *t = find_table(p, item->oid);
    const struct constraint_desc *c;

    switch (item->kind) {
    case DROP_SCHEMA:
        return schema_dependents(p, item->oid, at);
    case DROP_RELATION:
        return relation_dependents(p, t, at);
    case DROP_COLUMN:
        return column_dependents(p, t, (int16_t)item->sub, at);
    case DROP_CONSTRAINT:
        c = table_constraint_by_oid(t, item->sub);
        return c == NULL || c->kind == CONSTRAINT_FOREIGN || c->kind == CONSTRAINT_CHECK
                   ? STATUS_OK
                   : add_references(p, t, c->index_oid, at);
    case DROP_INDEX:
        return add_references(p, t, item->sub, at);
    case DROP_DEFAULT:
        break;
    }
    return STATUS_OK;
}

/* Whether the item goes anyway: it is listed, or its relation as a whole is. */
static bool is_listed(const struct drop *p, const struct drop_item *item, size_t *at)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct drop_item *other = &p->entries[i].item;

        *at = i;
        if (same_item(other, item))
            return true;
        if (other->kind == DROP_RELATION && other->oid == item->oid && item->kind != DROP_SCHEMA)
            return true;
        if (other->kind == DROP_COLUMN && item->kind == DROP_DEFAULT && other->oid == item->oid &&
            other->sub == item->sub)
            return true;
    }
    return false;
}

static status visit(struct drop *p, const struct drop_item *item, bool wanted, bool silent,
                    size_t cause)
{
    size_t at;

    if (is_listed(p, item, &at)) {
        p->entries[at].silent |= silent && same_item(&p->entries[at].item, item);
        return STATUS_OK;
    }
    if (item->kind != DROP_SCHEMA && find_table(p, item->oid) == NULL)
        return STATUS_OK;
    if (p->count == p->capacity) {
        size_t capacity = p->capacity == 0 ? 16 : p->capacity * 2;

        p->entries = arena_realloc(p->d->a, p->entries, p->capacity * sizeof *p->entries,
                                   capacity * sizeof *p->entries);
        p->capacity = capacity;
    }
    at = p->count++;
    p->entries[at] =
        (struct entry){.item = *item, .wanted = wanted, .silent = silent, .cause = cause};
    return dependents(p, item, at);
}

/* ---- refusing and telling -------------------------------------------------------------------- */

static bool is_told(const struct entry *e)
{
    return !e->wanted && !e->silent;
}

/* What the message blames: silent entries stand for what they belong to. */
static const struct drop_item *blamed(const struct drop *p, size_t cause)
{
    while (p->entries[cause].silent && p->entries[cause].cause != cause)
        cause = p->entries[cause].cause;
    return &p->entries[cause].item;
}

static status refuse(const struct drop *p, const struct drop_item *items, size_t count,
                     const struct buf *lines)
{
    status st = count == 1 ? status_new(ST_DEPENDENT_OBJECTS,
                                        "cannot drop %s because other objects depend on it",
                                        describe(p, &items[0]))
                           : status_new(ST_DEPENDENT_OBJECTS, "cannot drop desired object(s) "
                                                              "because other objects depend on "
                                                              "them");

    return status_hint(status_detail(st, "%.*s", SLICE_FMT(buf_slice(lines))),
                       "Use DROP ... CASCADE to drop the dependent objects too.");
}

static status tell(const struct drop *p, const struct drop_item *items, size_t count, bool cascade)
{
    SCOPED(buf) struct buf lines = {0};
    size_t                 told = 0;
    const char            *last = NULL;

    buf_init(&lines, NULL);
    for (size_t i = 0; i < p->count; i++) {
        if (!is_told(&p->entries[i]))
            continue;
        last = describe(p, &p->entries[i].item);
        buf_append_cstr(&lines, told++ > 0 ? "\n" : "");
        if (cascade)
            buf_printf(&lines, "drop cascades to %s", last);
        else
            buf_printf(&lines, "%s depends on %s", last,
                       describe(p, blamed(p, p->entries[i].cause)));
    }
    if (told == 0)
        return STATUS_OK;
    if (!cascade)
        return refuse(p, items, count, &lines);
    if (told == 1)
        ddl_notice(p->d, status_new(ST_SUCCESS, "drop cascades to %s", last));
    else
        ddl_notice(p->d,
                   status_detail(status_new(ST_SUCCESS, "drop cascades to %zu other objects", told),
                                 "%.*s", SLICE_FMT(buf_slice(&lines))));
    return STATUS_OK;
}

/* Parts of relations go before relations, these before schemas; each in the order they were found,
 * so that what needs an object goes after what it needs was looked up. */
static status carry_out(const struct drop *p)
{
    static const enum drop_kind order[] = {DROP_CONSTRAINT, DROP_INDEX,    DROP_DEFAULT,
                                           DROP_COLUMN,     DROP_RELATION, DROP_SCHEMA};

    for (size_t k = 0; k < ARRAY_LEN(order); k++)
        for (size_t i = p->count; i-- > 0;)
            if (p->entries[i].item.kind == order[k])
                TRY_RETURN(drop_one(p->d, &p->entries[i].item));
    return STATUS_OK;
}

static status refuse_by_kind(struct drop *p, const struct drop_item *item)
{
    const struct table_desc *t = find_table(p, item->oid);

    if (item->kind == DROP_RELATION && t != NULL && t->kind == RELATION_SEQUENCE)
        return refuse_identity_sequence(p, t);
    if (item->kind == DROP_INDEX && t != NULL && index_has_constraint(t, item->sub)) {
        const char *name = index_name(t, item->sub), *table = ddl_relation_name(p->d, t);

        return status_hint(
            status_new(ST_DEPENDENT_OBJECTS,
                       "cannot drop index %s because constraint %s on table %s requires it", name,
                       name, table),
            "You can drop constraint %s on table %s instead.", name, table);
    }
    return STATUS_OK;
}

status drop_items(const struct ddl *d, const struct drop_item *items, size_t count, bool cascade)
{
    struct drop p = {.d = d};

    TRY_RETURN(catalog_list_all_tables(d->v, d->a, &p.tables, &p.table_count));
    for (size_t i = 0; i < count; i++) {
        TRY_RETURN(refuse_by_kind(&p, &items[i]));
        /* Listed first, so that what is dropped with another item is not told as cascaded. */
        p.entries = arena_realloc(d->a, p.entries, p.capacity * sizeof *p.entries,
                                  (p.capacity + 1) * sizeof *p.entries);
        p.entries[p.count++] = (struct entry){.item = items[i], .wanted = true, .cause = i};
        p.capacity++;
    }
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(dependents(&p, &items[i], i));
    TRY_RETURN(tell(&p, items, count, cascade));
    return carry_out(&p);
}

/* ---- DROP TABLE, VIEW, SEQUENCE, INDEX, SCHEMA ----------------------------------------------- */

static status missing(const struct ddl *d, const PgQuery__DropStmt *s, const char *kind,
                      const char *schema, const char *name)
{
    const struct schema_desc *found = NULL;
    bool                      no_schema = false;

    if (schema != NULL) {
        TRY_RETURN(catalog_schema_by_name(d->v, schema, &found));
        no_schema = found == NULL;
    }
    if (s->missing_ok) {
        if (no_schema)
            ddl_notice(d, status_new(ST_SUCCESS, "schema \"%s\" does not exist, skipping", schema));
        else
            ddl_notice(d, status_new(ST_SUCCESS, "%s \"%s\" does not exist, skipping", kind, name));
        return STATUS_OK;
    }
    if (no_schema)
        return status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", schema);
    return status_new(ST_UNDEFINED_TABLE, "%s \"%s\" does not exist", kind, name);
}

static status wrong_kind(const struct table_desc *t, const char *name, const char *kind)
{
    const char *is = t == NULL ? "index" : ddl_kind_name(t->kind);
    bool        vowel = kind[0] == 'i';

    return status_hint(
        status_new(ST_WRONG_OBJECT_TYPE, "\"%s\" is not %s %s", name, vowel ? "an" : "a", kind),
        "Use DROP %s to remove %s %s.",
        is[0] == 't'   ? "TABLE"
        : is[0] == 'v' ? "VIEW"
        : is[0] == 's' ? "SEQUENCE"
                       : "INDEX",
        is[0] == 'i' ? "an" : "a", is);
}

static status find_relation(const struct ddl *d, const PgQuery__DropStmt *s,
                            const PgQuery__Node *node, enum relation_kind kind,
                            struct drop_item *out, bool *found)
{
    const struct table_desc *t, *indexed;
    const char              *schema, *name, *kind_name = ddl_kind_name(kind);
    size_t                   position;

    *found = false;
    node_names(node, &schema, &name);
    TRY_RETURN(catalog_table_by_name_for_change(d->v, schema, name, &t));
    if (t == NULL) {
        TRY_RETURN(catalog_index_by_name_for_change(d->v, schema, name, &indexed, &position));
        if (indexed != NULL)
            return wrong_kind(NULL, name, kind_name);
        return missing(d, s, kind_name, schema, name);
    }
    if (t->kind != kind)
        return wrong_kind(t, name, kind_name);
    if (t->oid < OID_FIRST_USER)
        return status_new(ST_INSUFFICIENT_PRIVILEGE,
                          "permission denied: \"%s\" is a system catalog", name);
    *out = (struct drop_item){.kind = DROP_RELATION, .oid = t->oid};
    *found = true;
    return STATUS_OK;
}

static status find_index(const struct ddl *d, const PgQuery__DropStmt *s, const PgQuery__Node *node,
                         struct drop_item *out, bool *found)
{
    const struct table_desc *t;
    const char              *schema, *name;
    size_t                   position;

    *found = false;
    node_names(node, &schema, &name);
    TRY_RETURN(catalog_index_by_name_for_change(d->v, schema, name, &t, &position));
    if (t == NULL) {
        TRY_RETURN(catalog_table_by_name(d->v, schema, name, &t));
        return t != NULL ? wrong_kind(t, name, "index") : missing(d, s, "index", schema, name);
    }
    *out = (struct drop_item){.kind = DROP_INDEX, .oid = t->oid, .sub = t->indexes[position].oid};
    *found = true;
    return STATUS_OK;
}

static status find_schema(const struct ddl *d, const PgQuery__DropStmt *s,
                          const PgQuery__Node *node, struct drop_item *out, bool *found)
{
    const struct schema_desc *schema;
    const char               *name = ddl_node_string(node);

    *found = false;
    TRY_RETURN(catalog_schema_by_name(d->v, name, &schema));
    if (schema == NULL) {
        if (!s->missing_ok)
            return status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", name);
        ddl_notice(d, status_new(ST_SUCCESS, "schema \"%s\" does not exist, skipping", name));
        return STATUS_OK;
    }
    if (schema->database_oid == 0)
        return status_new(ST_DEPENDENT_OBJECTS,
                          "cannot drop schema %s because it is required by the database system",
                          name);
    TRY_RETURN(catalog_hold(d->v, OBJECT_SCHEMA, schema->oid, true));
    *out = (struct drop_item){.kind = DROP_SCHEMA, .oid = schema->oid};
    *found = true;
    return STATUS_OK;
}

static status find_target(const struct ddl *d, const PgQuery__DropStmt *s,
                          const PgQuery__Node *node, struct drop_item *out, bool *found)
{
    switch (s->remove_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
        d->result->tag = "DROP TABLE";
        return find_relation(d, s, node, RELATION_TABLE, out, found);
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        d->result->tag = "DROP VIEW";
        return find_relation(d, s, node, RELATION_VIEW, out, found);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        d->result->tag = "DROP SEQUENCE";
        return find_relation(d, s, node, RELATION_SEQUENCE, out, found);
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        d->result->tag = "DROP INDEX";
        return find_index(d, s, node, out, found);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        d->result->tag = "DROP SCHEMA";
        return find_schema(d, s, node, out, found);
    default:
        return ddl_unsupported("DROP of this kind of object is not supported");
    }
}

/* Objects that this server never has: IF EXISTS is honest about them, the rest is not supported. */
static const char *absent_kind(PgQuery__ObjectType type, const char **tag)
{
    switch (type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW:
        *tag = "DROP MATERIALIZED VIEW";
        return "materialized view";
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
        *tag = "DROP TYPE";
        return "type";
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        *tag = "DROP DOMAIN";
        return "type";
    case PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION:
        *tag = "DROP EXTENSION";
        return "extension";
    case PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION:
        *tag = "DROP FUNCTION";
        return "function";
    default:
        return NULL;
    }
}

static const char *absent_name(const PgQuery__Node *node)
{
    const char *schema, *name;

    if (node->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
        return ddl_node_string(node->type_name->names[node->type_name->n_names - 1]);
    if (node->node_case == PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS)
        return ddl_node_string(
            node->object_with_args->objname[node->object_with_args->n_objname - 1]);
    node_names(node, &schema, &name);
    return name;
}

static status drop_absent(const struct ddl *d, const PgQuery__DropStmt *s, const char *kind)
{
    for (size_t i = 0; i < s->n_objects; i++) {
        const char *name = absent_name(s->objects[i]);

        if (!s->missing_ok)
            return status_new(ST_UNDEFINED_OBJECT, "%s \"%s\" does not exist", kind, name);
        ddl_notice(d, status_new(ST_SUCCESS, "%s \"%s\" does not exist, skipping", kind, name));
    }
    return STATUS_OK;
}

status ddl_drop(const struct ddl *d, const PgQuery__DropStmt *s)
{
    struct drop_item *items = ARENA_ARRAY(d->a, struct drop_item, s->n_objects + 1);
    const char       *kind = absent_kind(s->remove_type, &d->result->tag);
    size_t            count = 0;

    if (kind != NULL)
        return drop_absent(d, s, kind);
    for (size_t i = 0; i < s->n_objects; i++) {
        bool found, repeated = false;

        TRY_RETURN(find_target(d, s, s->objects[i], &items[count], &found));
        for (size_t j = 0; found && j < count; j++)
            repeated |= same_item(&items[j], &items[count]);
        if (found && !repeated)
            count++;
    }
    if (count == 0)
        return STATUS_OK;
    return drop_items(d, items, count, s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE);
}
