#include "sql/exec/hash_parts.h"

#include "base/assert.h"

struct hash_parts {
    struct op              *op;
    struct arena           *arena;
    struct spill_file      *file;
    const struct row_shape *shapes[2];
    struct hash_part        open[PART_COUNT];
    struct hash_part       *waiting; /* the last is taken first */
    size_t                  count, capacity;
};

status hash_parts_new(struct op *op, const struct row_shape *side_0, const struct row_shape *side_1,
                      struct hash_parts **out)
{
    struct arena      *a = arena_new(arena_heap(op->arena), &op->x->account);
    struct hash_parts *p = ARENA_NEW(a, struct hash_parts);

    p->op = op;
    p->arena = a;
    p->shapes[0] = side_0;
    p->shapes[1] = side_1;
    *out = p;
    return spill_open(op, &p->file);
}

void hash_parts_free(struct hash_parts *p)
{
    if (p == NULL)
        return;
    spill_close(p->file);
    arena_free(p->arena);
}

void hash_parts_begin(struct hash_parts *p, int level)
{
    ASSERT(level < PART_LEVELS_MAX);
    for (size_t i = 0; i < PART_COUNT; i++) {
        p->open[i].level = level + 1;
        for (size_t side = 0; side < 2; side++)
            p->open[i].sides[side] =
                p->shapes[side] != NULL ? spill_tape_new(p->file, p->shapes[side]) : NULL;
    }
}

/* The high bits, four for each level: the low ones choose the bucket within a part's table. */
static struct spill_tape *tape_of(const struct hash_parts *p, size_t side, uint64_t hash)
{
    return p->open[(hash >> (64 - 4 * p->open[0].level)) % PART_COUNT].sides[side];
}

status hash_parts_put(struct hash_parts *p, size_t side, uint64_t hash, const datum *values,
                      const bool *nulls)
{
    return spill_write(tape_of(p, side, hash), hash, values, nulls);
}

uint64_t hash_parts_rows(const struct hash_parts *p, size_t side, uint64_t hash)
{
    return spill_tape_rows(tape_of(p, side, hash));
}

status hash_parts_end(struct hash_parts *p)
{
    if (p->count + PART_COUNT > p->capacity) {
        size_t capacity = p->capacity * 2 + PART_COUNT;

        p->waiting = arena_realloc(p->arena, p->waiting, p->capacity * sizeof *p->waiting,
                                   capacity * sizeof *p->waiting);
        p->capacity = capacity;
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        for (size_t side = 0; side < 2; side++) {
            if (p->open[i].sides[side] != NULL)
                TRY_RETURN(spill_finish(p->open[i].sides[side]));
        }
        p->waiting[p->count++] = p->open[i];
    }
    return STATUS_OK;
}

bool hash_parts_next(struct hash_parts *p, struct hash_part *out)
{
    while (p->count > 0) {
        uint64_t rows = 0;

        *out = p->waiting[--p->count];
        for (size_t side = 0; side < 2; side++) {
            if (out->sides[side] != NULL)
                rows += spill_tape_rows(out->sides[side]);
        }
        if (rows > 0) {
            p->op->stats.batches++;
            return true;
        }
        for (size_t side = 0; side < 2; side++) {
            if (out->sides[side] != NULL)
                spill_tape_drop(out->sides[side]);
        }
    }
    return false;
}
