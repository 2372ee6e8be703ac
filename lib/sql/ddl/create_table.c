/* CREATE TABLE, with LIKE. */
#include "sql/ddl/internal.h"

#include "kv/keys.h"

/* ---- LIKE ------------------------------------------------------------------------------------ */

static bool like_includes(const PgQuery__TableLikeClause *like, PgQuery__TableLikeOption option)
{
    /* The tree keeps PostgreSQL's bits; its option numbers count from 1. */
    return (like->options & (1u << (option - 1))) != 0;
}

static status like_column(const struct ddl *d, struct table_desc *t,
                          const PgQuery__TableLikeClause *like, const struct table_desc *from,
                          const struct column_desc *column, int16_t *map)
{
    struct column_desc *copy;

    if (table_column_by_name(t, column->name) != NULL)
        return status_new(ST_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                          column->name);
    copy = draft_add_column(d, t);
    map[column->number - 1] = copy->number;
    copy->name = column->name;
    copy->type = column->type;
    copy->typmod = column->typmod;
    copy->collation = column->collation;
    copy->not_null = column->not_null;
    if (like_includes(like, PG_QUERY__TABLE_LIKE_OPTION__CREATE_TABLE_LIKE_COMMENTS))
        copy->comment = column->comment;
    if (column->generated_stored) {
        if (like_includes(like, PG_QUERY__TABLE_LIKE_OPTION__CREATE_TABLE_LIKE_GENERATED)) {
            copy->default_text = column->default_text;
            copy->generated_stored = true;
        }
        return STATUS_OK;
    }
    if (column->identity != IDENTITY_NONE) {
        if (!like_includes(like, PG_QUERY__TABLE_LIKE_OPTION__CREATE_TABLE_LIKE_IDENTITY))
            return STATUS_OK;
        copy->identity = column->identity;
        TRY_RETURN(sequence_create_owned(d, t, copy, copy->type, NULL, 0, &copy->sequence_oid));
        copy->default_sequence_oid = copy->sequence_oid;
        copy->default_text =
            arena_printf(d->a, "pg_catalog.nextval('%u'::pg_catalog.regclass)", copy->sequence_oid);
        return STATUS_OK;
    }
    if (like_includes(like, PG_QUERY__TABLE_LIKE_OPTION__CREATE_TABLE_LIKE_DEFAULTS)) {
        copy->default_text = column->default_text;
        copy->default_sequence_oid = column->default_sequence_oid;
    }
    (void)from;
    return STATUS_OK;
}

/* What LIKE copies once the table's own columns and keys are known. */
struct like_later {
    const PgQuery__TableLikeClause *like;
    const struct table_desc        *from;
    int16_t                        *map; /* column number in `from` - 1 -> number here */
    struct like_later              *next;
};

static status like_columns(const struct ddl *d, struct table_desc *t,
                           const PgQuery__TableLikeClause *like, struct like_later ***tail)
{
    const struct table_desc *from;
    struct like_later       *later = ARENA_NEW(d->a, struct like_later);
    const char              *schema;

    TRY_RETURN(ddl_schema_name(d, like->relation, &schema));
    TRY_RETURN(catalog_table_by_name(d->v, schema, like->relation->relname, &from));
    if (from == NULL)
        return ddl_at(d, ddl_relation_missing(d, schema, like->relation->relname),
                      like->relation->location);
    if (from->kind == RELATION_SEQUENCE)
        return status_new(ST_WRONG_OBJECT_TYPE, "relation \"%s\" is invalid in LIKE clause",
                          from->name);
    later->like = like;
    later->from = from;
    later->map = ARENA_ARRAY(d->a, int16_t, from->column_count + 1);
    for (size_t i = 0; i < from->column_count; i++)
        if (!from->columns[i].dropped)
            TRY_RETURN(like_column(d, t, like, from, &from->columns[i], later->map));
    **tail = later;
    *tail = &later->next;
    return STATUS_OK;
}

