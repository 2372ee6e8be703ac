/* Types that are OIDs written as names, with PostgreSQL 15's answers. */
#include "sql/types/regtypes.h"
#include "tests/common/test.h"

static struct heap  *heap;
static struct arena *arena;

static void check(uint32_t type, const char *text, const char *expected)
{
    const struct type *t = type_by_oid(type);
    struct buf out     SCOPED(buf);
    datum              v = {0};
    status             st;

    buf_init(&out, heap);
    st = t->input(NULL, arena, t, slice_cstr(text), -1, &v);
    if (st_ok(st))
        st = t->output(NULL, t, v, &out);
    if (!st_ok(st)) {
        buf_reset(&out);
        buf_printf(&out, "! %s %s", status_sqlstate(st), status_message(st));
        st_clear(st);
    }
    assert_string_equal(buf_cstr(&out), expected);
}

static void types(void **state)
{
    (void)state;
    check(OID_REGTYPE, "integer", "integer");
    check(OID_REGTYPE, "INT", "integer");
    check(OID_REGTYPE, "pg_catalog.int4", "integer");
    check(OID_REGTYPE, "character  varying (20)", "character varying");
    check(OID_REGTYPE, "varchar[]", "character varying[]");
    check(OID_REGTYPE, "_text", "text[]");
    check(OID_REGTYPE, "\"char\"", "\"char\"");
    check(OID_REGTYPE, "char", "character");
    check(OID_REGTYPE, "timestamp(3) with time zone", "timestamp with time zone");
    check(OID_REGTYPE, "numeric(10,2)", "numeric");
    check(OID_REGTYPE, "23", "integer");
    check(OID_REGTYPE, "-", "-");
    check(OID_REGTYPE, "4294967", "4294967");
    check(OID_REGTYPE, "nope", "! 42704 type \"nope\" does not exist");
}

static void functions(void **state)
{
    (void)state;
    check(OID_REGPROC, "int4pl", "int4pl");
    check(OID_REGPROC, "pg_catalog.int4pl", "int4pl");
    check(OID_REGPROC, "lower", "lower");
    check(OID_REGPROC, "abs", "! 42725 more than one function named \"abs\"");
    check(OID_REGPROC, "nope", "! 42883 function \"nope\" does not exist");
    check(OID_REGPROC, "1397", "pg_catalog.abs");
    check(OID_REGPROCEDURE, "abs(integer)", "abs(integer)");
    check(OID_REGPROCEDURE, "substr(text, int, int4)", "substr(text,integer,integer)");
    check(OID_REGPROCEDURE, "pi()", "pi()");
    check(OID_REGOPER, "||", "! 42725 more than one operator named ||");
    check(OID_REGOPERATOR, "+(integer,integer)", "+(integer,integer)");
    check(OID_REGOPERATOR, "-(NONE,int8)", "-(NONE,bigint)");
    check(OID_REGOPERATOR, "+(integer,text)", "! 42883 operator does not exist: +(integer,text)");
}

static void names(void **state)
{
    struct reg_name n;

    (void)state;
    assert_st_ok(reg_name_parse(arena, SLICE_LIT(" Foo . \"Bar\"\"x\" "), &n));
    assert_int_equal(n.count, 2);
    assert_string_equal(n.parts[0], "foo");
    assert_string_equal(n.parts[1], "Bar\"x");
    assert_st_code(reg_name_parse(arena, SLICE_LIT("a b"), &n), ST_INVALID_NAME);
    assert_st_code(reg_name_parse(arena, SLICE_LIT("a."), &n), ST_INVALID_NAME);
    assert_st_code(reg_name_parse(arena, SLICE_LIT("\"a"), &n), ST_INVALID_NAME);
    assert_st_code(reg_name_parse(arena, SLICE_LIT(""), &n), ST_INVALID_NAME);
}

static void formats(void **state)
{
    static const int32_t length[] = {20}, precision[] = {10, 2};
    int32_t              typmod;

    (void)state;
    assert_st_ok(type_by_oid(OID_VARCHAR)->typmod_input(length, 1, &typmod));
    assert_string_equal(type_format(arena, OID_VARCHAR, typmod), "character varying(20)");
    assert_string_equal(type_format(arena, 1015, typmod), "character varying(20)[]");
    assert_st_ok(type_by_oid(OID_NUMERIC)->typmod_input(precision, 2, &typmod));
    assert_string_equal(type_format(arena, OID_NUMERIC, typmod), "numeric(10,2)");
    assert_string_equal(type_format(arena, OID_INT4, -1), "integer");
    assert_string_equal(type_format(arena, OID_CHAR, -1), "\"char\"");
    assert_string_equal(type_format(arena, 0, -1), "-");
    assert_string_equal(type_format(arena, 4294967, -1), "???");
}

static int setup(void **state)
{
    (void)state;
    heap = heap_new();
    arena = arena_new(heap, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    heap_destroy(heap);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("regtype takes and prints the names of types", types),
        T("regproc and its kin take and print functions and operators", functions),
        T("a name is taken apart as SQL does", names),
        T("format_type prints types with their modifiers", formats),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
