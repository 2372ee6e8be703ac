/* Column definitions: types, defaults, serial, identity, generated columns. */
#include "sql/ddl/internal.h"

/* ---- types ----------------------------------------------------------------------------------- */

static uint32_t serial_type(const PgQuery__TypeName *name)
{
    static const struct {
        const char *name;
        uint32_t    type;
    } serials[] = {
        {"smallserial", OID_INT2}, {"serial2", OID_INT2},   {"serial", OID_INT4},
        {"serial4", OID_INT4},     {"bigserial", OID_INT8}, {"serial8", OID_INT8},
    };
    const char *text = name->n_names == 1 ? ddl_node_string(name->names[0]) : NULL;

    for (size_t i = 0; text != NULL && i < ARRAY_LEN(serials); i++)
        if (ddl_equal(text, serials[i].name))
            return serials[i].type;
    return 0;
}

static PgQuery__TypeName *mutable_type_name(const PgQuery__TypeName *name)
{
    union {
        const PgQuery__TypeName *in;
        PgQuery__TypeName       *out;
    } u = {.in = name};
    return u.out; /* nodes have no const members; the binder only reads */
}

status column_type(const struct ddl *d, const PgQuery__TypeName *name, uint32_t *type,
                   int32_t *typmod)
{
    PgQuery__Node      node = PG_QUERY__NODE__INIT;
    const struct type *t;

    node.node_case = PG_QUERY__NODE__NODE_TYPE_NAME;
    node.type_name = mutable_type_name(name);
    TRY_RETURN(bind_type_name(d->c, &node, d->text, type, typmod));
    t = type_by_oid(*type);
    if (t == NULL || t->kind == 'p')
        return ddl_at(d,
                      status_new(ST_INVALID_TABLE_DEFINITION, "column cannot have pseudo-type %s",
                                 type_format(d->a, *type, -1)),
                      name->location);
    return STATUS_OK;
}

status column_collation(const struct ddl *d, const PgQuery__CollateClause *clause, uint32_t type,
                        uint32_t *out)
{
    const struct type *t = type_by_oid(type);
    const char        *name;

    *out = t->collatable ? (type == OID_NAME ? OID_COLLATION_C : OID_COLLATION_DEFAULT) : 0;
    if (clause == NULL || clause->n_collname == 0)
        return STATUS_OK;
    if (!t->collatable)
        return ddl_at(d,
                      status_new(ST_DATATYPE_MISMATCH, "collations are not supported by type %s",
                                 type_format(d->a, type, -1)),
                      clause->location);
    name = ddl_node_string(clause->collname[clause->n_collname - 1]);
    if (ddl_equal(name, "default"))
        return STATUS_OK;
    if (ddl_equal(name, "C") || ddl_equal(name, "POSIX") || ddl_equal(name, "ucs_basic")) {
        *out = ddl_equal(name, "POSIX") ? OID_COLLATION_POSIX : OID_COLLATION_C;
        return STATUS_OK;
    }
    return ddl_at(d,
                  status_new(ST_UNDEFINED_OBJECT,
                             "collation \"%s\" for encoding \"UTF8\" does not exist", name),
                  clause->location);
}

/* ---- constraints written at the column ------------------------------------------------------- */

void pending_add(const struct ddl *d, struct pending *p, const PgQuery__Constraint *node,
                 const char *column)
{
    if (p->count == p->capacity) {
        size_t capacity = p->capacity == 0 ? 8 : p->capacity * 2;

        p->items = arena_realloc(d->a, p->items, p->capacity * sizeof *p->items,
                                 capacity * sizeof *p->items);
        p->capacity = capacity;
    }
    p->items[p->count++] = (struct pending_constraint){.node = node, .column = column};
}

/* NULL and NOT NULL must not contradict each other, whatever stands between them. */
struct nullability {
    bool saw_null, saw_not_null;
};

static status note_nullability(const struct ddl *d, const struct table_desc *t, const char *column,
                               const PgQuery__Constraint *k, struct nullability *n)
{
    if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NULL)
        n->saw_null = true;
    else
        n->saw_not_null = true;
    if (n->saw_null && n->saw_not_null)
        return ddl_at(d,
                      status_new(ST_SYNTAX_ERROR,
                                 "conflicting NULL/NOT NULL declarations for column \"%s\" of "
                                 "table \"%s\"",
                                 column, t->name),
                      k->location);
    return STATUS_OK;
}

