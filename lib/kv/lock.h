/* lib/kv/lock.h: the strengths of row locks and what to do when one is taken. */
#ifndef LINERA_KV_LOCK_H
#define LINERA_KV_LOCK_H

#include <stdbool.h>

/* Weak to strong; a transaction that holds a stronger one holds the weaker ones too. */
enum lock_strength {
    LOCK_NONE,
    LOCK_KEY_SHARE,     /* FOR KEY SHARE: what a foreign key needs of the row it points at */
    LOCK_SHARE,         /* FOR SHARE */
    LOCK_NO_KEY_UPDATE, /* FOR NO KEY UPDATE: what UPDATE takes */
    LOCK_UPDATE,        /* FOR UPDATE: what DELETE and a change of key columns take */
    LOCK_STRENGTH_COUNT
};

enum lock_wait {
    LOCK_WAIT,   /* until granted, timed out, cancelled or chosen as a deadlock's victim */
    LOCK_NOWAIT, /* LOCK_NOT_AVAILABLE (55P03) at once */
    LOCK_SKIP,   /* leave the row out: SKIP LOCKED */
};

/* PostgreSQL's table of row-lock conflicts (its documentation, section 13.3.2). */
bool        lock_conflicts(enum lock_strength a, enum lock_strength b);
/* "FOR UPDATE" and so on. */
const char *lock_strength_name(enum lock_strength s);

#endif
