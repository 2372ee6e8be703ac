#include "storage/lsm/table.h"

#include <inttypes.h>

#include "base/assert.h"
#include "storage/lsm/bloom.h"

enum {
    RAW_SIZE_MAX = 256 << 20, /* of clears and properties */
    AHEAD_LEAST = 32 << 10,
    AHEAD_MOST = 512 << 10,
    AHEAD_GAP = 32 << 10, /* blocks so near to each other count as neighbours */
    KEY_SHOWN_MAX = 64,   /* bytes of a key in a message */
};

struct lsm_table {
    struct env             *env;
    struct heap            *heap;
    struct env_file        *file;
    uint64_t                file_size;
    struct table_seal       seal;
    struct cipher          *cipher; /* of the seal */
    struct table_footer     footer;
    struct cache           *cache;
    struct block_codec     *codec;
    struct block           *root; /* of the index; NULL: no entries */
    struct block           *clears_block;
    struct lsm_clear       *clears;
    size_t                  clear_count;
    struct table_properties properties;      /* with keys of its own */
    slice                   least, greatest; /* of them; while opening, as the store knows them */
    struct lsm_metrics     *metrics;         /* NULL: nobody counts */
    bool                    is_open;
    size_t                  readers;
    struct list             loads;  /* blocks on their way into the cache */
    struct env_cond         loaded; /* one of them has ended */
};

/* A block that a fiber is reading for the cache; on that fiber's stack. */
struct load {
    struct list link;
    uint64_t    offset;
};

/* What lies before the next block of a cursor that goes on and on, read with one call. */
struct ahead {
    char    *bytes;
    uint64_t offset;
    size_t   size;
    size_t   wanted;         /* of the next reading; 0 until two blocks in a row had to be read */
    uint64_t last, last_end; /* of what had to be read last */
};

/* ---- blocks ----------------------------------------------------------------------------------
 */

/* As linera-dump prints keys and takes them; the layers above know what is in them. */
static void put_key(struct buf *b, slice key)
{
    if (key.size == 0)
        return;
    buf_append_cstr(b, key.data[0] == LSM_SPACE_META ? "meta:/" : "/");
    for (size_t i = 1; i < MIN(key.size, (size_t)KEY_SHOWN_MAX); i++)
        buf_printf(b, "%02x", (unsigned)(uint8_t)key.data[i]);
    if (key.size > KEY_SHOWN_MAX)
        buf_append_cstr(b, "...");
}

/* What may be lost. */
static status concerns(const struct lsm_table *t, status st)
{
    struct buf keys;

    if (t->least.size == 0)
        return st;
    buf_init(&keys, t->heap);
    put_key(&keys, t->least);
    buf_append_cstr(&keys, "..");
    put_key(&keys, t->greatest);
    st = status_detail(st, "The table holds keys %s.", buf_cstr(&keys));
    buf_deinit(&keys);
    return status_hint(st,
                       "\"linera-dump sst --verify %s\" tells what of it is damaged. Restore the "
                       "store from a backup.",
                       env_file_path(t->file));
}

static status damaged(const struct lsm_table *t, uint64_t offset, status st)
{
    if (status_code(st) == ST_CORRUPT) {
        if (t->metrics != NULL)
            metric_add(&t->metrics->corrupt_reads, 1);
        st = concerns(t, st);
    }
    return status_wrap(st, "file \"%s\", block at %" PRIu64, env_file_path(t->file), offset);
}

/* Read the sealed bytes [offset, offset + size). */
static status read_stored(const struct lsm_table *t, void *stored, size_t size, uint64_t offset)
{
    size_t n;

    TRY_RETURN(env_file_fetch_at(t->file, stored, size, offset, &n));
    if (n < size)
        return status_new(ST_CORRUPT, "the file ends at %" PRIu64, offset + n);
    return STATUS_OK;
}

static bool ahead_has(const struct ahead *a, const struct block_handle *h)
{
    return a != NULL && h->offset >= a->offset && h->offset - a->offset <= a->size &&
           h->size <= a->size - (h->offset - a->offset);
}

