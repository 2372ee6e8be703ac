/* lib/sql/parse/guard.h: how deep the tree of a statement can be at most, found from its text
 * alone, so that libpg_query and protobuf-c, which recurse without a limit, are only let loose on
 * what their stack can hold (pitfall E3). */
#ifndef LINERA_SQL_PARSE_GUARD_H
#define LINERA_SQL_PARSE_GUARD_H

#include <stddef.h>

#include "base/slice.h"

/* An upper bound for the nesting of the parse tree, in tokens: within one bracket, the items
 * between commas are siblings, and an item is no deeper than its own tokens plus its deepest
 * bracket. Constants nest nothing, and chains of AND or of OR are one flat list in the tree, so
 * these tokens are not counted. Stops early with some value above `limit` once it, or
 * PARSE_BRACKETS_MAX open brackets, is passed. One pass; `limit` is at most PARSE_DEPTH_MAX. */
size_t parse_depth_bound(slice text, size_t limit);

enum {
    PARSE_DEPTH_MAX = 32768,       /* on the worker's large stack */
    PARSE_DEPTH_SMALL_STACK = 500, /* on the caller's (unit tests, tools), 8 MiB */
    PARSE_BRACKETS_MAX = 1024
};

#endif
