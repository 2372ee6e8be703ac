/* pg_type, pg_proc, pg_operator, pg_cast, pg_aggregate from the constant tables of types and
 * functions; pg_am, pg_opclass, pg_opfamily, pg_amop, pg_collation from rows.def. */
#include "sql/catalog/rows.h"
#include "sql/func/function.h"

enum { PROC_ARRAY_IN = 750, PROC_ARRAY_OUT = 751 };

/* ---- pg_type --------------------------------------------------------------------------------- */

/* int2vector and oidvector have elements, too, but another text form. */
static bool is_array(const struct type *t)
{
    return t->element_oid != 0 && type_by_oid(t->element_oid)->array_oid == t->oid;
}

static status type_row(struct rows *r, const struct type *t)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_type, oid), t->oid);
    row_text(r, COLUMN_AT(pg_type, typname), t->name);
    row_int(r, COLUMN_AT(pg_type, typnamespace), OID_SCHEMA_PG_CATALOG);
    row_int(r, COLUMN_AT(pg_type, typowner), OID_ROLE_BOOTSTRAP);
    row_int(r, COLUMN_AT(pg_type, typlen), t->size);
    row_bool(r, COLUMN_AT(pg_type, typbyval), t->by_value);
    row_char(r, COLUMN_AT(pg_type, typtype), t->kind);
    row_char(r, COLUMN_AT(pg_type, typcategory), t->category);
    row_bool(r, COLUMN_AT(pg_type, typispreferred), t->preferred);
    row_bool(r, COLUMN_AT(pg_type, typisdefined), true);
    row_char(r, COLUMN_AT(pg_type, typdelim), ',');
    row_int(r, COLUMN_AT(pg_type, typrelid), 0);
    row_int(r, COLUMN_AT(pg_type, typsubscript), 0);
    row_int(r, COLUMN_AT(pg_type, typelem), t->element_oid);
    row_int(r, COLUMN_AT(pg_type, typarray), t->array_oid);
    /* Drivers tell arrays by these; the functions of other types are not in pg_proc. */
    row_int(r, COLUMN_AT(pg_type, typinput), is_array(t) ? PROC_ARRAY_IN : 0);
    row_int(r, COLUMN_AT(pg_type, typoutput), is_array(t) ? PROC_ARRAY_OUT : 0);
    row_int(r, COLUMN_AT(pg_type, typreceive), 0);
    row_int(r, COLUMN_AT(pg_type, typsend), 0);
    row_int(r, COLUMN_AT(pg_type, typmodin), 0);
    row_int(r, COLUMN_AT(pg_type, typmodout), 0);
    row_int(r, COLUMN_AT(pg_type, typanalyze), 0);
    row_char(r, COLUMN_AT(pg_type, typalign), t->align);
    row_char(r, COLUMN_AT(pg_type, typstorage), t->storage);
    row_bool(r, COLUMN_AT(pg_type, typnotnull), false);
    row_int(r, COLUMN_AT(pg_type, typbasetype), 0);
    row_int(r, COLUMN_AT(pg_type, typtypmod), -1);
    row_int(r, COLUMN_AT(pg_type, typndims), 0);
    row_int(r, COLUMN_AT(pg_type, typcollation), t->collation);
    return row_end(r);
}

status scan_pg_type(struct rows *r)
{
    const struct type *t;

    for (size_t i = 0; (t = type_at(i)) != NULL; i++)
        if (rows_want_int(r, COLUMN_AT(pg_type, oid), t->oid))
            TRY_RETURN(type_row(r, t));
    return STATUS_OK;
}

/* ---- pg_proc --------------------------------------------------------------------------------- */

static status proc_vectors(struct rows *r, const struct function *f)
{
    int64_t types[FUNCTION_ARGS_MAX];

    for (size_t i = 0; i < f->arg_count; i++)
        types[i] = f->arg_types[i];
    return row_numbers(r, COLUMN_AT(pg_proc, proargtypes), types, f->arg_count, true);
}

