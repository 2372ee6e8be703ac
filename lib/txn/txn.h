/* lib/txn/txn.h: transactions over the ordered key space: begin, read, write, savepoints, commit.
 *
 * SERIALIZABLE, SNAPSHOT (PostgreSQL's REPEATABLE READ) and READ COMMITTED. Writes are buffered in
 * the transaction until commit and take their lock at once; reads run at the read timestamp and
 * never wait for locks. Everything belongs to one worker; one fiber at a time uses a transaction.
 *
 * Statements: txn_step() begins one. A statement sees the writes of the statements before it, never
 * its own (the Halloween problem, pitfall T9); txn_insert() and the locking reads say when they met
 * a key that the same statement has written.
 *
 * Errors that every call may return: SERIALIZATION (40001), DEADLOCK (40P01), LOCK_NOT_AVAILABLE
 * (55P03; NOWAIT and lock time-outs), CANCELLED (fiber_cancel()), OUT_OF_MEMORY (the account given
 * in the options), IO_ERROR and CORRUPT (the store). After any of them the transaction can only be
 * rolled back, or rolled back to a savepoint; SERIALIZATION, DEADLOCK and errors of the store are
 * final: only txn_rollback() is left then. Keys are at most TXN_KEY_SIZE_MAX bytes, values at most
 * TXN_VALUE_SIZE_MAX: LIMIT_EXCEEDED. */
#ifndef LINERA_TXN_TXN_H
#define LINERA_TXN_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/slice.h"
#include "base/status.h"
#include "hlc/hlc.h"
#include "kv/lock.h"

struct env;
struct range;
struct txn;
struct txn_cursor;
struct txn_system;

enum { TXN_KEY_SIZE_MAX = 8192, TXN_VALUE_SIZE_MAX = 64 << 20 };

/* ---- the node's part ----------------------------------------------------------------------------
 */

/* What all transactions of a worker share. `range` and `clock` are borrowed. Small objects are
 * recycled: a short transaction allocates nothing. */
status txn_system_new(struct env *env, struct hlc *clock, struct range *range,
                      struct txn_system **out) MUST_CHECK;
/* No transaction may be left. Accepts NULL. */
void   txn_system_free(struct txn_system *s);

/* Whether other nodes with clocks of their own write here: reads then honour their uncertainty
 * interval (architecture.md section 9). Off at first, as is right for one node. */
void txn_system_set_uncertainty(struct txn_system *s, bool on);

/* Counters since the start. */
struct txn_stats {
    uint64_t begun, committed, rolled_back;
    uint64_t active;           /* now */
    uint64_t serialization;    /* 40001 given */
    uint64_t deadlocks;        /* 40P01 given */
    uint64_t refreshes;        /* read timestamps moved up with the reads proved unchanged */
    uint64_t refresh_failures; /* ... or not */
    uint64_t commit_pushes;    /* commit timestamps moved above reads of others */
    uint64_t lock_waits;
};
void txn_system_stats(const struct txn_system *s, struct txn_stats *out);

/* The locks of all transactions: see lock_table_list(). */
struct lock_info *txn_system_locks(const struct txn_system *s, struct arena *a, size_t *count);
/* About how many bytes the span holds, old versions included. */
status MAY_YIELD  txn_system_span_size(struct txn_system *s, slice start, slice end, uint64_t *size)
    MUST_CHECK;

/* Counters outside any transaction (sequences): add `delta` to the int64 at `key` (absent: 0),
 * store it durably, return the new value. Never undone. NUMERIC_OUT_OF_RANGE: nothing was changed.
 */
status MAY_YIELD txn_system_increment(struct txn_system *s, slice key, int64_t delta, int64_t *out)
    MUST_CHECK;
/* Store `value` as the counter (setval, ALTER SEQUENCE RESTART). */
status MAY_YIELD txn_system_counter_set(struct txn_system *s, slice key, int64_t value) MUST_CHECK;
/* The counter's value; *found is false when it was never stored. */
status MAY_YIELD txn_system_counter_get(struct txn_system *s, slice key, int64_t *value,
                                        bool *found) MUST_CHECK;

/* ---- a transaction ------------------------------------------------------------------------------
 */

enum txn_isolation { TXN_SERIALIZABLE, TXN_SNAPSHOT, TXN_READ_COMMITTED };

