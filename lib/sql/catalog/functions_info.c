/* SQL functions that look things up in the catalog: visibility, descriptions, privileges, sizes,
 * sequences, names of types and functions. */
#include "sql/catalog/facts.h"
#include "sql/catalog/rows.h"
#include "sql/catalog/sequence.h"
#include "sql/func/implement.h"
#include "sql/types/array.h"
#include "sql/types/regtypes.h"

static void out_text(struct fn_call *call, datum *out, bool *null, const char *text)
{
    *null = text == NULL;
    if (text != NULL)
        out->s = slice_cstr(arena_strdup(call->arena, text));
}

static struct object *peek(struct fn_call *call, enum object_kind kind, uint32_t oid)
{
    struct catalog_view *v = call->context->catalog;

    return v == NULL ? NULL : view_peek(v, kind, oid);
}

/* ---- visibility --------------------------------------------------------------- */

FN(pg_table_is_visible)
{
    struct catalog_view *v = call->context->catalog;
    uint32_t             schema;
    const char          *name;

    *null = v == NULL || !catalog_relation_name(v, (uint32_t)args[0].i, &schema, &name);
    if (!*null)
        out->b = catalog_relation_is_visible(v, schema, name);
    return STATUS_OK;
}

/* Types, functions, operators and their kin are all in pg_catalog. */
FN(always_visible)
{
    out->b = true;
    return STATUS_OK;
}

/* What would describe a kind of object that does not exist here. */
FN(nothing_there)
{
    *null = true;
    return STATUS_OK;
}

FN(acldefault)
{
    *null = true;
    return STATUS_OK;
}

FN(pg_get_userbyid)
{
    const struct object *o = peek(call, OBJECT_ROLE, (uint32_t)args[0].i);

    out_text(call, out, null,
             o != NULL ? o->role->name
                       : arena_printf(call->arena, "unknown (OID=%u)", (uint32_t)args[0].i));
    return STATUS_OK;
}

/* ---- other sessions -------------------------------------------------------------------------- */

FN(pg_cancel_backend)
{
    const struct sql_facts *facts = call->context->facts;

    out->b = facts != NULL && facts->cancel(call->context, (uint32_t)args[0].i);
    if (!out->b && call->context->notice != NULL)
        call->context->notice(call->context, "WARNING",
                              status_new(ST_SUCCESS, "PID %lld is not a PostgreSQL server process",
                                         (long long)args[0].i));
    return STATUS_OK;
}

/* ---- descriptions ---------------------------------------------------------------------------- */

