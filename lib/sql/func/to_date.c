/* to_date() and to_timestamp(text, text) (PostgreSQL 15, section 9.8): the patterns of numbers,
 * month names and AM/PM. Other patterns are refused by name rather than guessed at. */
#include <string.h>
#include <strings.h>

#include "sql/func/implement.h"
#include "sql/types/calendar.h"
#include "sql/types/timezone.h"

enum field {
    F_YEAR,
    F_MONTH,
    F_DAY,
    F_HOUR,
    F_HOUR12,
    F_MINUTE,
    F_SECOND,
    F_MS,
    F_US,
    F_AM,
    F_COUNT
};

struct pattern {
    const char *text; /* the longer of two with the same beginning first */
    enum field  field;
    size_t      digits; /* 0: a word */
};

static const struct pattern patterns[] = {
    {"HH24", F_HOUR, 2}, {"HH12", F_HOUR12, 2}, {"HH", F_HOUR12, 2},   {"MI", F_MINUTE, 2},
    {"SS", F_SECOND, 2}, {"MS", F_MS, 3},       {"US", F_US, 6},       {"AM", F_AM, 0},
    {"PM", F_AM, 0},     {"YYYY", F_YEAR, 4},   {"MONTH", F_MONTH, 0}, {"MON", F_MONTH, 0},
    {"MM", F_MONTH, 2},  {"DD", F_DAY, 2},
};

struct reading {
    slice   text, format, whole;
    slice   spelling; /* of the pattern being read, in the template's letters */
    int64_t values[F_COUNT];
    bool    set[F_COUNT];
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_separator(char c)
{
    return c > ' ' && c < 127 && !is_letter(c) && !is_digit(c);
}

static status out_of_range(const struct reading *r)
{
    return status_new(ST_DATETIME_OVERFLOW, "date/time field value out of range: \"%.*s\"",
                      SLICE_FMT(r->whole));
}

static const struct pattern *find_pattern(slice format)
{
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        size_t n = strlen(patterns[i].text);

        if (format.size >= n && strncasecmp(format.data, patterns[i].text, n) == 0)
            return &patterns[i];
    }
    return NULL;
}

static status bad_value(const struct reading *r, size_t shown, const struct pattern *p)
{
    return status_detail(
        status_new(ST_INVALID_DATETIME_FORMAT, "invalid value \"%.*s\" for \"%.*s\"",
                   (int)MIN(shown, r->text.size), r->text.data, SLICE_FMT(r->spelling)),
        "%s",
        p->digits > 0 ? "Value must be an integer."
                      : "The given value did not match any of the allowed values for "
                        "this field.");
}

/* At most the pattern's digits where another number follows at once; else as many as there are. */
static status read_number(struct reading *r, const struct pattern *p, int64_t *out)
{
    const struct pattern *next = find_pattern(r->format);
    bool                  bounded = next != NULL && next->digits > 0;
    size_t                n = 0;

    for (*out = 0; n < r->text.size && is_digit(r->text.data[n]); n++) {
        if (bounded && n == p->digits)
            break;
        if (n >= 9)
            return out_of_range(r);
        *out = *out * 10 + (r->text.data[n] - '0');
    }
    if (n == 0)
        return bad_value(r, p->digits, p);
    /* A fraction of a second is a fraction, however many digits it has. */
    for (size_t i = n; (p->field == F_MS || p->field == F_US) && i < p->digits; i++)
        *out *= 10;
    if ((p->field == F_MS || p->field == F_US) && n > p->digits)
        return out_of_range(r);
    if (p->field == F_YEAR && n < 4)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "years of fewer than four digits are not supported");
    r->text = slice_from(r->text, n);
    return STATUS_OK;
}

static status read_month(struct reading *r, const struct pattern *p, int64_t *out)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t n = strcmp(p->text, "MON") == 0 ? 3 : strlen(names[i]);

        if (r->text.size >= n && strncasecmp(r->text.data, names[i], n) == 0) {
            *out = (int64_t)i + 1;
            r->text = slice_from(r->text, n);
            return STATUS_OK;
        }
    }
    return bad_value(r, strlen(p->text), p);
}

