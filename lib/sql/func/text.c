/* Text: joining, length coercions. */
#include "sql/func/implement.h"
#include "sql/types/string.h"

FN(textcat)
{
    void *p;

    TRY_RETURN(arena_try_alloc(call->arena, args[0].s.size + args[1].s.size + 1, &p));
    if (args[0].s.size > 0)
        memcpy(p, args[0].s.data, args[0].s.size);
    if (args[1].s.size > 0)
        memcpy((char *)p + args[0].s.size, args[1].s.data, args[1].s.size);
    out->s = slice_make(p, args[0].s.size + args[1].s.size);
    return STATUS_OK;
}

/* Length coercions: varchar(n), char(n); the third argument tells an explicit cast. */
FN(varchar)
{
    return varchar_apply_typmod(args[0].s, (int32_t)args[1].i, args[2].b, &out->s);
}

FN(bpchar)
{
    return bpchar_apply_typmod(call->arena, args[0].s, (int32_t)args[1].i, args[2].b, &out->s);
}

FN(rtrim1)
{
    out->s = bpchar_trim(args[0].s);
    return STATUS_OK;
}
