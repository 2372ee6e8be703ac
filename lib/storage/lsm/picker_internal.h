/* lib/storage/lsm/picker_internal.h: what picker.c (what to take) and pick.c (what a pick means)
 * share. */
#ifndef LINERA_STORAGE_LSM_PICKER_INTERNAL_H
#define LINERA_STORAGE_LSM_PICKER_INTERNAL_H

#include "storage/lsm/picker.h"

/* What one call of the picker looks at. */
struct pick_context {
    const struct picker *picker;
    struct version      *version;
    struct pick *const  *running;
    size_t               running_count;
    struct umap          busy; /* numbers of the inputs of running picks */
    uint64_t             targets[LSM_LEVELS];
    unsigned             base; /* where level 0 goes */
};

/* The level to which tables of `level` go: the next one that has a target or a table. */
unsigned     pick_level_below(const struct pick_context *c, unsigned level);
bool         pick_is_busy(const struct pick_context *c, const struct version_table *t);
/* The first key that the table cannot hold, in `out`, which is empty. */
void         pick_put_end(struct buf *out, const struct table_meta *t);
/* A pick of these tables, which are of `level`, with all that belongs to it; NULL when a running
 * one is in the way. Copies the array. */
struct pick *pick_make(const struct pick_context *c, enum pick_reason reason, unsigned level,
                       unsigned output_level, struct version_table *const *tables, size_t count);

#endif
