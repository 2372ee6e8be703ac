/* What the session and the server say of themselves; random numbers; sizes for people. */
#include <strings.h>

#include "base/prng.h"
#include "base/version.h"
#include "env/env.h"
#include "sql/func/datetime.h"
#include "sql/types/ops.h"
#include "sql/func/text.h"
#include "sql/types/numeric.h"

status fn_clock_timestamp(FN_ARGS);

static status return_name(const char *name, datum *out, bool *null)
{
    *null = name == NULL;
    if (name != NULL)
        out->s = slice_cstr(name);
    return STATUS_OK;
}

FN(current_database)
{
    return return_name(call->context->database, out, null);
}

FN(current_user)
{
    return return_name(call->context->user, out, null);
}

FN(session_user)
{
    return return_name(call->context->session_user, out, null);
}

FN(pgsql_version)
{
    out->s = SLICE_LIT("PostgreSQL " LINERA_PG_VERSION " (LineraDB " LINERA_VERSION ")");
    return STATUS_OK;
}

FN(pg_backend_pid)
{
    out->i = call->context->process_id;
    return STATUS_OK;
}

FN(pg_client_encoding)
{
    out->s = SLICE_LIT("UTF8");
    return STATUS_OK;
}

FN(pg_typeof)
{
    out->i = call->arg_types[0];
    return STATUS_OK;
}

/* ---- settings
 * ------------------------------------------------------------------------------------- */

static status setting(struct fn_call *call, slice name, bool missing_ok, datum *out, bool *null)
{
    const char *value = NULL;

    if (call->context->setting_get != NULL)
        TRY_RETURN(call->context->setting_get(call->context, name, call->arena, &value));
    if (value == NULL && !missing_ok)
        return status_new(ST_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%.*s\"",
                          SLICE_FMT(name));
    return return_name(value, out, null);
}

FN(show_config_by_name)
{
    return setting(call, args[0].s, false, out, null);
}

FN(show_config_by_name_missing_ok)
{
    return setting(call, args[0].s, args[1].b, out, null);
}

FN(set_config_by_name)
{
    if (nulls[0])
        return status_new(ST_NULL_NOT_ALLOWED, "SET requires parameter name");
    if (call->context->setting_set == NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "settings cannot be changed here");
    TRY_RETURN(call->context->setting_set(
        call->context, args[0].s, nulls[1] ? SLICE_EMPTY : args[1].s, !nulls[2] && args[2].b));
    return setting(call, args[0].s, false, out, null);
}

/* ---- random
 * --------------------------------------------------------------------------------------- */

/* The session's generator is seeded from the node's when it is first asked. */
static struct prng *session_random(struct sql_context *c)
{
    struct prng *p = (struct prng *)c->random_state;

    _Static_assert(sizeof c->random_state == sizeof *p, "the state is a prng");
    if ((p->s[0] | p->s[1] | p->s[2] | p->s[3]) == 0)
        prng_init(p, c->env != NULL ? env_rand64(c->env) : 1);
    return p;
}

FN(drandom)
{
    out->f = prng_double(session_random(call->context));
    return STATUS_OK;
}

FN(setseed)
{
    uint64_t seed;

    if (!(args[0].f >= -1 && args[0].f <= 1)) {
        slice text;

        TRY_RETURN(text_of_value(call, OID_FLOAT8, args[0], &text));
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "setseed parameter %.*s is out of allowed range [-1,1]", SLICE_FMT(text));
    }
    memcpy(&seed, &args[0].f, sizeof seed);
    prng_init((struct prng *)call->context->random_state, seed);
    return STATUS_OK;
}

/* RFC 9562: version 4, variant 10. */
FN(gen_random_uuid)
{
    if (call->context->env == NULL)
        prng_bytes(session_random(call->context), out->uuid, sizeof out->uuid);
    else
        env_random(call->context->env, out->uuid, sizeof out->uuid);
    out->uuid[6] = (uint8_t)((out->uuid[6] & 0x0f) | 0x40);
    out->uuid[8] = (uint8_t)((out->uuid[8] & 0x3f) | 0x80);
    return STATUS_OK;
}

