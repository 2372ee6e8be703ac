/* Dates and times put together from parts, binned, scaled, and compared as periods (PostgreSQL 15,
 * section 9.9). */
#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "env/env.h"
#include "sql/func/datetime.h"
#include "sql/types/timetz.h"

/* ---- from parts -------------------------------------------------------------------------------
 */

struct made {
    int    year, month, day; /* the year as error messages have it */
    int    hour, minute;
    double second;
};

/* A double as PostgreSQL's %02g prints it. */
static void put_seconds(double v, char *text, size_t size)
{
    if (isnan(v))
        snprintf(text, size, "NaN");
    else if (isinf(v))
        snprintf(text, size, "%sInfinity", v < 0 ? "-" : "");
    else
        snprintf(text, size, "%02g", v);
}

static status make_time(int hour, int minute, double second, int64_t *out)
{
    char text[32];
    bool valid =
        hour >= 0 && hour <= 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;

    if (valid) {
        *out = hour * US_PER_HOUR + minute * US_PER_MINUTE + (int64_t)rint(second * 1e6);
        valid = *out <= US_PER_DAY;
    }
    put_seconds(second, text, sizeof text);
    return valid ? STATUS_OK
                 : status_new(ST_DATETIME_OVERFLOW, "time field value out of range: %d:%02d:%s",
                              hour, minute, text);
}

FN(make_time)
{
    return make_time((int)args[0].i, (int)args[1].i, args[2].f, &out->i);
}

static status bad_date(const char *what, const struct made *m)
{
    return status_new(ST_DATETIME_OVERFLOW, "%s out of range: %d-%02d-%02d", what, m->year,
                      m->month, m->day);
}

/* Negative years are BC. */
static status make_days(const struct made *m, int64_t *out)
{
    int64_t year = m->year + (m->year < 0);

    if (m->year == 0 || m->year == INT32_MIN || m->month < 1 || m->month > 12 || m->day < 1 ||
        m->day > 31 || m->day > days_in_month(year, m->month))
        return bad_date("date field value", m);
    *out = civil_to_days(year, m->month, m->day);
    return *out >= DATE_MIN && *out < DATE_END ? STATUS_OK : bad_date("date", m);
}

FN(make_date)
{
    struct made m = {.year = (int)args[0].i, .month = (int)args[1].i, .day = (int)args[2].i};
    status      st = make_days(&m, &out->i);

    if (st_ok(st) || m.year >= 0 || m.year == INT32_MIN)
        return st;
    m.year++; /* PostgreSQL names the astronomical year here, and only here */
    st_clear(st);
    return bad_date("date field value", &m);
}

static status make_local(const datum *args, int64_t *out)
{
    struct made m = {.year = (int)args[0].i,
                     .month = (int)args[1].i,
                     .day = (int)args[2].i,
                     .hour = (int)args[3].i,
                     .minute = (int)args[4].i,
                     .second = args[5].f};
    int64_t     days, time;
    char        text[32];

    TRY_RETURN(make_days(&m, &days));
    TRY_RETURN(make_time(m.hour, m.minute, m.second, &time));
    if (checked_mul(days, US_PER_DAY, out) && checked_add(*out, time, out) &&
        *out >= TIMESTAMP_MIN && *out < TIMESTAMP_END)
        return STATUS_OK;
    put_seconds(m.second, text, sizeof text);
    return status_new(ST_DATETIME_OVERFLOW, "timestamp out of range: %d-%02d-%02d %d:%02d:%s",
                      m.year, m.month, m.day, m.hour, m.minute, text);
}

FN(make_timestamp)
{
    return make_local(args, &out->i);
}

FN(make_timestamptz)
{
    TRY_RETURN(make_local(args, &out->i));
    out->i = local_to_utc(zone_of(call), out->i);
    return timestamp_check_range(out->i);
}

status fn_timestamp_zone(FN_ARGS);

FN(make_timestamptz_at_timezone)
{
    datum of_zone[2] = {args[6]};

    TRY_RETURN(make_local(args, &of_zone[1].i));
    return fn_timestamp_zone(call, of_zone, nulls, out, null);
}

FN(now)
{
    out->i = txn_start(call);
    return STATUS_OK;
}

FN(statement_timestamp)
{
    out->i = call->context != NULL ? call->context->statement_start_us : 0;
    return STATUS_OK;
}

FN(clock_timestamp)
{
    out->i = call->context != NULL && call->context->env != NULL
                 ? (int64_t)env_wall_us(call->context->env) - UNIX_EPOCH_US
                 : 0;
    return STATUS_OK;
}

FN(float8_timestamptz)
{
    if (isnan(args[0].f) || fabs(args[0].f) > 9.2e12)
        return datetime_overflow("timestamp");
    out->i = (int64_t)rint(args[0].f * 1e6) - UNIX_EPOCH_US;
    return STATUS_OK;
}

static status join(int64_t date, int64_t time, int64_t *out)
{
    if (!DATE_IS_FINITE(date)) {
        *out = date == DATE_INFINITY ? TIMESTAMP_INFINITY : TIMESTAMP_NEG_INFINITY;
        return STATUS_OK;
    }
    if (date >= TIMESTAMP_END / US_PER_DAY)
        return status_new(ST_DATETIME_OVERFLOW, "date out of range for timestamp");
    *out = date * US_PER_DAY + time;
    return timestamp_check_range(*out);
}

FN(datetime_timestamp)
{
    return join(args[0].i, args[1].i, &out->i);
}

FN(timedate_pl_1296)
{
    return join(args[1].i, args[0].i, &out->i);
}

