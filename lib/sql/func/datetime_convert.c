/* Casts between dates, times, timestamps and intervals, AT TIME ZONE, and digits of a second
 * (PostgreSQL 15, section 9.9). */
#include "sql/func/datetime.h"

FN(date_timestamp)
{
    out->i = date_to_us(args[0].i);
    return TIMESTAMP_IS_FINITE(out->i) ? timestamp_check_range(out->i) : STATUS_OK;
}

FN(date_timestamptz)
{
    out->i = local_to_utc(zone_of(call), date_to_us(args[0].i));
    return STATUS_OK;
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

FN(timestamp_time)
{
    *null = !TIMESTAMP_IS_FINITE(args[0].i);
    out->i = args[0].i - floor_div(args[0].i, US_PER_DAY) * US_PER_DAY;
    return STATUS_OK;
}

FN(timestamptz_time)
{
    int64_t local = utc_to_local(zone_of(call), args[0].i);

    *null = !TIMESTAMP_IS_FINITE(local);
    out->i = local - floor_div(local, US_PER_DAY) * US_PER_DAY;
    return STATUS_OK;
}

FN(time_interval)
{
    out->iv = (struct interval){.us = args[0].i};
    return STATUS_OK;
}

FN(interval_time)
{
    out->i = ((args[0].iv.us % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
    return STATUS_OK;
}

FN(timestamp_scale)
{
    out->i = TIMESTAMP_IS_FINITE(args[0].i) ? us_round(args[0].i, (int32_t)args[1].i) : args[0].i;
    return STATUS_OK;
}

FN(time_scale)
{
    out->i = us_round(args[0].i, (int32_t)args[1].i);
    return STATUS_OK;
}

status zone_by_name(const struct fn_call *call, slice name, const struct time_zone **out)
{
    if (call->context == NULL || call->context->time_zones == NULL ||
        !st_ok(time_zone_find(call->context->time_zones, name, out)))
        return status_new(ST_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                          SLICE_FMT(name));
    return STATUS_OK;
}

FN(timestamp_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(zone_by_name(call, args[0].s, &tz));
    out->i = local_to_utc(tz, args[1].i);
    return STATUS_OK;
}

FN(timestamptz_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(zone_by_name(call, args[0].s, &tz));
    out->i = utc_to_local(tz, args[1].i);
    return STATUS_OK;
}

FN(timestamp_izone)
{
    out->i = TIMESTAMP_IS_FINITE(args[1].i) ? args[1].i - args[0].iv.us : args[1].i;
    return STATUS_OK;
}

FN(timestamptz_izone)
{
    out->i = TIMESTAMP_IS_FINITE(args[1].i) ? args[1].i + args[0].iv.us : args[1].i;
    return STATUS_OK;
}
