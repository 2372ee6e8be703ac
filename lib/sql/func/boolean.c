/* bool: comparison and the functions behind its casts and aggregates. */
#include "sql/func/implement.h"

#define COMPARE_ONE(name, op)                                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = args[0].b op args[1].b;                                                           \
        return STATUS_OK;                                                                          \
    }

COMPARE_ONE(booleq, ==)
COMPARE_ONE(boolne, !=)
COMPARE_ONE(boollt, <)
COMPARE_ONE(boolle, <=)
COMPARE_ONE(boolgt, >)
COMPARE_ONE(boolge, >=)

FN(booltext)
{
    out->s = args[0].b ? SLICE_LIT("true") : SLICE_LIT("false");
    return STATUS_OK;
}