/* Zeroes are the defaults. */
struct txn_options {
    enum txn_isolation  isolation;
    bool                read_only;  /* writes fail with READ_ONLY_TRANSACTION (25006) */
    bool                deferrable; /* accepted; a read-only transaction never fails here anyway */
    uint64_t            lock_timeout_us; /* how long one lock wait may last; 0: no limit */
    uint32_t            process_id;      /* names the transaction in deadlock reports; 0: its id */
    hlc_ts              as_of;           /* read as of this time, read only; 0: now */
    struct mem_account *account;         /* pays for the write buffer; NULL: nobody */
};

/* Begin. `options` may be NULL. Takes no timestamp yet: the first operation does. On success *out
 * is the caller's, to be ended by txn_commit() or txn_rollback() and then freed by txn_free(). */
status txn_begin(struct txn_system *s, const struct txn_options *options, struct txn **out)
    MUST_CHECK;

/* Settings that PostgreSQL allows to change inside a transaction. Isolation and read_only only as
 * long as nothing was read or written: ACTIVE_TRANSACTION (25001) otherwise. */
status txn_set_isolation(struct txn *t, enum txn_isolation isolation) MUST_CHECK;
status txn_set_read_only(struct txn *t, bool read_only) MUST_CHECK;
void   txn_set_lock_timeout(struct txn *t, uint64_t timeout_us);

enum txn_isolation txn_isolation(const struct txn *t);
bool               txn_is_read_only(const struct txn *t);
uint64_t           txn_id(const struct txn *t); /* unique within the run of the node, from 1 */
/* The snapshot of the running statement; takes one if none was taken yet. */
hlc_ts             txn_read_ts(struct txn *t);
/* The commit timestamp; 0 unless committed with writes. */
hlc_ts             txn_commit_ts(const struct txn *t);
/* Whether anything was written (and not rolled back to a savepoint). */
bool               txn_has_writes(const struct txn *t);

/* Begin the next statement or command: it sees all writes made so far, and under READ COMMITTED
 * reads from a fresh snapshot. Open cursors keep what they saw when they were opened. */
void txn_step(struct txn *t);
/* As txn_step(), but keeps the snapshot: later phases of one statement (foreign-key checks, the
 * main query behind a data-modifying WITH). */
void txn_step_within_statement(struct txn *t);

/* ---- reads --------------------------------------------------------------------------------------
 */

/* The value of `key`. *value is a copy in `a`. *value is left alone when *found becomes false. */
status MAY_YIELD txn_get(struct txn *t, slice key, struct arena *a, slice *value, bool *found)
    MUST_CHECK;

/* Lock first, then read: enum lock_strength and enum lock_wait are in kv/lock.h. */
struct txn_row {
    bool  found;
    slice value; /* a copy in the caller's arena; when found */
    /* LOCK_SKIP and somebody else holds the lock: nothing was locked or read. */
    bool  skipped;
    /* READ COMMITTED: the row is newer than the statement's snapshot, so that the statement's
     * conditions must be evaluated anew, as PostgreSQL does. Never set otherwise: SNAPSHOT fails
     * with 40001, SERIALIZABLE moves its snapshot up when its reads allow. */
    bool  changed;
    /* The running statement itself has written the key; `found` and `value` are what it wrote. */
    bool  own_command;
};
status MAY_YIELD txn_get_for(struct txn *t, slice key, enum lock_strength strength,
                             enum lock_wait wait, struct arena *a, struct txn_row *out) MUST_CHECK;

/* Only the lock, on any key, read or not: what catalog holds and advisory locks are made of.
 * *skipped (may be NULL unless wait is LOCK_SKIP) tells that it was not granted. Held until the end
 * of the transaction. */
status MAY_YIELD txn_lock(struct txn *t, slice key, enum lock_strength strength,
                          enum lock_wait wait, bool *skipped) MUST_CHECK;

/* The keys of [start, end), in order or in reverse. `end` empty: to the end of the key space. */
struct txn_scan {
    slice    start, end; /* copied */
    bool     reverse;
    uint64_t limit_hint;     /* rows the caller expects to need; 0: all. Never cuts the result. */
    enum lock_strength lock; /* LOCK_NONE for a plain scan; else each row is locked, then read */
    enum lock_wait     wait; /* LOCK_SKIP leaves rows out that others hold */
};

/* On success *out is the caller's; it sees what precedes the running statement, for as long as it
 * is open, whatever the same transaction writes meanwhile. Close it before the transaction ends. */