/* Expressions name columns, and LIKE keeps the names: their texts hold in the new table too. */
static status like_checks(const struct ddl *d, struct table_desc *t, const struct like_later *l)
{
    for (size_t i = 0; i < l->from->constraint_count; i++) {
        const struct constraint_desc *c = &l->from->constraints[i];
        struct constraint_desc        copy = *c;

        if (c->kind != CONSTRAINT_CHECK)
            continue;
        if (draft_constraint(t, c->name) >= 0)
            return status_new(ST_DUPLICATE_OBJECT,
                              "constraint \"%s\" for relation \"%s\" already "
                              "exists",
                              c->name, t->name);
        TRY_RETURN(catalog_new_oid(d->v, &copy.oid));
        for (size_t j = 0; j < c->column_count; j++)
            copy.columns[j] = l->map[c->columns[j] - 1];
        copy.validated = true;
        *draft_add_constraint(d, t) = copy;
    }
    return STATUS_OK;
}

static status like_index(const struct ddl *d, struct table_desc *t, const struct like_later *l,
                         const struct index_desc *from)
{
    const struct schema_desc *schema;
    struct index_desc         x = *from;
    bool                      is_key = false;
    const char               *names = NULL;

    for (size_t i = 0; i < x.part_count; i++) {
        const char *part;

        if (x.parts[i].column != 0)
            x.parts[i].column = l->map[x.parts[i].column - 1];
        part = x.parts[i].column != 0    ? t->columns[x.parts[i].column - 1].name
               : x.parts[i].name != NULL ? x.parts[i].name
                                         : "expr";
        names = names == NULL ? part : arena_printf(d->a, "%s_%s", names, part);
    }
    for (size_t i = 0; i < x.include_count; i++)
        x.include[i] = l->map[x.include[i] - 1];
    for (size_t i = 0; i < l->from->constraint_count; i++)
        is_key |= l->from->constraints[i].index_oid == from->oid &&
                  l->from->constraints[i].kind == CONSTRAINT_UNIQUE;
    if (x.primary && t->index_count > 0 && t->indexes[0].primary)
        return status_new(ST_INVALID_TABLE_DEFINITION,
                          "multiple primary keys for table \"%s\" are not allowed", t->name);
    x.name = choose_relation_name(d, t, x.primary ? NULL : names,
                                  x.primary ? "pkey"
                                  : is_key  ? "key"
                                            : "idx");
    TRY_RETURN(catalog_schema_by_oid(d->v, t->schema_oid, &schema));
    TRY_RETURN(ddl_claim_relation(d, schema, x.name, NULL));
    TRY_RETURN(catalog_new_oid(d->v, &x.oid));
    if (x.primary) {
        x.key_id = 1;
        t->has_row_id = false;
        t->indexes[0] = x;
    } else {
        x.key_id = t->next_key_id++;
        *draft_add_index(d, t) = x;
    }
    if (x.primary || is_key) {
        struct constraint_desc *c = draft_add_constraint(d, t);

        TRY_RETURN(catalog_new_oid(d->v, &c->oid));
        c->kind = x.primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE;
        c->name = x.name;
        c->index_oid = x.oid;
        c->validated = c->no_inherit = true;
        for (; c->column_count < x.part_count; c->column_count++)
            c->columns[c->column_count] = x.parts[c->column_count].column;
    }
    return STATUS_OK;
}

static status like_rest(const struct ddl *d, struct table_desc *t, const struct like_later *l)
{
    for (; l != NULL; l = l->next) {
        if (like_includes(l->like, PG_QUERY__TABLE_LIKE_OPTION__CREATE_TABLE_LIKE_CONSTRAINTS))
            TRY_RETURN(like_checks(d, t, l));
        if (!like_includes(l->like, PG_QUERY__TABLE_LIKE_OPTION__CREATE_TABLE_LIKE_INDEXES))
            continue;
        for (size_t i = 0; i < l->from->index_count; i++)
            if (l->from->indexes[i].oid != 0)
                TRY_RETURN(like_index(d, t, l, &l->from->indexes[i]));
    }
    return STATUS_OK;
}

/* ---- CREATE TABLE ---------------------------------------------------------------------------- */

