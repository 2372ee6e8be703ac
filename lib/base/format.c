#include "base/format.h"

#include <inttypes.h>
#include <strings.h>

#include "base/checked.h"

struct unit {
    const char *name;
    uint64_t    factor;
};

static const struct unit size_units[] = {
    {"B", 1},
    {"", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"TiB", UINT64_C(1) << 40},
    {"kB", UINT64_C(1000)},
    {"MB", UINT64_C(1000000)},
    {"GB", UINT64_C(1000000000)},
    {"TB", UINT64_C(1000000000000)},
};

static const struct unit duration_units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"min", UINT64_C(60000000)},
    {"h", UINT64_C(3600000000)},
    {"d", UINT64_C(86400000000)},
};

static bool find_unit(const struct unit *units, size_t count, slice name, uint64_t *factor)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == name.size &&
            strncasecmp(units[i].name, name.data, name.size) == 0) {
            *factor = units[i].factor;
            return true;
        }
    }
    return false;
}

static bool take_digit(slice *s, uint64_t *digit)
{
    if (s->size == 0 || s->data[0] < '0' || s->data[0] > '9')
        return false;
    *digit = (uint64_t)(s->data[0] - '0');
    *s = slice_from(*s, 1);
    return true;
}

/* The whole part, and the fraction as numerator over a power of ten (nine digits count). */
static bool take_number(slice *s, uint64_t *whole, uint64_t *part, uint64_t *scale)
{
    uint64_t digit;
    size_t   before = s->size;

    *whole = *part = 0;
    *scale = 1;
    while (take_digit(s, &digit))
        if (!checked_mul(*whole, UINT64_C(10), whole) || !checked_add(*whole, digit, whole))
            return false;
    if (s->size == before)
        return false;
    if (s->size > 0 && s->data[0] == '.') {
        *s = slice_from(*s, 1);
        while (take_digit(s, &digit)) {
            if (*scale < UINT64_C(1000000000)) {
                *part = *part * 10 + digit;
                *scale *= 10;
            }
        }
    }
    while (s->size > 0 && s->data[0] == ' ')
        *s = slice_from(*s, 1);
    return true;
}

static bool parse(slice text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t whole, part, scale, factor = 1;

    if (!take_number(&text, &whole, &part, &scale))
        return false;
    if (!find_unit(units, count, text, &factor) && !(text.size == 0 && whole == 0 && part == 0))
        return false;
    if (!checked_mul(whole, factor, &whole))
        return false;
    part = (uint64_t)((double)part / (double)scale * (double)factor + 0.5);
    return checked_add(whole, part, out);
}

status format_parse_size(slice text, uint64_t *out)
{
    if (parse(text, size_units, ARRAY_LEN(size_units), out))
        return STATUS_OK;
    return status_hint(
        status_new(ST_INVALID_PARAMETER_VALUE, "invalid size: \"%.*s\"", SLICE_FMT(text)),
        "Write a number and B, KiB, MiB, GiB or TiB, such as 64MiB.");
}

status format_parse_duration_us(slice text, uint64_t *out)
{
    if (parse(text, duration_units, ARRAY_LEN(duration_units), out))
        return STATUS_OK;
    return status_hint(
        status_new(ST_INVALID_PARAMETER_VALUE, "invalid duration: \"%.*s\"", SLICE_FMT(text)),
        "Write a number and us, ms, s, min, h or d, such as 250ms.");
}

static void print(struct buf *b, uint64_t v, const struct unit *units, size_t count)
{
    const struct unit *best = &units[0];
    uint64_t           tenths;

    for (size_t i = 0; i < count; i++)
        if (units[i].name[0] != '\0' && v >= units[i].factor && units[i].factor >= best->factor)
            best = &units[i];
    tenths = v % best->factor * 10 / best->factor;
    if (tenths == 0)
        buf_printf(b, "%" PRIu64 " %s", v / best->factor, best->name);
    else
        buf_printf(b, "%" PRIu64 ".%" PRIu64 " %s", v / best->factor, tenths, best->name);
}

enum { BINARY_UNITS = 6 };

void format_size(struct buf *b, uint64_t size)
{
    print(b, size, size_units, BINARY_UNITS);
}

void format_duration_us(struct buf *b, uint64_t us)
{
    print(b, us, duration_units, ARRAY_LEN(duration_units));
}
