/* information_schema: what SQL's standard wants to know of databases, schemas, tables, columns,
 * constraints, sequences and views, with PostgreSQL's columns and values. */
#include "sql/bind/bind.h"
#include "sql/catalog/rows.h"
#include "sql/catalog/sequence.h"
#include "sql/types/calendar.h"

static const char *database_name(struct rows *r)
{
    const struct object *o = view_peek(r->v, OBJECT_DATABASE, r->v->database_oid);

    return o != NULL ? o->database->name : r->c->database;
}

static const char *schema_name(struct rows *r, uint32_t oid)
{
    const struct object *o = view_peek(r->v, OBJECT_SCHEMA, oid);

    return o != NULL ? o->schema->name : NULL;
}

static const char *role_name(struct rows *r, uint32_t oid)
{
    const struct object *o = view_peek(r->v, OBJECT_ROLE, oid);

    return o != NULL ? o->role->name : NULL;
}

static const char *yes_no(bool yes)
{
    return yes ? "YES" : "NO";
}

#define NAME_OF_TABLE(r, relation, catalog_, schema_, name_, t)                                    \
    do {                                                                                           \
        row_text((r), COLUMN_AT(relation, catalog_), database_name(r));                            \
        row_text((r), COLUMN_AT(relation, schema_), schema_name((r), (t)->schema_oid));            \
        row_text((r), COLUMN_AT(relation, name_), (t)->name);                                      \
    } while (0)

/* ---- schemata, tables, views ----------------------------------------------------------------- */

status scan_information_schema_catalog_name(struct rows *r)
{
    row_begin(r);
    row_text(r, COLUMN_AT(information_schema_catalog_name, catalog_name), database_name(r));
    return row_end(r);
}

