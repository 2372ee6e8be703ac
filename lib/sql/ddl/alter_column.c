/* ALTER TABLE: adding, dropping and changing columns. */
#include "sql/ddl/alter.h"

#include "sql/exec/eval.h"

static status find_column(const struct table_desc *t, const char *name, int16_t *number)
{
    const struct column_desc *c = table_column_by_name(t, name);

    if (c == NULL)
        return status_object_names(status_new(ST_UNDEFINED_COLUMN,
                                              "column \"%s\" of relation \"%s\" does not exist",
                                              name, t->name),
                                   NULL, t->name, name, NULL, NULL);
    *number = c->number;
    return STATUS_OK;
}

static status new_storage(const struct ddl *d, struct table_desc *t)
{
    uint32_t storage;

    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    return STATUS_OK;
}

/* ---- ADD COLUMN ------------------------------------------------------------------------------ */

/* The default as the rows that are there see it: one value when it is the same for all, which is
 * then kept in the descriptor and costs nothing, or an expression to compute for each. */
static status default_for_rows(const struct ddl *d, const struct table_desc *before,
                               struct table_desc *t, struct column_desc *c, struct expr **per_row)
{
    const struct type     *type = type_by_oid(c->type);
    SCOPED(buf) struct buf text = {0};
    struct expr           *e;
    datum                  v;
    bool                   null;

    *per_row = NULL;
    if (c->default_text == NULL)
        return STATUS_OK;
    TRY_RETURN(bind_expression_text(d->c, d->a, c->default_text,
                                    c->generated_stored ? before : NULL, c->type, c->typmod, &e));
    if (c->generated_stored || expr_volatility(e) == VOLATILITY_VOLATILE) {
        *per_row = e;
        return new_storage(d, t);
    }
    TRY_RETURN(eval_constant(d->c, d->a, e, &v, &null));
    if (null)
        return STATUS_OK;
    buf_init(&text, NULL);
    TRY_RETURN(type->output(d->c, type, v, &text));
    c->missing_text = arena_strdup(d->a, buf_cstr(&text));
    return STATUS_OK;
}

static status add_column(const struct ddl *d, const struct table_desc *before,
                         const PgQuery__AlterTableCmd *cmd)
{
    struct table_desc   *t = table_desc_copy(d->a, before, 1);
    struct pending       pending = {0};
    struct column_extras extras;
    struct column_desc  *c;
    struct expr        **computed;

    if (table_column_by_name(t, cmd->def->column_def->colname) != NULL) {
        if (!cmd->missing_ok)
            return status_new(ST_DUPLICATE_COLUMN,
                              "column \"%s\" of relation \"%s\" already exists",
                              cmd->def->column_def->colname, t->name);
        ddl_notice(d, status_new(ST_DUPLICATE_COLUMN,
                                 "column \"%s\" of relation \"%s\" already exists, skipping",
                                 cmd->def->column_def->colname, t->name));
        return STATUS_OK;
    }
    TRY_RETURN(column_define(d, t, cmd->def->column_def, &pending, &extras));
    TRY_RETURN(column_finish(d, t, (int16_t)t->column_count, &extras));
    c = &t->columns[t->column_count - 1];
    computed = ARENA_ARRAY(d->a, struct expr *, t->column_count);
    TRY_RETURN(default_for_rows(d, before, t, c, &computed[t->column_count - 1]));
    TRY_RETURN(catalog_put_table(d->v, t));
    if (t->storage_id != before->storage_id)
        TRY_RETURN(rewrite_table(d, before, t, computed));
    else if (c->not_null && c->missing_text == NULL)
        TRY_RETURN(verify_not_null(d, t));
    for (size_t i = 0; i < pending.count; i++) {
        struct constraint_added  added;
        const struct table_desc *now;

        TRY_RETURN(catalog_table_by_oid_for_change(d->v, before->oid, &now));
        t = table_desc_copy(d->a, now, 1);
        TRY_RETURN(constraint_add(d, t, pending.items[i].node, pending.items[i].column, &added));
        TRY_RETURN(alter_apply_constraint(d, now, t, &added));
    }
    return STATUS_OK;
}

