/* The tables that gen-catalogue makes: sorted, complete, consistent with each other. */
#include "sql/func/function.h"
#include "sql/types/type.h"
#include "tests/common/test.h"

static void types_found(void **state)
{
    size_t n = 0;

    (void)state;
    for (const struct type *t; (t = type_at(n)) != NULL; n++) {
        assert_ptr_equal(type_by_oid(t->oid), t);
        assert_ptr_equal(type_by_name(slice_cstr(t->name)), t);
        assert_non_null(t->input);
        assert_non_null(t->output);
        if (t->array_oid != 0)
            assert_int_equal(type_by_oid(t->array_oid)->element_oid, t->oid);
    }
    assert_true(n > 100);
    assert_null(type_by_oid(1));
    assert_null(type_by_name(SLICE_LIT("integer")));
}

static void functions_found(void **state)
{
    size_t n = 0;

    (void)state;
    for (const struct function *f; (f = function_at(n)) != NULL; n++) {
        size_t                        count;
        const struct function *const *named = functions_by_name(slice_cstr(f->name), &count);
        bool                          found = false;

        assert_ptr_equal(function_by_oid(f->oid), f);
        for (size_t i = 0; i < count; i++)
            found = found || named[i] == f;
        assert_true(found);
        assert_non_null(type_by_oid(f->result_type));
        for (size_t i = 0; i < f->arg_count; i++)
            assert_non_null(type_by_oid(f->arg_types[i]));
    }
    assert_true(n > 200);
}

static void operators_found(void **state)
{
    size_t count;

    (void)state;
    for (size_t n = 0; operator_at(n) != NULL; n++) {
        const struct operator_def *op = operator_at(n);

        assert_ptr_equal(operator_by_oid(op->oid), op);
        assert_int_equal(op->fn->arg_count, op->left_type == 0 ? 1 : 2);
        assert_non_null(operators_by_name(slice_cstr(op->name), &count));
    }
    assert_string_equal(operator_for_order(OID_INT4, '<')->fn->name, "int4lt");
    assert_string_equal(operator_for_order(OID_VARCHAR, '=')->fn->name, "texteq");
    assert_string_equal(operator_for_order(OID_REGCLASS, 'g')->fn->name, "oidge");
    assert_null(operator_for_order(OID_VOID, '='));
}

static void casts_found(void **state)
{
    (void)state;
    for (size_t n = 0; cast_at(n) != NULL; n++) {
        const struct cast_def *c = cast_at(n);

        assert_ptr_equal(cast_find(c->source_type, c->target_type), c);
        assert_true((c->method == CAST_BY_FUNCTION) == (c->fn != NULL));
    }
    assert_int_equal(cast_find(OID_INT4, OID_INT8)->context, CAST_IMPLICIT);
    assert_int_equal(cast_find(OID_INT8, OID_INT4)->context, CAST_ASSIGNMENT);
    assert_null(cast_find(OID_INT4, OID_UUID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("each type is found by its OID and by its name", types_found),
        T("each function is found by its OID and by its name", functions_found),
        T("each operator is found by its OID and by its name", operators_found),
        T("each cast is found by its types", casts_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