/* Names, and with OUT columns all types and modes: "{a,b}". */
static status proc_out_columns(struct rows *r, const struct function *f)
{
    SCOPED(buf) struct buf names = {0}, modes = {0}, types = {0};
    size_t                 total = f->arg_count + f->column_count;

    if (f->column_count == 0 && f->arg_names == NULL)
        return STATUS_OK;
    for (size_t i = 0; i < total; i++) {
        bool        in = i < f->arg_count;
        const char *name =
            in ? (f->arg_names != NULL ? f->arg_names[i] : "") : f->column_names[i - f->arg_count];
        uint32_t type = in ? f->arg_types[i] : f->column_types[i - f->arg_count];

        buf_printf(&names, "%c\"%s\"", i == 0 ? '{' : ',', name);
        buf_printf(&modes, "%c%s", i == 0 ? '{' : ',', in ? "i" : "o");
        buf_printf(&types, "%c%u", i == 0 ? '{' : ',', type);
    }
    buf_append_cstr(&names, total == 0 ? "{}" : "}");
    buf_append_cstr(&modes, "}");
    buf_append_cstr(&types, "}");
    TRY_RETURN(row_input(r, COLUMN_AT(pg_proc, proargnames), arena_strdup(r->a, buf_cstr(&names))));
    if (f->column_count == 0)
        return STATUS_OK;
    TRY_RETURN(row_input(r, COLUMN_AT(pg_proc, proargmodes), arena_strdup(r->a, buf_cstr(&modes))));
    return row_input(r, COLUMN_AT(pg_proc, proallargtypes), arena_strdup(r->a, buf_cstr(&types)));
}

static status proc_row(struct rows *r, const struct function *f)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_proc, oid), f->oid);
    row_text(r, COLUMN_AT(pg_proc, proname), f->name);
    row_int(r, COLUMN_AT(pg_proc, pronamespace), OID_SCHEMA_PG_CATALOG);
    row_int(r, COLUMN_AT(pg_proc, proowner), OID_ROLE_BOOTSTRAP);
    row_int(r, COLUMN_AT(pg_proc, prolang), 12);
    row_float(r, COLUMN_AT(pg_proc, procost), 1);
    row_float(r, COLUMN_AT(pg_proc, prorows), f->returns_set ? 1000 : 0);
    row_int(r, COLUMN_AT(pg_proc, provariadic),
            f->variadic && f->arg_count > 0 ? f->arg_types[f->arg_count - 1] : 0);
    row_int(r, COLUMN_AT(pg_proc, prosupport), 0);
    row_char(r, COLUMN_AT(pg_proc, prokind), (char)f->kind);
    row_bool(r, COLUMN_AT(pg_proc, prosecdef), false);
    row_bool(r, COLUMN_AT(pg_proc, proleakproof), false);
    row_bool(r, COLUMN_AT(pg_proc, proisstrict), f->strict);
    row_bool(r, COLUMN_AT(pg_proc, proretset), f->returns_set);
    row_char(r, COLUMN_AT(pg_proc, provolatile), (char)f->volatility);
    row_char(r, COLUMN_AT(pg_proc, proparallel), 's');
    row_int(r, COLUMN_AT(pg_proc, pronargs), f->arg_count);
    row_int(r, COLUMN_AT(pg_proc, pronargdefaults), f->default_count);
    row_int(r, COLUMN_AT(pg_proc, prorettype), f->result_type);
    TRY_RETURN(proc_vectors(r, f));
    TRY_RETURN(proc_out_columns(r, f));
    row_text(r, COLUMN_AT(pg_proc, prosrc), f->source != NULL ? f->source : f->name);
    return row_end(r);
}

status scan_pg_proc(struct rows *r)
{
    const struct function *f;

    for (size_t i = 0; (f = function_at(i)) != NULL; i++)
        if (rows_want_int(r, COLUMN_AT(pg_proc, oid), f->oid))
            TRY_RETURN(proc_row(r, f));
    return STATUS_OK;
}