/* ---- DROP COLUMN ----------------------------------------------------------------------------- */

static status drop_column(const struct ddl *d, const struct table_desc *t,
                          const PgQuery__AlterTableCmd *cmd)
{
    const struct column_desc *c = table_column_by_name(t, cmd->name);
    struct drop_item          item = {.kind = DROP_COLUMN, .oid = t->oid};

    if (c == NULL) {
        int16_t ignored;

        if (!cmd->missing_ok)
            return find_column(t, cmd->name, &ignored);
        ddl_notice(d, status_new(ST_SUCCESS,
                                 "column \"%s\" of relation \"%s\" does not exist, skipping",
                                 cmd->name, t->name));
        return STATUS_OK;
    }
    item.sub = (uint32_t)c->number;
    return drop_items(d, &item, 1, cmd->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE);
}

/* ---- NOT NULL and defaults ------------------------------------------------------------------- */

static status set_not_null(const struct ddl *d, struct table_desc *t, int16_t number)
{
    if (t->columns[number - 1].not_null)
        return STATUS_OK;
    t->columns[number - 1].not_null = true;
    TRY_RETURN(catalog_put_table(d->v, t));
    return verify_not_null(d, t);
}

static status drop_not_null(const struct ddl *d, struct table_desc *t, int16_t number)
{
    struct column_desc *c = &t->columns[number - 1];

    if (c->identity != IDENTITY_NONE)
        return status_new(ST_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is an identity column",
                          c->name, t->name);
    for (size_t i = 0; t->indexes[0].primary && i < t->indexes[0].part_count; i++)
        if (t->indexes[0].parts[i].column == number)
            return status_new(ST_INVALID_TABLE_DEFINITION, "column \"%s\" is in a primary key",
                              c->name);
    c->not_null = false;
    return catalog_put_table(d->v, t);
}

static status change_default(const struct ddl *d, struct table_desc *t, int16_t number,
                             const PgQuery__AlterTableCmd *cmd)
{
    const struct column_desc *c = &t->columns[number - 1];

    if (c->identity != IDENTITY_NONE) {
        status st =
            status_new(ST_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is an identity column",
                       c->name, t->name);

        return cmd->def != NULL
                   ? st
                   : status_hint(st, "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.");
    }
    if (c->generated_stored)
        return status_new(ST_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is a generated column",
                          c->name, t->name);
    TRY_RETURN(column_set_default(d, t, number, cmd->def));
    return catalog_put_table(d->v, t);
}

static status drop_expression(const struct ddl *d, struct table_desc *t, int16_t number,
                              bool missing_ok)
{
    struct column_desc *c = &t->columns[number - 1];

    if (!c->generated_stored) {
        if (!missing_ok)
            return status_new(ST_WRONG_STATE,
                              "column \"%s\" of relation \"%s\" is not a stored generated column",
                              c->name, t->name);
        ddl_notice(d, status_new(ST_SUCCESS,
                                 "column \"%s\" of relation \"%s\" is not a stored "
                                 "generated column, skipping",
                                 c->name, t->name));
        return STATUS_OK;
    }
    c->generated_stored = false;
    c->default_text = NULL;
    return catalog_put_table(d->v, t);
}

/* ---- identity -------------------------------------------------------------------------------- */

static status add_identity(const struct ddl *d, struct table_desc *t, int16_t number,
                           const PgQuery__AlterTableCmd *cmd)
{
    const PgQuery__Constraint *k = cmd->def->constraint;
    struct column_desc        *c = &t->columns[number - 1];
    struct column_extras       extras = {.identity = k};

    if (!c->not_null)
        return status_new(ST_WRONG_STATE,
                          "column \"%s\" of relation \"%s\" must be declared NOT "
                          "NULL before identity can be added",
                          c->name, t->name);
    if (c->identity != IDENTITY_NONE)
        return status_new(ST_WRONG_STATE,
                          "column \"%s\" of relation \"%s\" is already an identity column", c->name,
                          t->name);
    if (c->default_text != NULL)
        return status_new(ST_WRONG_STATE,
                          "column \"%s\" of relation \"%s\" already has a default value", c->name,
                          t->name);
    c->identity = k->generated_when[0];
    TRY_RETURN(column_finish(d, t, number, &extras));
    return catalog_put_table(d->v, t);
}

