/* has_table_privilege() and its kin. Privileges are not checked yet (lib/sql/ddl/role.c), so every
 * role has all of those on what there is; what there is, and what privileges a kind of object
 * knows, is answered as in PostgreSQL: an error for an unknown name, null for an unknown OID. */
#include <string.h>
#include <strings.h>

#include "sql/catalog/rows.h"
#include "sql/func/implement.h"
#include "sql/types/regtypes.h"

enum target_kind {
    TARGET_TABLE,
    TARGET_SEQUENCE,
    TARGET_COLUMN,
    TARGET_ANY_COLUMN,
    TARGET_DATABASE,
    TARGET_SCHEMA,
    TARGET_FUNCTION,
    TARGET_LANGUAGE,
    TARGET_TABLESPACE,
    TARGET_TYPE,
    TARGET_ROLE,
};

/* What may be asked of a kind, each word with a "|" behind it. */
static const char *const privileges[] = {
    [TARGET_TABLE] = "SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER|RULE|",
    [TARGET_SEQUENCE] = "USAGE|SELECT|UPDATE|",
    [TARGET_COLUMN] = "SELECT|INSERT|UPDATE|REFERENCES|",
    [TARGET_ANY_COLUMN] = "SELECT|INSERT|UPDATE|REFERENCES|",
    [TARGET_DATABASE] = "CREATE|CONNECT|TEMPORARY|TEMP|",
    [TARGET_SCHEMA] = "CREATE|USAGE|",
    [TARGET_FUNCTION] = "EXECUTE|",
    [TARGET_LANGUAGE] = "USAGE|",
    [TARGET_TABLESPACE] = "CREATE|",
    [TARGET_TYPE] = "USAGE|",
    [TARGET_ROLE] = "USAGE|MEMBER|",
};

static bool is_text(const struct fn_call *call, size_t at)
{
    uint32_t type = call->fn->arg_types[at];

    return type == OID_TEXT || type == OID_NAME;
}

/* ---- the privilege --------------------------------------------------------------------------- */

static slice trim(slice s)
{
    while (s.size > 0 && s.data[0] == ' ')
        s = slice_from(s, 1);
    while (s.size > 0 && s.data[s.size - 1] == ' ')
        s.size--;
    return s;
}