/* Before a block is read that is not there yet: when it follows the one before, read more at once,
 * twice as much each time. Where values and data blocks end there is nothing to be had. */
static status ahead_fill(struct lsm_table *t, struct ahead *a, const struct block_handle *h)
{
    uint64_t end = t->properties.data_size;
    bool     follows = h->offset > a->last && h->offset <= a->last_end + AHEAD_GAP;
    size_t   size;
    char    *bytes;

    a->wanted = follows && a->last_end > 0
                    ? MAX(MIN(2 * a->wanted, (size_t)AHEAD_MOST), (size_t)AHEAD_LEAST)
                    : 0;
    a->last = h->offset;
    a->last_end = h->offset + h->size;
    if (a->wanted <= h->size || end <= h->offset)
        return STATUS_OK;
    size = (size_t)MIN((uint64_t)a->wanted, end - h->offset);
    if (size <= h->size)
        return STATUS_OK;
    a->size = 0;
    bytes = heap_realloc(t->heap, a->bytes, size);
    if (bytes == NULL)
        return STATUS_OOM;
    a->bytes = bytes;
    TRY_RETURN(read_stored(t, bytes, size, h->offset));
    a->offset = h->offset;
    a->size = size;
    a->last_end = h->offset + size;
    return STATUS_OK;
}

/* The sealed bytes of a block: from `ahead` (which may be NULL), or from the file into *own, which
 * the caller frees. */
static status fetch(struct lsm_table *t, const struct block_handle *h, struct ahead *ahead,
                    char **own, slice *stored)
{
    if (ahead != NULL && !ahead_has(ahead, h))
        TRY_RETURN(ahead_fill(t, ahead, h));
    if (ahead_has(ahead, h)) {
        *stored = slice_make(ahead->bytes + (h->offset - ahead->offset), h->size);
        return STATUS_OK;
    }
    *own = heap_alloc(t->heap, h->size);
    if (*own == NULL)
        return STATUS_OOM;
    *stored = slice_make(*own, h->size);
    return read_stored(t, *own, h->size, h->offset);
}

/* Read and open a block of any kind, from the file; *out is the caller's. */
static status read_block(struct lsm_table *t, const struct block_handle *h, uint32_t raw_size_max,
                         struct ahead *ahead, struct block **out)
{
    struct block *b;
    char         *own = NULL;
    slice         stored;
    status        st = block_handle_check(h, t->file_size, raw_size_max);

    if (!st_ok(st))
        return damaged(t, h->offset, st);
    b = block_new(t->heap, h->raw_size);
    if (b == NULL)
        return STATUS_OOM;
    st = fetch(t, h, ahead, &own, &stored);
    if (st_ok(st))
        st = block_open(t->codec, &t->seal, h, stored, b);
    heap_free(own);
    if (st_ok(st)) {
        *out = b;
        return STATUS_OK;
    }
    heap_free(b);
    return damaged(t, h->offset, st);
}

static status prepare(struct block *b, int kind)
{
    if (kind >= 0)
        return block_load(b, (unsigned)kind);
    TRY_RETURN(block_check_whole(b));
    return kind == LSM_TABLE_FILTER ? bloom_check(block_raw(b)) : STATUS_OK;
}

static status load_block(struct lsm_table *t, const struct block_handle *h, int kind,
                         struct ahead *ahead, struct block **out)
{
    uint32_t raw_size_max = kind == LSM_TABLE_VALUE    ? BLOCK_VALUE_SIZE_MAX
                            : kind == LSM_TABLE_FILTER ? BLOOM_SIZE_MAX
                                                       : BLOCK_SIZE_MAX;
    status   st;

    TRY_RETURN(read_block(t, h, raw_size_max, ahead, out));
    st = prepare(*out, kind);
    if (st_ok(st))
        return st;
    heap_free(*out);
    return damaged(t, h->offset, st);
}