static status not_identity(const struct ddl *d, const struct table_desc *t,
                           const struct column_desc *c, bool missing_ok)
{
    if (!missing_ok)
        return status_new(ST_WRONG_STATE,
                          "column \"%s\" of relation \"%s\" is not an identity column", c->name,
                          t->name);
    ddl_notice(d, status_new(ST_SUCCESS,
                             "column \"%s\" of relation \"%s\" is not an identity column, skipping",
                             c->name, t->name));
    return STATUS_OK;
}

/* SET GENERATED ..., SET sequence options, RESTART: the first concerns the column. */
static status set_identity(const struct ddl *d, struct table_desc *t, int16_t number,
                           const PgQuery__AlterTableCmd *cmd)
{
    struct column_desc      *c = &t->columns[number - 1];
    const PgQuery__List     *list = cmd->def->list;
    PgQuery__Node          **options = ARENA_ARRAY(d->a, PgQuery__Node *, list->n_items + 1);
    const struct table_desc *sequence;
    struct table_desc       *copy;
    size_t                   count = 0;

    if (c->identity == IDENTITY_NONE)
        return not_identity(d, t, c, false);
    for (size_t i = 0; i < list->n_items; i++) {
        const PgQuery__DefElem *e = list->items[i]->def_elem;
        int64_t                 kind;

        if (!ddl_equal(e->defname, "generated")) {
            options[count++] = list->items[i];
            continue;
        }
        TRY_RETURN(defelem_int64(d, e, &kind));
        c->identity = (char)kind;
    }
    TRY_RETURN(catalog_put_table(d->v, t));
    TRY_RETURN(catalog_table_by_oid_for_change(d->v, c->sequence_oid, &sequence));
    if (sequence == NULL || count == 0)
        return STATUS_OK;
    copy = table_desc_copy(d->a, sequence, 0);
    TRY_RETURN(sequence_apply_options(d, copy, options, count, false));
    return catalog_put_table(d->v, copy);
}

static status drop_identity(const struct ddl *d, struct table_desc *t, int16_t number,
                            bool missing_ok)
{
    struct column_desc *c = &t->columns[number - 1];
    struct drop_item    item = {.kind = DROP_RELATION, .oid = c->sequence_oid};

    if (c->identity == IDENTITY_NONE)
        return not_identity(d, t, c, missing_ok);
    c->identity = IDENTITY_NONE;
    c->default_text = NULL;
    c->default_sequence_oid = 0;
    c->sequence_oid = 0;
    TRY_RETURN(catalog_put_table(d->v, t));
    return drop_one(d, &item);
}

/* ---- ALTER COLUMN TYPE ----------------------------------------------------------------------- */

static status refuse_dependents(const struct ddl *d, const struct table_desc *t, int16_t number)
{
    const struct table_desc **tables;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(d->v, d->a, &tables, &count));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < tables[i]->depends_count; j++)
            if (tables[i]->depends[j].table_oid == t->oid && tables[i]->depends[j].column == number)
                return status_detail(
                    status_new(ST_FEATURE_NOT_SUPPORTED,
                               "cannot alter type of a column used by a view or rule"),
                    "rule _RETURN on view %s depends on column \"%s\"", tables[i]->name,
                    t->columns[number - 1].name);
    for (size_t i = 0; i < t->column_count; i++) {
        bool *used = ARENA_ARRAY(d->a, bool, COLUMNS_MAX);

        if (!t->columns[i].generated_stored || t->columns[i].dropped)
            continue;
        TRY_RETURN(text_columns(d, t, t->columns[i].default_text, used));
        if (used[number - 1])
            return status_detail(
                status_new(ST_SYNTAX_ERROR,
                           "cannot alter type of a column used by a generated column"),
                "Column \"%s\" is used by generated column \"%s\".", t->columns[number - 1].name,
                t->columns[i].name);
    }
    return STATUS_OK;
}

