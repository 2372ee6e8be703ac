/* Reading dates, times and intervals (PostgreSQL 15, appendix B.1): the text is taken piece by
 * piece, and each piece fills the field that it can only be. */
#include <stdlib.h>
#include <strings.h>

#include "base/assert.h"
#include "base/checked.h"
#include "env/env.h"
#include "sql/types/calendar.h"
#include "sql/types/timezone.h"

struct parser {
    struct sql_context   *c;
    const char           *type;
    slice                 text;
    const char           *at, *end;
    struct datetime_text *out;
    int                   month_word; /* a month that was given by name; 0: none */
    bool                  have_day, have_year;
    bool                  bc, pm, am;
    bool                  day_first_hint; /* a number did not fit its place in the date order */
};

static status bad_syntax(const struct parser *p)
{
    return status_new(ST_INVALID_DATETIME_FORMAT, "invalid input syntax for type %s: \"%.*s\"",
                      p->type, SLICE_FMT(p->text));
}

static status bad_range(const struct parser *p)
{
    status st = status_new(ST_DATETIME_OVERFLOW, "date/time field value out of range: \"%.*s\"",
                           SLICE_FMT(p->text));

    return p->day_first_hint
               ? status_hint(st, "Perhaps you need a different \"datestyle\" setting.")
               : st;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Up to nine digits. */
static bool take_number(struct parser *p, int64_t *out, int *digits)
{
    const char *start = p->at;
    int64_t     v = 0;

    while (p->at < p->end && is_digit(*p->at) && p->at - start < 9)
        v = v * 10 + (*p->at++ - '0');
    *out = v;
    *digits = (int)(p->at - start);
    return *digits > 0;
}

/* ".123456789" to microseconds, rounded. */
static int64_t take_fraction(struct parser *p)
{
    int64_t us = 0, unit = 100000;

    p->at++;
    for (; p->at < p->end && is_digit(*p->at); p->at++) {
        if (unit > 0)
            us += (*p->at - '0') * unit;
        else if (unit == 0)
            us += *p->at >= '5', unit = -1;
        unit = unit > 0 ? unit / 10 : -1;
        if (unit == 0 && p->at + 1 < p->end && is_digit(p->at[1])) {
            us += p->at[1] >= '5';
            unit = -1;
        }
    }
    return us;
}

/* ---- words
 * ------------------------------------------------------------------------------------------------------
 */

static const char *const month_names[] = {"january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december"};
static const char *const weekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                       "thursday", "friday", "saturday"};

/* Position of a word in a list, by its full form or its first three letters; -1: not there. */
static int find_name(const char *const *names, int count, const char *word, size_t n)
{
    for (int i = 0; i < count; i++) {
        if (n >= 3 && n <= strlen(names[i]) && strncasecmp(names[i], word, n) == 0 &&
            (n == 3 || n == strlen(names[i]) || n == 4))
            return i;
    }
    return -1;
}

static bool word_is(const char *word, size_t n, const char *what)
{
    return strlen(what) == n && strncasecmp(word, what, n) == 0;
}

static int64_t now_local_us(struct parser *p)
{
    const struct time_zone *tz = p->c != NULL ? p->c->settings.time_zone : NULL;
    int64_t                 now = p->c != NULL ? p->c->txn_start_us : 0;

    return now + time_zone_offset_at(tz, now, NULL) * US_PER_SECOND;
}

static void set_today(struct parser *p, int64_t plus_days)
{
    int64_t days = now_local_us(p) / US_PER_DAY - (now_local_us(p) % US_PER_DAY < 0);

    days_to_civil(days + plus_days, &p->out->civil);
    p->out->has_date = true;
}

static bool take_special(struct parser *p, const char *word, size_t n)
{
    static const struct {
        const char *word;
        int         special;
    } specials[] = {{"infinity", SPECIAL_INFINITY},
                    {"inf", SPECIAL_INFINITY},
                    {"epoch", SPECIAL_EPOCH},
                    {"now", SPECIAL_NOW}};

    for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
        if (word_is(word, n, specials[i].word)) {
            p->out->special = specials[i].special;
            return true;
        }
    }
    if (word_is(word, n, "today"))
        set_today(p, 0);
    else if (word_is(word, n, "tomorrow"))
        set_today(p, 1);
    else if (word_is(word, n, "yesterday"))
        set_today(p, -1);
    else if (word_is(word, n, "allballs"))
        p->out->has_time = true;
    else
        return false;
    return true;
}

