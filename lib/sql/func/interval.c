/* Arithmetic and sums of intervals (PostgreSQL 15, section 9.9). */
#include <math.h>

#include "base/checked.h"
#include "sql/func/datetime.h"

static status interval_add(struct interval a, struct interval b, datum *out)
{
    struct interval r;

    if (!checked_add(a.us, b.us, &r.us) || !checked_add(a.days, b.days, &r.days) ||
        !checked_add(a.months, b.months, &r.months))
        return datetime_overflow("interval");
    out->iv = r;
    return STATUS_OK;
}

FN(interval_pl)
{
    return interval_add(args[0].iv, args[1].iv, out);
}

FN(interval_mi)
{
    struct interval a = args[0].iv, b = args[1].iv;

    if (!checked_sub(a.us, b.us, &out->iv.us) || !checked_sub(a.days, b.days, &out->iv.days) ||
        !checked_sub(a.months, b.months, &out->iv.months))
        return datetime_overflow("interval");
    return STATUS_OK;
}

FN(interval_um)
{
    struct interval i = args[0].iv;

    if (i.us == INT64_MIN || i.days == INT32_MIN || i.months == INT32_MIN)
        return datetime_overflow("interval");
    out->iv = interval_negated(i);
    return STATUS_OK;
}

/* Fractions of months become days of 30 to the month, fractions of days become time. The arguments
 * are the parts, scaled already. */
static status interval_from_parts(double months, double days, double us, datum *out)
{
    double month_days, whole_days, rest_s;

    if (isnan(us) || isnan(months) || isnan(days) || fabs(months) > INT32_MAX ||
        fabs(days) > INT32_MAX || fabs(us) > 9.2e18)
        return datetime_overflow("interval");
    out->iv.months = (int32_t)months;
    month_days = rint((months - out->iv.months) * 30 * 1e6) / 1e6;
    whole_days = (double)(int64_t)days;
    rest_s = (days - whole_days + month_days - (double)(int64_t)month_days) * 86400;
    rest_s = rint(rest_s * 1e6) / 1e6;
    if (fabs(rest_s) >= 86400) {
        double more = (double)(int64_t)(rest_s / 86400);

        whole_days += more;
        rest_s -= more * 86400;
    }
    whole_days += (double)(int64_t)month_days;
    if (fabs(whole_days) > INT32_MAX)
        return datetime_overflow("interval");
    out->iv.days = (int32_t)whole_days;
    out->iv.us = (int64_t)rint(us + rest_s * 1e6);
    return STATUS_OK;
}

FN(interval_mul)
{
    struct interval i = args[0].iv;
    double          f = args[1].f;

    return interval_from_parts(i.months * f, i.days * f, (double)i.us * f, out);
}

FN(mul_d_interval)
{
    struct interval i = args[1].iv;
    double          f = args[0].f;

    return interval_from_parts(i.months * f, i.days * f, (double)i.us * f, out);
}

FN(interval_div)
{
    struct interval i = args[0].iv;
    double          f = args[1].f;

    if (f == 0)
        return status_new(ST_DIVISION_BY_ZERO, "division by zero");
    return interval_from_parts(i.months / f, i.days / f, (double)i.us / f, out);
}
FN(interval_justify_hours)
{
    struct interval i = args[0].iv;

    if (!checked_add(i.days, (int32_t)(i.us / US_PER_DAY), &i.days))
        return datetime_overflow("interval");
    i.us %= US_PER_DAY;
    if (i.days > 0 && i.us < 0) {
        i.us += US_PER_DAY;
        i.days--;
    } else if (i.days < 0 && i.us > 0) {
        i.us -= US_PER_DAY;
        i.days++;
    }
    out->iv = i;
    return STATUS_OK;
}

FN(interval_justify_days)
{
    struct interval i = args[0].iv;

    if (!checked_add(i.months, i.days / 30, &i.months))
        return datetime_overflow("interval");
    i.days %= 30;
    if (i.months > 0 && i.days < 0) {
        i.days += 30;
        i.months--;
    } else if (i.months < 0 && i.days > 0) {
        i.days -= 30;
        i.months++;
    }
    out->iv = i;
    return STATUS_OK;
}

/* Hours into days, days into months, and one sign for all. */
FN(interval_justify_interval)
{
    struct interval i = args[0].iv;
    int64_t         days, months;

    days = i.days + i.us / US_PER_DAY;
    i.us %= US_PER_DAY;
    months = i.months + days / 30;
    days %= 30;
    if (months > 0 && (days < 0 || (days == 0 && i.us < 0))) {
        days += 30;
        months--;
    } else if (months < 0 && (days > 0 || (days == 0 && i.us > 0))) {
        days -= 30;
        months++;
    }
    if (days > 0 && i.us < 0) {
        i.us += US_PER_DAY;
        days--;
    } else if (days < 0 && i.us > 0) {
        i.us -= US_PER_DAY;
        days++;
    }
    if (months > INT32_MAX || months < INT32_MIN)
        return status_new(ST_DATETIME_OVERFLOW, "interval out of range");
    out->iv = (struct interval){.us = i.us, .days = (int32_t)days, .months = (int32_t)months};
    return STATUS_OK;
}

FN(interval_scale)
{
    out->iv = interval_apply_typmod(args[0].iv, (int32_t)args[1].i);
    return STATUS_OK;
}

/* make_interval(years, months, weeks, days, hours, mins, secs). */
FN(make_interval)
{
    double  seconds = rint(args[6].f * 1e6);
    int32_t months;
    int64_t days = args[2].i * 7 + args[3].i;
    int64_t us = args[4].i * US_PER_HOUR + args[5].i * US_PER_MINUTE;

    if (isnan(seconds) || fabs(seconds) >= 9.2e18 || !checked_add(us, (int64_t)seconds, &us) ||
        !checked_add(args[0].i * 12, args[1].i, &months) || days > INT32_MAX || days < INT32_MIN)
        return datetime_overflow("interval");
    out->iv = (struct interval){.months = months, .days = (int32_t)days, .us = us};
    return STATUS_OK;
}

struct interval_sum {
    datum   sum;
    int64_t count;
};

static status interval_sum_update(UNUSED struct fn_call *call, void *state, const datum *args,
                                  const bool *nulls)
{
    struct interval_sum *s = state;

    if (nulls[0])
        return STATUS_OK;
    s->count++;
    return interval_add(s->sum.iv, args[0].iv, &s->sum);
}

static status interval_sum_combine(UNUSED struct fn_call *call, void *state, const void *other)
{
    struct interval_sum       *s = state;
    const struct interval_sum *o = other;

    s->count += o->count;
    return interval_add(s->sum.iv, o->sum.iv, &s->sum);
}

static status interval_sum_finish(UNUSED struct fn_call *call, void *state, datum *out, bool *null)
{
    const struct interval_sum *s = state;

    *null = s->count == 0;
    *out = s->sum;
    return STATUS_OK;
}

static status interval_avg_finish(UNUSED struct fn_call *call, void *state, datum *out, bool *null)
{
    const struct interval_sum *s = state;

    *null = s->count == 0;
    if (s->count == 0)
        return STATUS_OK;
    return interval_from_parts((double)s->sum.iv.months / (double)s->count,
                               (double)s->sum.iv.days / (double)s->count,
                               (double)s->sum.iv.us / (double)s->count, out);
}

AGGREGATE(sum_interval) = {sizeof(struct interval_sum), interval_sum_update, interval_sum_combine,
                           interval_sum_finish};
AGGREGATE(avg_interval) = {sizeof(struct interval_sum), interval_sum_update, interval_sum_combine,
                           interval_avg_finish};
