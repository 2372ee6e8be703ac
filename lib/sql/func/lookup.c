/* Look-ups in the generated tables: bisection, since the tables are sorted when they are made. */
#include "base/assert.h"
#include "sql/types/tables.h"

/* Position of the group with this name; -1 when there is none. */
static ptrdiff_t group_find(const struct name_group *groups, size_t count, slice name)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int    c = slice_cmp(slice_cstr(groups[middle].name), name);

        if (c == 0)
            return (ptrdiff_t)middle;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

const struct function *const *functions_by_name(slice name, size_t *count)
{
    ptrdiff_t g = group_find(function_names, function_name_count, name);

    *count = g < 0 ? 0 : function_names[g].count;
    return g < 0 ? NULL : &function_by_name_entries[function_names[g].first];
}

const struct operator_def *const *operators_by_name(slice name, size_t *count)
{
    ptrdiff_t g = group_find(operator_names, operator_name_count, name);

    *count = g < 0 ? 0 : operator_names[g].count;
    return g < 0 ? NULL : &operator_by_name_entries[operator_names[g].first];
}

/* All tables by OID have it as their first member; `stride` is the size of an entry. */
static const void *oid_find(const void *table, size_t count, size_t stride, uint32_t oid)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t      middle = low + (high - low) / 2;
        const char *entry = (const char *)table + middle * stride;
        uint32_t    found;

        memcpy(&found, entry, sizeof found);
        if (found == oid)
            return entry;
        if (found < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

_Static_assert(offsetof(struct function, oid) == 0, "oid_find() reads the OID first");
_Static_assert(offsetof(struct operator_def, oid) == 0, "oid_find() reads the OID first");
_Static_assert(offsetof(struct type, oid) == 0, "oid_find() reads the OID first");

const struct function *function_by_oid(uint32_t oid)
{
    return oid_find(function_table_start, function_table_count, sizeof(struct function), oid);
}

const struct function *function_at(size_t position)
{
    return position < function_table_count ? &function_table_start[position] : NULL;
}

const struct operator_def *operator_by_oid(uint32_t oid)
{
    return oid_find(operator_table_start, operator_table_count, sizeof(struct operator_def), oid);
}

const struct operator_def *operator_at(size_t position)
{
    return position < operator_table_count ? &operator_table_start[position] : NULL;
}

const struct type *type_by_oid(uint32_t oid)
{
    return oid_find(type_table, type_table_count, sizeof(struct type), oid);
}

const struct type *type_at(size_t position)
{
    return position < type_table_count ? &type_table[position] : NULL;
}

const struct type *type_by_name(slice name)
{
    size_t low = 0, high = type_table_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int    c = slice_cmp(slice_cstr(type_table_by_name[middle]->name), name);

        if (c == 0)
            return type_table_by_name[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The type whose comparison operators serve: binary-coercible types share one operator class. */
static uint32_t comparison_type(uint32_t oid)
{
    const struct type *t = type_by_oid(oid);

    switch (oid) {
    case OID_VARCHAR:
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
        return oid;
    default:
        return t != NULL && t->element_oid != 0 ? (uint32_t)OID_ANYARRAY : oid;
    }
}

static const char *order_name(char order)
{
    switch (order) {
    case '<':
        return "<";
    case 'l':
        return "<=";
    case '=':
        return "=";
    case 'g':
        return ">=";
    default:
        ASSERT(order == '>');
        return ">";
    }
}

const struct operator_def *operator_for_order(uint32_t type, char order)
{
    uint32_t                          t = comparison_type(type);
    size_t                            count;
    const struct operator_def *const *ops =
        operators_by_name(slice_cstr(order_name(order)), &count);

    for (size_t i = 0; i < count; i++) {
        if (ops[i]->left_type == t && ops[i]->right_type == t)
            return ops[i];
    }
    return NULL;
}

const struct cast_def *cast_at(size_t position)
{
    return position < cast_table_count ? &cast_table_start[position] : NULL;
}

const struct cast_def *cast_find(uint32_t source, uint32_t target)
{
    size_t low = 0, high = cast_table_count;

    while (low < high) {
        size_t                 middle = low + (high - low) / 2;
        const struct cast_def *c = &cast_table_start[middle];

        if (c->source_type == source && c->target_type == target)
            return c;
        if (c->source_type < source || (c->source_type == source && c->target_type < target))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