/* The zone's offset follows from the date, so it is looked up at the end. */
static status take_zone_name(struct parser *p, const char *word)
{
    size_t n;

    while (
        p->at < p->end &&
        (is_letter(*p->at) || is_digit(*p->at) || *p->at == '/' || *p->at == '_' ||
         ((*p->at == '-' || *p->at == '+') && memchr(word, '/', (size_t)(p->at - word)) != NULL)))
        p->at++;
    n = (size_t)(p->at - word);
    p->out->has_zone = true;
    if (time_zone_abbreviation(slice_make(word, n), &p->out->zone_s))
        return STATUS_OK;
    if (memchr(word, '/', n) == NULL) /* names of one word are no zones here, as in PostgreSQL */
        return bad_syntax(p);
    if (p->c == NULL || p->c->time_zones == NULL)
        return bad_syntax(p);
    if (!st_ok(time_zone_find(p->c->time_zones, slice_make(word, n), &p->out->zone)))
        return status_new(ST_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized", (int)n,
                          word);
    return STATUS_OK;
}

static status take_word(struct parser *p)
{
    const char *word = p->at;
    size_t      n;
    int         month;

    while (p->at < p->end && is_letter(*p->at))
        p->at++;
    n = (size_t)(p->at - word);
    month = find_name(month_names, 12, word, n);
    if (month >= 0) {
        p->month_word = month + 1;
        return STATUS_OK;
    }
    if (find_name(weekdays, 7, word, n) >= 0 || word_is(word, n, "at") || word_is(word, n, "on") ||
        (word_is(word, n, "t") && p->out->has_date))
        return STATUS_OK;
    if (word_is(word, n, "am") || word_is(word, n, "pm")) {
        p->am = word_is(word, n, "am");
        p->pm = !p->am;
        return p->out->has_time ? STATUS_OK : bad_syntax(p);
    }
    if (word_is(word, n, "bc") || word_is(word, n, "ad")) {
        p->bc = word_is(word, n, "bc");
        return STATUS_OK;
    }
    if (take_special(p, word, n))
        return STATUS_OK;
    return take_zone_name(p, word);
}

/* ---- numbers
 * ------------------------------------------------------------------------------------------------------
 */

static status take_time(struct parser *p, int64_t hour)
{
    struct civil *c = &p->out->civil;
    int64_t       v;
    int           digits;

    if (p->out->has_time)
        return bad_syntax(p);
    p->at++;
    if (!take_number(p, &v, &digits))
        return bad_syntax(p);
    c->hour = (int)hour;
    c->minute = (int)v;
    if (p->at < p->end && *p->at == ':') {
        p->at++;
        if (!take_number(p, &v, &digits))
            return bad_syntax(p);
        c->second = (int)v;
        if (p->at < p->end && *p->at == '.')
            c->us = (int)take_fraction(p);
    }
    if (hour > 24 || c->minute > 59 || c->second > 60 ||
        (hour == 24 && (c->minute > 0 || c->second > 0 || c->us > 0)))
        return bad_range(p);
    p->out->has_time = true;
    return STATUS_OK;
}

static int64_t full_year(int64_t v, int digits)
{
    return digits <= 2 ? v + (v < 70 ? 2000 : 1900) : v;
}

static status set_date(struct parser *p, int64_t year, int64_t month, int64_t day)
{
    if (p->out->has_date)
        return bad_syntax(p);
    p->out->civil.year = year;
    p->out->civil.month = (int)month;
    p->out->civil.day = (int)day;
    p->out->has_date = p->have_year = p->have_day = true;
    return STATUS_OK;
}