static bool is_loading(struct lsm_table *t, uint64_t offset)
{
    for (struct list *l = t->loads.next; l != &t->loads; l = l->next) {
        if (CONTAINER_OF(l, struct load, link)->offset == offset)
            return true;
    }
    return false;
}

/* Load a block into the cache, where other fibers that want it wait for it. What failed is left to
 * each of them to try again: nothing of it is kept. */
static status load_for_all(struct lsm_table *t, const struct block_handle *h, int kind,
                           struct ahead *ahead, struct cached **out)
{
    struct load   load = {.offset = h->offset};
    struct block *b;
    status        st;

    list_push_back(&t->loads, &load.link);
    st = load_block(t, h, kind, ahead, &b);
    if (st_ok(st))
        *out = cache_put(t->cache, t->seal.number, h->offset, b);
    list_remove(&load.link);
    env_broadcast(t->env, &t->loaded);
    return st;
}

static status get_block(struct lsm_table *t, const struct block_handle *h, int kind, bool fill,
                        struct ahead *ahead, struct cached **out)
{
    struct block *b;

    for (;;) {
        *out = cache_get(t->cache, t->seal.number, h->offset);
        if (*out != NULL)
            return STATUS_OK;
        if (!fill || !is_loading(t, h->offset))
            break;
        env_wait_uncancelled(t->env, &t->loaded);
    }
    if (fill)
        return load_for_all(t, h, kind, ahead, out);
    TRY_RETURN(load_block(t, h, kind, ahead, &b));
    *out = cache_pass(t->cache, b);
    return STATUS_OK;
}

/* ---- opening ---------------------------------------------------------------------------------
 */

/* The key must be the one that the store knows of: a table of another life of the number, or one
 * that is not encrypted, is no answer (L17). */
static status open_seal(struct lsm_table *t, const struct lsm_table_options *o, slice end)
{
    const struct file_seal *has = &t->footer.seal;

    if (o->seal != NULL &&
        (has->key_id != o->seal->key_id || memcmp(has->salt, o->seal->salt, sizeof has->salt) != 0))
        return status_new(ST_CORRUPT, "the table is not the one that the store has made");
    if (has->key_id == 0)
        return STATUS_OK;
    TRY_RETURN(table_cipher(o->keyring, t->heap, t->seal.number, has, &t->cipher));
    t->seal.cipher = t->cipher;
    return table_footer_open(end, t->cipher)
               ? STATUS_OK
               : status_new(ST_CORRUPT, "the footer was changed, or the key is another one");
}

static status read_footer(struct lsm_table *t, const struct lsm_table_options *o)
{
    char   bytes[TABLE_FOOTER_SIZE_MAX];
    size_t size;
    slice  end;

    TRY_RETURN(env_file_size(t->file, &t->file_size));
    if (t->file_size < TABLE_FOOTER_SIZE)
        return status_new(ST_CORRUPT, "the file is too short for a table");
    size = (size_t)MIN(t->file_size, sizeof bytes);
    TRY_RETURN(read_stored(t, bytes, size, t->file_size - size));
    end = slice_make(bytes, size);
    TRY_RETURN(table_footer_take(end, t->seal.number, t->file_size, &t->footer));
    return open_seal(t, o, end);
}

static status read_index(struct lsm_table *t)
{
    status st;

    if (t->footer.index_level == 0)
        return STATUS_OK;
    TRY_RETURN(read_block(t, &t->footer.index, BLOCK_SIZE_MAX, NULL, &t->root));
    st = block_load(t->root, t->footer.index_level);
    return st_ok(st) ? st : damaged(t, t->footer.index.offset, st);
}

static status read_clears(struct lsm_table *t)
{
    status st;

    if (t->footer.clears.size == 0)
        return STATUS_OK;
    TRY_RETURN(read_block(t, &t->footer.clears, RAW_SIZE_MAX, NULL, &t->clears_block));
    st = block_check_whole(t->clears_block);
    if (st_ok(st))
        st = table_clears_take(t->heap, block_raw(t->clears_block), &t->clears, &t->clear_count);
    return st_ok(st) ? st : damaged(t, t->footer.clears.offset, st);
}

