/* Arithmetic, casts and zones of time with time zone (PostgreSQL 15, section 9.9). */
#include "sql/types/timetz.h"

#include "sql/func/datetime.h"
#include "sql/types/ops.h"

FN(timetz_pl_interval)
{
    *out = timetz_pack(call->arena, time_wrap(timetz_us(args[0]) + args[1].iv.us % US_PER_DAY),
                       timetz_west_s(args[0]));
    return STATUS_OK;
}

FN(timetz_mi_interval)
{
    *out = timetz_pack(call->arena, time_wrap(timetz_us(args[0]) - args[1].iv.us % US_PER_DAY),
                       timetz_west_s(args[0]));
    return STATUS_OK;
}

FN(interval_pl_timetz_2547)
{
    const datum swapped[] = {args[1], args[0]};

    return fn_timetz_pl_interval(call, swapped, nulls, out, null);
}

FN(timetz_scale)
{
    *out = timetz_pack(call->arena, us_round(timetz_us(args[0]), (int32_t)args[1].i),
                       timetz_west_s(args[0]));
    return STATUS_OK;
}

FN(timetz_time)
{
    out->i = timetz_us(args[0]);
    return STATUS_OK;
}

/* With the offset that the session's zone has today. */
FN(time_timetz)
{
    int64_t now = txn_start(call), local = utc_to_local(zone_of(call), now);
    int64_t moment = local - time_wrap(local) + args[0].i;

    *out = timetz_pack(call->arena, args[0].i, -time_zone_offset_local(zone_of(call), moment));
    return STATUS_OK;
}

FN(timestamptz_timetz)
{
    int32_t east_s;

    *null = !TIMESTAMP_IS_FINITE(args[0].i);
    if (*null)
        return STATUS_OK;
    east_s = time_zone_offset_at(zone_of(call), args[0].i, NULL);
    *out = timetz_pack(call->arena, time_wrap(args[0].i + east_s * US_PER_SECOND), -east_s);
    return STATUS_OK;
}

/* A day and a time in a zone are an instant. */
FN(datetimetz_timestamptz)
{
    TRY_RETURN(date_to_timestamp(args[0].i, &out->i));
    if (!TIMESTAMP_IS_FINITE(out->i))
        return STATUS_OK;
    out->i += timetz_us(args[1]) + timetz_west_s(args[1]) * US_PER_SECOND;
    return out->i >= TIMESTAMP_MIN && out->i < TIMESTAMP_END
               ? STATUS_OK
               : status_new(ST_DATETIME_OVERFLOW, "date out of range for timestamp");
}

FN(timetzdate_pl_1298)
{
    const datum swapped[] = {args[1], args[0]};

    return fn_datetimetz_timestamptz(call, swapped, nulls, out, null);
}

/* ---- AT TIME ZONE -----------------------------------------------------------------------------
 */

static datum at_offset(struct fn_call *call, datum v, int32_t west_s)
{
    int64_t us = timetz_us(v) + (int64_t)(timetz_west_s(v) - west_s) * US_PER_SECOND;

    return timetz_pack(call->arena, time_wrap(us), west_s);
}

/* A zone that changes its clocks is taken as it is now. */
FN(timetz_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(zone_by_name(call, args[0].s, &tz));
    *out = at_offset(call, args[1], -time_zone_offset_at(tz, txn_start(call), NULL));
    return STATUS_OK;
}

FN(timetz_izone)
{
    TRY_RETURN(interval_as_zone(call, args[0].iv));
    *out = at_offset(call, args[1], (int32_t)(-args[0].iv.us / US_PER_SECOND));
    return STATUS_OK;
}

/* ---- larger and smaller, OVERLAPS -------------------------------------------------------------
 */

FN(timetz_larger)
{
    *out = timetz_compare(args[0], args[1]) > 0 ? args[0] : args[1];
    return STATUS_OK;
}

FN(timetz_smaller)
{
    *out = timetz_compare(args[0], args[1]) < 0 ? args[0] : args[1];
    return STATUS_OK;
}
