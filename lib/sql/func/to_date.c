/* to_date() and to_timestamp(text, text) (PostgreSQL 15, section 9.8): the text is read along the
 * template, then the fields are put together to a date. What is not given is 0001-01-01 BC 00:00.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"
#include "sql/func/date_template.h"
#include "sql/func/datetime.h"

enum { ITEM_SIZE = 64 };

/* A field that is 0 has not been set: PostgreSQL makes no difference between the two. */
struct fields {
    int  convention; /* enum date_convention */
    int  hh, pm, mi, ss, ssss, d, dd, ddd, mm, ms, year, bc, ww, w, cc, j, us;
    int  year_digits, fraction_digits, zone_sign, zone_hours, zone_minutes;
    bool twelve_hours;
};

struct reading {
    struct fn_call *call;
    const char     *at; /* in a text that ends with a zero byte */
    slice           text;
    const struct template *template;
    size_t                      position;
    const struct template_node *node;
    struct fields               f;
    bool                        fixed;   /* FX */
    int                         skipped; /* characters passed over beyond those of the template */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *next_character(const char *s)
{
    size_t n = utf8_size_of_first((uint8_t)*s);

    for (size_t i = 0; i < MAX(n, (size_t)1); i++) {
        if (s[i] == '\0')
            return s + i;
    }
    return s + MAX(n, (size_t)1);
}

static status set_field(struct reading *r, int *field, int v)
{
    if (*field != 0 && *field != v)
        return status_detail(status_new(ST_INVALID_DATETIME_FORMAT,
                                        "conflicting values for \"%s\" field in formatting string",
                                        r->node->pattern->text),
                             "This value contradicts a previous setting for the same field type.");
    *field = v;
    return STATUS_OK;
}

/* Does something else than digits follow in the template? Then a number takes all there are. */
static bool number_ends_by_itself(const struct reading *r)
{
    const struct template_node *next = r->node + 1;

    if (r->node->modifiers & (TEMPLATE_TH | TEMPLATE_FM))
        return true;
    if (r->position + 1 == r->template->count)
        return true;
    if (next->kind == TEMPLATE_PATTERN)
        return !next->pattern->is_digits;
    return !(next->text.size == 1 && is_digit(next->text.data[0]));
}

static status fixed_width_hint(status st, size_t size, const char *what, size_t found)
{
    return status_hint(
        status_detail(st, "Field requires %zu characters, but only %zu %s.", size, found, what),
        "If your source string is not fixed-width, try using the \"FM\" modifier.");
}

/* Exactly `size` characters. */
static status read_fixed_int(struct reading *r, size_t size, long *out)
{
    char        copy[ITEM_SIZE];
    size_t      n = strnlen(r->at, size);
    const char *name = r->node->pattern->text;
    char       *end;

    memcpy(copy, r->at, n);
    copy[n] = '\0';
    if (n < size)
        return fixed_width_hint(status_new(ST_INVALID_DATETIME_FORMAT,
                                           "source string too short for \"%s\" formatting field",
                                           name),
                                size, "remain", n);
    *out = strtol(copy, &end, 10);
    n = (size_t)(end - copy);
    if (n > 0 && n < size)
        return fixed_width_hint(
            status_new(ST_INVALID_DATETIME_FORMAT, "invalid value \"%s\" for \"%s\"", copy, name),
            size, "could be parsed", n);
    r->at += n;
    return STATUS_OK;
}

/* *read: how many characters that were; NULL when that does not matter. */
static status read_int_of(struct reading *r, size_t size, int *field, int *read)
{
    const char *start = r->at;
    char       *end, shown[ITEM_SIZE];
    long        v = 0;

    while (is_space(*r->at))
        r->at++;
    if (number_ends_by_itself(r)) {
        v = strtol(start, &end, 10);
        r->at = end;
    } else {
        TRY_RETURN(read_fixed_int(r, size, &v));
    }
    if (r->at == start) {
        snprintf(shown, sizeof shown, "%.*s", (int)size, start);
        return status_detail(status_new(ST_INVALID_DATETIME_FORMAT,
                                        "invalid value \"%s\" for \"%s\"", shown,
                                        r->node->pattern->text),
                             "Value must be an integer.");
    }
    if (v < INT_MIN || v > INT_MAX)
        return status_detail(status_new(ST_DATETIME_OVERFLOW,
                                        "value for \"%s\" in source string is out of range",
                                        r->node->pattern->text),
                             "Value must be in the range %d to %d.", INT_MIN, INT_MAX);
    if (field != NULL)
        TRY_RETURN(set_field(r, field, (int)v));
    if (read != NULL)
        *read = (int)(r->at - start);
    return STATUS_OK;
}

static void skip_ordinal(struct reading *r)
{
    if (!(r->node->modifiers & TEMPLATE_TH))
        return;
    r->at = next_character(r->at);
    r->at = next_character(r->at);
}

static status read_int(struct reading *r, int *field)
{
    TRY_RETURN(read_int_of(r, strlen(r->node->pattern->text), field, NULL));
    skip_ordinal(r);
    return STATUS_OK;
}

/* The first of the words that the text goes on with, letter case aside; `letters` of each. */
static status read_word(struct reading *r, const char *const *words, size_t count, size_t letters,
                        int *out)
{
    size_t shown = strcspn(r->at, " \t\n\r\f\v");

    for (size_t i = 0; i < count; i++) {
        size_t n = MIN(strlen(words[i]), letters);

        if (strncasecmp(r->at, words[i], n) == 0) {
            r->at += n;
            *out = (int)i;
            return STATUS_OK;
        }
    }
    return status_detail(status_new(ST_INVALID_DATETIME_FORMAT, "invalid value \"%.*s\" for \"%s\"",
                                    (int)shown, r->at, r->node->pattern->text),
                         "The given value did not match any of the allowed values for this field.");
}

static status read_half_of_day(struct reading *r, bool dots)
{
    static const char *const words[2][4] = {{"AM", "PM"}, {"A.M.", "P.M."}};
    int                      v;

    TRY_RETURN(read_word(r, words[dots], 2, SIZE_MAX, &v));
    r->f.twelve_hours = true;
    return set_field(r, &r->f.pm, v);
}

static status read_era(struct reading *r, bool dots)
{
    static const char *const words[2][2] = {{"AD", "BC"}, {"A.D.", "B.C."}};
    int                      v;

    TRY_RETURN(read_word(r, words[dots], 2, SIZE_MAX, &v));
    return set_field(r, &r->f.bc, v);
}

static status read_month_name(struct reading *r, size_t letters)
{
    int v;

    TRY_RETURN(read_word(r, month_names, 12, letters, &v));
    return set_field(r, &r->f.mm, v + 1);
}

static status read_weekday(struct reading *r, size_t letters)
{
    int v;

    TRY_RETURN(read_word(r, day_names, 7, letters, &v));
    TRY_RETURN(set_field(r, &r->f.d, v));
    r->f.d++;
    return STATUS_OK;
}

/* 25 of three digits is 250: what is read is a fraction. */
static status read_fraction(struct reading *r, size_t digits, int *field)
{
    int read;

    TRY_RETURN(read_int_of(r, digits, field, &read));
    for (size_t i = (size_t)read; i < (field == &r->f.ms ? 3U : 6U); i++)
        *field = (int)((unsigned)*field * 10U);
    skip_ordinal(r);
    return STATUS_OK;
}

/* Years of fewer than four digits are those nearest to 2020. */
static int near_2020(int year)
{
    if (year < 70)
        return year + 2000;
    if (year < 100)
        return year + 1900;
    if (year < 520)
        return year + 2000;
    return year < 1000 ? year + 1000 : year;
}

static status read_year(struct reading *r, int digits)
{
    int read;

    TRY_RETURN(read_int_of(r, strlen(r->node->pattern->text), &r->f.year, &read));
    if (digits < 4 && read < 4)
        r->f.year = near_2020(r->f.year);
    r->f.year_digits = digits;
    skip_ordinal(r);
    return STATUS_OK;
}

static status read_year_with_comma(struct reading *r)
{
    int millennia, years, size = 0;

    if (sscanf(r->at, "%9d,%03d%n", &millennia, &years, &size) < 2 || millennia > 2000000 ||
        millennia < -2000000)
        return status_new(ST_INVALID_DATETIME_FORMAT, "invalid input string for \"Y,YYY\"");
    TRY_RETURN(set_field(r, &r->f.year, millennia * 1000 + years));
    r->f.year_digits = 4;
    r->at += size;
    skip_ordinal(r);
    return STATUS_OK;
}

/* A minus before the hours may have been passed over as a separator. */
static status read_zone_hours(struct reading *r)
{
    if (*r->at == '+' || *r->at == '-' || *r->at == ' ')
        r->f.zone_sign = *r->at++ == '-' ? -1 : 1;
    else
        r->f.zone_sign = r->skipped > 0 && r->at[-1] == '-' ? -1 : 1;
    return read_int_of(r, 2, &r->f.zone_hours, NULL);
}

static status read_iso_weekday(struct reading *r)
{
    TRY_RETURN(read_int_of(r, 1, &r->f.d, NULL));
    r->f.d = r->f.d >= 7 || r->f.d == INT_MAX ? 1 : r->f.d + 1; /* Sunday is 1 here */
    skip_ordinal(r);
    return STATUS_OK;
}

static status read_sized(struct reading *r, size_t size, int *field)
{
    TRY_RETURN(read_int_of(r, size, field, NULL));
    skip_ordinal(r);
    return STATUS_OK;
}

static status read_roman_month(struct reading *r)
{
    int v;

    TRY_RETURN(read_word(r, roman_months, 12, SIZE_MAX, &v));
    return set_field(r, &r->f.mm, 12 - v);
}

static status only_in_to_char(const struct reading *r)
{
    return status_new(ST_FEATURE_NOT_SUPPORTED,
                      "formatting field \"%s\" is only supported in to_char",
                      r->node->pattern->text);
}

static status read_pattern(struct reading *r)
{
    struct fields    *f = &r->f;
    enum date_pattern p = r->node->pattern->id;

    switch (p) {
    case D_FX:
        r->fixed = true;
        return STATUS_OK;
    case D_AM:
    case D_AM_DOTS:
        return read_half_of_day(r, p == D_AM_DOTS);
    case D_HH12:
        f->twelve_hours = true;
        return read_sized(r, 2, &f->hh);
    case D_HH24:
        return read_sized(r, 2, &f->hh);
    case D_MI:
        return read_int(r, &f->mi);
    case D_SS:
        return read_int(r, &f->ss);
    case D_MS:
        return read_fraction(r, 3, &f->ms);
    case D_FF1:
    case D_FF2:
    case D_FF3:
    case D_FF4:
    case D_FF5:
    case D_FF6:
        f->fraction_digits = (int)(p - D_FF1) + 1;
        return read_fraction(r, (size_t)(p - D_FF1) + 1, &f->us);
    case D_US:
        return read_fraction(r, 6, &f->us);
    case D_SSSS:
        return read_int(r, &f->ssss);
    case D_TZ:
    case D_OF:
        return only_in_to_char(r);
    case D_TZH:
        return read_zone_hours(r);
    case D_TZM:
        f->zone_sign = f->zone_sign == 0 ? 1 : f->zone_sign;
        return read_int_of(r, 2, &f->zone_minutes, NULL);
    case D_AD:
    case D_AD_DOTS:
        return read_era(r, p == D_AD_DOTS);
    case D_MONTH:
    case D_MON:
        return read_month_name(r, p == D_MON ? 3 : SIZE_MAX);
    case D_MM:
        return read_int(r, &f->mm);
    case D_DAY:
    case D_DY:
        return read_weekday(r, p == D_DY ? 3 : SIZE_MAX);
    case D_DDD:
        return read_int(r, &f->ddd);
    case D_IDDD:
        return read_sized(r, 3, &f->ddd);
    case D_DD:
        return read_int(r, &f->dd);
    case D_D:
        return read_int(r, &f->d);
    case D_ID:
        return read_iso_weekday(r);
    case D_WW:
    case D_IW:
        return read_int(r, &f->ww);
    case D_Q: /* which month that is nobody knows */
        return read_int(r, NULL);
    case D_CC:
        return read_int(r, &f->cc);
    case D_Y_YYY:
        return read_year_with_comma(r);
    case D_YYYY:
    case D_IYYY:
        return read_year(r, 4);
    case D_YYY:
    case D_IYY:
        return read_year(r, 3);
    case D_YY:
    case D_IY:
        return read_year(r, 2);
    case D_Y:
    case D_I:
        return read_year(r, 1);
    case D_RM:
        return read_roman_month(r);
    case D_W:
        return read_int(r, &f->w);
    case D_J:
        return read_int(r, &f->j);
    }
    return STATUS_OK;
}

static void skip_spaces(struct reading *r)
{
    for (; is_space(*r->at); r->at++)
        r->skipped++;
}

static void pass_over(struct reading *r)
{
    if (r->fixed) {
        r->at = next_character(r->at);
    } else if (r->node->kind != TEMPLATE_TEXT) { /* at most one space or separator */
        r->skipped--;
        if (is_space(*r->at) || template_is_separator(*r->at)) {
            r->at++;
            r->skipped++;
        }
    } else if (r->skipped > 0) { /* what was passed over may have stood for it */
        r->skipped--;
    } else {
        r->at = next_character(r->at);
    }
}

static status check_convention(struct reading *r)
{
    int wanted = r->node->pattern->convention;

    if (wanted == DATE_ANY || r->f.convention == DATE_ANY || r->f.convention == wanted) {
        r->f.convention = wanted == DATE_ANY ? r->f.convention : wanted;
        return STATUS_OK;
    }
    return status_hint(
        status_new(ST_INVALID_DATETIME_FORMAT, "invalid combination of date conventions"),
        "Do not mix Gregorian and ISO week date conventions in a formatting template.");
}

static status read_fields(struct reading *r)
{
    for (r->position = 0; r->position < r->template->count && *r->at != '\0'; r->position++) {
        bool is_pattern;

        r->node = &r->template->nodes[r->position];
        is_pattern = r->node->kind == TEMPLATE_PATTERN;
        if (!r->fixed && !(is_pattern && r->node->pattern->id == D_FX) &&
            (is_pattern || r->position == 0))
            skip_spaces(r);
        if (!is_pattern) {
            pass_over(r);
            continue;
        }
        TRY_RETURN(check_convention(r));
        TRY_RETURN(read_pattern(r));
        if (!r->fixed) {
            r->skipped = 0;
            skip_spaces(r);
        }
    }
    return STATUS_OK;
}

/* ---- the date of the fields -------------------------------------------------------------------
 */

struct made_date {
    int64_t year; /* astronomical */
    int     month, day;
    bool    has_year, has_month, has_day;
};

/* Days of YY in a century; the 21st runs from 2001 to 2100, the sixth BC from 600 to 501. */
static int64_t year_in_century(const struct fields *f)
{
    int64_t cc = f->bc ? -(int64_t)f->cc : f->cc, year = f->year % 100;

    if (year == 0)
        return cc * 100 + (cc >= 0 ? 0 : 1);
    return cc >= 0 ? year + (cc - 1) * 100 : (cc + 1) * 100 - year + 1;
}

static void make_year(const struct fields *f, struct made_date *d)
{
    int64_t cc = f->bc ? -(int64_t)f->cc : f->cc;

    d->has_year = f->year != 0 || f->cc != 0;
    if (f->year != 0 && f->cc != 0 && f->year_digits <= 2) {
        d->year = year_in_century(f);
    } else if (f->year != 0) {
        d->year = f->bc ? -(int64_t)f->year : f->year;
        d->year += d->year < 0;
    } else if (f->cc != 0) {
        d->year = cc >= 0 ? (cc - 1) * 100 + 1 : cc * 100 + 1;
    }
}

static void set_days(struct made_date *d, int64_t days)
{
    struct civil c;

    days_to_civil(days, &c);
    *d = (struct made_date){.year = c.year,
                            .month = c.month,
                            .day = c.day,
                            .has_year = true,
                            .has_month = true,
                            .has_day = true};
}

/* Monday of week 1 of an ISO year: the week of 4 January. */
static int64_t iso_year_start(int64_t year)
{
    int64_t fourth = civil_to_days(year, 1, 4);

    return fourth - (day_of_week(fourth) + 6) % 7;
}

static void make_iso_week(const struct fields *f, struct made_date *d)
{
    int64_t days = iso_year_start(d->year) + ((int64_t)f->ww - 1) * 7;

    if (f->d != 0)
        days += f->d > 1 ? f->d - 2 : 6;
    set_days(d, days);
}

static status make_from_day_of_year(const struct fields *f, int64_t ddd, struct made_date *d)
{
    struct civil c;

    if (d->year == 0 && !f->bc)
        return status_new(ST_INVALID_DATETIME_FORMAT,
                          "cannot calculate day of year without year information");
    if (f->convention == DATE_ISO_WEEK) {
        set_days(d, iso_year_start(d->year) + ddd - 1);
        return STATUS_OK;
    }
    days_to_civil(civil_to_days(d->year, 1, 1) + ddd - 1, &c);
    if (c.year != d->year) { /* beyond the year: no month of it has such a day */
        c.month = ddd > 0 ? 13 : 1;
        c.day = 0;
    }
    if (d->month <= 1)
        d->month = c.month;
    if (d->day <= 1)
        d->day = c.day;
    d->has_month = d->has_day = true;
    return STATUS_OK;
}

static status make_date(const struct fields *f, struct made_date *d)
{
    int64_t ddd = f->ddd, dd = f->dd;

    *d = (struct made_date){.month = 1, .day = 1};
    make_year(f, d);
    if (f->j != 0)
        set_days(d, (int64_t)f->j + DATE_MIN);
    if (f->ww != 0 && f->convention == DATE_ISO_WEEK)
        make_iso_week(f, d);
    else if (f->ww != 0)
        ddd = ((int64_t)f->ww - 1) * 7 + 1;
    if (f->w != 0)
        dd = ((int64_t)f->w - 1) * 7 + 1;
    if (dd != 0) {
        d->day = (int)MAX(MIN(dd, (int64_t)1000), (int64_t)-1000);
        d->has_day = true;
    }
    if (f->mm != 0) {
        d->month = f->mm;
        d->has_month = true;
    }
    return ddd != 0 && (d->month <= 1 || d->day <= 1) ? make_from_day_of_year(f, ddd, d)
                                                      : STATUS_OK;
}

static status out_of_range(const struct reading *r)
{
    return status_new(ST_DATETIME_OVERFLOW, "date/time field value out of range: \"%.*s\"",
                      SLICE_FMT(r->text));
}

/* Only a whole date is held against the length of its month. */
static bool is_date(const struct made_date *d)
{
    if (d->has_month && (d->month < 1 || d->month > 12))
        return false;
    if (d->has_day && (d->day < 1 || d->day > 31))
        return false;
    return !(d->has_year && d->has_month && d->has_day) ||
           d->day <= days_in_month(d->year, d->month);
}

static status make_time(struct reading *r, int64_t *out)
{
    const struct fields *f = &r->f;
    int                  hour = f->ssss / 3600, minute = f->ssss % 3600 / 60, second = f->ssss % 60;
    int64_t              us = (int64_t)f->ms * 1000 + f->us;

    second = f->ss != 0 ? f->ss : second;
    minute = f->mi != 0 ? f->mi : minute;
    hour = f->hh != 0 ? f->hh : hour;
    if (f->twelve_hours) {
        if (hour < 1 || hour > 12)
            return status_hint(status_new(ST_INVALID_DATETIME_FORMAT,
                                          "hour \"%d\" is invalid for the 12-hour clock", hour),
                               "Use the 24-hour clock, or give an hour between 1 and 12.");
        hour = hour % 12 + (f->pm ? 12 : 0);
    }
    *out = hour * US_PER_HOUR + minute * US_PER_MINUTE + second * US_PER_SECOND + us;
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 &&
                   us >= 0 && us < US_PER_SECOND
               ? STATUS_OK
               : out_of_range(r);
}

static status read_zone(const struct reading *r)
{
    const struct fields *f = &r->f;

    if (f->zone_sign == 0 ||
        (f->zone_hours >= 0 && f->zone_hours <= 15 && f->zone_minutes >= 0 && f->zone_minutes < 60))
        return STATUS_OK;
    return status_new(ST_INVALID_TIME_ZONE, "time zone displacement out of range: \"%.*s\"",
                      SLICE_FMT(r->text));
}

static status read_moment(struct fn_call *call, const datum *args, struct reading *r,
                          struct made_date *d, int64_t *time_us)
{
    char  *copy = arena_alloc(call->arena, args[0].s.size + 1);
    status st;

