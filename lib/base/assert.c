#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/version.h"

static _Thread_local const char *assert_context;

NOINLINE void assert_set_context(const char *text)
{
    assert_context = text;
}

NOINLINE void assert_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "linera %s: assertion failed: %s at %s:%d%s%s\n", LINERA_VERSION, expr, file,
            line, assert_context != NULL ? ", " : "", assert_context != NULL ? assert_context : "");
    abort();
}
