#include "sql/bind/bind_internal.h"

/* anyelement, anyarray, anynonarray: all their arguments agree exactly. anycompatible and its
 * array: a common type is found as for UNION (PostgreSQL 15 section 38.2.5). Enum, range and
 * multirange families do not exist here. */

bool type_is_polymorphic(uint32_t type)
{
    return type == OID_ANYELEMENT || type == OID_ANYARRAY || type == OID_ANYNONARRAY ||
           type == OID_ANYENUM || type == OID_ANYCOMPATIBLE || type == OID_ANYCOMPATIBLEARRAY ||
           type == OID_ANYCOMPATIBLENONARRAY;
}

static uint32_t array_of(uint32_t type)
{
    const struct type *t = type_by_oid(type);

    return t == NULL ? 0 : t->array_oid;
}

static uint32_t array_element(uint32_t type)
{
    const struct type *t = type_by_oid(type);

    return t == NULL ? 0 : t->element_oid;
}

/* What the actual types say: 0 where they say nothing. */
struct polymorphic {
    uint32_t element, array;
    uint32_t compatible; /* element of the common type */
    bool     has_compatible, nonarray, compatible_nonarray, conflict;
    uint32_t conflict_a, conflict_b;
    bool     conflict_is_array, not_array;
    uint32_t not_array_type, not_array_declared;
};

static void note_conflict(struct polymorphic *p, uint32_t a, uint32_t b, bool is_array)
{
    if (p->conflict || p->not_array)
        return;
    p->conflict = true;
    p->conflict_a = a;
    p->conflict_b = b;
    p->conflict_is_array = is_array;
}

static void note_not_array(struct polymorphic *p, uint32_t actual, uint32_t declared)
{
    if (p->conflict || p->not_array)
        return;
    p->not_array = true;
    p->not_array_type = actual;
    p->not_array_declared = declared;
}

/* The better of two types that are to become one, 0 when there is none. */
static uint32_t common_of(uint32_t a, uint32_t b)
{
    if (a == 0 || a == b)
        return b;
    if (type_category(a) != type_category(b))
        return 0;
    if (!type_is_preferred(type_category(a), a) && can_coerce(1, &a, &b, CAST_IMPLICIT) &&
        !can_coerce(1, &b, &a, CAST_IMPLICIT))
        return b;
    return can_coerce(1, &b, &a, CAST_IMPLICIT) ? a : 0;
}

static void note_compatible(struct polymorphic *p, uint32_t element, uint32_t actual)
{
    uint32_t common = common_of(p->compatible, element);

    if (common == 0)
        note_conflict(p, p->compatible, actual, false);
    else
        p->compatible = common;
}

static void note_argument(struct polymorphic *p, uint32_t actual, uint32_t declared)
{
    bool unknown = actual == OID_UNKNOWN;

    switch (declared) {
    case OID_ANYELEMENT:
    case OID_ANYNONARRAY:
    case OID_ANYENUM:
        p->nonarray |= declared == OID_ANYNONARRAY;
        if (unknown)
            return;
        if (p->element != 0 && p->element != actual)
            note_conflict(p, p->element, actual, false);
        p->element = actual;
        return;
    case OID_ANYARRAY:
        if (unknown || actual == OID_ANYARRAY)
            return;
        if (array_element(actual) == 0)
            note_not_array(p, actual, declared);
        else if (p->array != 0 && p->array != actual)
            note_conflict(p, p->array, actual, true);
        p->array = actual;
        return;
    case OID_ANYCOMPATIBLE:
    case OID_ANYCOMPATIBLENONARRAY:
        p->has_compatible = true;
        p->compatible_nonarray |= declared == OID_ANYCOMPATIBLENONARRAY;
        if (!unknown)
            note_compatible(p, actual, actual);
        return;
    case OID_ANYCOMPATIBLEARRAY:
        p->has_compatible = true;
        if (unknown)
            return;
        if (array_element(actual) == 0)
            note_not_array(p, actual, declared);
        else
            note_compatible(p, array_element(actual), actual);
        return;
    default:
        return;
    }
}

/* Element from array and the other way round. */
static void reconcile(struct polymorphic *p)
{
    uint32_t of_array = p->array == 0 ? 0 : array_element(p->array);

    if (of_array != 0 && p->element != 0 && of_array != p->element)
        note_conflict(p, p->array, p->element, true);
    if (p->element == 0)
        p->element = of_array;
    if (p->array == 0 && p->element != 0)
        p->array = array_of(p->element);
}

static struct polymorphic gather(const uint32_t *actual, const uint32_t *declared, size_t count)
{
    struct polymorphic p = {0};

    for (size_t i = 0; i < count; i++)
        note_argument(&p, actual[i], declared[i]);
    reconcile(&p);
    return p;
}

bool polymorphic_consistent(const uint32_t *actual, const uint32_t *declared, size_t count)
{
    struct polymorphic p = gather(actual, declared, count);

    if (p.conflict || p.not_array)
        return false;
    if (p.nonarray && p.element != 0 && array_element(p.element) != 0)
        return false;
    return !(p.compatible_nonarray && p.compatible != 0 && array_element(p.compatible) != 0);
}

static status conflict_error(struct binder *b, const struct polymorphic *p)
{
    if (p->not_array)
        return status_new(ST_DATATYPE_MISMATCH, "argument declared %s is not an array but type %s",
                          type_text(b, p->not_array_declared), type_text(b, p->not_array_type));
    return status_detail(status_new(ST_DATATYPE_MISMATCH,
                                    "arguments declared \"%s\" are not all alike",
                                    p->conflict_is_array ? "anyarray" : "anyelement"),
                         "%s versus %s", type_text(b, p->conflict_a), type_text(b, p->conflict_b));
}

/* What one declared type stands for; 0 when the call does not say. */
static uint32_t resolved(const struct polymorphic *p, uint32_t declared)
{
    switch (declared) {
    case OID_ANYELEMENT:
    case OID_ANYNONARRAY:
    case OID_ANYENUM:
        return p->element;
    case OID_ANYARRAY:
        return p->array;
    case OID_ANYCOMPATIBLE:
    case OID_ANYCOMPATIBLENONARRAY:
        return p->compatible != 0 ? p->compatible : OID_TEXT;
    case OID_ANYCOMPATIBLEARRAY:
        return array_of(p->compatible != 0 ? p->compatible : OID_TEXT);
    default:
        return declared;
    }
}

status polymorphic_resolve(struct binder *b, const uint32_t *actual, uint32_t *declared,
                           size_t count, uint32_t *result)
{
    struct polymorphic p = gather(actual, declared, count);
    bool               any = type_is_polymorphic(*result);

    for (size_t i = 0; i < count; i++)
        any |= type_is_polymorphic(declared[i]);
    if (!any)
        return STATUS_OK;
    if (p.conflict || p.not_array)
        return conflict_error(b, &p);
    for (size_t i = 0; i < count; i++) {
        uint32_t to = resolved(&p, declared[i]);

        /* pg_statistic's columns are arrays of no known element; they stay what they are. */
        if (declared[i] == OID_ANYARRAY && actual[i] == OID_ANYARRAY)
            to = OID_ANYARRAY;
        if (to == 0)
            return status_new(ST_DATATYPE_MISMATCH,
                              "could not determine polymorphic type because input has type %s",
                              "unknown");
        declared[i] = to;
    }
    if (type_is_polymorphic(*result)) {
        *result = resolved(&p, *result);
        if (*result == 0)
            return status_new(ST_DATATYPE_MISMATCH,
                              "could not determine polymorphic type because input has type %s",
                              "unknown");
    }
    return STATUS_OK;
}