status scan_schemata(struct rows *r)
{
    const struct schema_desc **list;
    size_t                     count;

    TRY_RETURN(catalog_list_schemas(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        row_begin(r);
        row_text(r, COLUMN_AT(schemata, catalog_name), database_name(r));
        row_text(r, COLUMN_AT(schemata, schema_name), list[i]->name);
        row_text(r, COLUMN_AT(schemata, schema_owner), role_name(r, list[i]->owner_oid));
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_tables(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct table_desc *t = list[i];

        if (t->kind == RELATION_SEQUENCE)
            continue;
        row_begin(r);
        NAME_OF_TABLE(r, tables, table_catalog, table_schema, table_name, t);
        row_text(r, COLUMN_AT(tables, table_type),
                 t->kind == RELATION_VIEW ? "VIEW" : "BASE TABLE");
        row_text(r, COLUMN_AT(tables, is_insertable_into), yes_no(t->kind == RELATION_TABLE));
        row_text(r, COLUMN_AT(tables, is_typed), "NO");
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

static status view_text(struct rows *r, const struct table_desc *t, const char **out)
{
    SCOPED(buf) struct buf text = {0};
    struct parse_result    parsed;
    struct query          *q;

    *out = NULL;
    if (t->view_text == NULL)
        return STATUS_OK;
    TRY_RETURN(parse_statements(r->c->env, r->a, slice_cstr(t->view_text), &parsed));
    if (parsed.count != 1)
        return status_new(ST_CORRUPT, "the text of view \"%s\" is not one query", t->name);
    TRY_RETURN(bind_statement(r->c, r->a, parsed.statements[0].node, t->view_text, NULL, &q));
    TRY_RETURN(deparse_query(r->c, q, false, false, &text));
    *out = arena_printf(r->a, "%s;", buf_cstr(&text));
    return STATUS_OK;
}

static status view_row(struct rows *r, const struct table_desc *t)
{
    const char *text;

    TRY_RETURN(view_text(r, t, &text));
    row_begin(r);
    NAME_OF_TABLE(r, views, table_catalog, table_schema, table_name, t);
    row_text(r, COLUMN_AT(views, view_definition), text);
    row_text(r, COLUMN_AT(views, check_option), "NONE");
    row_text(r, COLUMN_AT(views, is_updatable), "NO");
    row_text(r, COLUMN_AT(views, is_insertable_into), "NO");
    row_text(r, COLUMN_AT(views, is_trigger_updatable), "NO");
    row_text(r, COLUMN_AT(views, is_trigger_deletable), "NO");
    row_text(r, COLUMN_AT(views, is_trigger_insertable_into), "NO");
    return row_end(r);
}

status scan_views(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++)
        if (list[i]->kind == RELATION_VIEW)
            TRY_RETURN(view_row(r, list[i]));
    return STATUS_OK;
}

status scan_pg_views(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const char *text;

        if (list[i]->kind != RELATION_VIEW)
            continue;
        TRY_RETURN(view_text(r, list[i], &text));
        row_begin(r);
        row_text(r, COLUMN_AT(pg_views, schemaname), schema_name(r, list[i]->schema_oid));
        row_text(r, COLUMN_AT(pg_views, viewname), list[i]->name);
        row_text(r, COLUMN_AT(pg_views, viewowner), role_name(r, list[i]->owner_oid));
        row_text(r, COLUMN_AT(pg_views, definition), text);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

enum { TYPMOD_HEADER = 4 };

static void number_precision(struct rows *r, int64_t precision, int64_t radix)
{
    row_int(r, COLUMN_AT(columns, numeric_precision), precision);
    row_int(r, COLUMN_AT(columns, numeric_precision_radix), radix);
}

/* "DAY TO SECOND", and the digits of the seconds. */
static void interval_columns(struct rows *r, int32_t typmod)
{
    static const size_t before = sizeof "interval " - 1;
    const char         *name;
    char               *fields;

    row_int(r, COLUMN_AT(columns, datetime_precision),
            typmod < 0 || (typmod & 0xffff) == 0xffff ? 6 : typmod & 0xffff);
    if (interval_fields(typmod) == INTERVAL_ALL_FIELDS)
        return;
    name = type_format(r->a, OID_INTERVAL, typmod | 0xffff);
    fields = arena_strdup(r->a, name + before);
    for (char *at = fields; *at != '\0'; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
    row_text(r, COLUMN_AT(columns, interval_type), fields);
}

static void column_sizes(struct rows *r, const struct column_desc *c)
{
    switch (c->type) {
    case OID_BPCHAR:
    case OID_VARCHAR:
        if (c->typmod >= TYPMOD_HEADER)
            row_int(r, COLUMN_AT(columns, character_maximum_length), c->typmod - TYPMOD_HEADER);
        FALLTHROUGH;
    case OID_TEXT:
        row_int(r, COLUMN_AT(columns, character_octet_length),
                c->typmod >= TYPMOD_HEADER ? 4 * (int64_t)(c->typmod - TYPMOD_HEADER) : 1073741824);
        break;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        number_precision(r, c->type == OID_INT2 ? 16 : c->type == OID_INT4 ? 32 : 64, 2);
        row_int(r, COLUMN_AT(columns, numeric_scale), 0);
        break;
    case OID_FLOAT4:
    case OID_FLOAT8:
        number_precision(r, c->type == OID_FLOAT4 ? 24 : 53, 2);
        break;
    case OID_NUMERIC:
        row_int(r, COLUMN_AT(columns, numeric_precision_radix), 10);
        if (c->typmod >= TYPMOD_HEADER) {
            number_precision(r, (c->typmod - TYPMOD_HEADER) >> 16 & 0xffff, 10);
            row_int(r, COLUMN_AT(columns, numeric_scale), (c->typmod - TYPMOD_HEADER) & 0x7ff);
        }
        break;
    case OID_DATE:
        row_int(r, COLUMN_AT(columns, datetime_precision), 0);
        break;
    case OID_TIME:
    case OID_TIMETZ:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        row_int(r, COLUMN_AT(columns, datetime_precision), c->typmod >= 0 ? c->typmod : 6);
        break;
    case OID_INTERVAL:
        interval_columns(r, c->typmod);
        break;
    default:
        break;
    }
}

static status column_default(struct rows *r, const struct table_desc *t,
                             const struct column_desc *c)
{
    SCOPED(buf) struct buf text = {0};
    struct expr           *e;

    if (c->default_text == NULL || c->identity != IDENTITY_NONE)
        return STATUS_OK;
    TRY_RETURN(bind_expression_text(r->c, r->a, c->default_text, t, 0, -1, &e));
    TRY_RETURN(deparse_expr(r->c, e, t, false, &text));
    row_text(r,
             c->generated_stored ? COLUMN_AT(columns, generation_expression)
                                 : COLUMN_AT(columns, column_default),
             arena_strdup(r->a, buf_cstr(&text)));
    return STATUS_OK;
}

static void column_identity(struct rows *r, const struct column_desc *c)
{
    const struct object *o =
        c->identity == IDENTITY_NONE ? NULL : view_peek(r->v, OBJECT_TABLE, c->sequence_oid);

    row_text(r, COLUMN_AT(columns, is_identity), yes_no(c->identity != IDENTITY_NONE));
    row_text(r, COLUMN_AT(columns, identity_cycle), "NO");
    if (o == NULL)
        return;
    const struct sequence_desc *q = &o->table->sequence;
    row_text(r, COLUMN_AT(columns, identity_generation),
             c->identity == IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT");
    row_text(r, COLUMN_AT(columns, identity_start),
             arena_printf(r->a, "%lld", (long long)q->start));
    row_text(r, COLUMN_AT(columns, identity_increment),
             arena_printf(r->a, "%lld", (long long)q->increment));
    row_text(r, COLUMN_AT(columns, identity_maximum),
             arena_printf(r->a, "%lld", (long long)q->max));
    row_text(r, COLUMN_AT(columns, identity_minimum),
             arena_printf(r->a, "%lld", (long long)q->min));
    row_text(r, COLUMN_AT(columns, identity_cycle), yes_no(q->cycle));
}

static status column_row(struct rows *r, const struct table_desc *t, const struct column_desc *c,
                         int64_t position)
{
    const struct type *type = type_by_oid(c->type);

    row_begin(r);
    NAME_OF_TABLE(r, columns, table_catalog, table_schema, table_name, t);
    row_text(r, COLUMN_AT(columns, column_name), c->name);
    row_int(r, COLUMN_AT(columns, ordinal_position), position);
    TRY_RETURN(column_default(r, t, c));
    row_text(r, COLUMN_AT(columns, is_nullable), yes_no(!c->not_null));
    row_text(r, COLUMN_AT(columns, data_type),
             type->element_oid != 0 && type->size == -1 && type->name[0] == '_' ? "ARRAY"
                                                                                : type->sql_name);
    column_sizes(r, c);
    row_text(r, COLUMN_AT(columns, udt_catalog), database_name(r));
    row_text(r, COLUMN_AT(columns, udt_schema), "pg_catalog");
    row_text(r, COLUMN_AT(columns, udt_name), type->name);
    row_text(r, COLUMN_AT(columns, dtd_identifier),
             arena_printf(r->a, "%lld", (long long)position));
    row_text(r, COLUMN_AT(columns, is_self_referencing), "NO");
    column_identity(r, c);
    row_text(r, COLUMN_AT(columns, is_generated), c->generated_stored ? "ALWAYS" : "NEVER");
    row_text(r, COLUMN_AT(columns, is_updatable),
             yes_no(t->kind == RELATION_TABLE && t->virtual_table == NULL));
    return row_end(r);
}

status scan_columns(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;
    int                       name_at = (int)COLUMN_AT(columns, table_name);

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (list[i]->kind == RELATION_SEQUENCE ||
            (r->key_column == name_at && !slice_eq_cstr(r->key->s, list[i]->name)))
            continue;
        for (size_t j = 0; j < list[i]->column_count; j++)
            if (!list[i]->columns[j].dropped)
                TRY_RETURN(column_row(r, list[i], &list[i]->columns[j], (int64_t)j + 1));
    }
    return STATUS_OK;
}

/* ---- constraints ----------------------------------------------------------------------------- */

typedef status constraint_fn(struct rows *r, const struct table_desc *t,
                             const struct constraint_desc *c);

static status each_constraint(struct rows *r, constraint_fn *fn)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < list[i]->constraint_count; j++)
            TRY_RETURN(fn(r, list[i], &list[i]->constraints[j]));
    return STATUS_OK;
}

#define NAME_OF_CONSTRAINT(r, relation, t, c)                                                      \
    do {                                                                                           \
        row_begin(r);                                                                              \
        row_text((r), COLUMN_AT(relation, constraint_catalog), database_name(r));                  \
        row_text((r), COLUMN_AT(relation, constraint_schema), schema_name((r), (t)->schema_oid));  \
        row_text((r), COLUMN_AT(relation, constraint_name), (c)->name);                            \
    } while (0)

static const char *constraint_type(enum constraint_kind kind)
{
    switch (kind) {
    case CONSTRAINT_PRIMARY:
        return "PRIMARY KEY";
    case CONSTRAINT_UNIQUE:
        return "UNIQUE";
    case CONSTRAINT_FOREIGN:
        return "FOREIGN KEY";
    case CONSTRAINT_CHECK:
        break;
    }
    return "CHECK";
}

static status table_constraint(struct rows *r, const struct table_desc *t,
                               const struct constraint_desc *c)
{
    NAME_OF_CONSTRAINT(r, table_constraints, t, c);
    NAME_OF_TABLE(r, table_constraints, table_catalog, table_schema, table_name, t);
    row_text(r, COLUMN_AT(table_constraints, constraint_type), constraint_type(c->kind));
    row_text(r, COLUMN_AT(table_constraints, is_deferrable), yes_no(c->deferrable));
    row_text(r, COLUMN_AT(table_constraints, initially_deferred), yes_no(c->initially_deferred));
    row_text(r, COLUMN_AT(table_constraints, enforced), "YES");
    if (c->kind == CONSTRAINT_UNIQUE)
        row_text(r, COLUMN_AT(table_constraints, nulls_distinct), "YES");
    return row_end(r);
}

/* PostgreSQL shows NOT NULL as a check constraint with a name made of OIDs. */
static const char *not_null_name(struct rows *r, const struct table_desc *t,
                                 const struct column_desc *c)
{
    return arena_printf(r->a, "%u_%u_%d_not_null", t->schema_oid, t->oid, c->number);
}

static status not_null_rows(struct rows *r, bool checks)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; list[i]->kind == RELATION_TABLE && j < list[i]->column_count; j++) {
            const struct column_desc *c = &list[i]->columns[j];
            struct constraint_desc    k = {.kind = CONSTRAINT_CHECK};

            if (!c->not_null || c->dropped)
                continue;
            k.name = not_null_name(r, list[i], c);
            if (!checks) {
                TRY_RETURN(table_constraint(r, list[i], &k));
                continue;
            }
            NAME_OF_CONSTRAINT(r, check_constraints, list[i], &k);
            row_text(r, COLUMN_AT(check_constraints, check_clause),
                     arena_printf(r->a, "%s IS NOT NULL", c->name));
            TRY_RETURN(row_end(r));
        }
    }
    return STATUS_OK;
}

