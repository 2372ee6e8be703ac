/* What the session and the server say of themselves; random numbers; sizes for people. */
#include "base/version.h"
#include "env/env.h"
#include "base/prng.h"
#include "sql/func/implement.h"
#include "sql/func/text.h"
#include "sql/types/numeric.h"

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