static status read_properties(struct lsm_table *t)
{
    struct table_properties p;
    struct block           *b;
    slice                   rest;
    status                  st;

    TRY_RETURN(read_block(t, &t->footer.properties, RAW_SIZE_MAX, NULL, &b));
    rest = block_raw(b);
    st = block_check_whole(b);
    if (st_ok(st))
        st = table_properties_take(&rest, &p);
    if (st_ok(st) && rest.size > 0)
        st = status_new(ST_CORRUPT, "the properties of a table are longer than they say");
    if (st_ok(st)) {
        p.file_size = t->file_size;
        table_properties_copy(t->heap, &p, &t->properties);
        t->least = t->properties.least_key;
        t->greatest = t->properties.greatest_key;
    }
    heap_free(b);
    return st_ok(st) ? st : damaged(t, t->footer.properties.offset, st);
}

status lsm_table_open(struct env *env, const struct lsm_table_options *o, struct lsm_table **out)
{
    struct lsm_table *t = heap_must_alloc(env_heap(env), 1, sizeof *t);
    status            st;

    t->env = env;
    t->heap = env_heap(env);
    t->seal.number = o->number;
    t->cache = o->cache;
    t->codec = o->codec;
    t->least = o->least;
    t->greatest = o->greatest;
    t->metrics = o->metrics;
    list_init(&t->loads);
    env_cond_init(&t->loaded);
    TRY(st, env_file_open(env, o->path, ENV_READ, &t->file), fail);
    TRY(st, read_footer(t, o), damaged);
    TRY(st, read_index(t), fail);
    TRY(st, read_clears(t), fail);
    TRY(st, read_properties(t), fail);
    if (t->metrics != NULL)
        metric_gauge_add(&t->metrics->tables_open, 1);
    t->is_open = true;
    *out = t;
    return STATUS_OK;

damaged:
    if (status_code(st) == ST_CORRUPT)
        st = concerns(t, st);
fail:
    lsm_table_close(t);
    return status_wrap(st, "could not open table \"%s\"", o->path);
}

void lsm_table_close(struct lsm_table *t)
{
    if (t == NULL)
        return;
    ASSERT(t->readers == 0);
    if (t->metrics != NULL && t->is_open)
        metric_gauge_add(&t->metrics->tables_open, -1);
    env_cond_deinit(&t->loaded);
    env_file_close(t->file);
    heap_free(t->root);
    heap_free(t->clears_block);
    heap_free(t->clears);
    cipher_free(t->cipher);
    table_properties_free(&t->properties);
    heap_free(t);
}

const struct table_properties *lsm_table_properties(const struct lsm_table *t)
{
    return &t->properties;
}

const struct table_seal *lsm_table_seal(const struct lsm_table *t)
{
    return &t->seal;
}

const struct lsm_clear *lsm_table_clears(const struct lsm_table *t, size_t *count)
{
    *count = t->clear_count;
    return t->clears;
}

/* ---- one key ---------------------------------------------------------------------------------
 */

/* The child that can hold the first entry at or behind the target; false: none can. */
static bool find_child(const struct block *index, const struct page_target *target,
                       struct block_child *out)
{
    unsigned pos = page_lower_bound(block_page(index), target);

    if (pos == block_count(index))
        return false;
    *out = block_child(index, pos);
    return true;
}

static status filter_lets_pass(struct lsm_table *t, const struct block_handle *filter,
                               uint64_t hash, bool *passes)
{
    struct cached *f;

    TRY_RETURN(get_block(t, filter, LSM_TABLE_FILTER, true, NULL, &f));
    *passes = bloom_may_contain(block_raw(f->block), hash);
    cache_release(f);
    if (t->metrics != NULL) {
        metric_add(&t->metrics->filter_checks, 1);
        metric_add(&t->metrics->filter_negatives, !*passes);
    }
    return STATUS_OK;
}

