#include "sql/func/function.h"

#include "sql/func/tables.h"
#include "sql/types/type.h"

/* ---- functions ----------------------------------------------------------------------------------
 */

const struct function *function_by_oid(uint32_t oid)
{
    size_t low = 0, high = function_table_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (function_table[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < function_table_count && function_table[low].oid == oid ? &function_table[low]
                                                                        : NULL;
}

const struct function *function_at(size_t position)
{
    return position < function_table_count ? &function_table[position] : NULL;
}

/* The first position at which the name is not before `name` (not at or before it, if `behind`). */
static size_t function_bound(slice name, bool behind)
{
    size_t low = 0, high = function_table_by_name_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int    c = slice_cmp(slice_cstr(function_table_by_name[middle]->name), name);

        if (c < 0 || (behind && c == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct function *const *functions_by_name(slice name, size_t *count)
{
    size_t first = function_bound(name, false);

    *count = function_bound(name, true) - first;
    return *count > 0 ? &function_table_by_name[first] : NULL;
}

/* ---- operators ----------------------------------------------------------------------------------
 */

const struct operator_def *operator_by_oid(uint32_t oid)
{
    size_t low = 0, high = operator_table_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (operator_table[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < operator_table_count && operator_table[low].oid == oid ? &operator_table[low]
                                                                        : NULL;
}

const struct operator_def *operator_at(size_t position)
{
    return position < operator_table_count ? &operator_table[position] : NULL;
}

static size_t operator_bound(slice name, bool behind)
{
    size_t low = 0, high = operator_table_by_name_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int    c = slice_cmp(slice_cstr(operator_table_by_name[middle]->name), name);

        if (c < 0 || (behind && c == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct operator_def *const *operators_by_name(slice name, size_t *count)
{
    size_t first = operator_bound(name, false);

    *count = operator_bound(name, true) - first;
    return *count > 0 ? &operator_table_by_name[first] : NULL;
}

/* Types that have no operators of their own and use those of a type with the same datum. */
static uint32_t order_type(uint32_t type)
{
    const struct type *t;

    switch (type) {
    case OID_VARCHAR:
    case OID_UNKNOWN:
    case OID_CSTRING:
        return OID_TEXT;
    case OID_REGPROC:
    case OID_REGPROCEDURE:
    case OID_REGOPER:
    case OID_REGOPERATOR:
    case OID_REGCLASS:
    case OID_REGTYPE:
    case OID_REGROLE:
    case OID_REGNAMESPACE:
        return OID_OID;
    case OID_OIDVECTOR:
        return type;
    default:
        t = type_by_oid(type);
        return t != NULL && t->element_oid != 0 ? OID_ANYARRAY : type;
    }
}

const struct operator_def *operator_for_order(uint32_t type, char order)
{
    size_t low = 0, high = operator_table_by_order_count;

    type = order_type(type);
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (operator_table_by_order[middle]->left_type < type)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < operator_table_by_order_count && operator_table_by_order[low]->left_type == type;
         low++) {
        if (operator_table_by_order[low]->order == order)
            return operator_table_by_order[low];
    }
    return NULL;
}

/* ---- casts --------------------------------------------------------------------------------------
 */

const struct cast_def *cast_at(size_t position)
{
    return position < cast_table_count ? &cast_table[position] : NULL;
}

const struct cast_def *cast_find(uint32_t source, uint32_t target)
{
    size_t low = 0, high = cast_table_count;

    while (low < high) {
        size_t                 middle = (low + high) / 2;
        const struct cast_def *c = &cast_table[middle];

        if (c->source_type < source || (c->source_type == source && c->target_type < target))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == cast_table_count || cast_table[low].source_type != source ||
        cast_table[low].target_type != target)
        return NULL;
    return &cast_table[low];
}
