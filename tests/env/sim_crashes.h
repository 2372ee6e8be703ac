/* tests/env/sim_crashes.h: for tests that crash simulated nodes. A crash drops a node's fibers with
 * all that they hold; its own heap goes with the node, but what jobs work on is malloc's (a process
 * that is killed gives that back too). LeakSanitizer is told that it is no leak. */
#ifndef LINERA_TESTS_ENV_SIM_CRASHES_H
#define LINERA_TESTS_ENV_SIM_CRASHES_H

#include "base/compiler.h"

#ifdef LINERA_ASAN
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:fiber_main\n";
}
#endif

#endif