/* Find the data block that holds the newest version at or below the target's timestamp, if the
 * table has one; *out is NULL if it cannot. */
static status find_data_block(struct lsm_table *t, const struct page_target *target, uint64_t hash,
                              struct cached **out)
{
    const struct block *index = t->root;
    struct cached      *held = NULL;
    struct block_child  child;
    bool                passes = index != NULL;

    *out = NULL;
    for (unsigned level = t->footer.index_level; level > 0 && passes; level--) {
        struct cached *next = NULL;
        status         st = STATUS_OK;

        passes = find_child(index, target, &child);
        if (passes && level == 2)
            st = filter_lets_pass(t, &child.filter, hash, &passes);
        if (st_ok(st) && passes)
            st = get_block(t, &child.block, (int)level - 1, true, NULL, &next);
        cache_release(held);
        TRY_RETURN(st);
        held = next;
        index = next != NULL ? next->block : NULL;
    }
    *out = held;
    return STATUS_OK;
}

/* Fill in what the entry at `pos` says; a value elsewhere takes the data block's place. */
static status take_entry(struct lsm_table *t, struct cached *data, unsigned pos, slice key,
                         struct lsm_table_value *out)
{
    const struct page  *p = block_page(data->block);
    struct block_handle elsewhere;
    struct cached      *value;

    out->entry = (struct lsm_entry){
        .key = key, .ts = page_ts(p, pos), .kind = block_kind(page_info(p, pos))};
    out->found = true;
    out->held = data;
    if (!block_value(data->block, pos, &out->entry.value, &elsewhere))
        return STATUS_OK;
    TRY_RETURN(get_block(t, &elsewhere, LSM_TABLE_VALUE, true, NULL, &value));
    cache_release(data);
    out->held = value;
    out->entry.value = block_raw(value->block);
    return STATUS_OK;
}

status lsm_table_get(struct lsm_table *t, slice key, uint64_t hash, hlc_ts ts,
                     struct lsm_table_value *out)
{
    struct page_target target = {.key = key, .ts = ts};
    struct cached     *data;
    unsigned           pos;
    status             st;

    out->found = false;
    out->held = NULL;
    TRY_RETURN(find_data_block(t, &target, hash, &data));
    if (data == NULL)
        return STATUS_OK;
    pos = page_lower_bound(block_page(data->block), &target);
    if (pos == block_count(data->block) || !page_key_is(block_page(data->block), pos, key)) {
        cache_release(data);
        return STATUS_OK;
    }
    st = take_entry(t, data, pos, key, out);
    if (!st_ok(st)) {
        cache_release(data);
        out->found = false;
        out->held = NULL;
    }
    return st;
}

void lsm_table_value_release(struct lsm_table_value *v)
{
    cache_release(v->held);
    v->held = NULL;
}

/* ---- paths through the index -----------------------------------------------------------------
 */

/* A block of each level, the data block at 0, each the child at which the one above stands. */
struct path {
    struct lsm_table *t;
    unsigned          top; /* level of the root */
    bool              fill;
    struct ahead      ahead; /* of data and value blocks */
    struct {
        struct cached      *held; /* NULL for the root */
        struct block_cursor at;
    } levels[BLOCK_LEVEL_MAX + 1];
};

static void path_init(struct path *p, struct lsm_table *t, bool fill)
{
    p->t = t;
    p->fill = fill;
    p->ahead = (struct ahead){0};
    p->top = t->footer.index_level;
    for (unsigned i = 0; i <= p->top; i++) {
        p->levels[i].held = NULL;
        block_cursor_init(&p->levels[i].at, t->heap);
    }
    if (t->root != NULL)
        block_cursor_set(&p->levels[p->top].at, t->root);
    t->readers++;
}

static void path_deinit(struct path *p)
{
    for (unsigned i = 0; i <= p->top; i++) {
        block_cursor_deinit(&p->levels[i].at);
        cache_release(p->levels[i].held);
    }
    heap_free(p->ahead.bytes);
    p->t->readers--;
}

