/* PRIMARY KEY, UNIQUE, CHECK and FOREIGN KEY: from the parse tree into descriptors. */
#include "sql/ddl/internal.h"

/* ---- keys ------------------------------------------------------------------------------------ */

static status refuse_deferrable(const struct ddl *d, const PgQuery__Constraint *k)
{
    if (k->deferrable || k->initdeferred)
        return ddl_at(
            d,
            status_new(ST_FEATURE_NOT_SUPPORTED, "deferrable unique constraints are not supported"),
            k->location);
    return STATUS_OK;
}

static status key_part(const struct ddl *d, struct table_desc *t, const PgQuery__Constraint *k,
                       const char *column, struct index_desc *x)
{
    bool                primary = k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
    struct column_desc *c = draft_column(t, column);
    struct index_part  *part;

    if (c == NULL)
        return ddl_at(
            d, status_new(ST_UNDEFINED_COLUMN, "column \"%s\" named in key does not exist", column),
            k->location);
    for (size_t i = 0; i < x->part_count; i++)
        if (x->parts[i].column == c->number)
            return ddl_at(d,
                          status_new(ST_DUPLICATE_COLUMN,
                                     "column \"%s\" appears twice in %s "
                                     "constraint",
                                     column, primary ? "primary key" : "unique"),
                          k->location);
    if (x->part_count == INDEX_KEY_PARTS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "cannot use more than %d columns in an index",
                          INDEX_KEY_PARTS_MAX);
    part = &x->parts[x->part_count++];
    if (primary)
        c->not_null = true;
    return index_column_part(d, t, column, "does not exist", part);
}

static status key_parts(const struct ddl *d, struct table_desc *t, const PgQuery__Constraint *k,
                        const char *column, struct index_desc *x)
{
    if (k->n_keys == 0 && column != NULL)
        return key_part(d, t, k, column, x);
    for (size_t i = 0; i < k->n_keys; i++)
        TRY_RETURN(key_part(d, t, k, ddl_node_string(k->keys[i]), x));
    for (size_t i = 0; i < k->n_including; i++) {
        const struct column_desc *c = table_column_by_name(t, ddl_node_string(k->including[i]));

        if (c == NULL)
            return status_new(ST_UNDEFINED_COLUMN, "column \"%s\" named in key does not exist",
                              ddl_node_string(k->including[i]));
        if (x->include_count == INDEX_KEY_PARTS_MAX)
            return status_new(ST_TOO_MANY_COLUMNS, "cannot use more than %d columns in an index",
                              INDEX_KEY_PARTS_MAX);
        x->include[x->include_count++] = c->number;
    }
    return STATUS_OK;
}

static const char *key_name(const struct ddl *d, const struct table_desc *t,
                            const PgQuery__Constraint *k, const struct index_desc *x)
{
    SCOPED(buf) struct buf columns = {0};

    if (given(k->conname))
        return k->conname;
    if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
        return choose_relation_name(d, t, NULL, "pkey");
    buf_init(&columns, NULL);
    for (size_t i = 0; i < x->part_count; i++)
        buf_printf(&columns, "%s%s", i > 0 ? "_" : "", t->columns[x->parts[i].column - 1].name);
    for (size_t i = 0; i < x->include_count; i++)
        buf_printf(&columns, "_%s", t->columns[x->include[i] - 1].name);
    return choose_relation_name(d, t, arena_strdup(d->a, buf_cstr(&columns)), "key");
}

static void key_constraint(const struct ddl *d, struct table_desc *t, const struct index_desc *x,
                           uint32_t oid)
{
    struct constraint_desc *c = draft_add_constraint(d, t);

    c->oid = oid;
    c->kind = x->primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE;
    c->name = x->name;
    c->index_oid = x->oid;
    c->validated = true;
    c->no_inherit = true; /* as pg_constraint shows keys */
    c->column_count = x->part_count;
    for (size_t i = 0; i < x->part_count; i++)
        c->columns[i] = x->parts[i].column;
}