static status refuse_extras(const struct ddl *d, const PgQuery__CreateStmt *s)
{
    if (s->n_inh_relations > 0)
        return ddl_unsupported("table inheritance is not supported");
    if (s->partspec != NULL || s->partbound != NULL)
        return ddl_unsupported("partitioned tables are not supported");
    if (s->of_typename != NULL)
        return ddl_unsupported("typed tables are not supported");
    if (given(s->tablespacename) && !ddl_equal(s->tablespacename, "pg_default"))
        return status_new(ST_UNDEFINED_OBJECT, "tablespace \"%s\" does not exist",
                          s->tablespacename);
    if (given(s->access_method) && !ddl_equal(s->access_method, "heap"))
        return status_new(ST_UNDEFINED_OBJECT, "access method \"%s\" does not exist",
                          s->access_method);
    return index_check_params(d, s->options, s->n_options);
}

static status define_elements(const struct ddl *d, struct table_desc *t,
                              const PgQuery__CreateStmt *s, struct pending *pending,
                              struct like_later ***tail)
{
    struct column_extras *extras = ARENA_ARRAY(d->a, struct column_extras, s->n_table_elts + 1);
    int16_t              *numbers = ARENA_ARRAY(d->a, int16_t, s->n_table_elts + 1);
    size_t                count = 0;

    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];

        switch (n->node_case) {
        case PG_QUERY__NODE__NODE_COLUMN_DEF:
            TRY_RETURN(column_define(d, t, n->column_def, pending, &extras[count]));
            numbers[count++] = (int16_t)t->column_count;
            break;
        case PG_QUERY__NODE__NODE_CONSTRAINT:
            pending_add(d, pending, n->constraint, NULL);
            break;
        case PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE:
            TRY_RETURN(like_columns(d, t, n->table_like_clause, tail));
            break;
        default:
            return status_new(ST_INTERNAL, "unexpected table element %d", (int)n->node_case);
        }
    }
    for (size_t i = 0; i < s->n_constraints; i++)
        pending_add(d, pending, s->constraints[i]->constraint, NULL);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(column_finish(d, t, numbers[i], &extras[i]));
    return STATUS_OK;
}

static status new_table(const struct ddl *d, const struct schema_desc *schema, const char *name,
                        struct table_desc **out)
{
    struct table_desc *t = ARENA_NEW(d->a, struct table_desc);
    uint32_t           storage;

    TRY_RETURN(catalog_new_oid(d->v, &t->oid));
    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    t->kind = RELATION_TABLE;
    t->name = name;
    t->schema_oid = schema->oid;
    t->database_oid = schema->database_oid;
    t->owner_oid = d->c->user_oid;
    t->next_key_id = 2;
    *out = t;
    return STATUS_OK;
}

status table_begin(const struct ddl *d, const PgQuery__RangeVar *rv, bool if_not_exists,
                   struct table_desc **out)
{
    const struct schema_desc *schema;
    bool                      taken = false;

    *out = NULL;
    TRY_RETURN(ddl_target_schema(d, rv, &schema));
    TRY_RETURN(ddl_claim_relation(d, schema, rv->relname, if_not_exists ? &taken : NULL));
    if (taken) {
        ddl_notice(d, status_new(ST_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping",
                                 rv->relname));
        return STATUS_OK;
    }
    return new_table(d, schema, rv->relname, out);
}

status storage_is_new(const struct ddl *d, const struct table_desc *t)
{
    SCOPED(buf) struct buf start = {0}, end = {0};

    buf_init(&start, NULL);
    buf_init(&end, NULL);
    key_append_table(&start, t->storage_id);
    key_append_prefix_end(&end, buf_slice(&start));
    return txn_mark_private(d->c->txn, buf_slice(&start), buf_slice(&end));
}

status ddl_create_table(const struct ddl *d, const PgQuery__CreateStmt *s)
{
    struct table_desc *t;
    struct pending     pending = {0};
    struct like_later *likes = NULL, **tail = &likes;

    d->result->tag = "CREATE TABLE";
    TRY_RETURN(refuse_extras(d, s));
    TRY_RETURN(table_begin(d, s->relation, s->if_not_exists, &t));
    if (t == NULL)
        return STATUS_OK;
    TRY_RETURN(define_elements(d, t, s, &pending, &tail));
    TRY_RETURN(constraint_add_all(d, t, &pending));
    TRY_RETURN(like_rest(d, t, likes));
    TRY_RETURN(storage_is_new(d, t));
    return catalog_put_table(d->v, t);
}
