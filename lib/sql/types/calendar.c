#include "sql/types/calendar.h"

#include "base/assert.h"
#include "base/checked.h"
#include "sql/types/timezone.h"

/* Days are counted in eras of 400 years that begin on 1 March, so that the leap day is the last of
 * its year and a division gives the month (H. Hinnant, "chrono-compatible low-level date
 * algorithms"). */
enum { DAYS_PER_ERA = 146097, EPOCH_2000 = 730425 /* days from 0000-03-01 to 2000-01-01 */ };

int64_t civil_to_days(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2), era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_march_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_march_year;

    return era * DAYS_PER_ERA + day_of_era - EPOCH_2000;
}

void days_to_civil(int64_t days, struct civil *out)
{
    int64_t z = days + EPOCH_2000, era = floor_div(z, DAYS_PER_ERA);
    int64_t day_of_era = z - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_march_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_march_year + 2) / 153;

    out->day = (int)(day_of_march_year - (153 * march_month + 2) / 5 + 1);
    out->month = (int)(march_month + (march_month < 10 ? 3 : -9));
    out->year = year_of_era + era * 400 + (out->month <= 2);
}

void us_to_civil_time(int64_t us, struct civil *out)
{
    out->hour = (int)(us / US_PER_HOUR);
    out->minute = (int)(us / US_PER_MINUTE % 60);
    out->second = (int)(us / US_PER_SECOND % 60);
    out->us = (int)(us % US_PER_SECOND);
}

void timestamp_to_civil(int64_t us, struct civil *out)
{
    int64_t of_day = us % US_PER_DAY;

    days_to_civil(floor_div(us, US_PER_DAY), out);
    us_to_civil_time(of_day < 0 ? of_day + US_PER_DAY : of_day, out);
}

int64_t civil_to_timestamp(const struct civil *c)
{
    int64_t days = civil_to_days(c->year, c->month, c->day), us;
    int64_t of_day =
        c->hour * US_PER_HOUR + c->minute * US_PER_MINUTE + c->second * US_PER_SECOND + c->us;

    if (checked_mul(days, US_PER_DAY, &us) && checked_add(us, of_day, &us))
        return us;
    return days > 0 ? TIMESTAMP_END : TIMESTAMP_MIN - 1;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

int day_of_week(int64_t days)
{
    int64_t d = (days + 6) % 7; /* 2000-01-01 was a Saturday */

    return (int)(d < 0 ? d + 7 : d);
}

int day_of_year(int64_t days)
{
    struct civil c;

    days_to_civil(days, &c);
    return (int)(days - civil_to_days(c.year, 1, 1)) + 1;
}

/* ISO 8601: week 1 has the year's first Thursday; weeks begin on Monday. */
void iso_week(int64_t days, int64_t *year, int *week)
{
    int          monday_based = (day_of_week(days) + 6) % 7;
    int64_t      thursday = days - monday_based + 3;
    struct civil c;

    days_to_civil(thursday, &c);
    *year = c.year;
    *week = (int)((thursday - civil_to_days(c.year, 1, 1)) / 7) + 1;
}

status timestamp_check_range(int64_t t)
{
    return t >= TIMESTAMP_MIN && t < TIMESTAMP_END
               ? STATUS_OK
               : status_new(ST_DATETIME_OVERFLOW, "timestamp out of range");
}

/* Months first, the day cut to the month's last; then days. */
static status add_months_and_days(int64_t t, struct interval i, int64_t *out)
{
    int64_t days_us;

    if (i.months != 0) {
        struct civil c;
        int64_t      months;

        timestamp_to_civil(t, &c);
        months = c.year * 12 + c.month - 1 + i.months;
        c.year = floor_div(months, 12);
        c.month = (int)(months - c.year * 12) + 1;
        c.day = MIN(c.day, days_in_month(c.year, c.month));
        if (c.year < -4713 || c.year > 294277)
            return status_new(ST_DATETIME_OVERFLOW, "timestamp out of range");
        t = civil_to_timestamp(&c);
        TRY_RETURN(timestamp_check_range(t));
    }
    if (!checked_mul((int64_t)i.days, US_PER_DAY, &days_us) || !checked_add(t, days_us, out))
        return status_new(ST_DATETIME_OVERFLOW, "timestamp out of range");
    return STATUS_OK;
}

status timestamp_add_interval(int64_t t, struct interval i, int64_t *out)
{
    *out = t;
    if (!TIMESTAMP_IS_FINITE(t))
        return STATUS_OK;
    TRY_RETURN(add_months_and_days(t, i, &t));
    if (!checked_add(t, i.us, out))
        return status_new(ST_DATETIME_OVERFLOW, "timestamp out of range");
    return timestamp_check_range(*out);
}

status timestamptz_add_interval(const struct time_zone *tz, int64_t t, struct interval i,
                                int64_t *out)
{
    *out = t;
    if (!TIMESTAMP_IS_FINITE(t))
        return STATUS_OK;
    if (i.months != 0 || i.days != 0) {
        int64_t local = t + time_zone_offset_at(tz, t, NULL) * US_PER_SECOND;

        TRY_RETURN(add_months_and_days(local, i, &local));
        t = local - time_zone_offset_local(tz, local) * US_PER_SECOND;
    }
    if (!checked_add(t, i.us, out))
        return status_new(ST_DATETIME_OVERFLOW, "timestamp out of range");
    return timestamp_check_range(*out);
}

int128_t interval_span(struct interval i)
{
    return (int128_t)i.us + ((int128_t)i.days + (int128_t)i.months * 30) * US_PER_DAY;
}

int64_t us_round(int64_t us, int32_t precision)
{
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    int64_t              unit, half;

    if (precision < 0 || precision >= 6)
        return us;
    unit = units[precision];
    half = unit / 2;
    return us >= 0 ? (us + half) / unit * unit : -((-us + half) / unit * unit);
}
