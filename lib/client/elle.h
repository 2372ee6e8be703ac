/* lib/client/elle.h: is a history of transactions on lists serializable?
 *
 * After Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations"
 * (VLDB 2020). Transactions append unique numbers to lists and read whole lists, so every read
 * shows the order of all writes before it, and the dependencies between transactions follow: ww
 * (next append), wr (read it), rw (did not see it), and rt (ended before the other began). A cycle
 * is an anomaly; its kind is Adya's. */
#ifndef LINERA_CLIENT_ELLE_H
#define LINERA_CLIENT_ELLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/heap.h"

/*   name                  forbidden from this level on */
#define ELLE_ANOMALIES(X)                                                                          \
    X(INTERNAL, "internal", ELLE_READ_COMMITTED)        /* a read contradicts its own txn */       \
    X(DUPLICATE, "duplicate", ELLE_READ_COMMITTED)      /* an element twice in a list */           \
    X(GARBAGE, "garbage read", ELLE_READ_COMMITTED)     /* nobody appended it */                   \
    X(ORDER, "incompatible order", ELLE_READ_COMMITTED) /* two reads, neither a prefix */          \
    X(G1A, "G1a aborted read", ELLE_READ_COMMITTED)                                                \
    X(G1B, "G1b intermediate read", ELLE_READ_COMMITTED)                                           \
    X(G0, "G0 write cycle", ELLE_READ_COMMITTED)                                                   \
    X(G1C, "G1c circular information flow", ELLE_READ_COMMITTED)                                   \
    X(G_SINGLE, "G-single read skew", ELLE_SNAPSHOT)                                               \
    X(G2_ITEM, "G2-item write skew", ELLE_SERIALIZABLE)

enum elle_level { ELLE_READ_COMMITTED, ELLE_SNAPSHOT, ELLE_SERIALIZABLE };

enum elle_anomaly {
#define X(name, text, level) ELLE_##name,
    ELLE_ANOMALIES(X)
#undef X
        ELLE_ANOMALY_COUNT
};

enum elle_outcome {
    ELLE_OK,
    ELLE_FAILED, /* certainly not committed */
    ELLE_UNKNOWN /* perhaps */
};

struct elle;

/* An empty history on `heap` (NULL: malloc's). Stops the process when memory runs out. */
struct elle *elle_new(struct heap *heap);
void         elle_free(struct elle *e); /* Accepts NULL. */

/* Begin a transaction at time `invoked` (any unit, one clock for all); returns its number, from 0.
 * Then its operations in order, then its end. Transactions may overlap. */
size_t elle_begin(struct elle *e, uint64_t invoked);
void   elle_append(struct elle *e, size_t txn, uint64_t key, uint64_t value);
void   elle_read(struct elle *e, size_t txn, uint64_t key, const uint64_t *values, size_t count);
void   elle_end(struct elle *e, size_t txn, enum elle_outcome outcome, uint64_t completed);

/* The transaction ran below SERIALIZABLE among others that did not: what it has read may change
 * before it commits, so its rw edges say nothing (Adya 1999, section 4.4.4: mixed serialization
 * graphs). */
void elle_weaken(struct elle *e, size_t txn);

size_t elle_txn_count(const struct elle *e);

struct elle_result {
    size_t found[ELLE_ANOMALY_COUNT]; /* cycles are counted once for each knot of transactions */
    size_t forbidden;                 /* of those that the level does not allow */
};

/* Check everything ended so far. A line for each anomaly goes to `report` (may be NULL), cycles as
 * the shortest of their kind. With `realtime` the order of begin and end counts too (strict
 * levels). */
void elle_check(struct elle *e, enum elle_level level, bool realtime, struct buf *report,
                struct elle_result *out);

const char *elle_anomaly_name(enum elle_anomaly a);

#endif
