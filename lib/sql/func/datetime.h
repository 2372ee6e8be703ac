/* lib/sql/func/datetime.h: what the functions on dates, times and intervals share: between local
 * time and instants, days and microseconds, infinities included. */
#ifndef LINERA_SQL_FUNC_DATETIME_H
#define LINERA_SQL_FUNC_DATETIME_H

#include "sql/func/implement.h"
#include "sql/types/calendar.h"
#include "sql/types/timezone.h"

#define UNIX_EPOCH_US (INT64_C(946684800) * US_PER_SECOND)

/* The session's zone; NULL is UTC. */
static inline const struct time_zone *zone_of(const struct fn_call *call)
{
    return call->context != NULL ? call->context->settings.time_zone : NULL;
}

/* When the transaction began, in us since 2000-01-01 UTC. */
static inline int64_t txn_start(const struct fn_call *call)
{
    return call->context != NULL ? call->context->txn_start_us : 0;
}

static inline status datetime_overflow(const char *what)
{
    return status_new(ST_DATETIME_OVERFLOW, "%s out of range", what);
}

/* Midnight of a day; one beyond the timestamps is moved to just outside of them, where it still
 * compares rightly and timestamp_check_range() finds it. */
static inline int64_t date_to_us(int64_t days)
{
    if (days == DATE_INFINITY)
        return TIMESTAMP_INFINITY;
    if (days == DATE_NEG_INFINITY)
        return TIMESTAMP_NEG_INFINITY;
    return days >= TIMESTAMP_END / US_PER_DAY ? TIMESTAMP_END : days * US_PER_DAY;
}

/* Midnight of a day; 22008 when no timestamp can hold it. */
static inline status date_to_timestamp(int64_t days, int64_t *out)
{
    *out = date_to_us(days);
    return TIMESTAMP_IS_FINITE(*out) && *out >= TIMESTAMP_END
               ? status_new(ST_DATETIME_OVERFLOW, "date out of range for timestamp")
               : STATUS_OK;
}

static inline int64_t us_to_date(int64_t us)
{
    if (us == TIMESTAMP_INFINITY)
        return DATE_INFINITY;
    return us == TIMESTAMP_NEG_INFINITY ? DATE_NEG_INFINITY : floor_div(us, US_PER_DAY);
}

static inline int64_t local_to_utc(const struct time_zone *tz, int64_t local)
{
    return TIMESTAMP_IS_FINITE(local) ? local - time_zone_offset_local(tz, local) * US_PER_SECOND
                                      : local;
}

static inline int64_t utc_to_local(const struct time_zone *tz, int64_t utc)
{
    return TIMESTAMP_IS_FINITE(utc) ? utc + time_zone_offset_at(tz, utc, NULL) * US_PER_SECOND
                                    : utc;
}

/* The time of day that is `us` after midnight, days aside. */
static inline int64_t time_wrap(int64_t us)
{
    return us - floor_div(us, US_PER_DAY) * US_PER_DAY;
}

/* A zone as AT TIME ZONE names it: an abbreviation, a name, or POSIX's offset, which counts hours
 * west of Greenwich. 22023 when there is none. */
status interval_as_zone(const struct fn_call *call, struct interval i) MUST_CHECK;
status zone_by_name(const struct fn_call *call, slice name, const struct time_zone **out)
    MUST_CHECK;

/* ---- units (datetime_unit.c, datetime_part.c) ------------------------------------------------ */

/* From the finest to the coarsest, as date_trunc() needs them; then those that only extract() has.
 */
enum datetime_unit {
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_DOW,
    UNIT_ISODOW,
    UNIT_DOY,
    UNIT_ISOYEAR,
    UNIT_EPOCH,
    UNIT_JULIAN,
    UNIT_TIMEZONE,
    UNIT_TIMEZONE_HOUR,
    UNIT_TIMEZONE_MINUTE,
    UNIT_OTHER, /* a word that date literals know, and no unit */
    UNIT_UNKNOWN
};

enum datetime_unit datetime_unit_find(slice name);

/* The error for a unit that the type does not have (is_known, 0A000) or that nothing has (22023).
 */
status datetime_unit_refused(const struct fn_call *call, slice name, bool is_known,
                             const char *type);

/* The century (span 100) or millennium (1000) that an astronomical year is in; none is 0. */
int64_t century_of(int64_t year, int64_t span);

/* ---- intervals ------------------------------------------------------------------------------- */

/* Every part with the other sign. The smallest values have no opposite and stay as they are, which
 * takes the sum that they are used in out of range, as in PostgreSQL. */
static inline struct interval interval_negated(struct interval i)
{
    return (struct interval){.us = (int64_t)(0 - (uint64_t)i.us),
                             .days = (int32_t)(0 - (uint32_t)i.days),
                             .months = (int32_t)(0 - (uint32_t)i.months)};
}

#endif