/* Put a primary key in the place of the row id. The entries of the other indexes hold the rows'
 * keys, so they all have to be written again: the table moves to new storage. */
static status replace_row_id(const struct ddl *d, struct table_desc *t, struct index_desc *x,
                             struct constraint_added *out)
{
    uint32_t storage;

    x->key_id = 1;
    if (t->index_count == 0) { /* CREATE TABLE */
        *draft_add_index(d, t) = *x;
        return STATUS_OK;
    }
    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    t->indexes[0] = *x;
    t->has_row_id = false;
    out->new_primary = true;
    return STATUS_OK;
}

static status refuse_second_primary(const struct ddl *d, const struct table_desc *t,
                                    const PgQuery__Constraint *k)
{
    for (size_t i = 0; i < t->constraint_count; i++)
        if (t->constraints[i].kind == CONSTRAINT_PRIMARY)
            return ddl_at(d,
                          status_new(ST_INVALID_TABLE_DEFINITION,
                                     "multiple primary keys for table \"%s\" are not allowed",
                                     t->name),
                          k->location);
    return STATUS_OK;
}

static status refuse_constraint_name(const struct table_desc *t, const char *name)
{
    if (given(name) && draft_constraint(t, name) >= 0)
        return status_new(ST_DUPLICATE_OBJECT,
                          "constraint \"%s\" for relation \"%s\" already exists", name, t->name);
    return STATUS_OK;
}

/* ALTER TABLE ... ADD PRIMARY KEY | UNIQUE USING INDEX: an index becomes a constraint. */
static status adopt_index(const struct ddl *d, struct table_desc *t, const PgQuery__Constraint *k,
                          struct constraint_added *out)
{
    struct index_desc *x = NULL;
    uint32_t           oid;

    for (size_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].oid != 0 && ddl_equal(t->indexes[i].name, k->indexname))
            x = &t->indexes[i];
    if (x == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "index \"%s\" does not exist", k->indexname);
    if (!x->unique || x->predicate_text != NULL)
        return status_detail(
            status_new(ST_WRONG_OBJECT_TYPE,
                       x->unique ? "\"%s\" is a partial index" : "\"%s\" is not a unique index",
                       x->name),
            "Cannot create a primary key or unique constraint using such an index.");
    for (size_t i = 0; i < x->part_count; i++)
        if (x->parts[i].column == 0)
            return status_detail(
                status_new(ST_WRONG_OBJECT_TYPE, "index \"%s\" contains expressions", x->name),
                "Cannot create a primary key or unique constraint using such an index.");
    if (given(k->conname) && !ddl_equal(k->conname, x->name)) {
        ddl_notice(d, status_new(ST_SUCCESS,
                                 "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename "
                                 "index \"%s\" to \"%s\"",
                                 x->name, k->conname));
        TRY_RETURN(rename_index(d, t, x, k->conname));
    }
    TRY_RETURN(refuse_constraint_name(t, x->name));
    TRY_RETURN(catalog_new_oid(d->v, &oid));
    if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY) {
        struct index_desc primary = *x;

        primary.primary = true;
        for (size_t i = 0; i < primary.part_count; i++)
            t->columns[primary.parts[i].column - 1].not_null = true;
        draft_remove_index(t, (size_t)(x - t->indexes));
        TRY_RETURN(replace_row_id(d, t, &primary, out));
        x = &t->indexes[0];
    }
    key_constraint(d, t, x, oid);
    return STATUS_OK;
}

