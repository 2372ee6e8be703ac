/* Printing dates, times and intervals in each DateStyle and IntervalStyle (PostgreSQL 15,
 * section 8.5). */
#include <stdlib.h>

#include "base/assert.h"
#include "sql/types/calendar.h"
#include "sql/types/timezone.h"

static void put_fraction(int us, struct buf *out)
{
    char text[8];
    int  n = 6;

    if (us == 0)
        return;
    for (int i = 5; i >= 0; i--, us /= 10)
        text[i] = (char)('0' + us % 10);
    while (text[n - 1] == '0')
        n--;
    buf_put_u8(out, '.');
    buf_append(out, text, (size_t)n);
}

void datetime_format_time(int64_t us, struct buf *out)
{
    struct civil c;

    us_to_civil_time(us, &c);
    buf_printf(out, "%02d:%02d:%02d", c.hour, c.minute, c.second);
    put_fraction(c.us, out);
}

void datetime_format_zone(int32_t offset_s, struct buf *out)
{
    int s = abs(offset_s);

    buf_printf(out, "%c%02d", offset_s < 0 ? '-' : '+', s / 3600);
    if (s % 3600 != 0)
        buf_printf(out, ":%02d", s / 60 % 60);
    if (s % 60 != 0)
        buf_printf(out, ":%02d", s % 60);
}

static enum date_style style_of(const struct sql_context *c)
{
    return c != NULL ? c->settings.date_style : DATE_STYLE_ISO;
}

static void put_date(const struct sql_context *c, const struct civil *d, struct buf *out)
{
    long long year = d->year > 0 ? d->year : 1 - d->year;
    bool      day_first = c != NULL && c->settings.date_order == DATE_ORDER_DMY;

    switch (style_of(c)) {
    case DATE_STYLE_ISO:
        buf_printf(out, "%04lld-%02d-%02d", year, d->month, d->day);
        break;
    case DATE_STYLE_SQL:
        buf_printf(out, "%02d/%02d/%04lld", day_first ? d->day : d->month,
                   day_first ? d->month : d->day, year);
        break;
    case DATE_STYLE_GERMAN:
        buf_printf(out, "%02d.%02d.%04lld", d->day, d->month, year);
        break;
    case DATE_STYLE_POSTGRES:
        buf_printf(out, "%02d-%02d-%04lld", day_first ? d->day : d->month,
                   day_first ? d->month : d->day, year);
        break;
    }
}

void datetime_format_date(const struct sql_context *c, int64_t days, struct buf *out)
{
    struct civil d;

    if (!DATE_IS_FINITE(days)) {
        buf_append_cstr(out, days > 0 ? "infinity" : "-infinity");
        return;
    }
    days_to_civil(days, &d);
    put_date(c, &d, out);
    if (d.year <= 0)
        buf_append_cstr(out, " BC");
}

static void put_postgres_timestamp(const struct sql_context *c, const struct civil *d,
                                   int64_t time_us, struct buf *out)
{
    static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const char *weekday = weekdays[day_of_week(civil_to_days(d->year, d->month, d->day))];

    if (c->settings.date_order == DATE_ORDER_DMY)
        buf_printf(out, "%s %02d %s ", weekday, d->day, months[d->month - 1]);
    else
        buf_printf(out, "%s %s %02d ", weekday, months[d->month - 1], d->day);
    datetime_format_time(time_us, out);
    buf_printf(out, " %04lld", (long long)(d->year > 0 ? d->year : 1 - d->year));
}

void datetime_format_timestamp(const struct sql_context *c, int64_t us, bool zone, struct buf *out)
{
    const char  *abbreviation = "";
    int32_t      offset = 0;
    struct civil d;
    int64_t      time_us;

    if (!TIMESTAMP_IS_FINITE(us)) {
        buf_append_cstr(out, us > 0 ? "infinity" : "-infinity");
        return;
    }
    if (zone)
        offset = time_zone_offset_at(c != NULL ? c->settings.time_zone : NULL, us, &abbreviation);
    us += offset * US_PER_SECOND;
    timestamp_to_civil(us, &d);
    time_us = d.hour * US_PER_HOUR + d.minute * US_PER_MINUTE + d.second * US_PER_SECOND + d.us;
    if (style_of(c) == DATE_STYLE_POSTGRES) {
        put_postgres_timestamp(c, &d, time_us, out);
    } else {
        put_date(c, &d, out);
        buf_put_u8(out, ' ');
        datetime_format_time(time_us, out);
    }
    if (zone && (style_of(c) == DATE_STYLE_ISO || abbreviation[0] == '\0'))
        datetime_format_zone(offset, out);
    else if (zone)
        buf_printf(out, " %s", abbreviation);
    if (d.year <= 0)
        buf_append_cstr(out, " BC");
}

/* ---- intervals
 * ------------------------------------------------------------------------------------------------------
 */

struct parts {
    int     years, months, days;
    int64_t hours;
    int     minutes, seconds, us; /* all with the sign of the time */
};

static struct parts split(struct interval i)
{
    int64_t us = i.us;

    return (struct parts){.years = i.months / 12,
                          .months = i.months % 12,
                          .days = i.days,
                          .hours = us / US_PER_HOUR,
                          .minutes = (int)(us / US_PER_MINUTE % 60),
                          .seconds = (int)(us / US_PER_SECOND % 60),
                          .us = (int)(us % US_PER_SECOND)};
}

