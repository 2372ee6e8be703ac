#include "tests/common/test.h"

void test_assert_st_ok(status st, const char *call, const char *file, int line)
{
    if (st_ok(st))
        return;
    print_error("%s failed: %s (%s)\n", call, status_message(st), status_sqlstate(st));
    st_clear(st);
    _fail(file, line);
}

void test_assert_st_code(status st, enum status_code code, const char *call, const char *file,
                         int line)
{
    if (status_code(st) == code) {
        st_clear(st);
        return;
    }
    print_error("%s gave \"%s\" (%s), not %s\n", call, status_message(st), status_sqlstate(st),
                status_code_name(code));
    st_clear(st);
    _fail(file, line);
}

uint64_t test_seed(uint64_t fallback)
{
    const char *text = getenv("LINERA_SEED");
    uint64_t    seed = text != NULL ? strtoull(text, NULL, 0) : fallback;

    print_message("LINERA_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}
