#include "sql/datum.h"

void column_init(struct column *c, struct arena *a, uint32_t type, size_t capacity)
{
    c->type = type;
    c->may_be_null = true;
    c->values = ARENA_ARRAY(a, datum, capacity);
    c->nulls = ARENA_ARRAY(a, bool, capacity);
}