status scan_table_constraints(struct rows *r)
{
    TRY_RETURN(each_constraint(r, table_constraint));
    return not_null_rows(r, false);
}

static status check_constraint(struct rows *r, const struct table_desc *t,
                               const struct constraint_desc *c)
{
    SCOPED(buf) struct buf text = {0};
    struct expr           *e;

    if (c->kind != CONSTRAINT_CHECK)
        return STATUS_OK;
    TRY_RETURN(bind_expression_text(r->c, r->a, c->check_text, t, OID_BOOL, -1, &e));
    TRY_RETURN(deparse_expr(r->c, e, t, false, &text));
    NAME_OF_CONSTRAINT(r, check_constraints, t, c);
    row_text(r, COLUMN_AT(check_constraints, check_clause),
             arena_printf(r->a, "(%s)", buf_cstr(&text)));
    return row_end(r);
}

status scan_check_constraints(struct rows *r)
{
    TRY_RETURN(each_constraint(r, check_constraint));
    return not_null_rows(r, true);
}

static status key_columns(struct rows *r, const struct table_desc *t,
                          const struct constraint_desc *c)
{
    for (size_t i = 0; c->kind != CONSTRAINT_CHECK && i < c->column_count; i++) {
        NAME_OF_CONSTRAINT(r, key_column_usage, t, c);
        NAME_OF_TABLE(r, key_column_usage, table_catalog, table_schema, table_name, t);
        row_text(r, COLUMN_AT(key_column_usage, column_name), t->columns[c->columns[i] - 1].name);
        row_int(r, COLUMN_AT(key_column_usage, ordinal_position), (int64_t)i + 1);
        if (c->kind == CONSTRAINT_FOREIGN)
            row_int(r, COLUMN_AT(key_column_usage, position_in_unique_constraint), (int64_t)i + 1);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_key_column_usage(struct rows *r)
{
    return each_constraint(r, key_columns);
}

/* Where a constraint looks: a foreign key at the columns it references, others at their own. */
static status constraint_columns(struct rows *r, const struct table_desc *t,
                                 const struct constraint_desc *c)
{
    bool                     foreign = c->kind == CONSTRAINT_FOREIGN;
    const struct object     *o = foreign ? view_peek(r->v, OBJECT_TABLE, c->ref_table_oid) : NULL;
    const struct table_desc *at = o != NULL ? o->table : t;

    for (size_t i = 0; i < c->column_count; i++) {
        int16_t number = foreign ? c->ref_columns[i] : c->columns[i];

        NAME_OF_CONSTRAINT(r, constraint_column_usage, t, c);
        NAME_OF_TABLE(r, constraint_column_usage, table_catalog, table_schema, table_name, at);
        row_text(r, COLUMN_AT(constraint_column_usage, column_name), at->columns[number - 1].name);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_constraint_column_usage(struct rows *r)
{
    return each_constraint(r, constraint_columns);
}

static status constraint_table(struct rows *r, const struct table_desc *t,
                               const struct constraint_desc *c)
{
    const struct object *o =
        c->kind == CONSTRAINT_FOREIGN ? view_peek(r->v, OBJECT_TABLE, c->ref_table_oid) : NULL;
    const struct table_desc *at = o != NULL ? o->table : t;

    NAME_OF_CONSTRAINT(r, constraint_table_usage, t, c);
    NAME_OF_TABLE(r, constraint_table_usage, table_catalog, table_schema, table_name, at);
    return row_end(r);
}

status scan_constraint_table_usage(struct rows *r)
{
    return each_constraint(r, constraint_table);
}

static const char *rule_name(enum fk_action action)
{
    switch (action) {
    case FK_CASCADE:
        return "CASCADE";
    case FK_SET_NULL:
        return "SET NULL";
    case FK_SET_DEFAULT:
        return "SET DEFAULT";
    case FK_RESTRICT:
        return "RESTRICT";
    case FK_NO_ACTION:
        break;
    }
    return "NO ACTION";
}

static status referential(struct rows *r, const struct table_desc *t,
                          const struct constraint_desc *c)
{
    const struct object *ref;

    if (c->kind != CONSTRAINT_FOREIGN)
        return STATUS_OK;
    ref = view_peek(r->v, OBJECT_TABLE, c->ref_table_oid);
    NAME_OF_CONSTRAINT(r, referential_constraints, t, c);
    for (size_t i = 0; ref != NULL && i < ref->table->constraint_count; i++) {
        const struct constraint_desc *key = &ref->table->constraints[i];

        if (key->kind == CONSTRAINT_FOREIGN || key->index_oid != c->index_oid ||
            key->index_oid == 0)
            continue;
        row_text(r, COLUMN_AT(referential_constraints, unique_constraint_catalog),
                 database_name(r));
        row_text(r, COLUMN_AT(referential_constraints, unique_constraint_schema),
                 schema_name(r, ref->table->schema_oid));
        row_text(r, COLUMN_AT(referential_constraints, unique_constraint_name), key->name);
    }
    row_text(r, COLUMN_AT(referential_constraints, match_option), c->match_full ? "FULL" : "NONE");
    row_text(r, COLUMN_AT(referential_constraints, update_rule), rule_name(c->on_update));
    row_text(r, COLUMN_AT(referential_constraints, delete_rule), rule_name(c->on_delete));
    return row_end(r);
}

status scan_referential_constraints(struct rows *r)
{
    return each_constraint(r, referential);
}

/* ---- sequences ------------------------------------------------------------------------------- */

static const char *number(struct rows *r, int64_t v)
{
    return arena_printf(r->a, "%lld", (long long)v);
}

/* Of an identity column, whose properties are in `columns`. */
static bool is_identity_sequence(struct rows *r, const struct table_desc *t)
{
    const struct object *owner = view_peek(r->v, OBJECT_TABLE, t->sequence.owner_table_oid);

    return owner != NULL &&
           owner->table->columns[t->sequence.owner_column - 1].identity != IDENTITY_NONE;
}

status scan_sequences(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct sequence_desc *q = &list[i]->sequence;

        if (list[i]->kind != RELATION_SEQUENCE || is_identity_sequence(r, list[i]))
            continue;
        row_begin(r);
        NAME_OF_TABLE(r, sequences, sequence_catalog, sequence_schema, sequence_name, list[i]);
        row_text(r, COLUMN_AT(sequences, data_type), type_format(r->a, q->type, -1));
        row_int(r, COLUMN_AT(sequences, numeric_precision),
                q->type == OID_INT2   ? 16
                : q->type == OID_INT4 ? 32
                                      : 64);
        row_int(r, COLUMN_AT(sequences, numeric_precision_radix), 2);
        row_int(r, COLUMN_AT(sequences, numeric_scale), 0);
        row_text(r, COLUMN_AT(sequences, start_value), number(r, q->start));
        row_text(r, COLUMN_AT(sequences, minimum_value), number(r, q->min));
        row_text(r, COLUMN_AT(sequences, maximum_value), number(r, q->max));
        row_text(r, COLUMN_AT(sequences, increment), number(r, q->increment));
        row_text(r, COLUMN_AT(sequences, cycle_option), yes_no(q->cycle));
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_sequences(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct sequence_desc *q = &list[i]->sequence;
        int64_t                     last;
        bool                        is_called;

        if (list[i]->kind != RELATION_SEQUENCE)
            continue;
        TRY_RETURN(sequence_read(r->v, list[i], &last, &is_called));
        row_begin(r);
        row_text(r, COLUMN_AT(pg_sequences, schemaname), schema_name(r, list[i]->schema_oid));
        row_text(r, COLUMN_AT(pg_sequences, sequencename), list[i]->name);
        row_text(r, COLUMN_AT(pg_sequences, sequenceowner), role_name(r, list[i]->owner_oid));
        row_int(r, COLUMN_AT(pg_sequences, data_type), q->type);
        row_int(r, COLUMN_AT(pg_sequences, start_value), q->start);
        row_int(r, COLUMN_AT(pg_sequences, min_value), q->min);
        row_int(r, COLUMN_AT(pg_sequences, max_value), q->max);
        row_int(r, COLUMN_AT(pg_sequences, increment_by), q->increment);
        row_bool(r, COLUMN_AT(pg_sequences, cycle), q->cycle);
        row_int(r, COLUMN_AT(pg_sequences, cache_size), q->cache);
        if (is_called)
            row_int(r, COLUMN_AT(pg_sequences, last_value), last);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- what there is one of -------------------------------------------------------------------- */

status scan_character_sets(struct rows *r)
{
    row_begin(r);
    row_text(r, COLUMN_AT(character_sets, character_set_name), "UTF8");
    row_text(r, COLUMN_AT(character_sets, character_repertoire), "UCS");
    row_text(r, COLUMN_AT(character_sets, form_of_use), "UTF8");
    row_text(r, COLUMN_AT(character_sets, default_collate_catalog), database_name(r));
    row_text(r, COLUMN_AT(character_sets, default_collate_schema), "pg_catalog");
    row_text(r, COLUMN_AT(character_sets, default_collate_name), "default");
    return row_end(r);
}