/* Bring in the block of `level` that the one above stands at. */
static status path_load(struct path *p, unsigned level)
{
    const struct block_cursor *above = &p->levels[level + 1].at;
    struct block_child         child = block_child(above->block, above->pos);
    struct cached             *next;

    block_cursor_set(&p->levels[level].at, NULL);
    cache_release(p->levels[level].held);
    p->levels[level].held = NULL;
    TRY_RETURN(get_block(p->t, &child.block, (int)level, p->fill || level > 0,
                         level == 0 ? &p->ahead : NULL, &next));
    p->levels[level].held = next;
    block_cursor_set(&p->levels[level].at, next->block);
    return STATUS_OK;
}

/* From where `from` stands down to `level`, to the first or last entry. */
static status path_descend(struct path *p, unsigned from, unsigned level, bool last)
{
    while (from > level && p->levels[from].at.valid) {
        TRY_RETURN(path_load(p, --from));
        (last ? block_cursor_last : block_cursor_first)(&p->levels[from].at);
    }
    return STATUS_OK;
}

/* Go on at `level`, over the ends of blocks; not valid at the table's end. */
static status path_step(struct path *p, unsigned level, bool back)
{
    unsigned up = level;

    (back ? block_cursor_prev : block_cursor_next)(&p->levels[up].at);
    while (!p->levels[up].at.valid && up < p->top) {
        up++;
        (back ? block_cursor_prev : block_cursor_next)(&p->levels[up].at);
    }
    return path_descend(p, up, level, back);
}

static status path_end(struct path *p, unsigned level, bool last)
{
    if (p->t->root == NULL)
        return STATUS_OK;
    (last ? block_cursor_last : block_cursor_first)(&p->levels[p->top].at);
    return path_descend(p, p->top, level, last);
}

static status path_seek(struct path *p, slice key, hlc_ts ts)
{
    if (p->t->root == NULL)
        return STATUS_OK;
    block_cursor_seek(&p->levels[p->top].at, key, ts);
    for (unsigned level = p->top; level-- > 0;) {
        if (!p->levels[level + 1].at.valid) {
            block_cursor_set(&p->levels[level].at, NULL);
            continue;
        }
        TRY_RETURN(path_load(p, level));
        block_cursor_seek(&p->levels[level].at, key, ts);
        if (p->levels[level].at.valid)
            continue;
        /* All of the child is before the target, which is not behind its separator. */
        block_cursor_last(&p->levels[level].at);
        TRY_RETURN(path_step(p, level, false));
        return path_descend(p, level, 0, false);
    }
    return STATUS_OK;
}

/* ---- sizes, from the index -------------------------------------------------------------------
 */

/* From the root down to the block of level 1 that leads to the key's data block. */
static status path_seek_handle(struct path *p, slice key)
{
    block_cursor_seek(&p->levels[p->top].at, key, HLC_TS_MAX);
    for (unsigned level = p->top; level > 1 && p->levels[level].at.valid;) {
        TRY_RETURN(path_load(p, --level));
        block_cursor_seek(&p->levels[level].at, key, HLC_TS_MAX);
    }
    return STATUS_OK;
}

static status offset_of(struct path *p, slice key, uint64_t *offset)
{
    const struct block_cursor *at = &p->levels[1].at;
    struct block_handle        h;

    *offset = p->t->properties.data_size;
    TRY_RETURN(path_seek_handle(p, key));
    if (!p->levels[p->top].at.valid || !at->valid)
        return STATUS_OK; /* all is before the key */
    /* Values lie before the data block that names them. */
    TRY_RETURN(path_step(p, 1, true));
    *offset = 0;
    if (at->valid) {
        h = block_child(at->block, at->pos).block;
        *offset = h.offset + h.size;
    }
    return STATUS_OK;
}

status lsm_table_offset(struct lsm_table *t, slice key, uint64_t *offset)
{
    struct path p;
    status      st;

    *offset = 0;
    if (t->root == NULL)
        return STATUS_OK;
    path_init(&p, t, true);
    st = offset_of(&p, key, offset);
    path_deinit(&p);
    return st;
}