static status refuse_second(const struct ddl *d, const struct table_desc *t, const char *column,
                            const PgQuery__Constraint *k, const char *what)
{
    return ddl_at(d,
                  status_new(ST_SYNTAX_ERROR,
                             "multiple %s specified for column \"%s\" of table "
                             "\"%s\"",
                             what, column, t->name),
                  k->location);
}

static status take_constraint(const struct ddl *d, struct table_desc *t, struct column_desc *column,
                              const PgQuery__Constraint *k, struct pending *pending,
                              struct column_extras *x, struct nullability *n)
{
    switch (k->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
        return note_nullability(d, t, column->name, k, n);
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        column->not_null = true;
        return note_nullability(d, t, column->name, k, n);
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        if (x->default_ != NULL || x->is_serial)
            return refuse_second(d, t, column->name, k, "default values");
        x->default_ = k->raw_expr;
        return STATUS_OK;
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
        if (x->generated)
            return refuse_second(d, t, column->name, k, "generation clauses");
        x->default_ = k->raw_expr;
        x->generated = true;
        return STATUS_OK;
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
        if (x->identity != NULL)
            return refuse_second(d, t, column->name, k, "identity specifications");
        x->identity = k;
        column->identity = k->generated_when[0];
        column->not_null = true;
        return note_nullability(d, t, column->name, k, n);
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE:
        if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE ||
            k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED)
            return ddl_unsupported("deferrable constraints are not supported");
        return STATUS_OK;
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        column->not_null = true;
        FALLTHROUGH;
    default:
        pending_add(d, pending, k, column->name);
        return STATUS_OK;
    }
}

static status refuse_contradiction(const struct table_desc *t, const char *column,
                                   const struct column_extras *x)
{
    const char *first = x->identity != NULL ? "identity" : "default";

    if (x->identity != NULL && x->generated)
        return status_new(ST_SYNTAX_ERROR,
                          "both identity and generation expression specified for column \"%s\" of "
                          "table \"%s\"",
                          column, t->name);
    if (x->identity != NULL && x->default_ != NULL)
        return status_new(ST_SYNTAX_ERROR,
                          "both default and %s specified for column \"%s\" of table \"%s\"", first,
                          column, t->name);
    return STATUS_OK;
}

/* Deferrable keys written at the column come as separate marks behind the key. */
static status check_name(const struct ddl *d, const struct table_desc *t,
                         const PgQuery__ColumnDef *def)
{
    static const char *const system_columns[] = {"tableoid", "cmax", "xmax",
                                                 "cmin",     "xmin", "ctid"};

    for (size_t i = 0; i < ARRAY_LEN(system_columns); i++)
        if (ddl_equal(def->colname, system_columns[i]))
            return status_new(ST_DUPLICATE_COLUMN,
                              "column name \"%s\" conflicts with a system column name",
                              def->colname);
    if (table_column_by_name(t, def->colname) != NULL)
        return ddl_at(
            d,
            status_new(ST_DUPLICATE_COLUMN, "column \"%s\" specified more than once", def->colname),
            -1);
    if (t->column_count >= COLUMNS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "tables can have at most %d columns", COLUMNS_MAX);
    return STATUS_OK;
}

status column_define(const struct ddl *d, struct table_desc *t, const PgQuery__ColumnDef *def,
                     struct pending *pending, struct column_extras *extras)
{
    struct column_desc *column;
    struct nullability  n = {0};

    memset(extras, 0, sizeof *extras);
    TRY_RETURN(check_name(d, t, def));
    if (def->type_name == NULL)
        return ddl_unsupported("columns without a type are not supported");
    extras->serial_type = serial_type(def->type_name);
    extras->is_serial = extras->serial_type != 0;
    column = draft_add_column(d, t);
    column->name = def->colname;
    if (extras->is_serial) {
        if (def->type_name->n_array_bounds > 0)
            return ddl_at(
                d, status_new(ST_FEATURE_NOT_SUPPORTED, "array of serial is not implemented"),
                def->type_name->location);
        column->type = extras->serial_type;
        column->not_null = true;
        n.saw_not_null = true;
    } else {
        TRY_RETURN(column_type(d, def->type_name, &column->type, &column->typmod));
    }
    column->not_null |= def->is_not_null;
    TRY_RETURN(column_collation(d, def->coll_clause, column->type, &column->collation));
    for (size_t i = 0; i < def->n_constraints; i++)
        TRY_RETURN(
            take_constraint(d, t, column, def->constraints[i]->constraint, pending, extras, &n));
    if (extras->is_serial && extras->identity != NULL)
        return status_new(ST_SYNTAX_ERROR,
                          "both default and identity specified for column \"%s\" of table \"%s\"",
                          column->name, t->name);
    return refuse_contradiction(t, column->name, extras);
}

