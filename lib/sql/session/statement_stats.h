/* lib/sql/session/statement_stats.h: what statements cost, one entry for each kind: the statement's
 * fingerprint (parse/fingerprint.h), its database and its user. Of a node's worker; bounded in
 * number: the kind that was not run for longest makes room. */
#ifndef LINERA_SQL_SESSION_STATEMENT_STATS_H
#define LINERA_SQL_SESSION_STATEMENT_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct heap;
struct statement_entry;
struct statement_stats;

struct statement_stats *statement_stats_new(struct heap *heap, size_t count_max);
/* Entries that are still held are freed by their last statement_entry_unref(). Accepts NULL. */
void                    statement_stats_free(struct statement_stats *s);

/* The entry of `text`, made when there is none; the caller holds a reference. Statements that run
 * often keep it, so that this look-up (a scan of the text) is not paid each time. */
struct statement_entry *statement_stats_get(struct statement_stats *s, const char *database,
                                            const char *user, slice text);
void                    statement_entry_unref(struct statement_entry *e); /* Accepts NULL. */

/* One run of a statement. */
struct statement_run {
    uint64_t elapsed_us, rows;
    int64_t  started_us; /* since 2000 */
    bool     failed;
    bool     plan_reused; /* its plan was made by an earlier run */
};

/* Count it. An entry that made room for others while its holder did not run counts among the
 * newest again: *e may be exchanged. A few additions: this is on the path of every statement. */
void statement_stats_note(struct statement_stats *s, struct statement_entry **e,
                          const struct statement_run *run);

/* What lists are sorted by, largest first. */
enum statement_order {
    STATEMENTS_BY_TOTAL_TIME,
    STATEMENTS_BY_MEAN_TIME,
    STATEMENTS_BY_CALLS,
    STATEMENTS_BY_LAST_SEEN
};

struct statement_info {
    uint64_t    id;                     /* a hash of fingerprint, database and user */
    const char *database, *user, *text; /* of the arena */
    uint64_t    calls, errors, rows, plans_reused;
    uint64_t    total_us, min_us, max_us, p50_us, p99_us;
    int64_t     last_seen_us; /* when the newest run began, since 2000 */
    uint64_t    rank;         /* what the list is sorted by */
};

/* A page of the list: what stands behind the (rank, id) of the page before. */
struct statement_page {
    enum statement_order order;
    bool                 has_after;
    uint64_t             after_rank, after_id;
    size_t               limit;
};

/* The entries of the page, *count of them; *more tells whether there are others behind. */
struct statement_info *statement_stats_list(const struct statement_stats *s, struct arena *a,
                                            const struct statement_page *page, size_t *count,
                                            bool *more);
/* Entries that made room for others since the start. */
uint64_t               statement_stats_evicted(const struct statement_stats *s);

#endif