/* The new value as an expression over the old row. */
static status conversion(const struct ddl *d, const struct table_desc *before, int16_t number,
                         const struct column_desc *after, const PgQuery__Node *using_,
                         struct expr **out)
{
    const struct column_desc *c = &before->columns[number - 1];
    struct expr              *e;
    status                    st;

    if (using_ != NULL) {
        TRY_RETURN(bind_expression_node(d->c, d->a, using_, d->text, before, 0, -1,
                                        "transform expression", &e));
    } else {
        e = expr_new(d->a, EXPR_COLUMN, c->type, c->typmod, -1);
        e->column.column = number;
        e->collation = c->collation;
    }
    st = bind_coerce_assignment(d->c, d->a, e, after->type, after->typmod, c->name, out);
    if (st_ok(st))
        return st;
    st_clear(st);
    if (using_ != NULL)
        return status_hint(status_new(ST_DATATYPE_MISMATCH,
                                      "result of USING clause for column \"%s\" cannot be "
                                      "cast automatically to type %s",
                                      c->name, type_format(d->a, after->type, after->typmod)),
                           "You might need to add an explicit cast.");
    return status_hint(status_new(ST_DATATYPE_MISMATCH,
                                  "column \"%s\" cannot be cast automatically to type %s", c->name,
                                  type_format(d->a, after->type, after->typmod)),
                       "You might need to specify \"USING %s::%s\".", c->name,
                       type_format(d->a, after->type, after->typmod));
}

/* Nothing stored changes when text types get wider. */
static bool is_relabel(const struct column_desc *from, const struct column_desc *to)
{
    bool strings = (from->type == OID_TEXT || from->type == OID_VARCHAR) &&
                   (to->type == OID_TEXT || to->type == OID_VARCHAR);

    if (from->type == to->type && from->typmod == to->typmod)
        return true;
    if (!strings)
        return false;
    return to->typmod < 0 || (from->typmod >= 0 && to->typmod >= from->typmod);
}

static status convert_default(const struct ddl *d, struct column_desc *c)
{
    struct expr           *e, *coerced;
    SCOPED(buf) struct buf text = {0};
    status                 st;

    if (c->default_text == NULL || c->sequence_oid != 0 || c->generated_stored)
        return STATUS_OK;
    TRY_RETURN(bind_expression_text(d->c, d->a, c->default_text, NULL, 0, -1, &e));
    st = bind_coerce_assignment(d->c, d->a, e, c->type, c->typmod, c->name, &coerced);
    if (!st_ok(st)) {
        st_clear(st);
        return status_new(ST_DATATYPE_MISMATCH,
                          "default for column \"%s\" cannot be cast automatically to type %s",
                          c->name, type_format(d->a, c->type, c->typmod));
    }
    buf_init(&text, NULL);
    TRY_RETURN(deparse_expr(d->c, coerced, NULL, true, &text));
    c->default_text = arena_strdup(d->a, buf_cstr(&text));
    return STATUS_OK;
}

/* Texts over the column bind against its new type from now on: see that they do. */
static status check_texts(const struct ddl *d, struct table_desc *t, int16_t number)
{
    struct expr *e;

    for (size_t i = 0; i < t->index_count; i++) {
        struct index_desc *x = &t->indexes[i];

        for (size_t j = 0; j < x->part_count; j++) {
            if (x->parts[j].column == number)
                x->parts[j].type = t->columns[number - 1].type;
            if (x->parts[j].column != 0)
                continue;
            TRY_RETURN(bind_expression_text(d->c, d->a, x->parts[j].expression_text, t, 0, -1, &e));
            x->parts[j].type = e->type;
        }
        if (x->predicate_text != NULL)
            TRY_RETURN(bind_expression_text(d->c, d->a, x->predicate_text, t, OID_BOOL, -1, &e));
    }
    for (size_t i = 0; i < t->constraint_count; i++)
        if (t->constraints[i].kind == CONSTRAINT_CHECK)
            TRY_RETURN(bind_expression_text(d->c, d->a, t->constraints[i].check_text, t, OID_BOOL,
                                            -1, &e));
    return STATUS_OK;
}