status scan_pg_aggregate(struct rows *r)
{
    const struct function *f;

    for (size_t i = 0; (f = function_at(i)) != NULL; i++) {
        if (f->kind != FUNCTION_AGGREGATE)
            continue;
        row_begin(r);
        for (size_t at = 0; at < r->table->column_count; at++)
            if (r->table->columns[at].not_null)
                row_int(r, at, 0);
        row_int(r, COLUMN_AT(pg_aggregate, aggfnoid), f->oid);
        row_char(r, COLUMN_AT(pg_aggregate, aggkind), f->ordered_set ? 'o' : 'n');
        row_int(r, COLUMN_AT(pg_aggregate, aggnumdirectargs),
                f->ordered_set ? f->arg_count - 1 : 0);
        row_bool(r, COLUMN_AT(pg_aggregate, aggfinalextra), false);
        row_bool(r, COLUMN_AT(pg_aggregate, aggmfinalextra), false);
        row_char(r, COLUMN_AT(pg_aggregate, aggfinalmodify), 'r');
        row_char(r, COLUMN_AT(pg_aggregate, aggmfinalmodify), 'r');
        row_int(r, COLUMN_AT(pg_aggregate, aggtranstype), OID_INTERNAL);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- pg_operator, pg_cast -------------------------------------------------------------------- */

status scan_pg_operator(struct rows *r)
{
    const struct operator_def *op;

    for (size_t i = 0; (op = operator_at(i)) != NULL; i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_operator, oid), op->oid);
        row_text(r, COLUMN_AT(pg_operator, oprname), op->name);
        row_int(r, COLUMN_AT(pg_operator, oprnamespace), OID_SCHEMA_PG_CATALOG);
        row_int(r, COLUMN_AT(pg_operator, oprowner), OID_ROLE_BOOTSTRAP);
        row_char(r, COLUMN_AT(pg_operator, oprkind), op->left_type == 0 ? 'l' : 'b');
        row_bool(r, COLUMN_AT(pg_operator, oprcanmerge), op->can_merge);
        row_bool(r, COLUMN_AT(pg_operator, oprcanhash), op->can_hash);
        row_int(r, COLUMN_AT(pg_operator, oprleft), op->left_type);
        row_int(r, COLUMN_AT(pg_operator, oprright), op->right_type);
        row_int(r, COLUMN_AT(pg_operator, oprresult), op->result_type);
        row_int(r, COLUMN_AT(pg_operator, oprcom), op->commutator);
        row_int(r, COLUMN_AT(pg_operator, oprnegate), op->negator);
        row_int(r, COLUMN_AT(pg_operator, oprcode), op->fn->oid);
        row_int(r, COLUMN_AT(pg_operator, oprrest), 0);
        row_int(r, COLUMN_AT(pg_operator, oprjoin), 0);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_cast(struct rows *r)
{
    const struct cast_def *c;

    for (size_t i = 0; (c = cast_at(i)) != NULL; i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_cast, oid), c->oid);
        row_int(r, COLUMN_AT(pg_cast, castsource), c->source_type);
        row_int(r, COLUMN_AT(pg_cast, casttarget), c->target_type);
        row_int(r, COLUMN_AT(pg_cast, castfunc), c->fn != NULL ? c->fn->oid : 0);
        row_char(r, COLUMN_AT(pg_cast, castcontext), (char)c->context);
        row_char(r, COLUMN_AT(pg_cast, castmethod), (char)c->method);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- rows.def -------------------------------------------------------------------------------- */

/* Each scan takes the lines it is about; `known` leaves out what this server has no type for. */
static bool known(uint32_t type)
{
    return type_by_oid(type) != NULL;
}

static status am_row(struct rows *r, uint32_t oid, const char *name, uint32_t handler, char type)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_am, oid), oid);
    row_text(r, COLUMN_AT(pg_am, amname), name);
    row_int(r, COLUMN_AT(pg_am, amhandler), handler);
    row_char(r, COLUMN_AT(pg_am, amtype), type);
    return row_end(r);
}

static status opfamily_row(struct rows *r, uint32_t oid, uint32_t am, const char *name)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_opfamily, oid), oid);
    row_int(r, COLUMN_AT(pg_opfamily, opfmethod), am);
    row_text(r, COLUMN_AT(pg_opfamily, opfname), name);
    row_int(r, COLUMN_AT(pg_opfamily, opfnamespace), OID_SCHEMA_PG_CATALOG);
    row_int(r, COLUMN_AT(pg_opfamily, opfowner), OID_ROLE_BOOTSTRAP);
    return row_end(r);
}

struct opclass {
    uint32_t    oid, am, family, type;
    const char *name;
    bool        is_default;
};

static status opclass_row(struct rows *r, const struct opclass *o)
{
    if (!known(o->type))
        return STATUS_OK;
    row_begin(r);
    row_int(r, COLUMN_AT(pg_opclass, oid), o->oid);
    row_int(r, COLUMN_AT(pg_opclass, opcmethod), o->am);
    row_text(r, COLUMN_AT(pg_opclass, opcname), o->name);
    row_int(r, COLUMN_AT(pg_opclass, opcnamespace), OID_SCHEMA_PG_CATALOG);
    row_int(r, COLUMN_AT(pg_opclass, opcowner), OID_ROLE_BOOTSTRAP);
    row_int(r, COLUMN_AT(pg_opclass, opcfamily), o->family);
    row_int(r, COLUMN_AT(pg_opclass, opcintype), o->type);
    row_bool(r, COLUMN_AT(pg_opclass, opcdefault), o->is_default);
    row_int(r, COLUMN_AT(pg_opclass, opckeytype), 0);
    return row_end(r);
}

struct amop {
    uint32_t oid, family, left, right, op, am;
    int      strategy;
};