/* a-b-c with any of the three separators; b may be a month's name. */
static status take_date(struct parser *p, int64_t first, int first_digits)
{
    char            separator = *p->at++;
    int64_t         second, third;
    int             second_digits = 0, third_digits;
    bool            named = false;
    enum date_order order = p->c != NULL ? p->c->settings.date_order : DATE_ORDER_MDY;

    if (p->at < p->end && is_letter(*p->at)) {
        const char *word = p->at;

        while (p->at < p->end && is_letter(*p->at))
            p->at++;
        second = find_name(month_names, 12, word, (size_t)(p->at - word)) + 1;
        named = true;
        if (second == 0)
            return bad_syntax(p);
    } else if (!take_number(p, &second, &second_digits)) {
        return bad_syntax(p);
    }
    if (p->at >= p->end || *p->at != separator) {
        if (first_digits > 2 && !named && separator == '.' && second_digits == 3)
            return bad_syntax(p);
        return bad_syntax(p);
    }
    p->at++;
    if (!take_number(p, &third, &third_digits))
        return bad_syntax(p);
    if (first_digits > 2)
        return set_date(p, first, second, third);
    if (named && third_digits <= 2 && order == DATE_ORDER_YMD)
        return set_date(p, full_year(first, first_digits), second, third);
    if (named)
        return set_date(p, full_year(third, third_digits), second, first);
    p->day_first_hint = true;
    switch (order) {
    case DATE_ORDER_MDY:
        return set_date(p, full_year(third, third_digits), first, second);
    case DATE_ORDER_DMY:
        return set_date(p, full_year(third, third_digits), second, first);
    case DATE_ORDER_YMD:
        return set_date(p, full_year(first, first_digits), second, third);
    }
    UNREACHABLE();
}

/* Digits that stand alone: 20240131, 240131, 143000, or day and year beside a month's name. */
static status take_plain_number(struct parser *p, int64_t v, int digits)
{
    struct civil *c = &p->out->civil;

    if (p->month_word != 0 && !p->have_day && digits <= 2) {
        c->day = (int)v;
        p->have_day = true;
        return STATUS_OK;
    }
    if ((p->month_word != 0 || p->have_day) && !p->have_year) {
        c->year = full_year(v, digits);
        p->have_year = true;
        return STATUS_OK;
    }
    if (!p->out->has_date && digits == 8)
        return set_date(p, v / 10000, v / 100 % 100, v % 100);
    if (!p->out->has_date && digits == 6)
        return set_date(p, full_year(v / 10000, 2), v / 100 % 100, v % 100);
    if (p->out->has_date && !p->out->has_time && (digits == 6 || digits == 4)) {
        int64_t t = digits == 4 ? v * 100 : v;

        c->hour = (int)(t / 10000);
        c->minute = (int)(t / 100 % 100);
        c->second = (int)(t % 100);
        p->out->has_time = true;
        return c->hour > 24 || c->minute > 59 || c->second > 59 ? bad_range(p) : STATUS_OK;
    }
    if (!p->out->has_date && !p->have_day && digits <= 2) { /* "1 Jan 2024" */
        c->day = (int)v;
        p->have_day = true;
        return STATUS_OK;
    }
    return bad_syntax(p);
}

static status take_digits(struct parser *p)
{
    int64_t v;
    int     digits;
    char    next;

    take_number(p, &v, &digits);
    next = p->at < p->end ? *p->at : '\0';
    if (next == ':')
        return take_time(p, v);
    if (!p->out->has_date && (next == '-' || next == '/' || next == '.') && p->at + 1 < p->end &&
        (is_digit(p->at[1]) || is_letter(p->at[1])))
        return take_date(p, v, digits);
    return take_plain_number(p, v, digits);
}

