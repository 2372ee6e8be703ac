/* Casts between dates, times, timestamps and intervals, AT TIME ZONE, and digits of a second
 * (PostgreSQL 15, section 9.9). */
#include "base/checked.h"
#include "sql/func/datetime.h"

FN(date_timestamp)
{
    return date_to_timestamp(args[0].i, &out->i);
}

FN(date_timestamptz)
{
    TRY_RETURN(date_to_timestamp(args[0].i, &out->i));
    out->i = local_to_utc(zone_of(call), out->i);
    return TIMESTAMP_IS_FINITE(out->i) && !st_ok(timestamp_check_range(out->i))
               ? status_new(ST_DATETIME_OVERFLOW, "date out of range for timestamp")
               : STATUS_OK;
}

FN(timestamp_date)
{
    out->i = us_to_date(args[0].i);
    return STATUS_OK;
}

FN(timestamptz_date)
{
    out->i = us_to_date(utc_to_local(zone_of(call), args[0].i));
    return STATUS_OK;
}

FN(timestamp_timestamptz)
{
    out->i = local_to_utc(zone_of(call), args[0].i);
    return STATUS_OK;
}

FN(timestamptz_timestamp)
{
    out->i = utc_to_local(zone_of(call), args[0].i);
    return STATUS_OK;
}

/* Not by the day's first microsecond, which the least of timestamps do not have. */
static int64_t time_of_day(int64_t timestamp_us)
{
    int64_t us = timestamp_us % US_PER_DAY;

    return us < 0 ? us + US_PER_DAY : us;
}

FN(timestamp_time)
{
    *null = !TIMESTAMP_IS_FINITE(args[0].i);
    out->i = time_of_day(args[0].i);
    return STATUS_OK;
}

FN(timestamptz_time)
{
    int64_t local = utc_to_local(zone_of(call), args[0].i);

    *null = !TIMESTAMP_IS_FINITE(local);
    out->i = time_of_day(local);
    return STATUS_OK;
}

FN(time_interval)
{
    out->iv = (struct interval){.us = args[0].i};
    return STATUS_OK;
}

FN(interval_time)
{
    out->i = time_wrap(args[0].iv.us);
    return STATUS_OK;
}

FN(timestamp_scale)
{
    out->i = args[0].i;
    if (!TIMESTAMP_IS_FINITE(out->i))
        return STATUS_OK;
    if (args[1].i < 0 || args[1].i > 6)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "timestamp(%lld) precision must be between 0 and 6",
                          (long long)args[1].i);
    out->i = us_round(args[0].i, (int32_t)args[1].i);
    return STATUS_OK;
}

FN(time_scale)
{
    out->i = us_round(args[0].i, (int32_t)args[1].i);
    return STATUS_OK;
}

/* ---- AT TIME ZONE -----------------------------------------------------------------------------
 */

status zone_by_name(const struct fn_call *call, slice name, const struct time_zone **out)
{
    status st = call->context == NULL || call->context->time_zones == NULL
                    ? STATUS_NO_DATA
                    : time_zone_find_posix(call->context->time_zones, name, out);

    if (st_ok(st))
        return STATUS_OK;
    st_clear(st);
    return status_new(ST_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                      SLICE_FMT(name));
}

status interval_as_zone(const struct fn_call *call, struct interval i)
{
    struct buf text;
    status     st;

    if (i.months == 0 && i.days == 0)
        return STATUS_OK;
    buf_init(&text, arena_heap(call->arena));
    interval_format(call->context, i, &text);
    st = status_new(ST_INVALID_PARAMETER_VALUE,
                    "interval time zone \"%.*s\" must not include months or days",
                    SLICE_FMT(buf_slice(&text)));
    buf_deinit(&text);
    return st;
}

/* An infinite moment is the same everywhere, even where there is no such zone. */
#define AT_ZONE(name, moved)                                                                       \
    FN(name##_zone)                                                                                \
    {                                                                                              \
        const struct time_zone *tz;                                                                \
                                                                                                   \
        out->i = args[1].i;                                                                        \
        if (!TIMESTAMP_IS_FINITE(out->i))                                                          \
            return STATUS_OK;                                                                      \
        TRY_RETURN(zone_by_name(call, args[0].s, &tz));                                            \
        out->i = moved(tz, args[1].i);                                                             \
        return timestamp_check_range(out->i);                                                      \
    }

AT_ZONE(timestamp, local_to_utc)
AT_ZONE(timestamptz, utc_to_local)

static status at_interval(struct fn_call *call, int64_t us, struct interval zone, int sign,
                          datum *out)
{
    int64_t east_us = zone.us / US_PER_SECOND * US_PER_SECOND;

    out->i = us;
    if (!TIMESTAMP_IS_FINITE(us))
        return STATUS_OK;
    TRY_RETURN(interval_as_zone(call, zone));
    if (!checked_add(us, sign * east_us, &out->i))
        return datetime_overflow("timestamp");
    return timestamp_check_range(out->i);
}

FN(timestamp_izone)
{
    return at_interval(call, args[1].i, args[0].iv, -1, out);
}

FN(timestamptz_izone)
{
    return at_interval(call, args[1].i, args[0].iv, 1, out);
}