static status amop_row(struct rows *r, const struct amop *o)
{
    if (!known(o->left) || !known(o->right))
        return STATUS_OK;
    row_begin(r);
    row_int(r, COLUMN_AT(pg_amop, oid), o->oid);
    row_int(r, COLUMN_AT(pg_amop, amopfamily), o->family);
    row_int(r, COLUMN_AT(pg_amop, amoplefttype), o->left);
    row_int(r, COLUMN_AT(pg_amop, amoprighttype), o->right);
    row_int(r, COLUMN_AT(pg_amop, amopstrategy), o->strategy);
    row_char(r, COLUMN_AT(pg_amop, amoppurpose), 's');
    row_int(r, COLUMN_AT(pg_amop, amopopr), o->op);
    row_int(r, COLUMN_AT(pg_amop, amopmethod), o->am);
    row_int(r, COLUMN_AT(pg_amop, amopsortfamily), 0);
    return row_end(r);
}

static status collation_row(struct rows *r, uint32_t oid, const char *name, const char *collate,
                            char provider)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_collation, oid), oid);
    row_text(r, COLUMN_AT(pg_collation, collname), name);
    row_int(r, COLUMN_AT(pg_collation, collnamespace), OID_SCHEMA_PG_CATALOG);
    row_int(r, COLUMN_AT(pg_collation, collowner), OID_ROLE_BOOTSTRAP);
    row_char(r, COLUMN_AT(pg_collation, collprovider), provider);
    row_bool(r, COLUMN_AT(pg_collation, collisdeterministic), true);
    row_int(r, COLUMN_AT(pg_collation, collencoding), -1);
    if (collate[0] != '\0') {
        row_text(r, COLUMN_AT(pg_collation, collcollate), collate);
        row_text(r, COLUMN_AT(pg_collation, collctype), collate);
    }
    return row_end(r);
}

status scan_pg_am(struct rows *r)
{
#define AM(oid, name, handler, type) TRY_RETURN(am_row(r, oid, #name, handler, type));
#define OPFAMILY(oid, am, name)
#define OPCLASS(oid, am, name, family, type, is_default)
#define AMOP(oid, family, left, right, strategy, op, am)
#define COLLATION(oid, name, collate, provider)
#include "sql/catalog/rows.def"
#undef AM
#undef OPFAMILY
#undef OPCLASS
#undef AMOP
#undef COLLATION
    return STATUS_OK;
}

static const struct {
    uint32_t    oid, am;
    const char *name;
} opfamilies[] = {
#define AM(oid, name, handler, type)
#define OPFAMILY(oid_, am_, name_) {.oid = (oid_), .am = (am_), .name = #name_},
#define OPCLASS(oid, am, name, family, type, is_default)
#define AMOP(oid, family, left, right, strategy, op, am)
#define COLLATION(oid, name, collate, provider)
#include "sql/catalog/rows.def"
#undef OPFAMILY
#undef OPCLASS
};

static const struct opclass opclasses[] = {
#define OPFAMILY(oid, am, name)
#define OPCLASS(oid_, am_, name_, family_, type_, default_)                                        \
    {.oid = (oid_),                                                                                \
     .am = (am_),                                                                                  \
     .name = #name_,                                                                               \
     .family = (family_),                                                                          \
     .type = (type_),                                                                              \
     .is_default = (default_)},
#include "sql/catalog/rows.def"
#undef OPCLASS
#undef AMOP
};

static const struct amop amops[] = {
#define OPCLASS(oid, am, name, family, type, is_default)
#define AMOP(oid_, family_, left_, right_, strategy_, op_, am_)                                    \
    {.oid = (oid_),                                                                                \
     .family = (family_),                                                                          \
     .left = (left_),                                                                              \
     .right = (right_),                                                                            \
     .strategy = (strategy_),                                                                      \
     .op = (op_),                                                                                  \
     .am = (am_)},
#include "sql/catalog/rows.def"
#undef AMOP
#undef COLLATION
};

status scan_pg_opfamily(struct rows *r)
{
    for (size_t i = 0; i < ARRAY_LEN(opfamilies); i++)
        TRY_RETURN(opfamily_row(r, opfamilies[i].oid, opfamilies[i].am, opfamilies[i].name));
    return STATUS_OK;
}

status scan_pg_opclass(struct rows *r)
{
    for (size_t i = 0; i < ARRAY_LEN(opclasses); i++)
        TRY_RETURN(opclass_row(r, &opclasses[i]));
    return STATUS_OK;
}

status scan_pg_amop(struct rows *r)
{
    for (size_t i = 0; i < ARRAY_LEN(amops); i++)
        TRY_RETURN(amop_row(r, &amops[i]));
    return STATUS_OK;
}

status scan_pg_collation(struct rows *r)
{
#define AMOP(oid, family, left, right, strategy, op, am)
#define COLLATION(oid, name, collate, provider)                                                    \
    TRY_RETURN(collation_row(r, oid, #name, collate, provider));
#include "sql/catalog/rows.def"
#undef COLLATION
    return STATUS_OK;
}