static bool is_privilege(enum target_kind kind, slice word)
{
    static const char   grant[] = " WITH GRANT OPTION", admin[] = " WITH ADMIN OPTION";
    static const size_t option_size = sizeof grant - 1, admin_size = sizeof admin - 1;

    if (word.size > option_size &&
        strncasecmp(word.data + word.size - option_size, grant, option_size) == 0)
        word = trim(slice_make(word.data, word.size - option_size));
    else if (kind == TARGET_ROLE && word.size > admin_size &&
             strncasecmp(word.data + word.size - admin_size, admin, admin_size) == 0)
        word = trim(slice_make(word.data, word.size - admin_size));
    for (const char *at = privileges[kind]; *at != '\0';) {
        const char *end = strchr(at, '|');

        if ((size_t)(end - at) == word.size && strncasecmp(at, word.data, word.size) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

static status check_privileges(enum target_kind kind, slice list)
{
    for (;;) {
        const char *comma = memchr(list.data, ',', list.size);
        slice       word =
            trim(slice_make(list.data, comma != NULL ? (size_t)(comma - list.data) : list.size));

        if (!is_privilege(kind, word))
            return status_new(ST_INVALID_PARAMETER_VALUE, "unrecognized privilege type: \"%.*s\"",
                              SLICE_FMT(word));
        if (comma == NULL)
            return STATUS_OK;
        list = slice_from(list, (size_t)(comma - list.data) + 1);
    }
}

/* ---- the role -------------------------------------------------------------------------------- */

/* *role is NULL for an OID that is nobody's. */
static status find_role(struct fn_call *call, datum arg, bool by_name,
                        const struct role_desc **role)
{
    struct catalog_view *v = call->context->catalog;

    if (!by_name) {
        const struct object *o = view_peek(v, OBJECT_ROLE, (uint32_t)arg.i);

        *role = o != NULL ? o->role : NULL;
        return STATUS_OK;
    }
    TRY_RETURN(catalog_role_by_name(v, arena_cstr(call->arena, arg.s), role));
    if (*role == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "role \"%.*s\" does not exist", SLICE_FMT(arg.s));
    return STATUS_OK;
}

/* ---- the object: *found is false for an OID that is nothing's -------------------------------- */

static status find_relation(struct fn_call *call, enum target_kind kind, datum arg, bool by_name,
                            const struct table_desc **t, bool *found)
{
    struct catalog_view *v = call->context->catalog;
    uint32_t             oid = (uint32_t)arg.i, schema;
    const struct object *o;
    const char          *name;

    *t = NULL;
    if (by_name)
        TRY_RETURN(reg_find(call->context, call->arena, OID_REGCLASS, arg.s, &oid));
    *found = catalog_relation_name(v, oid, &schema, &name);
    o = view_peek(v, OBJECT_TABLE, oid); /* NULL: an index */
    if (o != NULL)
        *t = o->table;
    if (*found && kind == TARGET_SEQUENCE && (o == NULL || o->table->kind != RELATION_SEQUENCE))
        return status_new(ST_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence", name);
    return STATUS_OK;
}

static status find_column(const struct table_desc *t, struct arena *a, datum arg, bool by_name,
                          bool *found)
{
    if (t == NULL || !*found)
        return STATUS_OK;
    if (!by_name) {
        *found = arg.i > 0 && (size_t)arg.i <= t->column_count && !t->columns[arg.i - 1].dropped;
        return STATUS_OK;
    }
    if (table_column_by_name(t, arena_cstr(a, arg.s)) == NULL)
        return status_new(ST_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%s\" does not exist",
                          SLICE_FMT(arg.s), t->name);
    return STATUS_OK;
}

static status find_named(struct fn_call *call, enum object_kind kind, datum arg, bool by_name,
                         bool *found)
{
    struct catalog_view *v = call->context->catalog;
    uint32_t             parent = kind == OBJECT_SCHEMA ? v->database_oid : 0;
    uint32_t             oid = (uint32_t)arg.i;

    if (by_name && kind == OBJECT_SCHEMA) {
        const struct schema_desc *schema;

        TRY_RETURN(catalog_schema_by_name(v, arena_cstr(call->arena, arg.s), &schema));
        oid = schema != NULL ? schema->oid : 0;
    } else if (by_name) {
        oid = view_find_name(v, kind, parent, arena_cstr(call->arena, arg.s));
    }
    *found = oid != 0 && view_peek(v, kind, oid) != NULL;
    if (by_name && !*found)
        return status_new(kind == OBJECT_SCHEMA ? ST_UNDEFINED_SCHEMA : ST_UNDEFINED_DATABASE,
                          "%s \"%.*s\" does not exist",
                          kind == OBJECT_SCHEMA ? "schema" : "database", SLICE_FMT(arg.s));
    return STATUS_OK;
}

/* Languages and tablespaces are fixed. */
static status find_fixed(const char *what, const char *const *names, const uint32_t *oids,
                         size_t count, datum arg, bool by_name, bool *found)
{
    *found = false;
    for (size_t i = 0; i < count; i++)
        *found |= by_name ? slice_eq_cstr(arg.s, names[i]) : oids[i] == (uint32_t)arg.i;
    if (by_name && !*found)
        return status_new(ST_UNDEFINED_OBJECT, "%s \"%.*s\" does not exist", what,
                          SLICE_FMT(arg.s));
    return STATUS_OK;
}

static status find_type_or_function(struct fn_call *call, enum target_kind kind, datum arg,
                                    bool by_name, bool *found)
{
    uint32_t oid = (uint32_t)arg.i;

    if (by_name)
        TRY_RETURN(reg_find(call->context, call->arena,
                            kind == TARGET_TYPE ? OID_REGTYPE : OID_REGPROCEDURE, arg.s, &oid));
    *found = kind == TARGET_TYPE ? type_by_oid(oid) != NULL : function_by_oid(oid) != NULL;
    return STATUS_OK;
}

static status find_target(struct fn_call *call, enum target_kind kind, const datum *args, size_t at,
                          bool *found)
{
    static const char *const languages[] = {"internal", "c", "sql"};
    static const uint32_t    language_oids[] = {12, 13, 14};
    static const char *const spaces[] = {"pg_default", "pg_global"};
    static const uint32_t    space_oids[] = {OID_TABLESPACE_DEFAULT, OID_TABLESPACE_GLOBAL};
    const struct table_desc *t;
    const struct role_desc  *role;
    bool                     by_name = is_text(call, at);

    switch (kind) {
    case TARGET_COLUMN:
        TRY_RETURN(find_relation(call, kind, args[at], by_name, &t, found));
        return find_column(t, call->arena, args[at + 1], is_text(call, at + 1), found);
    case TARGET_TABLE:
    case TARGET_SEQUENCE:
    case TARGET_ANY_COLUMN:
        return find_relation(call, kind, args[at], by_name, &t, found);
    case TARGET_DATABASE:
        return find_named(call, OBJECT_DATABASE, args[at], by_name, found);
    case TARGET_SCHEMA:
        return find_named(call, OBJECT_SCHEMA, args[at], by_name, found);
    case TARGET_LANGUAGE:
        return find_fixed("language", languages, language_oids, ARRAY_LEN(languages), args[at],
                          by_name, found);
    case TARGET_TABLESPACE:
        return find_fixed("tablespace", spaces, space_oids, ARRAY_LEN(spaces), args[at], by_name,
                          found);
    case TARGET_FUNCTION:
    case TARGET_TYPE:
        return find_type_or_function(call, kind, args[at], by_name, found);
    case TARGET_ROLE:
        *found = true;
        return find_role(call, args[at], by_name, &role);
    }
    UNREACHABLE();
}

/* ([role,] object [, column], privilege) */
static status has_privilege(struct fn_call *call, enum target_kind kind, const datum *args,
                            datum *out, bool *null)
{
    size_t                  own = kind == TARGET_COLUMN ? 3 : 2;
    size_t                  at = call->arg_count - own;
    const struct role_desc *role = NULL;
    bool                    found;

    *null = call->context->catalog == NULL;
    if (*null)
        return STATUS_OK;
    if (at > 0)
        TRY_RETURN(find_role(call, args[0], is_text(call, 0), &role));
    TRY_RETURN(find_target(call, kind, args, at, &found));
    TRY_RETURN(check_privileges(kind, args[call->arg_count - 1].s));
    *null = !found;
    out->b = at == 0 || role != NULL;
    return STATUS_OK;
}

#define PRIVILEGE_FUNCTION(name, kind)                                                             \
    FN(name)                                                                                       \
    {                                                                                              \
        return has_privilege(call, (kind), args, out, null);                                       \
    }

PRIVILEGE_FUNCTION(has_table_privilege, TARGET_TABLE)
PRIVILEGE_FUNCTION(has_sequence_privilege, TARGET_SEQUENCE)
PRIVILEGE_FUNCTION(has_column_privilege, TARGET_COLUMN)
PRIVILEGE_FUNCTION(has_any_column_privilege, TARGET_ANY_COLUMN)
PRIVILEGE_FUNCTION(has_database_privilege, TARGET_DATABASE)
PRIVILEGE_FUNCTION(has_schema_privilege, TARGET_SCHEMA)
PRIVILEGE_FUNCTION(has_function_privilege, TARGET_FUNCTION)
PRIVILEGE_FUNCTION(has_language_privilege, TARGET_LANGUAGE)
PRIVILEGE_FUNCTION(has_tablespace_privilege, TARGET_TABLESPACE)
PRIVILEGE_FUNCTION(has_type_privilege, TARGET_TYPE)
PRIVILEGE_FUNCTION(pg_has_role, TARGET_ROLE)
