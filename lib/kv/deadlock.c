/* Deadlocks: a breadth-first search from a request that begins to wait.
 *
 * An owner waits for the holders its request conflicts with and for conflicting requests in front
 * of it. New edges appear when a wait begins, and where a holder's request goes to the front of a
 * queue, which is a wait that begins too; grants only turn an edge to a waiter into one to a
 * holder. So every cycle goes through the wait that completed it, and looking from there, then,
 * finds all. The search finds a shortest cycle, which is the one reported; the victim is who began
 * to wait: all others may go on. */
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "kv/keys.h"
#include "kv/lock_internal.h"

struct search {
    struct lock_table *table;
    struct lock_owner *start;
    struct lock_owner *first, *last; /* queue of owners to look from */
};

/* `from` waits for `to`. True when that closes a cycle. */
static bool visit(struct search *s, struct lock_owner *from, struct lock_owner *to)
{
    if (to == s->start) {
        s->start->found_by = from;
        return true;
    }
    if (to->mark == s->table->mark || to->waiting == NULL)
        return false;
    to->mark = s->table->mark;
    to->found_by = from;
    to->queue_next = NULL;
    s->last->queue_next = to;
    s->last = to;
    return false;
}

static bool visit_blockers(struct search *s, struct lock_owner *from)
{
    const struct lock_waiter *request = from->waiting;

    for (struct lock_hold *h = request->lock->holders; h != NULL; h = h->lock_next) {
        if (h->owner != from && lock_conflicts(h->strength, request->strength) &&
            visit(s, from, h->owner))
            return true;
    }
    for (struct lock_waiter *w = request->lock->waiters; w != request; w = w->next) {
        if (lock_conflicts(w->strength, request->strength) && visit(s, from, w->owner))
            return true;
    }
    return false;
}

static unsigned long long shown_id(const struct lock_owner *o)
{
    return o->process_id != 0 ? o->process_id : o->id;
}

/* found_by leads from the start backwards through the cycle: each owner's predecessor waits for it.
 * Turn it round into `next` order by walking, and print one line for each wait. */
static status report(struct search *s)
{
    struct arena *a = arena_new(env_heap(s->table->env), NULL);
    const char   *detail = "";
    status        st = status_new(ST_DEADLOCK, "deadlock detected");

    for (struct lock_owner *to = s->start;;) {
        struct lock_owner        *from = to->found_by;
        const struct lock_waiter *w = from->waiting;

        detail = arena_printf(
            a, "Process %llu waits for %s lock on key %s; blocked by process %llu.%s%s",
            shown_id(from), lock_strength_name(w->strength), key_print(a, lock_key(w->lock)),
            shown_id(to), detail[0] != '\0' ? "\n" : "", detail);
        to = from;
        if (to == s->start)
            break;
    }
    st = status_detail(st, "%s", detail);
    st = status_hint(st, "See server log for query details.");
    arena_free(a);
    return st;
}

status lock_find_deadlock(struct lock_table *t, struct lock_owner *start)
{
    struct search s = {.table = t, .start = start, .first = start, .last = start};

    if (start->holds == NULL)
        return STATUS_OK; /* nobody can be waiting for it */
    t->mark++;
    start->mark = t->mark;
    start->queue_next = NULL;
    for (; s.first != NULL; s.first = s.first->queue_next) {
        if (visit_blockers(&s, s.first))
            return report(&s);
    }
    return STATUS_OK;
}
