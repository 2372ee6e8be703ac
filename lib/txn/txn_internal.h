/* lib/txn/txn_internal.h: what the files of this folder share. */
#ifndef LINERA_TXN_TXN_INTERNAL_H
#define LINERA_TXN_TXN_INTERNAL_H

#include "base/list.h"
#include "kv/lock_table.h"
#include "kv/range.h"
#include "txn/buffer.h"
#include "txn/readset.h"
#include "txn/txn.h"

struct txn_system {
    struct env      *env;
    struct hlc      *clock;
    struct range    *range;
    struct list      active; /* struct txn.link, in order of begin */
    struct list      pool;   /* ended transactions, kept with their arenas */
    size_t           pool_count;
    struct list      cursors; /* closed cursors, kept likewise */
    size_t           cursor_count;
    uint64_t         id_last;
    bool             uncertainty;
    struct txn_stats stats;
};

/*           state         may end by commit */
#define TXN_STATES(X)                                                                              \
    X(ACTIVE, true)                                                                                \
    X(DOOMED, false) /* lost a conflict or a deadlock: locks are gone, only rollback is left */    \
    X(COMMITTING, false)                                                                           \
    X(ENDED, false)

enum txn_state {
#define X(name, commit) TXN_##name,
    TXN_STATES(X)
#undef X
};

struct savepoint {
    struct savepoint  *outer;
    txn_savepoint_id   id;
    uint32_t           seq;
    struct buffer_mark mark;
};

struct hook {
    struct hook *earlier, *later;
    txn_hook_fn *fn;
    void        *arg;
};

struct private_span {
    struct private_span *next;
    slice                start, end;
};

struct txn {
    struct list        link;
    struct txn_system *system;
    enum txn_state     state;
    enum txn_isolation isolation;
    bool               read_only;
    bool               as_of;         /* the read timestamp is given */
    bool               has_read;      /* something was read, ever */
    bool               snapshot_used; /* something was read at read_ts */
    bool               wrote_in_step;
    uint64_t           id;
    uint64_t           lock_timeout_us;
    hlc_ts             read_ts;  /* 0: none taken yet */
    hlc_ts             limit_ts; /* top of the uncertainty interval; at least read_ts */
    hlc_ts             floor_ts; /* the commit must be at or above: newer than what it overwrites */
    hlc_ts             commit_ts; /* 0 until committed */
    uint32_t           seq;       /* of the running statement, from 1 */
    uint32_t           savepoint_id_last;
    struct savepoint  *savepoint; /* innermost */
    struct lock_owner  owner;
    struct arena      *arena; /* buffer, savepoints, hooks */
    struct mem_account  *account;
    size_t               charged;
    struct buffer        buffer;
    struct readset       reads;
    struct private_span *privates;
    struct list          cursors; /* open ones */
    struct hook         *hook_first, *hook_last;
    struct engine_batch  batch;
};

struct txn_cursor {
    struct list         link;
    struct txn         *txn;
    struct arena       *bounds; /* start and end */
    struct arena       *rows;   /* the batch at hand */
    slice               start, end;
    bool                reverse, untracked;
    enum lock_strength  lock;
    enum lock_wait      wait;
    uint32_t            seq; /* sees writes of earlier statements */
    hlc_ts              ts;  /* READ COMMITTED: its own snapshot; else 0: the transaction's */
    size_t              batch_rows;
    struct range_scan   scan;
    size_t              at;        /* next row of the batch */
    bool                done;      /* no batch behind this one */
    struct buf          from;      /* where the next batch begins (forward) or ends (reverse) */
    struct keymap_node *own;       /* next own write */
    struct buf          read_upto; /* locking scans: up to where reads were noted */
    bool                row_changed;
};

/* ---- txn.c ---- */
/* The transaction may go on: ACTIVE. */
status           txn_check(const struct txn *t) MUST_CHECK;
status MAY_YIELD txn_check_write(struct txn *t, slice key, slice value) MUST_CHECK;
/* Take the read timestamp if there is none. */
status MAY_YIELD txn_ensure_read_ts(struct txn *t) MUST_CHECK;
/* Pass `st` on; a lost conflict or deadlock dooms the transaction, which frees its locks at once:
 * others need not wait for the client's ROLLBACK. */
status           txn_fail(struct txn *t, status st) MUST_CHECK;
status           txn_charge(struct txn *t) MUST_CHECK;
bool             txn_is_private(const struct txn *t, slice key);
void             txn_release_locks(struct txn *t);

/* ---- read.c ---- */
/* Move the read timestamp up to `ts` (0: now) if nothing that was read has changed. */
status MAY_YIELD txn_advance(struct txn *t, hlc_ts ts) MUST_CHECK;
/* Whether reads must be remembered for a refresh. */
bool             txn_tracks_reads(const struct txn *t);
void             txn_note_point(struct txn *t, slice key);
status           txn_concurrent_update(bool deleted) MUST_CHECK;

/* What the engine has as the newest version of a locked key; the value is a copy in `a` (NULL: no
 * copy). */
struct locked_value {
    bool   found; /* a value, not a tombstone */
    bool   any;   /* some version */
    hlc_ts ts;
    slice  value;
};
/* Read the newest version of a key that is locked, and remember it for validation and for the
 * commit timestamp. */
status MAY_YIELD txn_read_locked(struct txn *t, slice key, uint64_t hash, struct arena *a,
                                 struct locked_value *out) MUST_CHECK;

/* ---- write.c ---- */
/* Take the lock. *granted is false when it was skipped. */
status MAY_YIELD txn_take_lock(struct txn *t, slice key, uint64_t hash, enum lock_strength strength,
                               enum lock_wait wait, bool *granted) MUST_CHECK;

/* What is known of a key whose lock is held goes into its node, so that the next write need not
 * ask. */
void txn_node_note(struct keymap_node *n, enum lock_strength strength, bool any_version);

/* ---- cursor.c ---- */
void txn_cursor_free(struct txn_cursor *c);

#endif