/* "+02", "-0330", "+05:30:00" behind a time. */
static status take_offset(struct parser *p)
{
    int     sign = *p->at++ == '-' ? -1 : 1, digits;
    int64_t hours, minutes = 0, seconds = 0;

    if (p->at < p->end && is_letter(*p->at)) { /* -infinity */
        const char *word = p->at;

        while (p->at < p->end && is_letter(*p->at))
            p->at++;
        if (!word_is(word, (size_t)(p->at - word), "infinity") &&
            !word_is(word, (size_t)(p->at - word), "inf"))
            return bad_syntax(p);
        p->out->special = sign < 0 ? SPECIAL_NEG_INFINITY : SPECIAL_INFINITY;
        return STATUS_OK;
    }
    if (!take_number(p, &hours, &digits) || p->out->has_zone)
        return bad_syntax(p);
    if (digits > 2) {
        minutes = hours % 100;
        hours /= 100;
    } else if (p->at < p->end && *p->at == ':') {
        p->at++;
        if (!take_number(p, &minutes, &digits))
            return bad_syntax(p);
        if (p->at < p->end && *p->at == ':') {
            p->at++;
            if (!take_number(p, &seconds, &digits))
                return bad_syntax(p);
        }
    }
    if (hours > 15 || minutes > 59 || seconds > 59)
        return status_new(ST_INVALID_TIME_ZONE, "time zone displacement out of range: \"%.*s\"",
                          SLICE_FMT(p->text));
    p->out->zone_s = sign * (int32_t)(hours * 3600 + minutes * 60 + seconds);
    p->out->has_zone = true;
    return STATUS_OK;
}

static status finish(struct parser *p)
{
    struct civil *c = &p->out->civil;

    if (p->out->special != SPECIAL_NONE)
        return STATUS_OK;
    if (p->month_word != 0 && !p->out->has_date) {
        if (!p->have_day || !p->have_year)
            return bad_syntax(p);
        c->month = p->month_word;
        p->out->has_date = true;
    } else if (p->have_day && !p->out->has_date) {
        return bad_syntax(p);
    }
    if (p->bc) {
        if (c->year <= 0)
            return bad_range(p);
        c->year = 1 - c->year;
    } else if (p->out->has_date && p->have_year && c->year == 0) {
        return bad_range(p);
    }
    if (p->out->has_date && (c->month < 1 || c->month > 12))
        return bad_range(p);
    if (p->out->has_date && (c->day < 1 || c->day > days_in_month(c->year, c->month))) {
        p->day_first_hint = p->day_first_hint && c->day > 31;
        return bad_range(p);
    }
    if ((p->am || p->pm) && (c->hour < 1 || c->hour > 12))
        return bad_range(p);
    if (p->am && c->hour == 12)
        c->hour = 0;
    if (p->pm && c->hour != 12)
        c->hour += 12;
    return p->out->has_date || p->out->has_time ? STATUS_OK : bad_syntax(p);
}

status datetime_parse(struct sql_context *c, const char *type, slice text,
                      struct datetime_text *out)
{
    struct parser p = {.c = c,
                       .type = type,
                       .text = text,
                       .at = text.data,
                       .end = text.data + text.size,
                       .out = out};

    *out = (struct datetime_text){.special = SPECIAL_NONE};
    while (p.at < p.end) {
        char ch = *p.at;

        if (ch == ' ' || ch == ',' || (ch >= '\t' && ch <= '\r'))
            p.at++;
        else if (is_digit(ch))
            TRY_RETURN(take_digits(&p));
        else if (is_letter(ch))
            TRY_RETURN(take_word(&p));
        else if (ch == '+' || ch == '-')
            TRY_RETURN(take_offset(&p));
        else
            return bad_syntax(&p);
    }
    return finish(&p);
}

/* ---- intervals
 * -------------------------------------------------------------------------------------------------------
 */

struct unit {
    const char *names; /* blank-separated, each also with a trailing s where that is usual */
    int32_t     months;
    int32_t     days;
    int64_t     us;
};

static const struct unit units[] = {
    {" microsecond microseconds us usec usecs usecond useconds ", 0, 0, 1},
    {" millisecond milliseconds ms msec msecs msecond mseconds ", 0, 0, 1000},
    {" second seconds s sec secs ", 0, 0, US_PER_SECOND},
    {" minute minutes m min mins ", 0, 0, US_PER_MINUTE},
    {" hour hours h hr hrs ", 0, 0, US_PER_HOUR},
    {" day days d ", 0, 1, 0},
    {" week weeks w ", 0, 7, 0},
    {" month months mon mons ", 1, 0, 0},
    {" quarter quarters qtr ", 3, 0, 0},
    {" year years y yr yrs ", 12, 0, 0},
    {" decade decades dec decs ", 120, 0, 0},
    {" century centuries c cent ", 1200, 0, 0},
    {" millennium millennia mil mils ", 12000, 0, 0},
};