/* A field and its unit; a positive one behind a negative one says so. */
static void put_part(struct buf *out, int v, const char *unit, bool *negative_before, bool *any)
{
    if (v == 0)
        return;
    buf_printf(out, "%s%s%d %s%s", *any ? " " : "", *negative_before && v > 0 ? "+" : "", v, unit,
               v == 1 ? "" : "s");
    *negative_before = v < 0;
    *any = true;
}

static void format_postgres(struct interval i, struct buf *out)
{
    struct parts p = split(i);
    bool         negative = false, any = false;

    put_part(out, p.years, "year", &negative, &any);
    put_part(out, p.months, "mon", &negative, &any);
    put_part(out, p.days, "day", &negative, &any);
    if (any && i.us == 0)
        return;
    buf_printf(out, "%s%s%02lld:%02d:%02d", any ? " " : "",
               i.us < 0   ? "-"
               : negative ? "+"
                          : "",
               llabs(p.hours), abs(p.minutes), abs(p.seconds));
    put_fraction(abs(p.us), out);
}

static void format_verbose(struct interval i, struct buf *out)
{
    /* The first field that is not zero decides whether the whole is "ago". */
    bool         ago = i.months < 0 || (i.months == 0 && (i.days < 0 || (i.days == 0 && i.us < 0)));
    struct parts p = split(i);
    int          sign = ago ? -1 : 1;
    bool         any = false, ignored = false;

    buf_append_cstr(out, "@");
    any = true;
    put_part(out, sign * p.years, "year", &ignored, &any);
    ignored = false;
    put_part(out, sign * p.months, "mon", &ignored, &any);
    ignored = false;
    put_part(out, sign * p.days, "day", &ignored, &any);
    ignored = false;
    put_part(out, sign * (int)p.hours, "hour", &ignored, &any);
    ignored = false;
    put_part(out, sign * p.minutes, "min", &ignored, &any);
    if (p.seconds != 0 || p.us != 0) {
        buf_printf(out, " %s%d", sign * i.us < 0 ? "-" : "", abs(p.seconds));
        put_fraction(abs(p.us), out);
        buf_printf(out, " sec%s", abs(p.seconds) == 1 && p.us == 0 ? "" : "s");
    }
    if (i.months == 0 && i.days == 0 && i.us == 0)
        buf_append_cstr(out, " 0");
    if (ago)
        buf_append_cstr(out, " ago");
}

static void format_sql_standard(struct interval i, struct buf *out)
{
    struct parts p = split(i);
    bool         negative =
        i.months < 0 || i.days < 0 || i.us<0, positive = i.months> 0 || i.days > 0 || i.us > 0;
    bool year_month = i.months != 0, day_time = i.days != 0 || i.us != 0;

    if (!negative && !positive) {
        buf_append_cstr(out, "0");
    } else if ((negative && positive) || (year_month && day_time)) {
        buf_printf(out, "%c%d-%d %c%lld %c%lld:%02d:%02d", i.months < 0 ? '-' : '+', abs(p.years),
                   abs(p.months), i.days < 0 ? '-' : '+', llabs((long long)p.days),
                   i.us < 0 ? '-' : '+', llabs(p.hours), abs(p.minutes), abs(p.seconds));
        put_fraction(abs(p.us), out);
    } else if (year_month) {
        buf_printf(out, "%s%d-%d", negative ? "-" : "", abs(p.years), abs(p.months));
    } else {
        buf_append_cstr(out, negative ? "-" : "");
        if (i.days != 0)
            buf_printf(out, "%d ", abs(p.days));
        buf_printf(out, "%lld:%02d:%02d", llabs(p.hours), abs(p.minutes), abs(p.seconds));
        put_fraction(abs(p.us), out);
    }
}

static void put_iso(struct buf *out, int64_t v, char letter)
{
    if (v != 0)
        buf_printf(out, "%lld%c", (long long)v, letter);
}

static void format_iso(struct interval i, struct buf *out)
{
    struct parts p = split(i);

    if (i.months == 0 && i.days == 0 && i.us == 0) {
        buf_append_cstr(out, "PT0S");
        return;
    }
    buf_put_u8(out, 'P');
    put_iso(out, p.years, 'Y');
    put_iso(out, p.months, 'M');
    put_iso(out, p.days, 'D');
    if (i.us == 0)
        return;
    buf_put_u8(out, 'T');
    put_iso(out, p.hours, 'H');
    put_iso(out, p.minutes, 'M');
    if (p.seconds != 0 || p.us != 0) {
        buf_printf(out, "%s%d", p.seconds < 0 || p.us < 0 ? "-" : "", abs(p.seconds));
        put_fraction(abs(p.us), out);
        buf_put_u8(out, 'S');
    }
}

void interval_format(const struct sql_context *c, struct interval i, struct buf *out)
{
    switch (c != NULL ? c->settings.interval_style : INTERVAL_POSTGRES) {
    case INTERVAL_POSTGRES:
        format_postgres(i, out);
        break;
    case INTERVAL_POSTGRES_VERBOSE:
        format_verbose(i, out);
        break;
    case INTERVAL_SQL_STANDARD:
        format_sql_standard(i, out);
        break;
    case INTERVAL_ISO_8601:
        format_iso(i, out);
        break;
    }
}