    memcpy(copy, args[0].s.data, args[0].s.size);
    copy[args[0].s.size] = '\0';
    *r = (struct reading){.call = call,
                          .at = copy,
                          .text = args[0].s,
                          .template = template_of_call(call, args[1].s, date_patterns, true)};
    TRY_RETURN(read_fields(r));
    st = make_time(r, time_us);
    /* An hour beyond its clock is found before the date, other times behind it. */
    if (status_code(st) == ST_INVALID_DATETIME_FORMAT)
        return st;
    st_clear(st);
    TRY_RETURN(make_date(&r->f, d));
    if (!is_date(d))
        return out_of_range(r);
    TRY_RETURN(make_time(r, time_us));
    return read_zone(r);
}

FN(to_timestamp)
{
    struct reading   r;
    struct made_date d;
    int64_t          time_us, days;
    int32_t          offset_s;

    TRY_RETURN(read_moment(call, args, &r, &d, &time_us));
    days = d.year > -5000 && d.year < 300000 ? civil_to_days(d.year, d.month, d.day) : INT32_MAX;
    if (days < DATE_MIN - 1 || days > TIMESTAMP_END / US_PER_DAY)
        return datetime_overflow("timestamp");
    out->i = civil_to_timestamp(&(struct civil){.year = d.year, .month = d.month, .day = d.day});
    if (out->i < TIMESTAMP_MIN || out->i >= TIMESTAMP_END)
        return datetime_overflow("timestamp");
    offset_s = r.f.zone_sign != 0 ? r.f.zone_sign * (r.f.zone_hours * 3600 + r.f.zone_minutes * 60)
                                  : time_zone_offset_local(zone_of(call), out->i + time_us);
    out->i += time_us - offset_s * US_PER_SECOND;
    if (r.f.fraction_digits != 0)
        out->i = us_round(out->i, r.f.fraction_digits);
    return timestamp_check_range(out->i);
}

FN(to_date)
{
    struct reading   r;
    struct made_date d;
    int64_t          time_us;

    TRY_RETURN(read_moment(call, args, &r, &d, &time_us));
    out->i = d.year > -5000 && d.year < 6000000 ? civil_to_days(d.year, d.month, d.day) : INT64_MAX;
    if (out->i >= DATE_MIN && out->i < DATE_END)
        return STATUS_OK;
    return status_new(ST_DATETIME_OVERFLOW, "date out of range: \"%.*s\"", SLICE_FMT(args[0].s));
}
