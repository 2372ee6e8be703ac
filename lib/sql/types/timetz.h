/* lib/sql/types/timetz.h: time with time zone as a value: time of day (int64 LE, us), then the
 * offset in seconds west of UTC (int32 LE), as its binary form is built. */
#ifndef LINERA_SQL_TYPES_TIMETZ_H
#define LINERA_SQL_TYPES_TIMETZ_H

#include "base/codec.h"
#include "sql/datum.h"

enum { TIMETZ_SIZE = 12 };

static inline datum timetz_pack(struct arena *a, int64_t us, int32_t west_s)
{
    char *p = arena_alloc(a, TIMETZ_SIZE);

    put_u64le(p, (uint64_t)us);
    put_u32le(p + 8, (uint32_t)west_s);
    return (datum){.s = slice_make(p, TIMETZ_SIZE)};
}

static inline int64_t timetz_us(datum v)
{
    return (int64_t)get_u64le(v.s.data);
}

static inline int32_t timetz_west_s(datum v)
{
    return (int32_t)get_u32le(v.s.data + 8);
}

#endif
