/* to_char() of timestamps, intervals and numbers (PostgreSQL 15, section 9.8). A template is read
 * from left to right; at each place the longest pattern that fits is taken, and what is no pattern
 * stands for itself. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "sql/func/implement.h"
#include "sql/types/calendar.h"
#include "sql/types/timezone.h"
#include "sql/types/type.h"

/* ---- dates
 * -------------------------------------------------------------------------------------------------------
 */

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const roman_months[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                           "VII", "VIII", "IX",  "X",  "XI", "XII"};

struct moment {
    struct civil c;
    int64_t      days;  /* of the date; meaningless for intervals */
    int64_t      hours; /* an interval's may pass 24 */
    bool         is_interval;
    int32_t      zone_s;
    const char  *zone_name;
};

enum letter_case { CASE_UPPER, CASE_LOWER, CASE_AS_IS };

static void put_word(struct buf *out, const char *word, enum letter_case letters, size_t length,
                     size_t pad_to)
{
    size_t n = length > 0 ? length : strlen(word);

    for (size_t i = 0; i < n; i++) {
        char c = word[i];

        if (letters == CASE_UPPER && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (letters == CASE_LOWER && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        buf_put_u8(out, (uint8_t)c);
    }
    for (; n < pad_to; n++)
        buf_put_u8(out, ' ');
}

static const char *ordinal(int64_t n)
{
    int64_t last = llabs(n) % 10, tens = llabs(n) / 10 % 10;

    if (tens == 1)
        return "th";
    return last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th";
}

/* A number with at least `digits` digits, unless FM; the sign comes on top. */
static void put_number(struct buf *out, int64_t v, int digits, bool fill_mode)
{
    buf_printf(out, "%s%0*lld", v < 0 ? "-" : "", fill_mode ? 1 : digits, llabs((long long)v));
}

enum date_kind {
    D_HH12,
    D_HH24,
    D_MI,
    D_SS,
    D_MS,
    D_US,
    D_SSSS,
    D_AM,
    D_AM_DOTS,
    D_YYYY_COMMA,
    D_YYYY,
    D_YYY,
    D_YY,
    D_Y,
    D_IYYY,
    D_IYY,
    D_IY,
    D_I,
    D_BC,
    D_MONTH,
    D_MON,
    D_MM,
    D_DAY,
    D_DY,
    D_DDD,
    D_IDDD,
    D_DD,
    D_D,
    D_ID,
    D_W,
    D_WW,
    D_IW,
    D_CC,
    D_J,
    D_Q,
    D_RM,
    D_TZ,
    D_OF,
    D_TZH,
    D_TZM,
    D_FF,
};

struct date_pattern {
    const char    *text; /* the longer of two with the same beginning first */
    enum date_kind kind;
    int            arg;
    bool           is_word; /* letter case of the template counts */
};

static const struct date_pattern date_patterns[] = {
    {"SSSSS", D_SSSS, 0, false},  {"SSSS", D_SSSS, 0, false},
    {"HH24", D_HH24, 0, false},   {"HH12", D_HH12, 0, false},
    {"HH", D_HH12, 0, false},     {"MI", D_MI, 0, false},
    {"SS", D_SS, 0, false},       {"MS", D_MS, 0, false},
    {"US", D_US, 0, false},       {"FF1", D_FF, 1, false},
    {"FF2", D_FF, 2, false},      {"FF3", D_FF, 3, false},
    {"FF4", D_FF, 4, false},      {"FF5", D_FF, 5, false},
    {"FF6", D_FF, 6, false},      {"A.M.", D_AM_DOTS, 0, true},
    {"P.M.", D_AM_DOTS, 0, true}, {"AM", D_AM, 0, true},
    {"PM", D_AM, 0, true},        {"Y,YYY", D_YYYY_COMMA, 0, false},
    {"IYYY", D_IYYY, 0, false},   {"IYY", D_IYY, 0, false},
    {"IY", D_IY, 0, false},       {"IDDD", D_IDDD, 0, false},
    {"ID", D_ID, 0, false},       {"IW", D_IW, 0, false},
    {"I", D_I, 0, false},         {"YYYY", D_YYYY, 0, false},
    {"YYY", D_YYY, 0, false},     {"YY", D_YY, 0, false},
    {"Y", D_Y, 0, false},         {"B.C.", D_BC, 1, true},
    {"A.D.", D_BC, 1, true},      {"BC", D_BC, 0, true},
    {"AD", D_BC, 0, true},        {"MONTH", D_MONTH, 0, true},
    {"MON", D_MON, 0, true},      {"MM", D_MM, 0, false},
    {"DAY", D_DAY, 0, true},      {"DY", D_DY, 0, true},
    {"DDD", D_DDD, 0, false},     {"DD", D_DD, 0, false},
    {"D", D_D, 0, false},         {"WW", D_WW, 0, false},
    {"W", D_W, 0, false},         {"CC", D_CC, 0, false},
    {"J", D_J, 0, false},         {"Q", D_Q, 0, false},
    {"RM", D_RM, 0, true},        {"TZH", D_TZH, 0, false},
    {"TZM", D_TZM, 0, false},     {"TZ", D_TZ, 0, true},
    {"OF", D_OF, 0, false},
};

static const struct date_pattern *find_date_pattern(slice t)
{
    for (size_t i = 0; i < ARRAY_LEN(date_patterns); i++) {
        size_t n = strlen(date_patterns[i].text);

        if (t.size >= n && strncasecmp(t.data, date_patterns[i].text, n) == 0)
            return &date_patterns[i];
    }
    return NULL;
}

/* "MONTH" upper, "month" lower, "Month" as it is. */
static enum letter_case case_of(slice t)
{
    bool first_lower = t.data[0] >= 'a' && t.data[0] <= 'z',
         second_lower = t.size > 1 && t.data[1] >= 'a' && t.data[1] <= 'z';

    return first_lower ? CASE_LOWER : second_lower ? CASE_AS_IS : CASE_UPPER;
}

/* 1 BC is the year 0 of the arithmetic. */
static long long year_of_era(int64_t year)
{
    return year > 0 ? year : 1 - year;
}

static void put_year_digits(struct buf *out, int64_t year, int digits, bool fill_mode)
{
    static const int64_t powers[] = {1, 10, 100, 1000};
    int64_t              y = year_of_era(year);

    put_number(out, digits < 4 ? y % powers[digits] : y, digits, fill_mode);
}

static void put_zone(struct buf *out, int32_t s)
{
    buf_printf(out, "%c%02d", s < 0 ? '-' : '+', abs(s) / 3600);
    if (abs(s) / 60 % 60 != 0)
        buf_printf(out, ":%02d", abs(s) / 60 % 60);
}

static int64_t century(int64_t year)
{
    return year > 0 ? (year + 99) / 100 : (year - 100) / 100;
}

static void put_date_part(const struct moment *m, const struct date_pattern *p, slice t, bool fm,
                          struct buf *out, int64_t *number)
{
    static const int64_t us_units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    const struct civil  *c = &m->c;
    enum letter_case     letters = case_of(t);
    int64_t              iso_year = 0;
    int                  week = 0, dow = m->is_interval ? 0 : day_of_week(m->days);
    int64_t              v = INT64_MIN;
    int                  digits = 2;

    if (!m->is_interval)
        iso_week(m->days, &iso_year, &week);
    switch (p->kind) {
    case D_HH12:
        v = m->hours % 12 == 0 ? 12 : m->hours % 12;
        break;
    case D_HH24:
        v = m->hours;
        break;
    case D_MI:
        v = c->minute;
        break;
    case D_SS:
        v = c->second;
        break;
    case D_MS:
        v = c->us / 1000;
        digits = 3;
        break;
    case D_US:
        v = c->us;
        digits = 6;
        break;
    case D_FF:
        buf_printf(out, "%0*lld", p->arg, (long long)(c->us / us_units[p->arg]));
        return;
    case D_SSSS:
        v = m->hours * 3600 + c->minute * 60 + c->second;
        digits = 1;
        break;
    case D_AM:
        put_word(out, m->hours % 24 < 12 ? "AM" : "PM", letters, 0, 0);
        return;
    case D_AM_DOTS:
        put_word(out, m->hours % 24 < 12 ? "A.M." : "P.M.", letters, 0, 0);
        return;
    case D_YYYY_COMMA:
        buf_printf(out, "%lld,%03lld", year_of_era(c->year) / 1000, year_of_era(c->year) % 1000);
        return;
    case D_YYYY:
    case D_YYY:
    case D_YY:
    case D_Y:
        put_year_digits(out, m->is_interval ? MAX(c->year, (int64_t)1) : c->year,
                        4 - (int)(p->kind - D_YYYY), fm);
        *number = c->year;
        return;
    case D_IYYY:
    case D_IYY:
    case D_IY:
    case D_I:
        put_year_digits(out, iso_year, 4 - (int)(p->kind - D_IYYY), fm);
        *number = iso_year;
        return;
    case D_BC:
        put_word(out,
                 p->arg        ? (c->year > 0 ? "A.D." : "B.C.")
                 : c->year > 0 ? "AD"
                               : "BC",
                 letters, 0, 0);
        return;
    case D_MONTH:
        if (c->month > 0)
            put_word(out, month_names[c->month - 1], letters, 0, fm ? 0 : 9);
        return;
    case D_MON:
        if (c->month > 0)
            put_word(out, month_names[c->month - 1], letters, 3, 0);
        return;
    case D_MM:
        v = c->month;
        break;
    case D_DAY:
        put_word(out, day_names[dow], letters, 0, fm ? 0 : 9);
        return;
    case D_DY:
        put_word(out, day_names[dow], letters, 3, 0);
        return;
    case D_DDD:
        v = m->is_interval ? c->day : day_of_year(m->days);
        digits = 3;
        break;
    case D_IDDD:
        v = (week - 1) * 7 + (dow + 6) % 7 + 1;
        digits = 3;
        break;
    case D_DD:
        v = c->day;
        break;
    case D_D:
        v = dow + 1;
        digits = 1;
        break;
    case D_ID:
        v = (dow + 6) % 7 + 1;
        digits = 1;
        break;
    case D_W:
        v = (c->day - 1) / 7 + 1;
        digits = 1;
        break;
    case D_WW:
        v = (day_of_year(m->days) - 1) / 7 + 1;
        break;
    case D_IW:
        v = week;
        break;
    case D_CC:
        v = century(c->year);
        break;
    case D_J:
        v = m->days - DATE_MIN;
        digits = 1;
        break;
    case D_Q:
        v = (c->month - 1) / 3 + 1;
        digits = 1;
        break;
    case D_RM:
        if (c->month > 0)
            put_word(out, roman_months[c->month - 1], letters, 0, fm ? 0 : 4);
        return;
    case D_TZ:
        put_word(out, m->zone_name, letters == CASE_LOWER ? CASE_LOWER : CASE_AS_IS, 0, 0);
        return;
    case D_OF:
        put_zone(out, m->zone_s);
        return;
    case D_TZH:
        buf_printf(out, "%c%02d", m->zone_s < 0 ? '-' : '+', abs(m->zone_s) / 3600);
        return;
    case D_TZM:
        buf_printf(out, "%02d", abs(m->zone_s) / 60 % 60);
        return;
    }
    put_number(out, v, digits, fm);
    *number = v;
}

/* What stands between patterns: "quoted" text loses its quotes, a backslash within it keeps the
 * next character. */
static slice put_literal(slice t, struct buf *out)
{
    if (t.data[0] != '"') {
        buf_put_u8(out, (uint8_t)t.data[0]);
        return slice_from(t, 1);
    }
    for (t = slice_from(t, 1); t.size > 0 && t.data[0] != '"'; t = slice_from(t, 1)) {
        if (t.data[0] == '\\' && t.size > 1)
            t = slice_from(t, 1);
        buf_put_u8(out, (uint8_t)t.data[0]);
    }
    return slice_from(t, 1);
}

static void format_moment(const struct moment *m, slice t, struct buf *out)
{
    bool fm = false;

    while (t.size > 0) {
        const struct date_pattern *p;
        int64_t                    number = INT64_MIN;

        if (t.size >= 2 &&
            (strncasecmp(t.data, "FM", 2) == 0 || strncasecmp(t.data, "FX", 2) == 0 ||
             strncasecmp(t.data, "TM", 2) == 0)) {
            fm = fm || strncasecmp(t.data, "FM", 2) == 0;
            t = slice_from(t, 2);
            continue;
        }
        p = find_date_pattern(t);
        if (p == NULL) {
            t = put_literal(t, out);
            continue;
        }
        put_date_part(m, p, t, fm, out, &number);
        fm = false;
        t = slice_from(t, strlen(p->text));
        if (t.size >= 2 && number != INT64_MIN && strncasecmp(t.data, "TH", 2) == 0) {
            put_word(out, ordinal(number), t.data[0] == 'T' ? CASE_UPPER : CASE_LOWER, 0, 0);
            t = slice_from(t, 2);
        }
    }
}

static status give(struct fn_call *call, struct buf *b, datum *out)
{
    out->s = arena_copy(call->arena, buf_slice(b));
    buf_deinit(b);
    return STATUS_OK;
}

static status timestamp_to_text(struct fn_call *call, int64_t local, int32_t zone_s,
                                const char *zone_name, slice t, datum *out)
{
    struct moment m = {.zone_s = zone_s, .zone_name = zone_name};
    struct buf    b;

    timestamp_to_civil(local, &m.c);
    m.days = civil_to_days(m.c.year, m.c.month, m.c.day);
    m.hours = m.c.hour;
    buf_init(&b, arena_heap(call->arena));
    format_moment(&m, t, &b);
    return give(call, &b, out);
}

FN(timestamp_to_char)
{
    *null = args[1].s.size == 0 || !TIMESTAMP_IS_FINITE(args[0].i);
    return *null ? STATUS_OK : timestamp_to_text(call, args[0].i, 0, "", args[1].s, out);
}

FN(timestamptz_to_char)
{
    const struct time_zone *tz = call->context != NULL ? call->context->settings.time_zone : NULL;
    const char             *name = "";
    int32_t                 offset;

    *null = args[1].s.size == 0 || !TIMESTAMP_IS_FINITE(args[0].i);
    if (*null)
        return STATUS_OK;
    offset = time_zone_offset_at(tz, args[0].i, &name);
    return timestamp_to_text(call, args[0].i + offset * US_PER_SECOND, offset, name, args[1].s,
                             out);
}

FN(interval_to_char)
{
    struct interval i = args[0].iv;
    struct moment   m = {.is_interval = true, .zone_name = ""};
    struct buf      b;

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
    buf_init(&b, arena_heap(call->arena));
    format_moment(&m, args[1].s, &b);
    return give(call, &b, out);
}

/* ---- numbers
 * --------------------------------------------------------------------------------------------------------
 */

/* What a template asks for, counted before anything is printed. */
struct number_format {
    int  before, after; /* digit places before and behind the point */
    int  zero_from;     /* place from the left where a 0 makes zeros print; -1: none */
    bool point, fm, sign_s, sign_s_after, mi, mi_after, pl, pr, roman, exponent;
    int  multiply; /* V: places */
};

static bool starts(slice t, const char *word)
{
    return t.size >= strlen(word) && strncasecmp(t.data, word, strlen(word)) == 0;
}

static void read_template(slice t, struct number_format *f)
{
    *f = (struct number_format){.zero_from = -1};
    while (t.size > 0) {
        bool behind = f->point || f->multiply > 0;

        if (t.data[0] == '9' || t.data[0] == '0') {
            if (t.data[0] == '0' && !behind && f->zero_from < 0)
                f->zero_from = f->before;
            if (f->point)
                f->after++;
            else if (f->multiply > 0)
                f->multiply++;
            else
                f->before++;
        } else if (t.data[0] == '.' || t.data[0] == 'D' || t.data[0] == 'd') {
            f->point = true;
        } else if (t.data[0] == 'V' || t.data[0] == 'v') {
            f->multiply = 1; /* counts from 1, so that it is not 0 */
        } else if (starts(t, "FM")) {
            f->fm = true;
        } else if (t.data[0] == 'S' || t.data[0] == 's') {
            f->sign_s = true;
            f->sign_s_after = f->before > 0 || f->point;
        } else if (starts(t, "MI")) {
            f->mi = true;
            f->mi_after = f->before > 0 || f->point;
        } else if (starts(t, "PL")) {
            f->pl = true;
        } else if (starts(t, "PR")) {
            f->pr = true;
        } else if (starts(t, "RN")) {
            f->roman = true;
        } else if (starts(t, "EEEE")) {
            f->exponent = true;
        }
        t = slice_from(t, starts(t, "EEEE") ? 4
                          : starts(t, "FM") || starts(t, "MI") || starts(t, "PL") ||
                                  starts(t, "PR") || starts(t, "RN") || starts(t, "TH")
                              ? 2
                              : 1);
    }
}

static void put_roman(int64_t n, bool fm, bool lower, struct buf *out)
{
    static const struct {
        int         value;
        const char *text;
    } numerals[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                    {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                    {5, "V"},    {4, "IV"},   {1, "I"}};
    char   text[32] = "";
    size_t n_text = 0;

    if (n < 1 || n > 3999) {
        buf_append_cstr(out, "###############");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(numerals); i++) {
        for (; n >= numerals[i].value; n -= numerals[i].value) {
            memcpy(text + n_text, numerals[i].text, strlen(numerals[i].text));
            n_text += strlen(numerals[i].text);
        }
    }
    for (size_t i = n_text; !fm && i < 15; i++)
        buf_put_u8(out, ' ');
    put_word(out, text, lower ? CASE_LOWER : CASE_AS_IS, n_text, 0);
}

/* The number's digits, rounded to the template's places: "123" and "45" of 123.45, without its
 * sign. */
struct number_text {
    bool negative, special; /* special: NaN or infinite */
    char whole[400], fraction[400];
    int  whole_digits;
};

/* Print the sign-padded digits along the template. */
static void put_along(slice t, const struct number_format *f, const struct number_text *n,
                      struct buf *out)
{
    int  place = 0, behind = 0;
    int  skip = f->before - n->whole_digits; /* leading places without a digit */
    bool overflow = skip < 0, printed = false, point_passed = false, sign_done = false;
    int  last_fraction = (int)strlen(n->fraction);

    while (f->fm && last_fraction > 0 && n->fraction[last_fraction - 1] == '0')
        last_fraction--;
    while (t.size > 0) {
        char   c = t.data[0];
        size_t step = 1;

        if (c == '9' || c == '0') {
            bool show;

            if (point_passed) {
                if (overflow)
                    buf_put_u8(out, '#');
                else if (behind < last_fraction || (c == '0'))
                    buf_put_u8(
                        out,
                        (uint8_t)(behind < (int)strlen(n->fraction) ? n->fraction[behind] : '0'));
                behind++;
                t = slice_from(t, 1);
                continue;
            }
            show = place >= skip || (f->zero_from >= 0 && place >= f->zero_from);
            if (show && !sign_done && !f->sign_s_after && !f->mi && !f->pr) {
                if (n->negative)
                    buf_put_u8(out, '-');
                else if (f->sign_s)
                    buf_put_u8(out, '+');
                else if (!f->fm)
                    buf_put_u8(out, ' ');
                sign_done = true;
            } else if (show && !sign_done && f->pr) {
                if (n->negative)
                    buf_put_u8(out, '<');
                else if (!f->fm)
                    buf_put_u8(out, ' ');
                sign_done = true;
            }
            if (overflow)
                buf_put_u8(out, '#');
            else if (place >= skip)
                buf_put_u8(out, (uint8_t)n->whole[place - skip]);
            else if (show)
                buf_put_u8(out, '0');
            else if (!f->fm)
                buf_put_u8(out, ' ');
            printed = printed || show;
            place++;
        } else if (c == ',' || c == 'G' || c == 'g') {
            if (printed)
                buf_put_u8(out, ',');
            else if (!f->fm)
                buf_put_u8(out, ' ');
        } else if (c == '.' || c == 'D' || c == 'd') {
            if (!sign_done && !f->sign_s_after && !f->mi && !f->pr) {
                if (n->negative)
                    buf_put_u8(out, '-');
                else if (f->sign_s)
                    buf_put_u8(out, '+');
                else if (!f->fm)
                    buf_put_u8(out, ' ');
                sign_done = true;
            }
            buf_put_u8(out, '.');
            point_passed = true;
        } else if (starts(t, "FM")) {
            step = 2;
        } else if (starts(t, "MI")) {
            if (n->negative)
                buf_put_u8(out, '-');
            else if (!f->fm)
                buf_put_u8(out, ' ');
            step = 2;
        } else if (starts(t, "PL")) {
            buf_put_u8(out, n->negative ? ' ' : '+');
            step = 2;
        } else if (starts(t, "PR")) {
            if (n->negative)
                buf_put_u8(out, '>');
            else if (!f->fm)
                buf_put_u8(out, ' ');
            step = 2;
        } else if (c == 'S' || c == 's') {
            if (f->sign_s_after)
                buf_put_u8(out, n->negative ? '-' : '+');
        } else if (starts(t, "TH")) {
            if (!n->negative)
                put_word(out, ordinal(atoll(n->whole)), t.data[0] == 'T' ? CASE_UPPER : CASE_LOWER,
                         0, 0);
            step = 2;
        } else if (c == 'L' || c == 'l') {
            if (!f->fm)
                buf_put_u8(out, ' '); /* the C locale has no currency symbol */
        } else {
            slice rest = put_literal(t, out);

            step = t.size - rest.size;
        }
        t = slice_from(t, step);
    }
}

/* `digits` is the number in plain notation, already rounded: "-123.45". */
static void split_number(const char *digits, struct number_text *n)
{
    const char *point;
    size_t      whole;

    *n = (struct number_text){.negative = *digits == '-'};
    digits += n->negative;
    point = strchr(digits, '.');
    whole = point != NULL ? (size_t)(point - digits) : strlen(digits);
    whole = MIN(whole, sizeof n->whole - 1);
    memcpy(n->whole, digits, whole);
    if (point != NULL)
        snprintf(n->fraction, sizeof n->fraction, "%s", point + 1);
    n->whole_digits = (int)whole;
    if (strcmp(n->whole, "0") ==
        0) /* 0.5 has no digit before the point for the template's places */
        n->whole_digits = 0;
}

static status number_to_text(struct fn_call *call, const char *digits, double value, slice t,
                             const struct number_format *f, datum *out)
{
    struct number_text n;
    struct buf         b;

    buf_init(&b, arena_heap(call->arena));
    if (f->roman) {
        put_roman((int64_t)rint(value), f->fm, t.size > 0 && memchr(t.data, 'r', t.size) != NULL,
                  &b);
        return give(call, &b, out);
    }
    if (f->exponent) {
        buf_printf(&b, "%s%.*e", value < 0 || f->fm ? "" : " ", f->after, value);
        return give(call, &b, out);
    }
    split_number(digits, &n);
    if (n.whole_digits == 0 && !f->point) { /* the value 0 shows its one digit */
        n.whole_digits = 1;
    } else if (n.whole_digits == 0 && f->before > 0 && f->zero_from < 0 &&
               strspn(n.fraction, "0") == strlen(n.fraction) && f->after == 0) {
        n.whole_digits = 1;
    }
    put_along(t, f, &n, &b);
    return give(call, &b, out);
}

/* Through numeric: exact digits, rounded half away from zero as PostgreSQL rounds them. */
static status numeric_text(struct fn_call *call, datum v, const struct number_format *f, char *text,
                           size_t size)
{
    const struct type *t = type_by_oid(OID_NUMERIC);
    struct buf         b;
    datum              rounded;
    int32_t            typmod;
    int32_t            args[2] = {1000, f->after};
    status             st;

    buf_init(&b, arena_heap(call->arena));
    TRY(st, t->typmod_input(args, 2, &typmod), out);
    TRY(st, t->output(call->context, t, v, &b), out);
    TRY(st, t->input(call->context, call->arena, t, buf_slice(&b), typmod, &rounded), out);
    buf_reset(&b);
    TRY(st, t->output(call->context, t, rounded, &b), out);
    snprintf(text, size, "%.*s", SLICE_FMT(buf_slice(&b)));

out:
    buf_deinit(&b);
    return st;
}

static status check_template(slice t, struct number_format *f)
{
    if (t.size > 300)
        return status_new(ST_INVALID_PARAMETER_VALUE, "the format is too long");
    read_template(t, f);
    if (f->multiply > 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "the pattern \"V\" of to_char is not supported");
    return STATUS_OK;
}

FN(numeric_to_char)
{
    struct number_format f;
    char                 text[400];

    *null = args[1].s.size == 0;
    if (*null)
        return STATUS_OK;
    TRY_RETURN(check_template(args[1].s, &f));
    TRY_RETURN(numeric_text(call, args[0], &f, text, sizeof text));
    return number_to_text(call, text, atof(text), args[1].s, &f, out);
}

FN(int4_to_char)
{
    struct number_format f;
    char                 text[64];

    *null = args[1].s.size == 0;
    if (*null)
        return STATUS_OK;
    TRY_RETURN(check_template(args[1].s, &f));
    snprintf(text, sizeof text, "%lld%s%.*s", (long long)args[0].i, f.after > 0 ? "." : "",
             MIN(f.after, 30), "000000000000000000000000000000");
    return number_to_text(call, text, (double)args[0].i, args[1].s, &f, out);
}

FN(int8_to_char)
{
    return fn_int4_to_char(call, args, nulls, out, null);
}

FN(float8_to_char)
{
    struct number_format f;
    char                 text[400];

    *null = args[1].s.size == 0;
    if (*null)
        return STATUS_OK;
    TRY_RETURN(check_template(args[1].s, &f));
    snprintf(text, sizeof text, "%.*f", MIN(f.after, 15), args[0].f);
    return number_to_text(call, text, args[0].f, args[1].s, &f, out);
}

FN(float4_to_char)
{
    return fn_float8_to_char(call, args, nulls, out, null);
}