static const struct unit *find_unit(const char *word, size_t n)
{
    char padded[32];

    if (n == 0 || n > sizeof padded - 3)
        return NULL;
    padded[0] = ' ';
    for (size_t i = 0; i < n; i++)
        padded[i + 1] = (char)(word[i] | 0x20);
    padded[n + 1] = ' ';
    padded[n + 2] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strstr(units[i].names, padded) != NULL)
            return &units[i];
    }
    return NULL;
}

struct span {
    struct parser p;
    double        months, days; /* whole, after spilling fractions downwards */
    int64_t       us;
    int32_t       fields;
    bool          overflow;
};

/* Amount times unit; what is left of a month is days of 30 to the month, of a day is time: as
 * PostgreSQL spills. */
static void span_add(struct span *s, double whole, double fraction, const struct unit *u)
{
    if (u->months != 0) {
        double months = fraction * u->months, rest;

        s->months += whole * u->months + (double)(int64_t)months;
        rest = (months - (double)(int64_t)months) * 30;
        s->days += (double)(int64_t)rest;
        s->us += (int64_t)((rest - (double)(int64_t)rest) * (double)US_PER_DAY);
    } else if (u->days != 0) {
        double days = fraction * u->days;

        s->days += whole * u->days + (double)(int64_t)days;
        s->us += (int64_t)((days - (double)(int64_t)days) * (double)US_PER_DAY);
    } else {
        double us = whole * (double)u->us;

        s->overflow = s->overflow || us > 9.2e18 || us < -9.2e18;
        if (!s->overflow) {
            double part = fraction * (double)u->us;

            s->overflow = !checked_add(
                s->us, (int64_t)us + (int64_t)(part + (part < 0 ? -0.5 : 0.5)), &s->us);
        }
    }
}

/* "[+-]12.5": whole and fractional part, both signed. */
static bool take_amount(struct parser *p, double *whole, double *fraction, bool *negative)
{
    const char *start;
    double      unit = 0.1;

    *negative = p->at < p->end && *p->at == '-';
    if (p->at < p->end && (*p->at == '-' || *p->at == '+'))
        p->at++;
    start = p->at;
    *whole = *fraction = 0;
    for (; p->at < p->end && is_digit(*p->at); p->at++)
        *whole = *whole * 10 + (*p->at - '0');
    if (p->at < p->end && *p->at == '.') {
        for (p->at++; p->at < p->end && is_digit(*p->at); p->at++, unit /= 10)
            *fraction += (*p->at - '0') * unit;
    }
    if (p->at == start)
        return false;
    if (*negative) {
        *whole = -*whole;
        *fraction = -*fraction;
    }
    return true;
}

/* hh:mm[:ss[.frac]] behind an amount that was the hours. */
static status span_time(struct span *s, double hours, bool negative)
{
    struct parser *p = &s->p;
    int64_t        minutes, seconds = 0, us = 0, total;
    int            digits;
    bool           short_form = true; /* no second colon */

    p->at++;
    if (!take_number(p, &minutes, &digits))
        return bad_syntax(p);
    if (p->at < p->end && *p->at == ':') {
        short_form = false;
        p->at++;
        if (!take_number(p, &seconds, &digits))
            return bad_syntax(p);
        if (p->at < p->end && *p->at == '.')
            us = take_fraction(p);
    }
    if (short_form && s->fields == (INTERVAL_MINUTE | INTERVAL_SECOND)) {
        if (p->at < p->end && *p->at == '.')
            us = take_fraction(p);
        seconds = minutes;
        minutes = (int64_t)hours;
        hours = 0;
    }
    if (minutes > 59 || seconds > 60)
        return status_new(ST_DATETIME_OVERFLOW, "interval field value out of range: \"%.*s\"",
                          SLICE_FMT(p->text));
    total = minutes * US_PER_MINUTE + seconds * US_PER_SECOND + us;
    s->us += negative ? -total : total;
    span_add(s, hours, 0, find_unit("h", 1));
    return STATUS_OK;
}

