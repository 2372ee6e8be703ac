/* Functions on bytea beyond those it shares with text (PostgreSQL 15, section 9.5). */
#include "base/checked.h"
#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/text.h"

static slice trim(slice s, slice set, bool front, bool back)
{
    while (front && s.size > 0 && set.size > 0 && memchr(set.data, s.data[0], set.size) != NULL)
        s = slice_from(s, 1);
    while (back && s.size > 0 && set.size > 0 &&
           memchr(set.data, s.data[s.size - 1], set.size) != NULL)
        s.size--;
    return s;
}

FN(byteatrim)
{
    out->s = trim(args[0].s, args[1].s, true, true);
    return STATUS_OK;
}

FN(bytealtrim)
{
    out->s = trim(args[0].s, args[1].s, true, false);
    return STATUS_OK;
}

FN(byteartrim)
{
    out->s = trim(args[0].s, args[1].s, false, true);
    return STATUS_OK;
}

static status overlay(struct fn_call *call, slice s, slice with, int64_t start, int64_t length,
                      slice *out)
{
    size_t head, tail;

    if (start <= 0)
        return status_new(ST_SUBSTRING_ERROR, "negative substring length not allowed");
    if (start + length > INT32_MAX || start + length < INT32_MIN)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "integer out of range");
    head = MIN((size_t)start - 1, s.size);
    tail = MIN((size_t)MAX(start + length - 1, (int64_t)0), s.size);
    TRY_RETURN(text_join(call, slice_make(s.data, head), with, out));
    return text_join(call, *out, slice_from(s, tail), out);
}

FN(byteaoverlay)
{
    return overlay(call, args[0].s, args[1].s, args[2].i, args[3].i, &out->s);
}

FN(byteaoverlay_no_len)
{
    return overlay(call, args[0].s, args[1].s, args[2].i, (int64_t)args[1].s.size, &out->s);
}

FN(bytea_bit_count)
{
    out->i = 0;
    for (size_t i = 0; i < args[0].s.size; i++)
        out->i += __builtin_popcount((uint8_t)args[0].s.data[i]);
    return STATUS_OK;
}

FN(byteaSetBit)
{
    int64_t bits = (int64_t)args[0].s.size * 8, at = args[1].i;
    char   *p, mask = (char)(1 << (at & 7));

    if (at < 0 || at >= bits)
        return status_new(ST_ARRAY_SUBSCRIPT, "index %lld out of valid range, 0..%lld",
                          (long long)at, (long long)bits - 1);
    if (args[2].i != 0 && args[2].i != 1)
        return status_new(ST_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
    TRY_RETURN(text_alloc(call, args[0].s.size, &p));
    memcpy(p, args[0].s.data, args[0].s.size);
    p[at / 8] = (char)(args[2].i == 1 ? p[at / 8] | mask : p[at / 8] & ~mask);
    out->s = slice_make(p, args[0].s.size);
    return STATUS_OK;
}