static const char *constraint_comment(struct fn_call *call, uint32_t oid)
{
    const struct table_desc **list;
    size_t                    count;

    st_clear(catalog_list_tables(call->context->catalog, call->arena, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct constraint_desc *c = table_constraint_by_oid(list[i], oid);

        if (c != NULL)
            return c->comment;
    }
    return NULL;
}

static const char *relation_comment(struct fn_call *call, uint32_t oid)
{
    struct catalog_view *v = call->context->catalog;
    uint32_t             owner = view_table_of_index(v, oid);
    const struct object *o = view_peek(v, OBJECT_TABLE, owner != 0 ? owner : oid);

    if (o == NULL)
        return NULL;
    for (size_t i = 0; owner != 0 && i < o->table->index_count; i++)
        if (o->table->indexes[i].oid == oid)
            return o->table->indexes[i].comment;
    return o->table->comment;
}

FN(obj_description)
{
    uint32_t             oid = (uint32_t)args[0].i;
    const struct object *o;
    const char          *text = NULL;

    *null = true;
    if (call->context->catalog == NULL)
        return STATUS_OK;
    if (call->arg_count == 1 || slice_eq_cstr(args[1].s, "pg_class"))
        text = relation_comment(call, oid);
    else if (slice_eq_cstr(args[1].s, "pg_namespace") &&
             (o = peek(call, OBJECT_SCHEMA, oid)) != NULL)
        text = o->schema->comment;
    else if (slice_eq_cstr(args[1].s, "pg_constraint"))
        text = constraint_comment(call, oid);
    out_text(call, out, null, text);
    return STATUS_OK;
}

FN(col_description)
{
    const struct object *o = peek(call, OBJECT_TABLE, (uint32_t)args[0].i);

    *null = true;
    if (o != NULL && args[1].i > 0 && (size_t)args[1].i <= o->table->column_count)
        out_text(call, out, null, o->table->columns[args[1].i - 1].comment);
    return STATUS_OK;
}

FN(shobj_description)
{
    bool                 role = slice_eq_cstr(args[1].s, "pg_authid");
    bool                 database = slice_eq_cstr(args[1].s, "pg_database");
    const struct object *o =
        role || database ? peek(call, role ? OBJECT_ROLE : OBJECT_DATABASE, (uint32_t)args[0].i)
                         : NULL;

    out_text(call, out, null, o == NULL ? NULL : role ? o->role->comment : o->database->comment);
    return STATUS_OK;
}

/* ---- storage ------------------------------------------------------------------------------- */

FN(pg_relation_filenode)
{
    out->i = args[0].i;
    return STATUS_OK;
}

FN(pg_tablespace_location)
{
    out->s = SLICE_LIT("");
    return STATUS_OK;
}

FN(pg_relation_is_publishable)
{
    const struct object *o = peek(call, OBJECT_TABLE, (uint32_t)args[0].i);

    *null = o == NULL;
    out->b = o != NULL && o->table->kind == RELATION_TABLE && o->oid >= OID_FIRST_USER;
    return STATUS_OK;
}

FN(pg_is_in_recovery)
{
    out->b = false;
    return STATUS_OK;
}

FN(pg_my_temp_schema)
{
    out->i = 0;
    return STATUS_OK;
}

FN(pg_is_other_temp_schema)
{
    out->b = false;
    return STATUS_OK;
}

/* ---- schemas --------------------------------------------------------------------------------- */

FN(current_schema)
{
    const struct schema_desc **path;
    size_t                     count = 0;

    *null = true;
    if (call->context->catalog == NULL)
        return STATUS_OK;
    TRY_RETURN(catalog_search_path(call->context->catalog, call->arena, false, &path, &count));
    out_text(call, out, null, count > 0 ? path[0]->name : NULL);
    return STATUS_OK;
}

FN(current_schemas)
{
    const struct schema_desc **path;
    size_t                     count = 0;
    datum                     *names;

    *null = true;
    if (call->context->catalog == NULL)
        return STATUS_OK;
    *null = false;
    TRY_RETURN(catalog_search_path(call->context->catalog, call->arena, args[0].b, &path, &count));
    names = ARENA_ARRAY(call->arena, datum, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i].s = slice_cstr(arena_strdup(call->arena, path[i]->name));
    return array_build(call->arena, type_by_oid(OID_NAME), names, NULL, count, &out->s);
}

/* ---- encodings ------------------------------------------------------------------------------- */

enum { ENCODING_UTF8 = 6 };

FN(pg_encoding_to_char)
{
    out->s = args[0].i == ENCODING_UTF8 ? SLICE_LIT("UTF8")
             : args[0].i == 0           ? SLICE_LIT("SQL_ASCII")
                                        : SLICE_LIT("");
    return STATUS_OK;
}

FN(pg_char_to_encoding)
{
    bool utf8 =
        args[0].s.size >= 4 && args[0].s.size <= 5 && strncasecmp(args[0].s.data, "utf", 3) == 0;

    out->i = utf8 ? ENCODING_UTF8 : -1;
    return STATUS_OK;
}

/* ---- sequences ------------------------------------------------------------------------------- */

FN(nextval)
{
    struct sql_context *c = call->context;

    if (c->sequence_next == NULL)
        return status_new(ST_WRONG_STATE, "sequences cannot be used here");
    return c->sequence_next(c, (uint32_t)args[0].i, &out->i);
}

FN(currval)
{
    struct sql_context *c = call->context;

    if (c->sequence_current == NULL)
        return status_new(ST_WRONG_STATE, "sequences cannot be used here");
    return c->sequence_current(c, (uint32_t)args[0].i, &out->i);
}

FN(lastval)
{
    struct sql_context *c = call->context;

    if (c->sequence_last == NULL)
        return status_new(ST_WRONG_STATE, "sequences cannot be used here");
    return c->sequence_last(c, &out->i);
}

FN(setval)
{
    struct sql_context *c = call->context;

    if (c->sequence_set == NULL)
        return status_new(ST_WRONG_STATE, "sequences cannot be used here");
    out->i = args[1].i;
    return c->sequence_set(c, (uint32_t)args[0].i, args[1].i, call->arg_count < 3 || args[2].b);
}

FN(pg_sequence_last_value)
{
    const struct object *o = peek(call, OBJECT_TABLE, (uint32_t)args[0].i);
    bool                 is_called = false;

    if (o == NULL || o->table->kind != RELATION_SEQUENCE)
        return status_new(ST_WRONG_OBJECT_TYPE, "relation %u is not a sequence",
                          (uint32_t)args[0].i);
    TRY_RETURN(sequence_read(call->context->catalog, o->table, &out->i, &is_called));
    *null = !is_called;
    return STATUS_OK;
}

FN(pg_get_serial_sequence)
{
    struct catalog_view      *v = call->context->catalog;
    const struct table_desc  *t = NULL;
    const struct column_desc *c;
    struct reg_name           name;
    uint32_t                  oid;

    TRY_RETURN(reg_name_parse(call->arena, args[0].s, &name));
    oid = v == NULL || name.count == 0
              ? 0
              : catalog_relation_oid(v, name.count > 1 ? name.parts[name.count - 2] : NULL,
                                     name.parts[name.count - 1]);
    if (oid != 0)
        TRY_RETURN(catalog_table_by_oid(v, oid, &t));
    if (t == NULL)
        return status_new(ST_UNDEFINED_TABLE, "relation \"%.*s\" does not exist",
                          SLICE_FMT(args[0].s));
    c = table_column_by_name(t, arena_cstr(call->arena, args[1].s));
    if (c == NULL)
        return status_new(ST_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%s\" does not exist",
                          SLICE_FMT(args[1].s), t->name);
    *null = true;
    if (c->sequence_oid != 0) {
        SCOPED(buf) struct buf text = {0};
        const struct object   *o = view_peek(v, OBJECT_TABLE, c->sequence_oid), *schema;

        schema = o == NULL ? NULL : view_peek(v, OBJECT_SCHEMA, o->table->schema_oid);
        if (schema == NULL)
            return STATUS_OK;
        reg_quote_identifier(slice_cstr(schema->schema->name), &text);
        buf_append_cstr(&text, ".");
        reg_quote_identifier(slice_cstr(o->table->name), &text);
        out_text(call, out, null, buf_cstr(&text));
    }
    return STATUS_OK;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* to_regclass('x'): null where the cast would be an error. */
static status find_or_null(struct fn_call *call, uint32_t type, slice text, datum *out, bool *null)
{
    uint32_t oid = 0;
    status   st = reg_find(call->context, call->arena, type, text, &oid);

    *null = !st_ok(st) || oid == 0;
    st_clear(st);
    out->i = oid;
    return STATUS_OK;
}

FN(to_regclass)
{
    return find_or_null(call, OID_REGCLASS, args[0].s, out, null);
}

FN(to_regtype)
{
    return find_or_null(call, OID_REGTYPE, args[0].s, out, null);
}

FN(to_regnamespace)
{
    return find_or_null(call, OID_REGNAMESPACE, args[0].s, out, null);
}

FN(to_regrole)
{
    return find_or_null(call, OID_REGROLE, args[0].s, out, null);
}

FN(to_regproc)
{
    return find_or_null(call, OID_REGPROC, args[0].s, out, null);
}

FN(text_regclass)
{
    uint32_t oid = 0;

    TRY_RETURN(reg_find(call->context, call->arena, OID_REGCLASS, args[0].s, &oid));
    out->i = oid;
    return STATUS_OK;
}

FN(format_type)
{
    const struct type *t = nulls[0] ? NULL : type_by_oid((uint32_t)args[0].i);

    *null = nulls[0];
    if (nulls[0])
        return STATUS_OK;
    out_text(call, out, null,
             t != NULL && nulls[1] ? t->sql_name
                                   : type_format(call->arena, (uint32_t)args[0].i,
                                                 nulls[1] ? -1 : (int32_t)args[1].i));
    return STATUS_OK;
}

/* ---- functions ------------------------------------------------------------------------------- */

static const char *arguments(struct arena *a, const struct function *f, bool out_columns)
{
    SCOPED(buf) struct buf text = {0};

    for (size_t i = 0; i < f->arg_count; i++) {
        buf_append_cstr(&text, i > 0 ? ", " : "");
        if (f->variadic && i + 1u == f->arg_count)
            buf_append_cstr(&text, "VARIADIC ");
        if (f->arg_names != NULL && f->arg_names[i] != NULL && f->arg_names[i][0] != '\0')
            buf_printf(&text, "%s ", f->arg_names[i]);
        buf_append_cstr(&text, type_format(a, f->arg_types[i], -1));
    }
    for (size_t i = 0; out_columns && i < f->column_count; i++)
        buf_printf(&text, "%sOUT %s %s", f->arg_count + i > 0 ? ", " : "", f->column_names[i],
                   type_format(a, f->column_types[i], -1));
    return arena_strdup(a, buf_cstr(&text));
}

FN(pg_get_function_arguments)
{
    const struct function *f = function_by_oid((uint32_t)args[0].i);

    out_text(call, out, null, f == NULL ? NULL : arguments(call->arena, f, true));
    return STATUS_OK;
}

FN(pg_get_function_identity_arguments)
{
    const struct function *f = function_by_oid((uint32_t)args[0].i);

    out_text(call, out, null, f == NULL ? NULL : arguments(call->arena, f, false));
    return STATUS_OK;
}

FN(pg_get_function_result)
{
    const struct function *f = function_by_oid((uint32_t)args[0].i);

    out_text(call, out, null,
             f == NULL ? NULL
                       : arena_printf(call->arena, "%s%s", f->returns_set ? "SETOF " : "",
                                      type_format(call->arena, f->result_type, -1)));
    return STATUS_OK;
}

/* ---- sets ------------------------------------------------------------------------------------ */

/* No table is partitioned: a relation has itself at most, and only as a partition. */
FN_SET(pg_partition_tree)
{
    (void)cursor;
    (void)out;
    return STATUS_NO_DATA;
}

FN_SET(pg_partition_ancestors)
{
    (void)cursor;
    (void)out;
    return STATUS_NO_DATA;
}

/* Options of foreign tables and their kin, which do not exist. */
FN_SET(pg_options_to_table)
{
    (void)cursor;
    (void)out;
    return STATUS_NO_DATA;
}
