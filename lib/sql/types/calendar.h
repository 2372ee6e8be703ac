/* lib/sql/types/calendar.h: dates and times as numbers and as fields, as PostgreSQL 15 counts them:
 * days and microseconds since 2000-01-01, proleptic Gregorian calendar, 4713 BC to 294276 AD. Pure
 * arithmetic. */
#ifndef LINERA_SQL_TYPES_CALENDAR_H
#define LINERA_SQL_TYPES_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "sql/context.h"
#include "sql/datum.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)

/* The infinite dates and timestamps, as PostgreSQL stores them. */
#define DATE_INFINITY          ((int64_t)INT32_MAX)
#define DATE_NEG_INFINITY      ((int64_t)INT32_MIN)
#define TIMESTAMP_INFINITY     INT64_MAX
#define TIMESTAMP_NEG_INFINITY INT64_MIN
#define DATE_IS_FINITE(d)      ((d) != DATE_INFINITY && (d) != DATE_NEG_INFINITY)
#define TIMESTAMP_IS_FINITE(t) ((t) != TIMESTAMP_INFINITY && (t) != TIMESTAMP_NEG_INFINITY)

/* First and one behind the last that can be stored. */
#define DATE_MIN      INT64_C(-2451545)   /* 4713-11-24 BC: Julian day 0 */
#define DATE_END      INT64_C(2145031949) /* 5874898-01-01 */
#define TIMESTAMP_MIN INT64_C(-211813488000000000)
#define TIMESTAMP_END INT64_C(9223371331200000000)

/* Rounds towards minus infinity; b is positive. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct civil {
    int64_t year; /* astronomical: 0 is 1 BC */
    int     month, day;
    int     hour, minute, second, us;
};

int64_t civil_to_days(int64_t year, int month,
                      int day); /* days since 2000-01-01; month and day are valid */
void    days_to_civil(int64_t days, struct civil *out); /* sets year, month, day */
void us_to_civil_time(int64_t us, struct civil *out); /* sets hour to us, from us since midnight */
void timestamp_to_civil(int64_t us, struct civil *out);
/* Fields in their ranges; a year beyond the type's gives a value that timestamp_check_range()
 * refuses. */
int64_t civil_to_timestamp(const struct civil *c);
int     days_in_month(int64_t year, int month);
int     day_of_week(int64_t days); /* 0: Sunday */
int     day_of_year(int64_t days); /* from 1 */
void    iso_week(int64_t days, int64_t *year, int *week);

/* t plus i, month by month, then day by day, then by the clock; 22008 when out of range. */
status timestamp_add_interval(int64_t t, struct interval i, int64_t *out) MUST_CHECK;
/* The same for an instant: days and months are those of the zone's clocks. */
status timestamptz_add_interval(const struct time_zone *tz, int64_t t, struct interval i,
                                int64_t *out) MUST_CHECK;
status timestamp_check_range(int64_t t) MUST_CHECK;

/* 30-day months and 24-hour days, in us: how PostgreSQL compares intervals. */
int128_t interval_span(struct interval i);

/* ---- text (datetime_parse.c, datetime_format.c)
 * ---------------------------------------------------------------- */

struct datetime_text {
    bool                    has_date, has_time, has_zone;
    int                     special; /* 0, or one of the below: then nothing else counts */
    struct civil            civil;
    int32_t                 zone_s; /* east of UTC */
    const struct time_zone *zone;   /* a named one; NULL: zone_s */
};
enum { SPECIAL_NONE, SPECIAL_INFINITY, SPECIAL_NEG_INFINITY, SPECIAL_EPOCH, SPECIAL_NOW };

/* Take apart what a date, time or timestamp literal says. 22007, 22008. `type` is named in errors.
 */
status datetime_parse(struct sql_context *c, const char *type, slice text,
                      struct datetime_text *out) MUST_CHECK;
/* `fields`: what the type names (INTERVAL_...); a number without a unit is of the smallest. */
status interval_parse(slice text, int32_t fields, struct interval *out) MUST_CHECK;

void datetime_format_date(const struct sql_context *c, int64_t days, struct buf *out);
void datetime_format_time(int64_t us, struct buf *out);
void datetime_format_zone(int32_t offset_s, struct buf *out);
/* `zone`: an instant, printed on the session's clocks with their offset. */
void datetime_format_timestamp(const struct sql_context *c, int64_t us, bool zone, struct buf *out);
void interval_format(const struct sql_context *c, struct interval i, struct buf *out);

/* Digits of a second to keep (0 to 6): rounds half away from zero. -1: all. */
int64_t us_round(int64_t us, int32_t precision);

/* Fields of an interval's type, as bits in the upper half of its modifier: PostgreSQL's numbers. */
enum {
    INTERVAL_MONTH = 1 << 1,
    INTERVAL_YEAR = 1 << 2,
    INTERVAL_DAY = 1 << 3,
    INTERVAL_HOUR = 1 << 10,
    INTERVAL_MINUTE = 1 << 11,
    INTERVAL_SECOND = 1 << 12,
    INTERVAL_ALL_FIELDS = 0x7fff
};
int32_t interval_fields(int32_t typmod); /* INTERVAL_ALL_FIELDS for -1 */

/* The fields and digits that interval's type modifier keeps (-1: all). */
struct interval interval_apply_typmod(struct interval i, int32_t typmod);

#endif