FN(timestamptz_1176)
{
    TRY_RETURN(join(args[0].i, args[1].i, &out->i));
    out->i = local_to_utc(zone_of(call), out->i);
    return STATUS_OK;
}

/* ---- bins, precision --------------------------------------------------------------------------
 */

/* The start of the bin, counted from `origin`, that holds the timestamp; earlier ones round down.
 */
static status bin(struct interval stride, int64_t t, int64_t origin, int64_t *out)
{
    int64_t width, distance, rest;

    *out = t;
    if (!TIMESTAMP_IS_FINITE(t))
        return STATUS_OK;
    if (!TIMESTAMP_IS_FINITE(origin))
        return status_new(ST_DATETIME_OVERFLOW, "origin out of range");
    if (stride.months != 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "timestamps cannot be binned into intervals "
                                                    "containing months or years");
    if (!checked_mul((int64_t)stride.days, US_PER_DAY, &width) ||
        !checked_add(width, stride.us, &width))
        return status_new(ST_DATETIME_OVERFLOW, "interval out of range");
    if (width <= 0)
        return status_new(ST_DATETIME_OVERFLOW, "stride must be greater than zero");
    if (!checked_sub(t, origin, &distance))
        return status_new(ST_DATETIME_OVERFLOW, "interval out of range");
    rest = distance % width;
    *out = t - (rest < 0 ? rest + width : rest);
    return STATUS_OK;
}

FN(timestamp_bin)
{
    return bin(args[0].iv, args[1].i, args[2].i, &out->i);
}

FN(date_larger)
{
    out->i = MAX(args[0].i, args[1].i);
    return STATUS_OK;
}

FN(date_smaller)
{
    out->i = MIN(args[0].i, args[1].i);
    return STATUS_OK;
}

/* ---- OVERLAPS ---------------------------------------------------------------------------------
 */

struct period {
    int64_t begin, end;
    bool    begin_null, end_null;
};

/* The earlier end first; of a half-known period what is known is its begin. */
static bool period_order(struct period *p)
{
    if (p->begin_null && p->end_null)
        return false;
    if (p->begin_null) {
        p->begin = p->end;
        p->end_null = true;
    } else if (!p->end_null && p->begin > p->end) {
        int64_t begin = p->begin;

        p->begin = p->end;
        p->end = begin;
    }
    return true;
}

/* Half-open periods; two that begin together overlap. Null where an unknown end decides. */
static void periods_overlap(struct period a, struct period b, datum *out, bool *null)
{
    *null = !period_order(&a) || !period_order(&b);
    if (*null)
        return;
    if (a.begin > b.begin) {
        struct period first = b;

        b = a;
        a = first;
    }
    if (a.begin == b.begin) {
        *null = a.end_null || b.end_null;
        out->b = true;
        return;
    }
    out->b = !a.end_null && b.begin < a.end;
    *null = a.end_null || (!out->b && b.end_null);
}

enum end_kind { END_VALUE, END_TIMESTAMP_PLUS, END_TIMESTAMPTZ_PLUS, END_TIME_PLUS };

static status read_period(struct fn_call *call, const datum *args, const bool *nulls,
                          enum end_kind kind, struct period *p)
{
    *p = (struct period){.begin = args[0].i, .begin_null = nulls[0], .end_null = nulls[1]};
    if (kind == END_VALUE) {
        p->end = args[1].i;
        return STATUS_OK;
    }
    p->end_null = nulls[0] || nulls[1];
    if (p->end_null)
        return STATUS_OK;
    if (kind == END_TIMESTAMP_PLUS)
        return timestamp_add_interval(p->begin, args[1].iv, &p->end);
    if (kind == END_TIMESTAMPTZ_PLUS)
        return timestamptz_add_interval(zone_of(call), p->begin, args[1].iv, &p->end);
    p->end = time_wrap(p->begin + args[1].iv.us % US_PER_DAY);
    return STATUS_OK;
}

#define OVERLAPS(name, first, second)                                                              \
    FN(overlaps_##name)                                                                            \
    {                                                                                              \
        struct period a, b;                                                                        \
        TRY_RETURN(read_period(call, args, nulls, first, &a));                                     \
        TRY_RETURN(read_period(call, args + 2, nulls + 2, second, &b));                            \
        periods_overlap(a, b, out, null);                                                          \
        return STATUS_OK;                                                                          \
    }

OVERLAPS(timestamp, END_VALUE, END_VALUE)
OVERLAPS(time, END_VALUE, END_VALUE)
OVERLAPS(1305, END_TIMESTAMPTZ_PLUS, END_TIMESTAMPTZ_PLUS)
OVERLAPS(1306, END_VALUE, END_TIMESTAMPTZ_PLUS)
OVERLAPS(1307, END_TIMESTAMPTZ_PLUS, END_VALUE)
OVERLAPS(1309, END_TIME_PLUS, END_TIME_PLUS)
OVERLAPS(1310, END_VALUE, END_TIME_PLUS)
OVERLAPS(1311, END_TIME_PLUS, END_VALUE)
OVERLAPS(2042, END_TIMESTAMP_PLUS, END_TIMESTAMP_PLUS)
OVERLAPS(2043, END_VALUE, END_TIMESTAMP_PLUS)
OVERLAPS(2044, END_TIMESTAMP_PLUS, END_VALUE)

/* Times in zones are compared as instants, then by their zone; one number holds both. */
FN(overlaps_timetz)
{
    datum keys[4];

    for (int i = 0; i < 4; i++) {
        if (!nulls[i])
            keys[i].i = (timetz_us(args[i]) + timetz_west_s(args[i]) * US_PER_SECOND) * (1 << 18) +
                        timetz_west_s(args[i]);
    }
    return fn_overlaps_time(call, keys, nulls, out, null);
}
