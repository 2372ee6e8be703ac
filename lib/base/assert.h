/* lib/base/assert.h: checks of what the code itself guarantees (style.md section 6).
 *
 * ASSERT stays on in release builds. DASSERT is for checks dearer than the work they guard; it is
 * on where LINERA_DEBUG is defined (tests, sanitizers, simulation). Input is never asserted on. */
#ifndef LINERA_BASE_ASSERT_H
#define LINERA_BASE_ASSERT_H

#include "base/compiler.h"

#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (UNLIKELY(!(x)))                                                                        \
            assert_failed(#x, __FILE__, __LINE__);                                                 \
    } while (0)

#ifdef LINERA_DEBUG
#define DASSERT(x) ASSERT(x)
#else
#define DASSERT(x) ((void)sizeof(!!(x)))
#endif

/* For arms of a switch that cannot be reached. */
#define UNREACHABLE() assert_failed("unreachable", __FILE__, __LINE__)

/* Print expression, place, version and the context below on stderr, then stop the process. */
NORETURN void assert_failed(const char *expr, const char *file, int line);

/* What a failing assertion prints beside itself, e.g. "node 3, seed 81"; NULL for nothing. The
 * string is borrowed for the life of the calling thread's next call. Per thread. */
void assert_set_context(const char *text);

#endif
