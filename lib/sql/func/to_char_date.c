/* to_char() of timestamps and intervals (PostgreSQL 15, section 9.8). */
#include <stdlib.h>

#include "sql/func/date_template.h"
#include "sql/func/datetime.h"

struct moment {
    struct civil c;
    int64_t      days;  /* of the date; meaningless for intervals */
    int64_t      hours; /* an interval's may pass 24 */
    int64_t      day_of_year;
    bool         is_interval;
    int32_t      zone_s;
    const char  *zone_name;
};

enum letter_case { CASE_UPPER, CASE_LOWER, CASE_AS_IS };

/* Of "DAY", "day" and "Day", and of "A.M.". */
static enum letter_case case_of(slice pattern)
{
    bool first_lower = pattern.data[0] >= 'a', second_lower = pattern.data[1] >= 'a';

    return first_lower ? CASE_LOWER : second_lower ? CASE_AS_IS : CASE_UPPER;
}

static void put_word(struct buf *out, const char *word, size_t length, enum letter_case letters,
                     size_t pad_to)
{
    size_t n = 0;

    for (; n < length && word[n] != '\0'; n++) {
        char c = word[n];

        if (letters == CASE_UPPER && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (letters == CASE_LOWER && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        buf_put_u8(out, (uint8_t)c);
    }
    for (; n < pad_to; n++)
        buf_put_u8(out, ' ');
}

static void put_ordinal(struct buf *out, const struct template_node *n, size_t start)
{
    if (n->modifiers & TEMPLATE_TH)
        buf_append_cstr(out, ordinal_suffix(slice_from(buf_slice(out), start),
                                            n->modifiers & TEMPLATE_UPPER_TH));
}

/* A number, `width` characters with its sign unless FM, and its ordinal's ending where TH asks for
 * it. */
static void put_number(struct buf *out, const struct template_node *n, int64_t v, int width)
{
    size_t start = out->size;

    buf_printf(out, "%0*lld", n->modifiers & TEMPLATE_FM ? 0 : width, (long long)v);
    put_ordinal(out, n, start);
}

/* A part that may be negative, in intervals: the sign comes on top of the digits. */
static void put_signed(struct buf *out, const struct template_node *n, int64_t v, int digits)
{
    put_number(out, n, v, digits + (v < 0));
}

/* 1 BC is the year 0 of the arithmetic; of an interval, years are a number. */
static int64_t shown_year(const struct moment *m, int64_t year)
{
    return m->is_interval || year > 0 ? year : 1 - year;
}

static int64_t century_shown(const struct moment *m)
{
    int64_t year = m->c.year;

    if (m->is_interval)
        return year / 100;
    return year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1;
}

static void put_year(const struct moment *m, const struct template_node *n, struct buf *out)
{
    int64_t year = m->c.year, y;
    int     week;
    bool    is_iso = n->pattern->convention == DATE_ISO_WEEK;
    /* YYYY, YYY, YY, Y and IYYY, IYY, IY, I follow each other. */
    int     digits = 4 - (n->pattern->id - (is_iso ? D_IYYY : D_YYYY));

    static const int64_t powers[] = {1, 10, 100, 1000};

    if (is_iso)
        iso_week(m->days, &year, &week);
    y = shown_year(m, year);
    put_number(out, n, digits == 4 ? y : y % powers[digits],
               digits + (digits > 1 && shown_year(m, m->c.year) < 0));
}

static void put_year_with_comma(const struct moment *m, const struct template_node *n,
                                struct buf *out)
{
    int64_t y = shown_year(m, m->c.year);
    size_t  start = out->size;

    buf_printf(out, "%lld,%03lld", (long long)(y / 1000), (long long)(y % 1000));
    put_ordinal(out, n, start);
}

static void put_roman_month(const struct moment *m, const struct template_node *n, struct buf *out)
{
    int month = m->c.month, at;

    if (month == 0 && m->c.year == 0)
        return;
    if (month == 0) /* of an interval of whole years */
        at = m->c.year >= 0 ? 0 : 11;
    else
        at = month < 0 ? -(month + 1) : 12 - month;
    put_word(out, roman_months[at], 4, n->text.data[0] == 'r' ? CASE_LOWER : CASE_UPPER,
             n->modifiers & TEMPLATE_FM ? 0 : 4);
}

static void put_zone_offset(const struct moment *m, const struct template_node *n, struct buf *out)
{
    int s = abs(m->zone_s);

    buf_printf(out, "%c%0*d", m->zone_s < 0 ? '-' : '+', n->modifiers & TEMPLATE_FM ? 1 : 2,
               s / 3600);
    if (s % 3600 != 0)
        buf_printf(out, ":%02d", s % 3600 / 60);
}

/* Names of months and days are padded to the longest, in neither mode of no padding. */
static void put_name(const struct template_node *n, const char *name, bool is_short,
                     struct buf *out)
{
    bool padded = !is_short && !(n->modifiers & (TEMPLATE_FM | TEMPLATE_TM));

    put_word(out, name, is_short ? 3 : 9, case_of(n->text), padded ? 9 : 0);
}

static void put_half_of_day(const struct moment *m, const struct template_node *n, bool dots,
                            struct buf *out)
{
    static const char *const words[2][2] = {{"AM", "A.M."}, {"PM", "P.M."}};

    put_word(out, words[m->hours % 24 >= 12][dots], 4,
             n->text.data[0] >= 'a' ? CASE_LOWER : CASE_UPPER, 0);
}

static void put_era(const struct moment *m, const struct template_node *n, bool dots,
                    struct buf *out)
{
    static const char *const words[2][2] = {{"BC", "B.C."}, {"AD", "A.D."}};

    put_word(out, words[m->c.year > 0][dots], 4, n->text.data[0] >= 'a' ? CASE_LOWER : CASE_UPPER,
             0);
}

static int iso_week_of(int64_t days)
{
    int64_t year;
    int     week;

    iso_week(days, &year, &week);
    return week;
}

/* What only a day on the calendar has. */
static bool needs_date(enum date_pattern p)
{
    switch (p) {
    case D_AD:
    case D_AD_DOTS:
    case D_MONTH:
    case D_MON:
    case D_DAY:
    case D_DY:
    case D_D:
    case D_ID:
    case D_TZ:
    case D_TZH:
    case D_TZM:
    case D_OF:
        return true;
    default:
        return false;
    }
}

static void put_time_part(const struct moment *m, const struct template_node *n, struct buf *out)
{
    static const int us_units[] = {100000, 10000, 1000, 100, 10, 1};
    int64_t          clock = m->hours % 12;

    switch (n->pattern->id) {
    case D_AM:
    case D_AM_DOTS:
        put_half_of_day(m, n, n->pattern->id == D_AM_DOTS, out);
        return;
    case D_HH12:
        put_signed(out, n, clock == 0 ? 12 : clock, 2);
        return;
    case D_HH24:
        put_signed(out, n, m->hours, 2);
        return;
    case D_MI:
        put_signed(out, n, m->c.minute, 2);
        return;
    case D_SS:
        put_signed(out, n, m->c.second, 2);
        return;
    case D_SSSS:
        put_number(out, n, m->hours * 3600 + m->c.minute * 60 + m->c.second, 1);
        return;
    case D_MS:
    case D_US:
    default: { /* FF1 to FF6: all keep their digits with FM */
        struct template_node filled = *n;
        int                  digits = n->pattern->id == D_MS   ? 3
                                      : n->pattern->id == D_US ? 6
                                                               : n->pattern->id - D_FF1 + 1;

        filled.modifiers &= ~(unsigned)TEMPLATE_FM;
        put_number(out, &filled, m->c.us / us_units[digits - 1], digits);
        return;
    }
    }
}

static void put_zone_part(const struct moment *m, const struct template_node *n, struct buf *out)
{
    switch (n->pattern->id) {
    case D_TZ:
        put_word(out, m->zone_name, SIZE_MAX, n->text.data[0] == 't' ? CASE_LOWER : CASE_UPPER, 0);
        return;
    case D_TZH:
        buf_printf(out, "%c%02d", m->zone_s < 0 ? '-' : '+', abs(m->zone_s) / 3600);
        return;
    case D_TZM:
        buf_printf(out, "%02d", abs(m->zone_s) / 60 % 60);
        return;
    default:
        put_zone_offset(m, n, out);
    }
}

static void put_date_part(const struct moment *m, const struct template_node *n, struct buf *out)
{
    const struct civil *c = &m->c;
    int                 weekday = m->is_interval ? 0 : day_of_week(m->days);

    switch (n->pattern->id) {
    case D_AD:
    case D_AD_DOTS:
        put_era(m, n, n->pattern->id == D_AD_DOTS, out);
        return;
    case D_MONTH:
    case D_MON:
        put_name(n, month_names[c->month - 1], n->pattern->id == D_MON, out);
        return;
    case D_DAY:
    case D_DY:
        put_name(n, day_names[weekday], n->pattern->id == D_DY, out);
        return;
    case D_MM:
        put_signed(out, n, c->month, 2);
        return;
    case D_DDD:
        put_number(out, n, m->day_of_year, 3);
        return;
    case D_IDDD:
        put_number(out, n, (iso_week_of(m->days) - 1) * 7 + (day_of_week(m->days) + 6) % 7 + 1, 3);
        return;
    case D_DD:
        put_number(out, n, c->day, 2);
        return;
    case D_D:
        put_number(out, n, weekday + 1, 1);
        return;
    case D_ID:
        put_number(out, n, (weekday + 6) % 7 + 1, 1);
        return;
    case D_WW:
        put_number(out, n, (m->day_of_year - 1) / 7 + 1, 2);
        return;
    case D_IW:
        put_number(out, n, iso_week_of(m->days), 2);
        return;
    case D_W:
        put_number(out, n, (c->day - 1) / 7 + 1, 1);
        return;
    case D_Q:
        if (c->month != 0)
            put_number(out, n, (c->month - 1) / 3 + 1, 1);
        return;
    case D_CC:
        put_signed(out, n, century_shown(m), 2);
        return;
    case D_RM:
        put_roman_month(m, n, out);
        return;
    case D_J:
        put_number(out, n, m->days - DATE_MIN, 1);
        return;
    case D_Y_YYY:
        put_year_with_comma(m, n, out);
        return;
    default:
        put_year(m, n, out);
    }
}

static status put_pattern(const struct moment *m, const struct template_node *n, struct buf *out)
{
    enum date_pattern p = n->pattern->id;

    if (m->is_interval && needs_date(p))
        return status_hint(status_new(ST_INVALID_DATETIME_FORMAT,
                                      "invalid format specification for an interval value"),
                           "Intervals are not tied to specific calendar dates.");
    if (p == D_FX)
        return STATUS_OK;
    if (p == D_TZ || p == D_TZH || p == D_TZM || p == D_OF)
        put_zone_part(m, n, out);
    else if (p == D_AM || p == D_AM_DOTS || p == D_HH12 || p == D_HH24 || p == D_MI || p == D_SS ||
             p == D_SSSS || p == D_MS || p == D_US || (p >= D_FF1 && p <= D_FF6))
        put_time_part(m, n, out);
    else
        put_date_part(m, n, out);
    return STATUS_OK;
}

static status moment_to_text(struct fn_call *call, const struct moment *m, slice format, datum *out)
{
    const struct template *t = template_of_call(call, format, date_patterns, true);
    struct buf             b;
    status                 st = STATUS_OK;

    buf_init(&b, arena_heap(call->arena));
    for (size_t i = 0; i < t->count && st_ok(st); i++) {
        if (t->nodes[i].kind == TEMPLATE_PATTERN)
            st = put_pattern(m, &t->nodes[i], &b);
        else
            buf_append_slice(&b, t->nodes[i].text);
    }
    if (st_ok(st))
        st = fn_return_text(call, buf_slice(&b), out);
    buf_deinit(&b);
    return st;
}

static status timestamp_to_text(struct fn_call *call, int64_t local, int32_t zone_s,
                                const char *zone_name, slice format, datum *out)
{
    struct moment m = {.zone_s = zone_s, .zone_name = zone_name};

    timestamp_to_civil(local, &m.c);
    m.days = civil_to_days(m.c.year, m.c.month, m.c.day);
    m.hours = m.c.hour;
    m.day_of_year = day_of_year(m.days);
    return moment_to_text(call, &m, format, out);
}

FN(timestamp_to_char)
{
    *null = args[1].s.size == 0 || !TIMESTAMP_IS_FINITE(args[0].i);
    return *null ? STATUS_OK : timestamp_to_text(call, args[0].i, 0, "", args[1].s, out);
}

FN(timestamptz_to_char)
{
    const char *name = "";
    int32_t     offset;

    *null = args[1].s.size == 0 || !TIMESTAMP_IS_FINITE(args[0].i);
    if (*null)
        return STATUS_OK;
    offset = time_zone_offset_at(zone_of(call), args[0].i, &name);
    return timestamp_to_text(call, args[0].i + offset * US_PER_SECOND, offset, name, args[1].s,
                             out);
}

/* As PostgreSQL counts days, also for the months -11 to 0 that no date has: the months' lengths
 * come from a formula that counts from March (H. F. Fliegel and T. C. Van Flandern, CACM 11 (10),
 * 1968).
 */
static int64_t days_of_interval(const struct civil *c)
{
    int64_t year = c->year + (c->month > 2 ? 4800 : 4799),
            month = c->month + (c->month > 2 ? 1 : 13);
    int64_t julian = year * 365 - 32167 + year / 4 - year / 100 + year / 400;

    return julian + 7834 * month / 256 + c->day + DATE_MIN;
}

/* The date of an interval is counted like one from the year 0 on, months of 30 days. */
FN(interval_to_char)
{
    struct interval i = args[0].iv;
    struct moment   m = {.is_interval = true, .zone_name = ""};

    *null = args[1].s.size == 0;
    if (*null)
        return STATUS_OK;
    m.c.year = i.months / 12;
    m.c.month = i.months % 12;
    m.c.day = i.days;
    m.hours = i.us / US_PER_HOUR;
    m.c.minute = (int)(i.us / US_PER_MINUTE % 60);
    m.c.second = (int)(i.us / US_PER_SECOND % 60);
    m.c.us = (int)(i.us % US_PER_SECOND);
    m.day_of_year = (int64_t)i.months * 30 + i.days;
    m.days = days_of_interval(&m.c);
    return moment_to_text(call, &m, args[1].s, out);
}