status MAY_YIELD txn_scan_open(struct txn *t, const struct txn_scan *scan, struct txn_cursor **out)
    MUST_CHECK;
/* The next row; STATUS_NO_DATA behind the last. The slices are valid until the next call. */
status MAY_YIELD txn_cursor_next(struct txn_cursor *c, slice *key, slice *value) MUST_CHECK;
/* Of the row last returned by a locking cursor: as txn_row.changed. */
bool             txn_cursor_row_changed(const struct txn_cursor *c);
void             txn_cursor_close(struct txn_cursor *c); /* Accepts NULL. */

/* ---- writes -------------------------------------------------------------------------------------
 * Slices are copied. Each write takes the key's lock first: put FOR NO KEY UPDATE, insert and
 * delete FOR UPDATE. A caller that changes columns other tables may reference locks FOR UPDATE
 * before. */

/* Set `key`, there or not. */
status MAY_YIELD txn_put(struct txn *t, slice key, slice value) MUST_CHECK;

struct txn_existing {
    bool  exists;      /* the key has a value already: nothing was written */
    slice value;       /* that value, a copy in the caller's arena */
    bool  own_command; /* the running statement has put it there */
    bool  newer;       /* SNAPSHOT: it is not in the transaction's snapshot */
};
/* Set `key` unless it has a value; locks it either way. With `a` NULL the existing value is not
 * copied. Serializable: that the key was absent, or what it holds, counts as read (T5, T14). */
status MAY_YIELD txn_insert(struct txn *t, slice key, slice value, struct arena *a,
                            struct txn_existing *out) MUST_CHECK;

/* Remove `key`; no error when it is not there. */
status MAY_YIELD txn_delete(struct txn *t, slice key) MUST_CHECK;

/* Remove all keys of [start, end) at commit. For spans that nobody else can be reading or writing:
 * a table whose descriptor this transaction holds exclusively. Own reads see it at once. */
status MAY_YIELD txn_delete_range(struct txn *t, slice start, slice end) MUST_CHECK;

/* Declare [start, end) invisible to every other transaction until this one commits: storage that it
 * has itself created (a new table, a truncated one, a new index). Reads and writes there skip
 * locks, the timestamp cache and read tracking. Slices are copied. */
status txn_mark_private(struct txn *t, slice start, slice end) MUST_CHECK;

/* ---- savepoints ---------------------------------------------------------------------------------
 */

/* A savepoint is a number that grows; names are the session's. */
typedef uint32_t txn_savepoint_id;
status           txn_savepoint(struct txn *t, txn_savepoint_id *out) MUST_CHECK;
/* Undo all writes since; later savepoints are gone, this one stays. Locks taken since stay held (as
 * CockroachDB does; PostgreSQL gives most back): nobody can observe the difference but by waiting.
 * Open cursors of statements after the savepoint must be closed first. */
status           txn_rollback_to(struct txn *t, txn_savepoint_id savepoint) MUST_CHECK;
/* Forget this savepoint and those after it, keeping their writes. */
status           txn_release(struct txn *t, txn_savepoint_id savepoint) MUST_CHECK;

/* ---- end ----------------------------------------------------------------------------------------
 */

/* OK: committed and durable. OUTCOME_UNKNOWN (08007): perhaps (pitfall T1). Anything else: rolled
 * back. In every case the transaction has ended, its locks are released. Not interrupted by
 * fiber_cancel() once the writes are on their way. */
status MAY_YIELD txn_commit(struct txn *t) MUST_CHECK;
/* Drop all writes and release all locks. Does nothing to a transaction that has ended. */
void             txn_rollback(struct txn *t);
/* Free; rolls back first when the transaction has not ended. Accepts NULL. */
void             txn_free(struct txn *t);

enum txn_event {
    TXN_EVENT_COMMITTED,   /* durable; locks are still held, so the next holder sees what the hook
                              does */
    TXN_EVENT_ROLLED_BACK, /* also when the outcome is unknown */
    TXN_EVENT_ROLLED_BACK_TO, /* writes after a savepoint are undone */
};
/* Called at each event, in the order they were added for COMMITTED, in reverse order otherwise. The
 * hook must not yield or use the transaction. `savepoint`: for ROLLED_BACK_TO. Hooks die with the
 * transaction. */
typedef void txn_hook_fn(void *arg, enum txn_event event, txn_savepoint_id savepoint);
status       txn_add_hook(struct txn *t, txn_hook_fn *fn, void *arg) MUST_CHECK;

#endif
