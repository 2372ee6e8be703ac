/* lib/client/elle_internal.h: what elle.c, elle_order.c and elle_cycle.c share. */
#ifndef LINERA_CLIENT_ELLE_INTERNAL_H
#define LINERA_CLIENT_ELLE_INTERNAL_H

#include "base/arena.h"
#include "client/elle.h"

enum { ELLE_NONE = UINT32_MAX };

struct elle_op {
    struct elle_op *next;
    bool            is_read;
    uint64_t        key;
    uint64_t        value; /* append */
    size_t          count; /* read */
    uint64_t       *values;
};

struct elle_txn {
    uint64_t          invoked, completed;
    enum elle_outcome outcome;
    bool              ended;
    bool              weak;      /* its rw edges do not count */
    bool              committed; /* OK, or unknown and seen by somebody */
    struct elle_op   *first, *last;
};

/* Kinds of dependency, weakest promise first; also bits of a mask. */
enum elle_edge_kind { EDGE_WW, EDGE_WR, EDGE_RW, EDGE_RT, EDGE_KINDS };

struct elle_edge {
    uint32_t            to;
    enum elle_edge_kind kind;
    uint64_t            key, value; /* what it is about; not for RT */
    struct elle_edge   *next;
};

/* One append: who made it. Sorted by (key, value). */
struct elle_write {
    uint64_t key, value;
    uint32_t txn;
    bool     final; /* the transaction's last append to the key */
};

struct elle {
    struct heap        *heap;
    struct arena       *arena; /* operations */
    struct elle_txn    *txns;
    size_t              count, capacity;
    /* While checking. */
    struct arena       *scratch;
    struct elle_write  *writes;
    size_t              write_count;
    struct elle_edge  **edges; /* by transaction */
    struct buf         *report;
    struct elle_result *result;
    bool                realtime;
};

void                     elle_found(struct elle *e, enum elle_anomaly a);
const struct elle_write *elle_find_write(const struct elle *e, uint64_t key, uint64_t value);
void elle_add_edge(struct elle *e, uint32_t from, uint32_t to, enum elle_edge_kind kind,
                   uint64_t key, uint64_t value);

/* Orders of versions, reads that cannot be, and the edges that follow (elle_order.c). */
void elle_infer(struct elle *e);
/* Cycles of all kinds (elle_cycle.c). */
void elle_find_cycles(struct elle *e);

#endif