/* P1Y2M3DT4H5M6S; weeks are P4W. */
static status span_iso(struct span *s)
{
    struct parser *p = &s->p;
    bool           time = false;

    for (p->at++; p->at < p->end; p->at++) {
        static const char        date_letters[] = "YMWD", time_letters[] = "HMS";
        static const char *const date_units[] = {"y", "mon", "w", "d"}, *const time_units[] = {
                                                                            "h", "min", "s"};
        double      whole, fraction;
        bool        negative;
        const char *found;

        if (*p->at == 'T' && !time) {
            time = true;
            continue;
        }
        if (!take_amount(p, &whole, &fraction, &negative) || p->at == p->end)
            return bad_syntax(p);
        found = strchr(time ? time_letters : date_letters, *p->at);
        if (found == NULL || *p->at == '\0')
            return bad_syntax(p);
        {
            const char *unit =
                time ? time_units[found - time_letters] : date_units[found - date_letters];

            span_add(s, whole, fraction, find_unit(unit, strlen(unit)));
        }
    }
    return STATUS_OK;
}

/* What a bare number counts: days before a time, else the smallest field of the type. */
static const struct unit *bare_unit(const struct span *s)
{
    const struct parser *p = &s->p;
    const char          *unit = "s";

    if (memchr(p->at, ':', (size_t)(p->end - p->at)) != NULL)
        unit = "d";
    else if (s->fields == INTERVAL_YEAR)
        unit = "y";
    else if (s->fields < INTERVAL_DAY)
        unit = "mon";
    else if (s->fields < INTERVAL_HOUR)
        unit = "d";
    else if (s->fields < INTERVAL_MINUTE) /* '1 2' DAY TO HOUR: another number is the hours */
        unit = p->at < p->end ? "d" : "h";
    else if (s->fields < INTERVAL_SECOND)
        unit = "m";
    return find_unit(unit, strlen(unit));
}

static status span_part(struct span *s)
{
    struct parser *p = &s->p;
    double         whole, fraction;
    bool           negative;
    const char    *word;

    if (!take_amount(p, &whole, &fraction, &negative))
        return bad_syntax(p);
    if (p->at < p->end && *p->at == ':')
        return span_time(s, whole, negative);
    if (p->at < p->end && *p->at == '-' && p->at + 1 < p->end &&
        is_digit(p->at[1])) { /* SQL: years-months */
        int64_t months;
        int     digits;

        p->at++;
        take_number(p, &months, &digits);
        s->months += whole * 12 + (double)(negative ? -months : months);
        return STATUS_OK;
    }
    while (p->at < p->end && *p->at == ' ')
        p->at++;
    word = p->at;
    while (p->at < p->end && is_letter(*p->at))
        p->at++;
    if (p->at == word) {
        span_add(s, whole, fraction, bare_unit(s));
        return STATUS_OK;
    }
    {
        const struct unit *u = find_unit(word, (size_t)(p->at - word));

        if (u == NULL)
            return bad_syntax(p);
        span_add(s, whole, fraction, u);
    }
    return STATUS_OK;
}

status interval_parse(slice text, int32_t fields, struct interval *out)
{
    struct span s = {
        .fields = fields,
        .p = {.type = "interval", .text = text, .at = text.data, .end = text.data + text.size}};
    struct parser *p = &s.p;
    bool           ago = false, any = false;

    while (p->at < p->end) {
        if (*p->at == ' ' || *p->at == '@' || (*p->at >= '\t' && *p->at <= '\r')) {
            p->at++;
        } else if (*p->at == 'P' && !any) {
            TRY_RETURN(span_iso(&s));
            any = true;
        } else if (any && p->end - p->at >= 3 && strncasecmp(p->at, "ago", 3) == 0) {
            ago = true;
            p->at += 3;
        } else {
            TRY_RETURN(span_part(&s));
            any = true;
        }
    }
    if (!any)
        return bad_syntax(p);
    if (s.overflow || s.months > INT32_MAX || s.months < INT32_MIN || s.days > INT32_MAX ||
        s.days < INT32_MIN)
        return status_new(ST_DATETIME_OVERFLOW, "interval field value out of range: \"%.*s\"",
                          SLICE_FMT(text));
    *out = (struct interval){.us = s.us, .days = (int32_t)s.days, .months = (int32_t)s.months};
    if (ago)
        *out = (struct interval){.us = -out->us, .days = -out->days, .months = -out->months};
    return STATUS_OK;
}