static status add_key(const struct ddl *d, struct table_desc *t, const PgQuery__Constraint *k,
                      const char *column, struct constraint_added *out)
{
    const struct schema_desc *schema;
    struct index_desc        *x = ARENA_NEW(d->a, struct index_desc);
    uint32_t                  constraint_oid;

    TRY_RETURN(refuse_deferrable(d, k));
    if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
        TRY_RETURN(refuse_second_primary(d, t, k));
    if (given(k->indexname))
        return adopt_index(d, t, k, out);
    if (k->nulls_not_distinct)
        return ddl_unsupported("NULLS NOT DISTINCT is not supported");
    TRY_RETURN(index_check_params(d, k->options, k->n_options));
    TRY_RETURN(key_parts(d, t, k, column, x));
    TRY_RETURN(refuse_constraint_name(t, k->conname));
    x->unique = true;
    x->primary = k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
    x->name = key_name(d, t, k, x);
    TRY_RETURN(catalog_schema_by_oid(d->v, t->schema_oid, &schema));
    TRY_RETURN(ddl_claim_relation(d, schema, x->name, NULL));
    TRY_RETURN(catalog_new_oid(d->v, &x->oid));
    TRY_RETURN(catalog_new_oid(d->v, &constraint_oid));
    if (x->primary) {
        TRY_RETURN(replace_row_id(d, t, x, out));
    } else {
        x->key_id = t->next_key_id++;
        *draft_add_index(d, t) = *x;
        out->index_oid = x->oid;
    }
    key_constraint(d, t, x, constraint_oid);
    return STATUS_OK;
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

static status add_check(const struct ddl *d, struct table_desc *t, const PgQuery__Constraint *k,
                        struct constraint_added *out)
{
    struct constraint_desc *c;
    struct expr            *e;
    const char             *text, *only = NULL;
    bool                   *used = ARENA_ARRAY(d->a, bool, COLUMNS_MAX);
    uint32_t                oid;
    size_t                  count = 0;

    TRY_RETURN(refuse_constraint_name(t, k->conname));
    TRY_RETURN(ddl_expression(d, k->raw_expr, t, OID_BOOL, -1, "check constraint", &e, &text));
    TRY_RETURN(catalog_new_oid(d->v, &oid));
    expression_columns(e, used);
    c = draft_add_constraint(d, t);
    c->oid = oid;
    c->kind = CONSTRAINT_CHECK;
    c->check_text = text;
    c->validated = !k->skip_validation;
    c->no_inherit = k->is_no_inherit;
    for (size_t i = 0; i < t->column_count; i++) {
        if (!used[i])
            continue;
        only = t->columns[i].name;
        if (count++ < INDEX_KEY_PARTS_MAX)
            c->columns[c->column_count++] = (int16_t)(i + 1);
    }
    c->name = ""; /* keeps the search for a name from meeting itself */
    c->name = given(k->conname) ? k->conname
                                : choose_constraint_name(d, t, count == 1 ? only : NULL, "check");
    if (c->validated)
        out->constraint_oid = oid;
    return STATUS_OK;
}

/* ---- FOREIGN KEY ----------------------------------------------------------------------------- */

static status fk_columns(const struct ddl *d, const struct table_desc *t,
                         PgQuery__Node *const *names, size_t count, int16_t *out)
{
    if (count > INDEX_KEY_PARTS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "cannot have more than %d keys in a foreign key",
                          INDEX_KEY_PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct column_desc *c = table_column_by_name(t, ddl_node_string(names[i]));

        if (c == NULL)
            return status_new(ST_UNDEFINED_COLUMN,
                              "column \"%s\" referenced in foreign key constraint does not exist",
                              ddl_node_string(names[i]));
        out[i] = c->number;
    }
    (void)d;
    return STATUS_OK;
}

static bool same_columns(const struct index_desc *x, const int16_t *columns, size_t count)
{
    if (x->part_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        bool found = false;

        for (size_t j = 0; j < count; j++)
            found |= x->parts[i].column == columns[j];
        if (!found)
            return false;
    }
    return true;
}

/* The unique index that the foreign key relies on. */
static status find_target(const struct table_desc *ref, const PgQuery__Constraint *k,
                          struct constraint_desc *c)
{
    const struct index_desc *x = NULL;

    if (k->n_pk_attrs == 0) {
        if (ref->index_count == 0 || !ref->indexes[0].primary)
            return status_new(ST_UNDEFINED_OBJECT,
                              "there is no primary key for referenced table \"%s\"", ref->name);
        x = &ref->indexes[0];
        if (x->part_count != k->n_fk_attrs)
            return status_new(ST_INVALID_FOREIGN_KEY, "number of referencing and referenced "
                                                      "columns for foreign key disagree");
        for (size_t i = 0; i < x->part_count; i++)
            c->ref_columns[i] = x->parts[i].column;
        c->index_oid = x->oid;
        return STATUS_OK;
    }
    if (k->n_pk_attrs != k->n_fk_attrs)
        return status_new(ST_INVALID_FOREIGN_KEY, "number of referencing and referenced columns "
                                                  "for foreign key disagree");
    for (size_t i = 0; i < ref->index_count && x == NULL; i++)
        if (ref->indexes[i].oid != 0 && ref->indexes[i].unique &&
            ref->indexes[i].predicate_text == NULL &&
            same_columns(&ref->indexes[i], c->ref_columns, k->n_pk_attrs))
            x = &ref->indexes[i];
    if (x == NULL)
        return status_new(ST_INVALID_FOREIGN_KEY,
                          "there is no unique constraint matching given "
                          "keys for referenced table \"%s\"",
                          ref->name);
    c->index_oid = x->oid;
    return STATUS_OK;
}

static bool types_compare(uint32_t referencing, uint32_t referenced)
{
    const struct cast_def *cast = cast_find(referencing, referenced);
    const struct type     *a = type_by_oid(referencing), *b = type_by_oid(referenced);

    if (referencing == referenced || (cast != NULL && cast->context == CAST_IMPLICIT))
        return true;
    return a->datum_kind == DATUM_INT && b->datum_kind == DATUM_INT && a->category == 'N' &&
           b->category == 'N';
}

static status check_types(const struct ddl *d, const struct table_desc *t,
                          const struct table_desc *ref, const struct constraint_desc *c)
{
    for (size_t i = 0; i < c->column_count; i++) {
        const struct column_desc *from = &t->columns[c->columns[i] - 1];
        const struct column_desc *to = &ref->columns[c->ref_columns[i] - 1];

        if (types_compare(from->type, to->type))
            continue;
        return status_detail(
            status_new(ST_DATATYPE_MISMATCH, "foreign key constraint \"%s\" cannot be implemented",
                       c->name),
            "Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.", from->name,
            to->name, type_format(d->a, from->type, -1), type_format(d->a, to->type, -1));
    }
    return STATUS_OK;
}

static status fk_actions(const struct ddl *d, const struct table_desc *t,
                         const PgQuery__Constraint *k, struct constraint_desc *c)
{
    c->on_update = given(k->fk_upd_action) ? (enum fk_action)k->fk_upd_action[0] : FK_NO_ACTION;
    c->on_delete = given(k->fk_del_action) ? (enum fk_action)k->fk_del_action[0] : FK_NO_ACTION;
    c->match_full = given(k->fk_matchtype) && k->fk_matchtype[0] == 'f';
    if (given(k->fk_matchtype) && k->fk_matchtype[0] == 'p')
        return ddl_unsupported("MATCH PARTIAL not yet implemented");
    for (size_t i = 0; i < c->column_count; i++) {
        if (!t->columns[c->columns[i] - 1].generated_stored)
            continue;
        if (c->on_update == FK_CASCADE || c->on_update == FK_SET_NULL ||
            c->on_update == FK_SET_DEFAULT)
            return status_new(ST_SYNTAX_ERROR, "invalid ON UPDATE action for foreign key "
                                               "constraint containing generated column");
        if (c->on_delete == FK_SET_NULL || c->on_delete == FK_SET_DEFAULT)
            return status_new(ST_SYNTAX_ERROR, "invalid ON DELETE action for foreign key "
                                               "constraint containing generated column");
    }
    TRY_RETURN(fk_columns(d, t, k->fk_del_set_cols, k->n_fk_del_set_cols, c->on_delete_set));
    c->on_delete_set_count = k->n_fk_del_set_cols;
    return STATUS_OK;
}

static const char *fk_name(const struct ddl *d, const struct table_desc *t,
                           const PgQuery__Constraint *k, const struct constraint_desc *c)
{
    SCOPED(buf) struct buf columns = {0};

    if (given(k->conname))
        return k->conname;
    buf_init(&columns, NULL);
    for (size_t i = 0; i < c->column_count; i++)
        buf_printf(&columns, "%s%s", i > 0 ? "_" : "", t->columns[c->columns[i] - 1].name);
    return choose_constraint_name(d, t, buf_cstr(&columns), "fkey");
}

status foreign_key_link(const struct ddl *d, struct table_desc *t, uint32_t ref_table_oid,
                        uint32_t constraint_oid)
{
    const struct table_desc *ref;
    struct table_desc       *changed = t;

    if (ref_table_oid != t->oid) {
        TRY_RETURN(catalog_table_by_oid_for_change(d->v, ref_table_oid, &ref));
        if (ref == NULL)
            return status_new(ST_UNDEFINED_TABLE, "the referenced table was dropped meanwhile");
        changed = table_desc_copy(d->a, ref, 1);
    }
    draft_add_inbound(d, changed, t->oid, constraint_oid);
    return changed == t ? STATUS_OK : catalog_put_table(d->v, changed);
}

status foreign_key_unlink(const struct ddl *d, struct table_desc *t, uint32_t ref_table_oid,
                          uint32_t constraint_oid)
{
    const struct table_desc *ref;
    struct table_desc       *changed;

    if (ref_table_oid == t->oid) {
        draft_remove_inbound(t, constraint_oid);
        return STATUS_OK;
    }
    TRY_RETURN(catalog_table_by_oid_for_change(d->v, ref_table_oid, &ref));
    if (ref == NULL)
        return STATUS_OK;
    changed = table_desc_copy(d->a, ref, 0);
    draft_remove_inbound(changed, constraint_oid);
    return catalog_put_table(d->v, changed);
}

static status find_referenced(const struct ddl *d, const struct table_desc *t,
                              const PgQuery__Constraint *k, const struct table_desc **out)
{
    const char *schema;

    TRY_RETURN(ddl_schema_name(d, k->pktable, &schema));
    /* A table may reference itself while it is created. */
    if (ddl_equal(k->pktable->relname, t->name)) {
        const struct schema_desc *own;

        TRY_RETURN(catalog_schema_by_oid(d->v, t->schema_oid, &own));
        TRY_RETURN(catalog_table_by_name(d->v, schema, t->name, out));
        if ((schema == NULL || ddl_equal(schema, own->name)) &&
            (*out == NULL || (*out)->oid == t->oid)) {
            *out = t;
            return STATUS_OK;
        }
    }
    TRY_RETURN(catalog_table_by_name_for_change(d->v, schema, k->pktable->relname, out));
    if (*out == NULL)
        return ddl_at(d, ddl_relation_missing(d, schema, k->pktable->relname), -1);
    if ((*out)->oid < OID_FIRST_USER)
        return status_new(ST_INSUFFICIENT_PRIVILEGE,
                          "permission denied: \"%s\" is a system catalog", (*out)->name);
    if ((*out)->kind != RELATION_TABLE)
        return status_new(ST_WRONG_OBJECT_TYPE, "referenced relation \"%s\" is not a table",
                          (*out)->name);
    return STATUS_OK;
}

static status add_foreign_key(const struct ddl *d, struct table_desc *t,
                              const PgQuery__Constraint *k, const char *column,
                              struct constraint_added *out)
{
    const struct table_desc *ref;
    struct constraint_desc   c = {.kind = CONSTRAINT_FOREIGN};

    TRY_RETURN(refuse_constraint_name(t, k->conname));
    TRY_RETURN(find_referenced(d, t, k, &ref));
    c.column_count = k->n_fk_attrs;
    TRY_RETURN(fk_columns(d, t, k->fk_attrs, k->n_fk_attrs, c.columns));
    TRY_RETURN(fk_columns(d, ref, k->pk_attrs, k->n_pk_attrs, c.ref_columns));
    TRY_RETURN(find_target(ref, k, &c));
    c.name = fk_name(d, t, k, &c);
    TRY_RETURN(check_types(d, t, ref, &c));
    TRY_RETURN(fk_actions(d, t, k, &c));
    c.ref_table_oid = ref->oid;
    c.deferrable = k->deferrable;
    c.initially_deferred = k->initdeferred;
    c.validated = !k->skip_validation;
    TRY_RETURN(catalog_new_oid(d->v, &c.oid));
    *draft_add_constraint(d, t) = c;
    if (c.validated)
        out->constraint_oid = c.oid;
    (void)column; /* the parser has filled fk_attrs, or constraint_add() has */
    return foreign_key_link(d, t, ref->oid, c.oid);
}

/* ---- all ------------------------------------------------------------------------------------- */

/* REFERENCES behind a column leaves the referencing column to us. */
static status add_column_foreign_key(const struct ddl *d, struct table_desc *t,
                                     const PgQuery__Constraint *k, const char *column,
                                     struct constraint_added *out)
{
    PgQuery__Constraint copy = *k;
    PgQuery__String     name = PG_QUERY__STRING__INIT;
    PgQuery__Node       node = PG_QUERY__NODE__INIT, *nodes[1] = {&node};

    name.sval = arena_strdup(d->a, column);
    node.node_case = PG_QUERY__NODE__NODE_STRING;
    node.string = &name;
    copy.fk_attrs = nodes;
    copy.n_fk_attrs = 1;
    return add_foreign_key(d, t, &copy, column, out);
}

status constraint_add(const struct ddl *d, struct table_desc *t, const PgQuery__Constraint *k,
                      const char *column, struct constraint_added *out)
{
    memset(out, 0, sizeof *out);
    switch (k->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        out->not_null = true;
        FALLTHROUGH;
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
        return add_key(d, t, k, column, out);
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        return add_check(d, t, k, out);
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
        return k->n_fk_attrs == 0 && column != NULL ? add_column_foreign_key(d, t, k, column, out)
                                                    : add_foreign_key(d, t, k, column, out);
    case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
        return ddl_at(d, ddl_unsupported("exclusion constraints are not supported"), k->location);
    default:
        return status_new(ST_INTERNAL, "unexpected constraint type %d", (int)k->contype);
    }
}

static bool repeats_index(const struct table_desc *t, const PgQuery__Constraint *k,
                          const char *column)
{
    if (given(k->conname) || k->n_including > 0)
        return false;
    for (size_t i = 0; i < t->index_count; i++) {
        const struct index_desc *x = &t->indexes[i];
        bool                     same = x->oid != 0 && x->include_count == 0;
        size_t                   count = k->n_keys == 0 ? 1 : k->n_keys;

        same = same && x->part_count == count;
        for (size_t j = 0; same && j < count; j++)
            same = x->parts[j].column != 0 &&
                   ddl_equal(t->columns[x->parts[j].column - 1].name,
                             k->n_keys == 0 ? column : ddl_node_string(k->keys[j]));
        if (same)
            return true;
    }
    return false;
}

/* In PostgreSQL's order: checks, the primary key, unique keys, foreign keys. */
status constraint_add_all(const struct ddl *d, struct table_desc *t, const struct pending *pending)
{
    static const PgQuery__ConstrType order[] = {
        PG_QUERY__CONSTR_TYPE__CONSTR_CHECK, PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY,
        PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE, PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION,
        PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN};
    struct constraint_added ignored;

    for (size_t kind = 0; kind < ARRAY_LEN(order); kind++) {
        if (order[kind] == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE && t->index_count == 0)
            index_add_row_id(d, t);
        for (size_t i = 0; i < pending->count; i++) {
            const struct pending_constraint *p = &pending->items[i];

            if (p->node->contype != order[kind] ||
                (order[kind] == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE &&
                 repeats_index(t, p->node, p->column)))
                continue;
            TRY_RETURN(constraint_add(d, t, p->node, p->column, &ignored));
        }
    }
    return STATUS_OK;
}
