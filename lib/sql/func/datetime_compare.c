/* Order of dates, times, timestamps and intervals, also across types. */
#include "sql/func/datetime.h"
#include "sql/types/ops.h"

#define COMPARE_AS(name, left, right, op)                                                          \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = (left)op(right);                                                                  \
        return STATUS_OK;                                                                          \
    }

#define COMPARE_FAMILY(prefix, left, right)                                                        \
    COMPARE_AS(prefix##_eq, left, right, ==)                                                       \
    COMPARE_AS(prefix##_ne, left, right, !=)                                                       \
    COMPARE_AS(prefix##_lt, left, right, <)                                                        \
    COMPARE_AS(prefix##_le, left, right, <=)                                                       \
    COMPARE_AS(prefix##_gt, left, right, >)                                                        \
    COMPARE_AS(prefix##_ge, left, right, >=)

COMPARE_FAMILY(date, args[0].i, args[1].i)
COMPARE_FAMILY(time, args[0].i, args[1].i)
COMPARE_FAMILY(timestamp, args[0].i, args[1].i)
COMPARE_FAMILY(interval, interval_span(args[0].iv), interval_span(args[1].iv))
COMPARE_FAMILY(timetz, timetz_compare(args[0], args[1]), 0)

/* Across types. */
COMPARE_FAMILY(date_vs_timestamp, date_to_us(args[0].i), args[1].i)
COMPARE_FAMILY(timestamp_vs_date, args[0].i, date_to_us(args[1].i))
COMPARE_FAMILY(date_vs_timestamptz, local_to_utc(zone_of(call), date_to_us(args[0].i)), args[1].i)
COMPARE_FAMILY(timestamptz_vs_date, args[0].i, local_to_utc(zone_of(call), date_to_us(args[1].i)))
COMPARE_FAMILY(timestamp_vs_timestamptz, local_to_utc(zone_of(call), args[0].i), args[1].i)
COMPARE_FAMILY(timestamptz_vs_timestamp, args[0].i, local_to_utc(zone_of(call), args[1].i))

FN(date_finite)
{
    out->b = DATE_IS_FINITE(args[0].i);
    return STATUS_OK;
}

FN(timestamp_finite)
{
    out->b = TIMESTAMP_IS_FINITE(args[0].i);
    return STATUS_OK;
}

FN(interval_finite)
{
    out->b = true;
    return STATUS_OK;
}
