#include "sql/bind/bind_internal.h"

/* Names as the grammar hands them over: it has turned "integer" into pg_catalog.int4 already. */

static status type_missing(struct binder *b, const PgQuery__TypeName *n)
{
    return binder_at(b, n->location,
                     status_new(ST_UNDEFINED_OBJECT, "type \"%s\" does not exist",
                                names_join(b->a, n->names, n->n_names)));
}

static status find_type(struct binder *b, const PgQuery__TypeName *n, const struct type **out)
{
    const char *name = n->n_names > 0 ? node_string(n->names[n->n_names - 1]) : "";

    *out = NULL;
    if (n->setof)
        return binder_at(
            b, n->location,
            status_new(ST_UNDEFINED_OBJECT, "type \"%s\" may not be SETOF here", name));
    if (n->pct_type)
        return binder_unsupported(b, n->location, "%TYPE is not supported");
    if (n->n_names == 0) {
        *out = type_by_oid(n->type_oid);
    } else if (n->n_names == 1 ||
               strcmp(node_string(n->names[n->n_names - 2]), "pg_catalog") == 0) {
        *out = type_by_name(slice_cstr(name));
    }
    return *out == NULL ? type_missing(b, n) : STATUS_OK;
}

static status typmod_constant(struct binder *b, const PgQuery__TypeName *n,
                              const PgQuery__Node *node, int32_t *out)
{
    if (node->node_case == NODE(A_CONST) && !node->a_const->isnull &&
        node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL) {
        *out = node->a_const->ival->ival;
        return STATUS_OK;
    }
    return binder_at(
        b, n->location,
        status_new(ST_SYNTAX_ERROR, "type modifiers must be simple constants or identifiers"));
}

static status find_typmod(struct binder *b, const PgQuery__TypeName *n, const struct type *t,
                          int32_t *out)
{
    int32_t args[8];

    *out = n->n_typmods == 0 ? n->typemod : -1;
    if (n->n_typmods == 0)
        return STATUS_OK;
    if (t->typmod_input == NULL)
        return binder_at(b, n->location,
                         status_new(ST_SYNTAX_ERROR, "type modifier is not allowed for type \"%s\"",
                                    t->sql_name));
    if (n->n_typmods > ARRAY_LEN(args))
        return binder_at(b, n->location,
                         status_new(ST_INVALID_PARAMETER_VALUE, "invalid type modifier"));
    for (size_t i = 0; i < n->n_typmods; i++)
        TRY_RETURN(typmod_constant(b, n, n->typmods[i], &args[i]));
    return binder_at(b, n->location, t->typmod_input(args, n->n_typmods, out));
}

status bind_type(struct binder *b, const PgQuery__TypeName *n, uint32_t *type, int32_t *typmod)
{
    const struct type *t;

    TRY_RETURN(find_type(b, n, &t));
    TRY_RETURN(find_typmod(b, n, t, typmod));
    *type = t->oid;
    if (n->n_array_bounds > 0) {
        if (t->element_oid != 0 && t->category == 'A') /* int[][] is int[] */
            return STATUS_OK;
        if (t->array_oid == 0)
            return type_missing(b, n);
        *type = t->array_oid;
    }
    return STATUS_OK;
}

status bind_collation(struct binder *b, PgQuery__Node *const *names, size_t count, int location,
                      uint32_t *out)
{
    const char *name = count > 0 ? node_string(names[count - 1]) : "";
    bool        builtin = count == 1 || strcmp(node_string(names[0]), "pg_catalog") == 0;

    if (builtin && strcmp(name, "default") == 0)
        *out = OID_COLLATION_DEFAULT;
    else if (builtin && (strcmp(name, "C") == 0 || strcmp(name, "ucs_basic") == 0))
        *out = OID_COLLATION_C;
    else if (builtin && strcmp(name, "POSIX") == 0)
        *out = OID_COLLATION_POSIX;
    else
        return binder_at(b, location,
                         status_new(ST_FEATURE_NOT_SUPPORTED, "collation \"%s\" is not supported",
                                    names_join(b->a, names, count)));
    return STATUS_OK;
}
