#include "kv/keymap.h"

#include "base/assert.h"

void keymap_init(struct keymap *m, struct arena *arena)
{
    *m = (struct keymap){.arena = arena, .height = 1, .random = 0x9e3779b97f4a7c15};
}

static uint32_t random_height(struct keymap *m)
{
    uint64_t r;
    uint32_t height = 1;

    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    /* One node in four reaches the next level: 1.33 pointers a node. */
    for (r = m->random; (r & 3) == 0 && height < KEYMAP_HEIGHT_MAX; r >>= 2)
        height++;
    return height;
}

static struct keymap_node *next_at(const struct keymap *m, const struct keymap_node *n,
                                   uint32_t level)
{
    return n == NULL ? m->head[level] : n->next[level];
}

/* The last node before `key` (NULL: the head); fills `path` with it for each level. */
static struct keymap_node *descend(const struct keymap *m, slice key, struct keymap_node **path)
{
    struct keymap_node *at = NULL;

    for (uint32_t level = m->height; level-- > 0;) {
        struct keymap_node *next = next_at(m, at, level);

        while (next != NULL && slice_cmp(keymap_key(next), key) < 0) {
            at = next;
            next = next_at(m, at, level);
        }
        if (path != NULL)
            path[level] = at;
    }
    return at;
}

struct keymap_node *keymap_before(const struct keymap *m, slice key)
{
    return descend(m, key, NULL);
}

struct keymap_node *keymap_seek(const struct keymap *m, slice key)
{
    return next_at(m, descend(m, key, NULL), 0);
}

struct keymap_node *keymap_find(const struct keymap *m, slice key)
{
    struct keymap_node *n;

    if (m->count == 0)
        return NULL;
    n = keymap_seek(m, key);
    return n != NULL && slice_eq(keymap_key(n), key) ? n : NULL;
}

struct keymap_node *keymap_last(const struct keymap *m)
{
    struct keymap_node *at = NULL;

    for (uint32_t level = m->height; level-- > 0;) {
        for (struct keymap_node *next; (next = next_at(m, at, level)) != NULL;)
            at = next;
    }
    return at;
}

/* Whether `key` belongs right behind the node inserted last, so that the finger is its path. */
static bool at_finger(const struct keymap *m, slice key)
{
    return m->last != NULL && slice_cmp(keymap_key(m->last), key) < 0 &&
           (m->last->next[0] == NULL || slice_cmp(key, keymap_key(m->last->next[0])) < 0);
}

static struct keymap_node *node_new(struct keymap *m, slice key)
{
    uint32_t            height = random_height(m);
    struct keymap_node *n =
        arena_alloc(m->arena, sizeof *n + height * sizeof(struct keymap_node *) + key.size);

    n->value.number = 0;
    n->value2 = 0;
    n->key_size = (uint32_t)key.size;
    n->height = height;
    if (key.size > 0)
        memcpy(&n->next[height], key.data, key.size);
    return n;
}

struct keymap_node *keymap_add(struct keymap *m, slice key)
{
    struct keymap_node *n;

    ASSERT(key.size <= UINT32_MAX);
    if (!at_finger(m, key)) {
        descend(m, key, m->finger);
        n = next_at(m, m->finger[0], 0);
        m->last = m->finger[0];
        if (n != NULL && slice_eq(keymap_key(n), key))
            return n;
    }
    n = node_new(m, key);
    for (; m->height < n->height; m->height++)
        m->finger[m->height] = NULL;
    for (uint32_t level = 0; level < n->height; level++) {
        struct keymap_node **link =
            m->finger[level] == NULL ? &m->head[level] : &m->finger[level]->next[level];

        n->next[level] = *link;
        *link = n;
        m->finger[level] = n;
    }
    m->last = n;
    m->count++;
    return n;
}
