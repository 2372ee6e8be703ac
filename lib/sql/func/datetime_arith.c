/* Arithmetic of dates, times and timestamps, age() and generate_series() (PostgreSQL 15,
 * section 9.9). */
#include "base/checked.h"
#include "sql/func/datetime.h"

static status date_shift(int64_t date, int64_t days, datum *out)
{
    if (!DATE_IS_FINITE(date)) {
        out->i = date;
        return STATUS_OK;
    }
    out->i = date + days;
    return out->i >= DATE_MIN && out->i < DATE_END ? STATUS_OK : datetime_overflow("date");
}

FN(date_pli)
{
    return date_shift(args[0].i, args[1].i, out);
}

FN(integer_pl_date)
{
    return date_shift(args[1].i, args[0].i, out);
}

FN(date_mii)
{
    return date_shift(args[0].i, -args[1].i, out);
}

FN(date_mi)
{
    if (!DATE_IS_FINITE(args[0].i) || !DATE_IS_FINITE(args[1].i))
        return status_new(ST_DATETIME_OVERFLOW, "cannot subtract infinite dates");
    out->i = args[0].i - args[1].i;
    return STATUS_OK;
}

FN(date_pl_interval)
{
    int64_t us;

    TRY_RETURN(date_to_timestamp(args[0].i, &us));
    return timestamp_add_interval(us, args[1].iv, &out->i);
}

FN(date_mi_interval)
{
    int64_t us;

    TRY_RETURN(date_to_timestamp(args[0].i, &us));
    return timestamp_add_interval(us, interval_negated(args[1].iv), &out->i);
}

FN(timestamp_pl_interval)
{
    return timestamp_add_interval(args[0].i, args[1].iv, &out->i);
}

FN(timestamp_mi_interval)
{
    return timestamp_add_interval(args[0].i, interval_negated(args[1].iv), &out->i);
}

FN(timestamptz_pl_interval)
{
    return timestamptz_add_interval(zone_of(call), args[0].i, args[1].iv, &out->i);
}

FN(timestamptz_mi_interval)
{
    return timestamptz_add_interval(zone_of(call), args[0].i, interval_negated(args[1].iv),
                                    &out->i);
}

FN(interval_pl_timestamp)
{
    return timestamp_add_interval(args[1].i, args[0].iv, &out->i);
}

FN(interval_pl_timestamptz)
{
    return timestamptz_add_interval(zone_of(call), args[1].i, args[0].iv, &out->i);
}

FN(interval_pl_date)
{
    int64_t us;

    TRY_RETURN(date_to_timestamp(args[1].i, &us));
    return timestamp_add_interval(us, args[0].iv, &out->i);
}

FN(time_pl_interval)
{
    out->i = time_wrap(args[0].i + args[1].iv.us % US_PER_DAY);
    return STATUS_OK;
}

FN(time_mi_interval)
{
    out->i = time_wrap(args[0].i - args[1].iv.us % US_PER_DAY);
    return STATUS_OK;
}

FN(interval_pl_time_1848)
{
    out->i = time_wrap(args[1].i + args[0].iv.us % US_PER_DAY);
    return STATUS_OK;
}

FN(time_mi_time)
{
    out->iv = (struct interval){.us = args[0].i - args[1].i};
    return STATUS_OK;
}

/* The difference in days and time: days are 24 hours here, as in PostgreSQL. */
FN(timestamp_mi)
{
    int64_t us;

    if (!TIMESTAMP_IS_FINITE(args[0].i) || !TIMESTAMP_IS_FINITE(args[1].i))
        return status_new(ST_DATETIME_OVERFLOW, "cannot subtract infinite timestamps");
    if (!checked_sub(args[0].i, args[1].i, &us))
        return datetime_overflow("interval");
    out->iv = (struct interval){.us = us % US_PER_DAY, .days = (int32_t)(us / US_PER_DAY)};
    return STATUS_OK;
}

/* Years, months, days and time by the calendar, as one would count them on it. */
static status age(int64_t later, int64_t earlier, datum *out)
{
    struct civil a, b;
    bool         negative = later < earlier;
    int64_t      months, days, us, a_time, b_time;

    if (!TIMESTAMP_IS_FINITE(later) || !TIMESTAMP_IS_FINITE(earlier))
        return datetime_overflow("timestamp");
    timestamp_to_civil(negative ? earlier : later, &a);
    timestamp_to_civil(negative ? later : earlier, &b);
    a_time = a.hour * US_PER_HOUR + a.minute * US_PER_MINUTE + a.second * US_PER_SECOND + a.us;
    b_time = b.hour * US_PER_HOUR + b.minute * US_PER_MINUTE + b.second * US_PER_SECOND + b.us;
    months = (a.year - b.year) * 12 + a.month - b.month;
    days = a.day - b.day;
    us = a_time - b_time;
    if (us < 0) {
        us += US_PER_DAY;
        days--;
    }
    while (days < 0) { /* borrow the days of the earlier date's month */
        days += days_in_month(b.year, b.month);
        months--;
    }
    out->iv = (struct interval){.us = us, .days = (int32_t)days, .months = (int32_t)months};
    if (negative)
        out->iv = interval_negated(out->iv);
    return STATUS_OK;
}

FN(timestamp_age)
{
    return age(args[0].i, args[1].i, out);
}

FN(timestamptz_age)
{
    return age(utc_to_local(zone_of(call), args[0].i), utc_to_local(zone_of(call), args[1].i), out);
}

/* age(x): from today's midnight. */
FN(age_timestamp)
{
    int64_t now = utc_to_local(zone_of(call), txn_start(call));

    return age(floor_div(now, US_PER_DAY) * US_PER_DAY, args[0].i, out);
}

FN(age_timestamptz)
{
    int64_t now = utc_to_local(zone_of(call), txn_start(call));

    return age(floor_div(now, US_PER_DAY) * US_PER_DAY, utc_to_local(zone_of(call), args[0].i),
               out);
}

struct series {
    int64_t at;
    bool    started;
};

static status series_next(struct fn_call *call, void **cursor, const datum *args, bool zone,
                          datum *out)
{
    struct series *s = *cursor;
    int128_t       step = interval_span(args[2].iv);

    if (s == NULL) {
        if (step == 0)
            return status_new(ST_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
        s = *cursor = ARENA_NEW(call->call_arena, struct series);
        s->at = args[0].i;
    } else {
        TRY_RETURN(zone ? timestamptz_add_interval(zone_of(call), s->at, args[2].iv, &s->at)
                        : timestamp_add_interval(s->at, args[2].iv, &s->at));
    }
    if (step > 0 ? s->at > args[1].i : s->at < args[1].i)
        return STATUS_NO_DATA;
    out->i = s->at;
    return STATUS_OK;
}

FN_SET(generate_series_timestamp)
{
    return series_next(call, cursor, args, false, out);
}

FN_SET(generate_series_timestamptz)
{
    return series_next(call, cursor, args, true, out);
}