/* ---- defaults -------------------------------------------------------------------------------- */

static status set_expression(const struct ddl *d, struct table_desc *t, struct column_desc *column,
                             const PgQuery__Node *node, bool generated)
{
    struct expr *e;

    TRY_RETURN(ddl_expression(d, node, generated ? t : NULL, column->type, column->typmod,
                              generated ? "column generation expression" : "DEFAULT expression", &e,
                              &column->default_text));
    column->generated_stored = generated;
    column->default_sequence_oid = expression_sequence(e);
    if (generated && expr_volatility(e) != VOLATILITY_IMMUTABLE)
        return status_new(ST_INVALID_OBJECT_DEFINITION, "generation expression is not immutable");
    /* DEFAULT NULL is no default, as in PostgreSQL. */
    if (!generated && e->kind == EXPR_CONST && e->constant.is_null)
        column->default_text = NULL;
    return STATUS_OK;
}

static status refuse_generated_reference(const struct ddl *d, const struct table_desc *t,
                                         const struct column_desc *column)
{
    bool *used = ARENA_ARRAY(d->a, bool, COLUMNS_MAX);

    TRY_RETURN(text_columns(d, t, column->default_text, used));
    for (size_t i = 0; i < t->column_count; i++)
        if (used[i] && t->columns[i].generated_stored)
            return status_detail(
                status_new(ST_INVALID_OBJECT_DEFINITION,
                           "cannot use generated column \"%s\" in column generation expression",
                           t->columns[i].name),
                "A generated column cannot reference another generated column.");
    return STATUS_OK;
}

status column_set_default(const struct ddl *d, struct table_desc *t, int16_t number,
                          const PgQuery__Node *expression)
{
    struct column_desc *column = &t->columns[number - 1];

    column->default_text = NULL;
    column->default_sequence_oid = 0;
    return expression == NULL ? STATUS_OK : set_expression(d, t, column, expression, false);
}

/* nextval() names the sequence by its OID, so that it may be renamed. */
static void default_to_sequence(const struct ddl *d, struct column_desc *column, uint32_t sequence)
{
    column->default_text =
        arena_printf(d->a, "pg_catalog.nextval('%u'::pg_catalog.regclass)", sequence);
    column->sequence_oid = sequence;
    column->default_sequence_oid = sequence;
}

static status refuse_identity_type(const struct column_desc *column)
{
    if (column->type == OID_INT2 || column->type == OID_INT4 || column->type == OID_INT8)
        return STATUS_OK;
    return status_new(ST_INVALID_PARAMETER_VALUE,
                      "identity column type must be smallint, integer, or bigint");
}

status column_finish(const struct ddl *d, struct table_desc *t, int16_t number,
                     const struct column_extras *extras)
{
    struct column_desc *column = &t->columns[number - 1];
    uint32_t            sequence;

    if (extras->is_serial) {
        TRY_RETURN(sequence_create_owned(d, t, column, column->type, NULL, 0, &sequence));
        default_to_sequence(d, column, sequence);
    } else if (extras->identity != NULL) {
        TRY_RETURN(refuse_identity_type(column));
        TRY_RETURN(sequence_create_owned(d, t, column, column->type, extras->identity->options,
                                         extras->identity->n_options, &sequence));
        /* Identity columns have no default expression in PostgreSQL's catalogs; the one here is
         * what the binder puts in, and pg_attrdef leaves it out. */
        default_to_sequence(d, column, sequence);
    } else if (extras->default_ != NULL) {
        TRY_RETURN(set_expression(d, t, column, extras->default_, extras->generated));
        if (extras->generated)
            TRY_RETURN(refuse_generated_reference(d, t, column));
    }
    return STATUS_OK;
}
