/* tests/common/test.h: what every cmocka test includes. A test's name is the sentence that is false
 * when it fails; T() pairs the sentence with the function (style.md section 11). */
#ifndef LINERA_TESTS_COMMON_TEST_H
#define LINERA_TESTS_COMMON_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

#define T(sentence, fn)                                                                            \
    {                                                                                              \
        .name = (sentence), .test_func = (fn)                                                      \
    }
/* With a fixture: `setup` and `teardown` run around this test. */
#define TF(sentence, fn, setup, teardown)                                                          \
    {                                                                                              \
        .name = (sentence), .test_func = (fn), .setup_func = (setup), .teardown_func = (teardown)  \
    }

/* The call must succeed; prints the error and fails the test otherwise. */
#define assert_st_ok(call) test_assert_st_ok((call), #call, __FILE__, __LINE__)
/* The call must fail with this code (ST_...); frees the status. */
#define assert_st_code(call, code) test_assert_st_code((call), (code), #call, __FILE__, __LINE__)

void test_assert_st_ok(status st, const char *call, const char *file, int line);
void test_assert_st_code(status st, enum status_code code, const char *call, const char *file,
                         int line);

/* The seed of a property test: LINERA_SEED when set, else `fallback`; printed when a test fails. */
uint64_t test_seed(uint64_t fallback);

#endif