status lsm_table_sample(struct lsm_table *t, uint32_t where, struct buf *key)
{
    const struct block *index = t->root;
    struct cached      *held = NULL;
    unsigned            pos;

    for (unsigned level = t->footer.index_level; level > 1; level--) {
        uint64_t           at = (uint64_t)where * block_count(index);
        struct block_child child = block_child(index, (unsigned)(at >> 32));
        struct cached     *next;
        status             st = get_block(t, &child.block, (int)level - 1, true, NULL, &next);

        cache_release(held);
        TRY_RETURN(st);
        held = next;
        index = held->block;
        where = (uint32_t)at;
    }
    if (index == NULL)
        return STATUS_OK;
    pos = (unsigned)((uint64_t)where * block_count(index) >> 32);
    buf_append_slice(key, page_prefix(block_page(index)));
    buf_append_slice(key, page_suffix(block_page(index), pos));
    cache_release(held);
    return STATUS_OK;
}

/* ---- the cursor ------------------------------------------------------------------------------
 */

struct table_cursor {
    struct lsm_cursor base;
    struct path       path;
    struct cached    *value; /* the entry's, when it is elsewhere */
};

static struct table_cursor *cursor_of(struct lsm_cursor *c)
{
    return CONTAINER_OF(c, struct table_cursor, base);
}

/* Show what the path stands at, when it was moved without error. */
static status show(struct table_cursor *c, status moved)
{
    const struct block_cursor *at = &c->path.levels[0].at;

    cache_release(c->value);
    c->value = NULL;
    c->base.valid = false;
    TRY_RETURN(moved);
    if (c->path.t->root == NULL || !at->valid)
        return STATUS_OK;
    c->base.entry = at->entry;
    if (at->is_elsewhere) {
        TRY_RETURN(get_block(c->path.t, &at->elsewhere, LSM_TABLE_VALUE, c->path.fill,
                             &c->path.ahead, &c->value));
        c->base.entry.value = block_raw(c->value->block);
    }
    c->base.valid = true;
    return STATUS_OK;
}

static status cursor_seek(struct lsm_cursor *base, slice key, hlc_ts ts)
{
    struct table_cursor *c = cursor_of(base);

    return show(c, path_seek(&c->path, key, ts));
}

static status cursor_first(struct lsm_cursor *base)
{
    struct table_cursor *c = cursor_of(base);

    return show(c, path_end(&c->path, 0, false));
}

static status cursor_last(struct lsm_cursor *base)
{
    struct table_cursor *c = cursor_of(base);

    return show(c, path_end(&c->path, 0, true));
}

static status cursor_next(struct lsm_cursor *base)
{
    struct table_cursor *c = cursor_of(base);

    return show(c, path_step(&c->path, 0, false));
}

static status cursor_prev(struct lsm_cursor *base)
{
    struct table_cursor *c = cursor_of(base);

    return show(c, path_step(&c->path, 0, true));
}

static status seek_before(struct path *p, slice key, hlc_ts ts)
{
    TRY_RETURN(path_seek(p, key, ts));
    return p->levels[0].at.valid ? path_step(p, 0, true) : path_end(p, 0, true);
}

static status cursor_seek_before(struct lsm_cursor *base, slice key, hlc_ts ts)
{
    struct table_cursor *c = cursor_of(base);

    return show(c, seek_before(&c->path, key, ts));
}

static void cursor_close(struct lsm_cursor *base)
{
    struct table_cursor *c = cursor_of(base);

    cache_release(c->value);
    path_deinit(&c->path);
    heap_free(c);
}

static const struct lsm_cursor_ops cursor_ops = {.seek = cursor_seek,
                                                 .seek_before = cursor_seek_before,
                                                 .first = cursor_first,
                                                 .last = cursor_last,
                                                 .next = cursor_next,
                                                 .prev = cursor_prev,
                                                 .close = cursor_close};

