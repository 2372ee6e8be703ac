/* lib/sql/session/plan_cache.h: plans of simple-protocol statements by their shape, so that
 * statements that differ in literals alone are parsed and planned once. One cache a session: its
 * search path, role and settings are part of what a text means (pitfall Q1), and a plan belongs to
 * one fiber at a time. */
#ifndef LINERA_SQL_SESSION_PLAN_CACHE_H
#define LINERA_SQL_SESSION_PLAN_CACHE_H

#include "base/slice.h"

struct heap;
struct plan_cache;
struct prepared;

/* At most `count_max` statements; the one that was not used for longest makes room. */
struct plan_cache *plan_cache_new(struct heap *heap, size_t count_max);
void               plan_cache_free(struct plan_cache *c); /* Accepts NULL. */

/* The statement kept under `key`; NULL when there is none. Borrowed until the next add. */
struct prepared *plan_cache_get(struct plan_cache *c, slice key);
/* Keep a statement; the cache takes over the caller's reference. */
void             plan_cache_add(struct plan_cache *c, slice key, struct prepared *p);

#endif