/* Foreign keys compare values of both sides: prove them again with the new type. */
static status verify_references(const struct ddl *d, const struct table_desc *t, int16_t number)
{
    for (size_t i = 0; i < t->constraint_count; i++) {
        const struct constraint_desc *c = &t->constraints[i];
        bool                          uses = false;

        for (size_t j = 0; j < c->column_count; j++)
            uses |= c->columns[j] == number;
        if (c->kind == CONSTRAINT_FOREIGN && c->validated && uses)
            TRY_RETURN(verify_constraint(d, t, c));
    }
    for (size_t i = 0; i < t->inbound_count; i++) {
        const struct table_desc      *from;
        const struct constraint_desc *c;

        TRY_RETURN(catalog_table_by_oid_for_change(d->v, t->inbound[i].table_oid, &from));
        c = from == NULL ? NULL : table_constraint_by_oid(from, t->inbound[i].constraint_oid);
        if (c != NULL && c->validated)
            TRY_RETURN(verify_constraint(d, from, c));
    }
    return STATUS_OK;
}

static status change_type(const struct ddl *d, const struct table_desc *before, int16_t number,
                          const PgQuery__ColumnDef *def)
{
    struct table_desc        *t = table_desc_copy(d->a, before, 0);
    struct column_desc       *c = &t->columns[number - 1];
    const struct column_desc *old = &before->columns[number - 1];
    struct expr             **computed = ARENA_ARRAY(d->a, struct expr *, t->column_count);

    TRY_RETURN(column_type(d, def->type_name, &c->type, &c->typmod));
    TRY_RETURN(column_collation(d, def->coll_clause, c->type, &c->collation));
    if (c->identity != IDENTITY_NONE && c->type != OID_INT2 && c->type != OID_INT4 &&
        c->type != OID_INT8)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "identity column type must be smallint, integer, or bigint");
    TRY_RETURN(refuse_dependents(d, before, number));
    TRY_RETURN(conversion(d, before, number, c, def->raw_default, &computed[number - 1]));
    TRY_RETURN(convert_default(d, c));
    TRY_RETURN(check_texts(d, t, number));
    if (def->raw_default == NULL && is_relabel(old, c))
        return catalog_put_table(d->v, t);
    c->missing_text = NULL; /* every row gets its value written */
    TRY_RETURN(new_storage(d, t));
    TRY_RETURN(catalog_put_table(d->v, t));
    TRY_RETURN(rewrite_table(d, before, t, computed));
    return verify_references(d, t, number);
}

/* ---- all ------------------------------------------------------------------------------------- */

static status change_column(const struct ddl *d, const struct table_desc *before, int16_t number,
                            const PgQuery__AlterTableCmd *cmd)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);

    switch (cmd->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
        return change_default(d, t, number, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
        return set_not_null(d, t, number);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
        return drop_not_null(d, t, number);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropExpression:
        return drop_expression(d, t, number, cmd->missing_ok);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType:
        return change_type(d, before, number, cmd->def->column_def);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity:
        return add_identity(d, t, number, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetIdentity:
        return set_identity(d, t, number, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity:
        return drop_identity(d, t, number, cmd->missing_ok);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStorage:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetCompression:
        ddl_notice(
            d, status_new(ST_SUCCESS, "this setting of column \"%s\" has no effect", cmd->name));
        return STATUS_OK;
    default:
        return ddl_unsupported("this ALTER TABLE command is not supported");
    }
}

status alter_column(const struct ddl *d, const struct table_desc *t,
                    const PgQuery__AlterTableCmd *cmd)
{
    int16_t number;

    if (cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
        return add_column(d, t, cmd);
    if (cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn)
        return drop_column(d, t, cmd);
    if (!given(cmd->name))
        return ddl_unsupported("this ALTER TABLE command is not supported");
    switch (cmd->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrig:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetAccessMethod:
        return ddl_unsupported("this ALTER TABLE command is not supported");
    default:
        break;
    }
    TRY_RETURN(find_column(t, cmd->name, &number));
    return change_column(d, t, number, cmd);
}
