/* Comparison and basics of text and its kin. */
#include "sql/func/implement.h"
#include "sql/types/string.h"

#define COMPARE(name, op)                                                                          \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = slice_cmp(args[0].s, args[1].s) op 0;                                             \
        return STATUS_OK;                                                                          \
    }

COMPARE(texteq, ==)
COMPARE(textne, !=)
COMPARE(text_lt, <)
COMPARE(text_le, <=)
COMPARE(text_gt, >)
COMPARE(text_ge, >=)
COMPARE(nameeq, ==)
COMPARE(namene, !=)
COMPARE(namelt, <)
COMPARE(namele, <=)
COMPARE(namegt, >)
COMPARE(namege, >=)
COMPARE(nameeqtext, ==)
COMPARE(namenetext, !=)
COMPARE(namelttext, <)
COMPARE(nameletext, <=)
COMPARE(namegttext, >)
COMPARE(namegetext, >=)
COMPARE(texteqname, ==)
COMPARE(textnename, !=)
COMPARE(textltname, <)
COMPARE(textlename, <=)
COMPARE(textgtname, >)
COMPARE(textgename, >=)
COMPARE(byteaeq, ==)
COMPARE(byteane, !=)
COMPARE(bytealt, <)
COMPARE(byteale, <=)
COMPARE(byteagt, >)
COMPARE(byteage, >=)

#define COMPARE_BPCHAR(name, op)                                                                   \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = slice_cmp(bpchar_trim(args[0].s), bpchar_trim(args[1].s)) op 0;                   \
        return STATUS_OK;                                                                          \
    }

COMPARE_BPCHAR(bpchareq, ==)
COMPARE_BPCHAR(bpcharne, !=)
COMPARE_BPCHAR(bpcharlt, <)
COMPARE_BPCHAR(bpcharle, <=)
COMPARE_BPCHAR(bpchargt, >)
COMPARE_BPCHAR(bpcharge, >=)

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