static status read_field(struct reading *r, const struct pattern *p)
{
    int64_t v = 0;

    while (r->text.size > 0 && is_space(r->text.data[0]))
        r->text = slice_from(r->text, 1);
    r->spelling = slice_make(r->format.data, strlen(p->text));
    r->format = slice_from(r->format, strlen(p->text));
    if (r->text.size == 0)
        return STATUS_OK;
    if (p->field == F_AM) {
        bool am = strncasecmp(r->text.data, "am", MIN(r->text.size, (size_t)2)) == 0;

        if (r->text.size < 2 || (!am && strncasecmp(r->text.data, "pm", 2) != 0))
            return bad_value(r, 2, p);
        v = !am;
        r->text = slice_from(r->text, 2);
    } else if (p->digits > 0) {
        TRY_RETURN(read_number(r, p, &v));
    } else {
        TRY_RETURN(read_month(r, p, &v));
    }
    if (r->set[p->field] && r->values[p->field] != v)
        return status_new(ST_INVALID_DATETIME_FORMAT,
                          "conflicting values for \"%.*s\" field in formatting string",
                          SLICE_FMT(r->spelling));
    r->set[p->field] = true;
    r->values[p->field] = v;
    return STATUS_OK;
}

/* Spaces and separators of the template pass over any run of them in the text. */
static status read_all(struct reading *r)
{
    while (r->format.size > 0) {
        const struct pattern *p = find_pattern(r->format);

        if (p != NULL) {
            TRY_RETURN(read_field(r, p));
            continue;
        }
        if (!is_space(r->format.data[0]) &&
            (!is_separator(r->format.data[0]) || r->format.data[0] == '"'))
            return status_new(
                ST_FEATURE_NOT_SUPPORTED,
                "the pattern at \"%.*s\" of to_date and to_timestamp is not supported",
                SLICE_FMT(r->format));
        r->format = slice_from(r->format, 1);
        while (r->text.size > 0 && (is_space(r->text.data[0]) || is_separator(r->text.data[0])))
            r->text = slice_from(r->text, 1);
    }
    return STATUS_OK;
}

static status read_local(slice text, slice format, int64_t *out)
{
    struct reading r = {.text = text, .format = format, .whole = text};
    int64_t       *v = r.values, year;

    v[F_MONTH] = v[F_DAY] = 1;
    TRY_RETURN(read_all(&r));
    if (r.set[F_HOUR12]) {
        if (v[F_HOUR12] < 1 || v[F_HOUR12] > 12)
            return status_hint(status_new(ST_INVALID_DATETIME_FORMAT,
                                          "hour \"%lld\" is invalid for the 12-hour clock",
                                          (long long)v[F_HOUR12]),
                               "Use the 24-hour clock, or give an hour between 1 and 12.");
        v[F_HOUR] = v[F_HOUR12] % 12 + 12 * v[F_AM];
    }
    year = v[F_YEAR]; /* an unset year, or 0, is 1 BC */
    if (v[F_MONTH] < 1 || v[F_MONTH] > 12 || v[F_DAY] < 1 ||
        v[F_DAY] > days_in_month(year, (int)v[F_MONTH]) || v[F_HOUR] > 23 || v[F_MINUTE] > 59 ||
        v[F_SECOND] > 59 || year > 294276)
        return out_of_range(&r);
    *out = civil_to_days(year, (int)v[F_MONTH], (int)v[F_DAY]) * US_PER_DAY +
           v[F_HOUR] * US_PER_HOUR + v[F_MINUTE] * US_PER_MINUTE + v[F_SECOND] * US_PER_SECOND +
           v[F_MS] * 1000 + v[F_US];
    return timestamp_check_range(*out);
}

FN(to_timestamp)
{
    const struct time_zone *tz = call->context != NULL ? call->context->settings.time_zone : NULL;

    TRY_RETURN(read_local(args[0].s, args[1].s, &out->i));
    out->i -= time_zone_offset_local(tz, out->i) * US_PER_SECOND;
    return STATUS_OK;
}

FN(to_date)
{
    int64_t us;

    TRY_RETURN(read_local(args[0].s, args[1].s, &us));
    out->i = us / US_PER_DAY - (us % US_PER_DAY < 0);
    return STATUS_OK;
}
