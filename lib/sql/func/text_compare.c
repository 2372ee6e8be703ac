/* Comparison of text, name, bpchar and bytea, in all the combinations that PostgreSQL has. The C
 * collation everywhere: see types/text.c. */
#include "sql/func/implement.h"
#include "sql/types/string.h"

#define COMPARE_ONE(name, op)                                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = slice_cmp(args[0].s, args[1].s) op 0;                                             \
        return STATUS_OK;                                                                          \
    }
#define COMPARE(p)                                                                                 \
    COMPARE_ONE(p##lt, <)                                                                          \
    COMPARE_ONE(p##le, <=)                                                                         \
    COMPARE_ONE(p##gt, >)                                                                          \
    COMPARE_ONE(p##ge, >=)
#define EQUAL(p)                                                                                   \
    FN(p##eq)                                                                                      \
    {                                                                                              \
        out->b = slice_eq(args[0].s, args[1].s);                                                   \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##ne)                                                                                      \
    {                                                                                              \
        out->b = !slice_eq(args[0].s, args[1].s);                                                  \
        return STATUS_OK;                                                                          \
    }

EQUAL(text)
COMPARE(text_)
COMPARE_ONE(text_pattern_lt, <)
COMPARE_ONE(text_pattern_le, <=)
COMPARE_ONE(text_pattern_gt, >)
COMPARE_ONE(text_pattern_ge, >=)
EQUAL(name)
COMPARE(name)
COMPARE_ONE(nameeqtext, ==)
COMPARE_ONE(namenetext, !=)
COMPARE_ONE(namelttext, <)
COMPARE_ONE(nameletext, <=)
COMPARE_ONE(namegttext, >)
COMPARE_ONE(namegetext, >=)
COMPARE_ONE(texteqname, ==)
COMPARE_ONE(textnename, !=)
COMPARE_ONE(textltname, <)
COMPARE_ONE(textlename, <=)
COMPARE_ONE(textgtname, >)
COMPARE_ONE(textgename, >=)
EQUAL(bytea)
COMPARE(bytea)

FN(text_larger)
{
    out->s = slice_cmp(args[0].s, args[1].s) > 0 ? args[0].s : args[1].s;
    return STATUS_OK;
}

FN(text_smaller)
{
    out->s = slice_cmp(args[0].s, args[1].s) < 0 ? args[0].s : args[1].s;
    return STATUS_OK;
}

#define BPCHAR_ONE(name, op)                                                                       \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = slice_cmp(bpchar_trim(args[0].s), bpchar_trim(args[1].s)) op 0;                   \
        return STATUS_OK;                                                                          \
    }

BPCHAR_ONE(bpchareq, ==)
BPCHAR_ONE(bpcharne, !=)
BPCHAR_ONE(bpcharlt, <)
BPCHAR_ONE(bpcharle, <=)
BPCHAR_ONE(bpchargt, >)
BPCHAR_ONE(bpcharge, >=)

FN_BATCH(text_eq)
{
    const datum *a = args[0]->values, *b = args[1]->values;

    for (size_t k = 0; k < count; k++) {
        size_t row = selected != NULL ? selected[k] : k;

        if (!out->nulls[row])
            out->values[row].b = slice_eq(a[row].s, b[row].s);
    }
    return STATUS_OK;
}