struct lsm_cursor *lsm_table_cursor(struct lsm_table *t, bool fill)
{
    struct table_cursor *c = heap_must_alloc(t->heap, 1, sizeof *c);

    c->base.ops = &cursor_ops;
    path_init(&c->path, t, fill);
    return &c->base;
}

/* ---- reading in pieces -----------------------------------------------------------------------
 */

struct lsm_table_scan {
    struct path path;     /* down to level 1: the handles of data blocks */
    uint64_t    read_end; /* of the file so far */
    bool        begun;
};

struct lsm_table_scan *lsm_table_scan_open(struct lsm_table *t)
{
    struct lsm_table_scan *s = heap_must_alloc(t->heap, 1, sizeof *s);

    path_init(&s->path, t, false);
    return s;
}

void lsm_table_scan_close(struct lsm_table_scan *s)
{
    if (s == NULL)
        return;
    path_deinit(&s->path);
    heap_free(s);
}

void lsm_table_piece_free(struct lsm_table_piece *p)
{
    buf_deinit(&p->bytes);
    heap_free(p->blocks);
}

static status next_handle(struct lsm_table_scan *s, struct block_handle *out, bool *more)
{
    const struct block_cursor *at = &s->path.levels[1].at;

    if (!s->begun)
        TRY_RETURN(path_end(&s->path, 1, false));
    else if (at->valid)
        TRY_RETURN(path_step(&s->path, 1, false));
    s->begun = true;
    *more = at->valid;
    if (*more)
        *out = block_child(at->block, at->pos).block;
    return STATUS_OK;
}

/* Collect handles until they span `size` bytes. */
static status collect(struct lsm_table_scan *s, uint32_t size, struct lsm_table_piece *p,
                      uint64_t *end)
{
    struct lsm_table *t = s->path.t;
    size_t            capacity = 0;
    bool              more = true;

    *end = s->read_end;
    while (*end - s->read_end < size) {
        struct block_handle h;
        status              st;

        TRY_RETURN(next_handle(s, &h, &more));
        if (!more)
            break;
        st = block_handle_check(&h, t->file_size, BLOCK_SIZE_MAX);
        if (st_ok(st) && h.offset < *end)
            st = status_new(ST_CORRUPT, "data blocks are out of order");
        if (!st_ok(st))
            return damaged(t, h.offset, st);
        if (p->count == capacity) {
            capacity = MAX(2 * capacity, (size_t)64);
            p->blocks = heap_realloc(NULL, p->blocks, capacity * sizeof *p->blocks);
            if (p->blocks == NULL)
                return STATUS_OOM;
        }
        p->blocks[p->count++] = h;
        *end = h.offset + h.size;
    }
    return STATUS_OK;
}

status lsm_table_scan_next(struct lsm_table_scan *s, uint32_t size, struct lsm_table_piece *out)
{
    uint64_t end;
    status   st;

    *out = (struct lsm_table_piece){.offset = s->read_end};
    buf_init(&out->bytes, NULL);
    if (s->path.t->root == NULL)
        return STATUS_OK;
    TRY(st, collect(s, size, out, &end), fail);
    if (out->count == 0)
        return STATUS_OK;
    TRY(st,
        read_stored(s->path.t, buf_reserve(&out->bytes, end - s->read_end), end - s->read_end,
                    s->read_end),
        fail);
    buf_advance(&out->bytes, end - s->read_end);
    s->read_end = end;
    return STATUS_OK;

fail:
    lsm_table_piece_free(out);
    return st;
}

/* ---- what a walk needs -----------------------------------------------------------------------
 */

status lsm_table_block(struct lsm_table *t, const struct block_handle *h, int kind,
                       struct block **out)
{
    return load_block(t, h, kind, NULL, out);
}

const struct table_footer *lsm_table_footer(const struct lsm_table *t)
{
    return &t->footer;
}

const char *lsm_table_file_path(const struct lsm_table *t)
{
    return env_file_path(t->file);
}

struct heap *lsm_table_heap(const struct lsm_table *t)
{
    return t->heap;
}
