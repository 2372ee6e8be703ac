#include "kv/lock.h"

#include "base/compiler.h"

/* Row: held; bits: the requested strengths that must wait. */
static const unsigned conflicts[LOCK_STRENGTH_COUNT] = {
    [LOCK_NONE] = 0,
    [LOCK_KEY_SHARE] = BIT(LOCK_UPDATE),
    [LOCK_SHARE] = BIT(LOCK_NO_KEY_UPDATE) | BIT(LOCK_UPDATE),
    [LOCK_NO_KEY_UPDATE] = BIT(LOCK_SHARE) | BIT(LOCK_NO_KEY_UPDATE) | BIT(LOCK_UPDATE),
    [LOCK_UPDATE] =
        BIT(LOCK_KEY_SHARE) | BIT(LOCK_SHARE) | BIT(LOCK_NO_KEY_UPDATE) | BIT(LOCK_UPDATE),
};

bool lock_conflicts(enum lock_strength a, enum lock_strength b)
{
    return (conflicts[a] & BIT(b)) != 0;
}

const char *lock_strength_name(enum lock_strength s)
{
    static const char *const names[LOCK_STRENGTH_COUNT] = {
        [LOCK_NONE] = "none",         [LOCK_KEY_SHARE] = "FOR KEY SHARE",
        [LOCK_SHARE] = "FOR SHARE",   [LOCK_NO_KEY_UPDATE] = "FOR NO KEY UPDATE",
        [LOCK_UPDATE] = "FOR UPDATE",
    };

    return names[s];
}
