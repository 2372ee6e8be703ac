/* Casts that are no function: relabelling, by text, of arrays element by element. */
#include "base/assert.h"
#include "sql/exec/eval_internal.h"
#include "sql/types/array.h"

static bool is_text_like(const struct type *t)
{
    return t->oid == OID_TEXT || t->oid == OID_VARCHAR || t->oid == OID_BPCHAR ||
           t->oid == OID_NAME || t->oid == OID_UNKNOWN || t->oid == OID_CSTRING;
}

/* Text out of one type, into the other. */
static status cast_by_text(struct eval *e, const struct type *from, const struct type *to,
                           int32_t typmod, datum v, struct arena *a, datum *out)
{
    struct buf text;
    status     st;

    if (is_text_like(from))
        return to->input(e->context->c, a, to, v.s, typmod, out);
    buf_init(&text, NULL);
    st = from->output(e->context->c, from, v, &text);
    if (st_ok(st) && is_text_like(to) && typmod == -1)
        out->s = arena_copy(a, buf_slice(&text));
    else if (st_ok(st))
        st = to->input(e->context->c, a, to, arena_copy(a, buf_slice(&text)), typmod, out);
    buf_deinit(&text);
    return st;
}

static status cast_element(struct eval *e, const struct type *from, const struct type *to, datum v,
                           struct arena *a, datum *out, bool *null)
{
    const struct cast_def *c = e->expr->cast.element_cast;
    datum                  args[3] = {v, {.i = e->expr->typmod}, {.b = !e->expr->cast.is_implicit}};
    bool                   nulls[3] = {false};
    uint32_t               types[3] = {from->oid, OID_INT4, OID_BOOL};
    struct fn_call         call = {.context = e->context->c,
                                   .arena = a,
                                   .call_arena = a,
                                   .arg_types = types,
                                   .result_type = to->oid};

    if (c == NULL || c->method == CAST_BY_IO)
        return cast_by_text(e, from, to, e->expr->typmod, v, a, out);
    if (c->method == CAST_RELABEL) {
        *out = v;
        return STATUS_OK;
    }
    call.fn = c->fn;
    call.arg_count = c->fn->arg_count;
    return c->fn->scalar(&call, args, nulls, out, null);
}

static status cast_array(struct eval *e, datum v, struct arena *a, datum *out)
{
    const struct type *to = type_by_oid(e->type->element_oid);
    struct array_view  view;
    datum             *values;
    bool              *nulls;

    TRY_RETURN(array_unpack(a, v.s, &view, &values, &nulls));
    for (size_t i = 0; i < view.count; i++) {
        if (!nulls[i])
            TRY_RETURN(cast_element(e, view.element, to, values[i], a, &values[i], &nulls[i]));
    }
    return array_build_shaped(a, to, view.dimensions, view.lengths, view.lower, values, nulls,
                              &out->s);
}

status eval_cast_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                     bool *null)
{
    datum v;

    TRY_RETURN(e->args[0]->one(e->args[0], row, a, &v, null));
    if (*null)
        return STATUS_OK;
    if (e->expr->cast.element_cast != NULL || e->expr->cast.method == CAST_BY_FUNCTION)
        return cast_array(e, v, a, out);
    if (e->expr->cast.method == CAST_RELABEL) {
        *out = v;
        return STATUS_OK;
    }
    return cast_by_text(e, e->source, e->type, e->expr->typmod, v, a, out);
}