/* MAY_YIELD; a cancelled statement's wait ends with its status. */
FN(pg_sleep)
{
    out->s = SLICE_EMPTY;
    if (!(args[0].f > 0) || call->context->env == NULL)
        return STATUS_OK;
    return env_sleep_us(call->context->env, (uint64_t)(MIN(args[0].f, 1e9) * 1e6));
}

/* ---- sizes
 * ------------------------------------------------------------------------------------------ */

/* Half a unit rounds away from zero; a unit is taken up to 10,239 of it. */
FN(pg_size_pretty)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    int64_t                  v = args[0].i, limit = 10 * 1024;
    size_t                   unit = 0;
    uint64_t                 size = v < 0 ? -(uint64_t)v : (uint64_t)v;

    /* One bit is kept below the unit for rounding: bytes have none. */
    while (unit + 1 < ARRAY_LEN(units) && size >= (uint64_t)limit) {
        size >>= unit == 0 ? 9 : 10;
        limit = 20 * 1024 - 1;
        unit++;
    }
    if (unit > 0)
        size = (size + 1) / 2;
    out->s = slice_cstr(arena_printf(call->arena, "%s%llu %s", v < 0 && size > 0 ? "-" : "",
                                     (unsigned long long)size, units[unit]));
    return STATUS_OK;
}

/* The same of a numeric: one unit after the other, cut and then rounded at the last. */
FN(pg_size_pretty_numeric)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    struct arena            *a = call->arena;
    slice                    v = args[0].s, two = numeric_from_int64(a, 2);
    int64_t                  limit = 10 * 1024;
    size_t                   unit = 0;
    struct buf               b;

    for (; unit <= ARRAY_LEN(units); unit++) {
        datum size = {.s = v}, bound = {.s = numeric_from_int64(a, limit)};

        if (numeric_class(v) == NUMERIC_NEGATIVE || numeric_class(v) == NUMERIC_NEG_INFINITY)
            size.s = numeric_negate(a, v);
        if (unit == ARRAY_LEN(units) || numeric_compare(size, bound) < 0)
            break;
        TRY_RETURN(numeric_div_trunc(a, v, numeric_from_int64(a, unit == 0 ? 512 : 1024), &v));
        limit = 20 * 1024 - 1;
    }
    if (unit > 0) {
        TRY_RETURN(numeric_add(
            a, v, numeric_from_int64(a, numeric_class(v) == NUMERIC_NEGATIVE ? -1 : 1), &v));
        TRY_RETURN(numeric_div_trunc(a, v, two, &v));
    }
    buf_init(&b, arena_heap(a));
    numeric_format(v, &b);
    out->s = slice_cstr(arena_printf(a, "%.*s %s", SLICE_FMT(buf_slice(&b)),
                                     unit == 0 ? "bytes" : units[unit - 1]));
    buf_deinit(&b);
    return STATUS_OK;
}

static slice without_spaces(slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || (s.data[0] >= '\t' && s.data[0] <= '\r')))
        s = slice_from(s, 1);
    while (s.size > 0 && (s.data[s.size - 1] == ' ' ||
                          (s.data[s.size - 1] >= '\t' && s.data[s.size - 1] <= '\r')))
        s.size--;
    return s;
}

static size_t digits_at(slice s, size_t from)
{
    size_t n = 0;

    while (from + n < s.size && s.data[from + n] >= '0' && s.data[from + n] <= '9')
        n++;
    return n;
}

/* How much of the text is a number: [+-]digits[.digits][e[+-]digits]. 0: none. */
static size_t number_size(slice s)
{
    size_t sign = s.size > 0 && (s.data[0] == '-' || s.data[0] == '+'), n = sign, digits, more;

    n += digits = digits_at(s, n);
    if (n < s.size && s.data[n] == '.') {
        more = digits_at(s, n + 1);
        digits += more;
        n += 1 + more;
    }
    if (digits == 0)
        return 0;
    if (n < s.size && (s.data[n] | 0x20) == 'e') {
        size_t exponent_sign = n + 1 < s.size && (s.data[n + 1] == '-' || s.data[n + 1] == '+');

        more = digits_at(s, n + 1 + exponent_sign);
        n += more > 0 ? 1 + exponent_sign + more : 0;
    }
    return n;
}

