#include "sql/bind/bind_internal.h"

/* Parameters without a declared type take the one of the first place that decides; a later place
 * that wants another is an error, as in PostgreSQL's parse_param.c. */

enum { PARAMS_MAX = 65535 }; /* what the protocol can carry */

static uint32_t *type_of(struct binder *b, int number)
{
    return &b->params->types[number - 1];
}

static void grow(struct binder *b, size_t count)
{
    struct bind_params *p = b->params;

    if (count > p->count) {
        uint32_t *types = ARENA_ARRAY(b->a, uint32_t, count);

        if (p->count > 0)
            memcpy(types, p->types, p->count * sizeof *types);
        p->types = types;
        p->count = count;
    }
}

status bind_param_ref(struct scope *s, const PgQuery__ParamRef *r, struct expr **out)
{
    struct binder *b = s->b;
    struct expr   *e;
    uint32_t       type;

    if (b->params == NULL || r->number <= 0 || r->number > PARAMS_MAX ||
        (b->params->fixed && (size_t)r->number > b->params->count))
        return binder_at(
            b, r->location,
            status_new(ST_UNDEFINED_PARAMETER, "there is no parameter $%d", r->number));
    grow(b, (size_t)r->number);
    type = *type_of(b, r->number);
    if (type == OID_UNKNOWN)
        *type_of(b, r->number) = type = 0;
    e = expr_new(b->a, EXPR_PARAM, type == 0 ? OID_UNKNOWN : type, -1, r->location);
    e->param.number = r->number;
    *out = e;
    return STATUS_OK;
}

status param_decide(struct binder *b, struct expr *param, uint32_t type, int location)
{
    uint32_t          *known = type_of(b, param->param.number);
    const struct type *t = type_by_oid(type);

    (void)location;
    if (*known != 0 && *known != type)
        return binder_at(b, param->location,
                         status_detail(status_new(ST_AMBIGUOUS_PARAMETER,
                                                  "inconsistent types deduced for parameter $%d",
                                                  param->param.number),
                                       "%s versus %s", type_text(b, *known), type_text(b, type)));
    *known = type;
    param->type = type;
    param->collation = t != NULL && t->collatable ? OID_COLLATION_DEFAULT : 0;
    return STATUS_OK;
}

status params_check(struct binder *b)
{
    for (size_t i = 0; b->params != NULL && i < b->params->count; i++) {
        if (b->params->types[i] == 0 || b->params->types[i] == OID_UNKNOWN)
            return status_new(ST_INDETERMINATE_DATATYPE,
                              "could not determine data type of parameter $%zu", i + 1);
    }
    return STATUS_OK;
}