static status size_of_unit(slice whole, slice unit, int64_t *out)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strlen(units[i]) == unit.size && strncasecmp(units[i], unit.data, unit.size) == 0) {
            *out = INT64_C(1) << (10 * i);
            return STATUS_OK;
        }
    }
    return status_hint(status_detail(status_new(ST_INVALID_PARAMETER_VALUE,
                                                "invalid size: \"%.*s\"", SLICE_FMT(whole)),
                                     "Invalid size unit: \"%.*s\".", SLICE_FMT(unit)),
                       "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".");
}

FN(pg_size_bytes)
{
    slice   text = without_spaces(args[0].s), unit, v;
    size_t  n = number_size(text);
    int64_t factor = 1;

    if (n == 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "invalid size: \"%.*s\"",
                          SLICE_FMT(args[0].s));
    TRY_RETURN(numeric_parse(call->arena, slice_make(text.data, n), &v));
    unit = without_spaces(slice_from(text, n));
    if (unit.size > 0) {
        TRY_RETURN(size_of_unit(args[0].s, unit, &factor));
        TRY_RETURN(numeric_mul(call->arena, v, numeric_from_int64(call->arena, factor), &v));
    }
    return numeric_to_int64(v, "bigint", &out->i);
}

/* ---- waiting and the clock
 * ------------------------------------------------------------------------------------------ */

static status sleep_us(struct fn_call *call, int64_t us, datum *out)
{
    out->s = SLICE_EMPTY;
    if (us <= 0 || call->context->env == NULL)
        return STATUS_OK;
    return env_sleep_us(call->context->env, (uint64_t)MIN(us, INT64_C(1000000000000000)));
}

FN(pg_sleep_for_3935)
{
    int64_t until;

    TRY_RETURN(timestamp_add_interval(0, args[0].iv, &until));
    return sleep_us(call, until, out);
}

FN(pg_sleep_until_3936)
{
    datum now;
    bool  is_null = false;

    TRY_RETURN(fn_clock_timestamp(call, NULL, NULL, &now, &is_null));
    if (!TIMESTAMP_IS_FINITE(args[0].i))
        return sleep_us(call, args[0].i > 0 ? INT64_MAX : 0, out);
    return sleep_us(call, args[0].i - now.i, out);
}

/* "Wed Jul 04 12:34:56.789012 2001 UTC" */
FN(timeofday)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    datum        now;
    bool         is_null = false;
    const char  *zone = "UTC";
    struct civil c;
    int32_t      offset_s;

    TRY_RETURN(fn_clock_timestamp(call, NULL, NULL, &now, &is_null));
    offset_s = time_zone_offset_at(zone_of(call), now.i, &zone);
    now.i += offset_s * US_PER_SECOND;
    timestamp_to_civil(now.i, &c);
    out->s = slice_cstr(arena_printf(call->arena, "%.3s %.3s %02d %02d:%02d:%02d.%06d %04lld %s",
                                     days + 3 * day_of_week(floor_div(now.i, US_PER_DAY)),
                                     months + 3 * (c.month - 1), c.day, c.hour, c.minute, c.second,
                                     c.us, (long long)c.year, zone));
    return STATUS_OK;
}

/* ---- what a session has none of
 * ------------------------------------------------------------------------------------------ */

FN(pg_jit_available)
{
    out->b = false;
    return STATUS_OK;
}

FN(pg_trigger_depth)
{
    out->i = 0;
    return STATUS_OK;
}

/* Addresses: the types of networks are not there, so these are unknown, as on a local socket. */
FN(inet_none)
{
    *null = true;
    return STATUS_OK;
}
