#include "storage/lsm/manifest_format.h"

#include "base/assert.h"
#include "base/crc32c.h"

/* Fields of a payload, in this order; a later program adds numbers at the end. */
enum field {
    FIELD_REMOVED = 1,
    FIELD_ADDED,
    FIELD_LOG_SEQUENCE,
    FIELD_APPLIED,
    FIELD_NEXT_FILE_NUMBER,
    FIELD_GC,
    FIELD_END,
};

enum { TABLE_GREATEST_OPEN = BIT(0) };

/* ---- edits in memory
 * -------------------------------------------------------------------------------- */

static void *grow(struct heap *heap, void *array, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? 4 : *capacity * 2;
    void  *larger;

    if (count < *capacity)
        return array;
    larger = heap_must_alloc(heap, wanted, size);
    if (count > 0)
        memcpy(larger, array, count * size);
    heap_free(array);
    *capacity = wanted;
    return larger;
}

#define GROW(e, list)                                                                              \
    ((e)->list =                                                                                   \
         grow((e)->heap, (e)->list, (e)->list##_count, &(e)->list##_capacity, sizeof *(e)->list))

/* Both bounds in one block, that of `a`. */
static void copy_bounds(struct heap *heap, slice *a, slice *b)
{
    char *block = heap_must_alloc(heap, a->size + b->size + 1, 1);

    if (a->size > 0)
        memcpy(block, a->data, a->size);
    if (b->size > 0)
        memcpy(block + a->size, b->data, b->size);
    a->data = block;
    b->data = block + a->size;
}

/* What copy_bounds() made, by the first bound. */
static void free_bounds(slice a)
{
    union {
        const char *borrowed;
        void       *owned;
    } p = {.borrowed = a.data};

    heap_free(p.owned);
}

void table_meta_copy(struct heap *heap, const struct table_meta *t, struct table_meta *out)
{
    *out = *t;
    copy_bounds(heap, &out->least, &out->greatest);
}

void table_meta_free(struct table_meta *t)
{
    free_bounds(t->least);
    t->least = t->greatest = SLICE_EMPTY;
}

void gc_threshold_copy(struct heap *heap, const struct gc_threshold *g, struct gc_threshold *out)
{
    *out = *g;
    copy_bounds(heap, &out->start, &out->end);
}

void gc_threshold_free(struct gc_threshold *g)
{
    free_bounds(g->start);
    g->start = g->end = SLICE_EMPTY;
}

void manifest_edit_init(struct manifest_edit *e, struct heap *heap)
{
    *e = (struct manifest_edit){.heap = heap};
}

void manifest_edit_reset(struct manifest_edit *e)
{
    for (size_t i = 0; i < e->added_count; i++)
        table_meta_free(&e->added[i]);
    for (size_t i = 0; i < e->gc_count; i++)
        gc_threshold_free(&e->gc[i]);
    e->added_count = e->removed_count = e->applied_count = e->gc_count = 0;
    e->log_sequence = e->next_file_number = 0;
}

void manifest_edit_deinit(struct manifest_edit *e)
{
    manifest_edit_reset(e);
    heap_free(e->added);
    heap_free(e->removed);
    heap_free(e->applied);
    heap_free(e->gc);
    manifest_edit_init(e, e->heap);
}

bool manifest_edit_is_empty(const struct manifest_edit *e)
{
    return e->added_count + e->removed_count + e->applied_count + e->gc_count == 0 &&
           e->log_sequence == 0 && e->next_file_number == 0;
}

void manifest_edit_add(struct manifest_edit *e, const struct table_meta *t)
{
    GROW(e, added);
    table_meta_copy(e->heap, t, &e->added[e->added_count++]);
}

void manifest_edit_remove(struct manifest_edit *e, uint32_t level, uint64_t number)
{
    GROW(e, removed);
    e->removed[e->removed_count++] = (struct table_ref){.level = level, .number = number};
}

bool manifest_edit_removes(const struct manifest_edit *e, const struct table_meta *t)
{
    for (size_t i = 0; i < e->removed_count; i++)
        if (e->removed[i].number == t->number && e->removed[i].level == t->level)
            return true;
    return false;
}

void manifest_edit_set_applied(struct manifest_edit *e, uint64_t range_id, uint64_t index)
{
    GROW(e, applied);
    e->applied[e->applied_count++] = (struct applied_index){.range_id = range_id, .index = index};
}

void manifest_edit_set_gc(struct manifest_edit *e, slice start, slice end, hlc_ts ts)
{
    const struct gc_threshold g = {.start = start, .end = end, .ts = ts};

    ASSERT(gc_threshold_is_valid(&g));
    GROW(e, gc);
    gc_threshold_copy(e->heap, &g, &e->gc[e->gc_count++]);
}

/* ---- bounds
 * ------------------------------------------------------------------------------------------ */

static bool key_is_valid(slice key)
{
    return key.size > 0 && key.size <= MANIFEST_KEY_SIZE_MAX;
}

bool gc_threshold_is_valid(const struct gc_threshold *g)
{
    return key_is_valid(g->start) && key_is_valid(g->end) && slice_cmp(g->start, g->end) < 0;
}

bool table_meta_is_valid(const struct table_meta *t)
{
    int order = slice_cmp(t->least, t->greatest);

    return t->number > 0 && t->number < MANIFEST_NUMBER_MAX && t->level < LSM_LEVELS &&
           t->size <= MANIFEST_TABLE_SIZE_MAX && key_is_valid(t->least) &&
           key_is_valid(t->greatest) && (order < 0 || (order == 0 && !t->greatest_open)) &&
           t->ts_min <= t->ts_max && t->keys <= t->entries && t->tombstones <= t->entries &&
           t->cleared <= t->entries - t->tombstones;
}

/* Whether all of the table is before `key`. */
static bool ends_before(const struct table_meta *t, slice key)
{
    int c = slice_cmp(t->greatest, key);

    return c < 0 || (c == 0 && t->greatest_open);
}

bool table_meta_covers(const struct table_meta *t, slice key)
{
    return slice_cmp(t->least, key) <= 0 && !ends_before(t, key);
}

bool table_meta_overlaps(const struct table_meta *t, slice start, slice end)
{
    return !ends_before(t, start) && (end.size == 0 || slice_cmp(t->least, end) < 0);
}

bool table_meta_is_inside(const struct table_meta *t, slice start, slice end)
{
    return slice_cmp(t->least, start) >= 0 && (end.size == 0 || ends_before(t, end));
}

bool table_meta_is_before(const struct table_meta *a, const struct table_meta *b)
{
    return ends_before(a, b->least);
}

/* ---- payload
 * ----------------------------------------------------------------------------------------- */

static void put_table(struct buf *b, const struct table_meta *t)
{
    ASSERT(table_meta_is_valid(t));
    buf_put_varint(b, t->level);
    buf_put_varint(b, t->number);
    buf_put_varint(b, t->size);
    buf_put_u8(b, t->greatest_open ? TABLE_GREATEST_OPEN : 0);
    buf_put_sized(b, t->least);
    buf_put_sized(b, t->greatest);
    buf_put_u64le(b, t->ts_min);
    buf_put_u64le(b, t->ts_max);
    buf_put_varint(b, t->entries);
    buf_put_varint(b, t->keys);
    buf_put_varint(b, t->tombstones);
    buf_put_varint(b, t->cleared);
    buf_put_varint(b, t->clears);
    buf_put_varint(b, t->raw_size);
    buf_put_varint(b, t->created_us);
    buf_put_u64le(b, t->gc_ts);
    buf_put_varint(b, t->seal.key_id);
    if (t->seal.key_id != 0)
        buf_append(b, t->seal.salt, sizeof t->seal.salt);
}

static void put_number(struct buf *b, enum field field, uint64_t number)
{
    if (number != 0) {
        buf_put_u8(b, (uint8_t)field);
        buf_put_varint(b, number);
    }
}

void manifest_edit_put(struct buf *b, const struct manifest_edit *e)
{
    for (size_t i = 0; i < e->removed_count; i++) {
        buf_put_u8(b, FIELD_REMOVED);
        buf_put_varint(b, e->removed[i].level);
        buf_put_varint(b, e->removed[i].number);
    }
    for (size_t i = 0; i < e->added_count; i++) {
        buf_put_u8(b, FIELD_ADDED);
        put_table(b, &e->added[i]);
    }
    put_number(b, FIELD_LOG_SEQUENCE, e->log_sequence);
    for (size_t i = 0; i < e->applied_count; i++) {
        buf_put_u8(b, FIELD_APPLIED);
        buf_put_varint(b, e->applied[i].range_id);
        buf_put_varint(b, e->applied[i].index);
    }
    put_number(b, FIELD_NEXT_FILE_NUMBER, e->next_file_number);
    for (size_t i = 0; i < e->gc_count; i++) {
        buf_put_u8(b, FIELD_GC);
        buf_put_sized(b, e->gc[i].start);
        buf_put_sized(b, e->gc[i].end);
        buf_put_u64le(b, e->gc[i].ts);
    }
}

/* As take_varint(), but only the shortest form: so equal edits have equal bytes. */
static bool take_number(slice *s, uint64_t *out)
{
    slice   before = *s;
    uint8_t again[VARINT_SIZE_MAX];

    return take_varint(s, out) && put_varint(again, *out) == before.size - s->size;
}

static bool take_key(slice *s, slice *out)
{
    uint64_t size;

    return take_number(s, &size) && size <= MANIFEST_KEY_SIZE_MAX &&
           take_bytes(s, (size_t)size, out);
}

static bool take_u64(slice *s, uint64_t *out)
{
    slice bytes;

    if (!take_bytes(s, 8, &bytes))
        return false;
    *out = get_u64le(bytes.data);
    return true;
}

static bool take_level(slice *s, uint32_t *out)
{
    uint64_t level;

    if (!take_number(s, &level) || level >= LSM_LEVELS)
        return false;
    *out = (uint32_t)level;
    return true;
}

static bool take_flags(slice *s, struct table_meta *t)
{
    slice byte;

    if (!take_bytes(s, 1, &byte) || ((unsigned char)byte.data[0] & ~TABLE_GREATEST_OPEN) != 0)
        return false;
    t->greatest_open = byte.data[0] != 0;
    return true;
}

static bool take_seal(slice *s, struct file_seal *seal)
{
    slice salt;

    *seal = (struct file_seal){0};
    if (!take_number(s, &seal->key_id))
        return false;
    if (seal->key_id == 0)
        return true;
    if (!take_bytes(s, sizeof seal->salt, &salt))
        return false;
    memcpy(seal->salt, salt.data, sizeof seal->salt);
    return true;
}

/* The keys point into *s. */
static bool take_table(slice *s, struct table_meta *t)
{
    return take_level(s, &t->level) && take_number(s, &t->number) && take_number(s, &t->size) &&
           take_flags(s, t) && take_key(s, &t->least) && take_key(s, &t->greatest) &&
           take_u64(s, &t->ts_min) && take_u64(s, &t->ts_max) && take_number(s, &t->entries) &&
           take_number(s, &t->keys) && take_number(s, &t->tombstones) &&
           take_number(s, &t->cleared) && take_number(s, &t->clears) &&
           take_number(s, &t->raw_size) && take_number(s, &t->created_us) &&
           take_u64(s, &t->gc_ts) && take_seal(s, &t->seal) && table_meta_is_valid(t);
}

static bool take_added(slice *s, struct manifest_edit *e)
{
    struct table_meta t;

    if (!take_table(s, &t))
        return false;
    manifest_edit_add(e, &t);
    return true;
}

static bool take_removed(slice *s, struct manifest_edit *e)
{
    struct table_ref r;

    if (!take_level(s, &r.level) || !take_number(s, &r.number))
        return false;
    manifest_edit_remove(e, r.level, r.number);
    return true;
}

static bool take_applied(slice *s, struct manifest_edit *e)
{
    struct applied_index a;

    if (!take_number(s, &a.range_id) || !take_number(s, &a.index))
        return false;
    manifest_edit_set_applied(e, a.range_id, a.index);
    return true;
}

static bool take_gc(slice *s, struct manifest_edit *e)
{
    struct gc_threshold g;

    if (!take_key(s, &g.start) || !take_key(s, &g.end) || !take_u64(s, &g.ts) ||
        !gc_threshold_is_valid(&g))
        return false;
    manifest_edit_set_gc(e, g.start, g.end, g.ts);
    return true;
}

/* At most once, and never 0, which means that it is not there. */
static bool take_once(slice *s, uint64_t *out)
{
    return *out == 0 && take_number(s, out) && *out != 0;
}

static bool take_field(slice *s, enum field field, struct manifest_edit *e)
{
    switch (field) {
    case FIELD_REMOVED:
        return take_removed(s, e);
    case FIELD_ADDED:
        return take_added(s, e);
    case FIELD_LOG_SEQUENCE:
        return take_once(s, &e->log_sequence);
    case FIELD_APPLIED:
        return take_applied(s, e);
    case FIELD_NEXT_FILE_NUMBER:
        return take_once(s, &e->next_file_number);
    case FIELD_GC:
        return take_gc(s, e);
    default:
        return false;
    }
}

status manifest_edit_take(slice payload, struct manifest_edit *e)
{
    unsigned field = FIELD_REMOVED;
    slice    at = payload;

    ASSERT(manifest_edit_is_empty(e));
    while (at.size > 0) {
        unsigned next = (uint8_t)at.data[0];

        if (next >= FIELD_END) {
            manifest_edit_reset(e);
            return status_new(ST_CONFIG_ERROR,
                              "an edit has field %u, which only a newer version knows", next);
        }
        at = slice_from(at, 1);
        if (next < field || !take_field(&at, (enum field)next, e)) {
            manifest_edit_reset(e);
            return status_new(ST_CORRUPT, "field %u of an edit is damaged", next);
        }
        field = next;
    }
    return STATUS_OK;
}

/* ---- headers
 * ----------------------------------------------------------------------------------------- */

static const char manifest_magic[8] = {'L', 'I', 'N', 'M', 'A', 'N', '\r', '\n'};
static const char current_magic[8] = {'L', 'I', 'N', 'C', 'U', 'R', '\r', '\n'};

static uint32_t header_crc(const char *h)
{
    return crc32c(crc32c(0, h, 12), h + 16, MANIFEST_HEADER_SIZE - 16);
}

/* Room for a header, zeroed but for magic, version, number and incarnation. */
static char *begin_header(struct buf *b, const char *magic, uint32_t version, uint64_t number,
                          const uint8_t incarnation[16])
{
    char *h = buf_reserve(b, MANIFEST_HEADER_SIZE);

    memset(h, 0, MANIFEST_HEADER_SIZE);
    memcpy(h, magic, 8);
    put_u32le(h + 8, version);
    put_u64le(h + 16, number);
    memcpy(h + 48, incarnation, 16);
    return h;
}

static uint32_t end_header(struct buf *b, char *h)
{
    uint32_t crc = header_crc(h);

    put_u32le(h + 12, crc);
    buf_advance(b, MANIFEST_HEADER_SIZE);
    return crc;
}

static status check_header(slice bytes, const char *magic, uint32_t version_max)
{
    if (bytes.size < MANIFEST_HEADER_SIZE || memcmp(bytes.data, magic, 8) != 0 ||
        get_u32le(bytes.data + 12) != header_crc(bytes.data))
        return status_new(ST_CORRUPT, "the header is damaged");
    if (get_u32le(bytes.data + 8) == 0 || get_u32le(bytes.data + 8) > version_max)
        return status_new(ST_CONFIG_ERROR, "format %u is not known; this program knows %u",
                          (unsigned)get_u32le(bytes.data + 8), (unsigned)version_max);
    return STATUS_OK;
}

size_t manifest_header_size(bool is_sealed)
{
    return MANIFEST_HEADER_SIZE + (is_sealed ? FILE_SEAL_SIZE : 0);
}

slice manifest_header_bound(slice header)
{
    return slice_make(header.data, MANIFEST_HEADER_SIZE);
}

void manifest_header_put(struct buf *b, struct manifest_header *h)
{
    char *p =
        begin_header(b, manifest_magic, h->is_sealed ? MANIFEST_VERSION_SEALED : MANIFEST_VERSION,
                     h->number, h->incarnation);

    put_u64le(p + 24, h->first_edit);
    put_u64le(p + 32, h->whole_size);
    h->crc = end_header(b, p);
    if (h->is_sealed)
        file_seal_put(b, &h->seal);
}

status manifest_header_take(slice bytes, struct manifest_header *out)
{
    const char *p = bytes.data;

    TRY_RETURN(check_header(bytes, manifest_magic, MANIFEST_VERSION_SEALED));
    out->is_sealed = get_u32le(p + 8) == MANIFEST_VERSION_SEALED;
    if (out->is_sealed && bytes.size < manifest_header_size(true))
        return status_new(ST_CORRUPT, "the header is damaged");
    if (out->is_sealed)
        out->seal = file_seal_get(p + MANIFEST_HEADER_SIZE);
    out->number = get_u64le(p + 16);
    out->first_edit = get_u64le(p + 24);
    out->whole_size = get_u64le(p + 32);
    memcpy(out->incarnation, p + 48, 16);
    out->crc = get_u32le(p + 12);
    return STATUS_OK;
}

void manifest_current_put(struct buf *b, uint64_t number, const uint8_t incarnation[16])
{
    (void)end_header(b, begin_header(b, current_magic, MANIFEST_VERSION, number, incarnation));
}

status manifest_current_take(slice bytes, uint64_t *number, uint8_t incarnation[16])
{
    TRY_RETURN(check_header(bytes, current_magic, MANIFEST_VERSION));
    if (bytes.size != MANIFEST_HEADER_SIZE)
        return status_new(ST_CORRUPT, "the file has bytes behind its header");
    *number = get_u64le(bytes.data + 16);
    memcpy(incarnation, bytes.data + 48, 16);
    return STATUS_OK;
}

/* ---- records
 * ----------------------------------------------------------------------------------------- */

static size_t padding(size_t size)
{
    return (MANIFEST_RECORD_ALIGN - size % MANIFEST_RECORD_ALIGN) % MANIFEST_RECORD_ALIGN;
}

static size_t stored_record_size(size_t payload_size)
{
    return MANIFEST_RECORD_HEADER_SIZE + payload_size + padding(payload_size);
}

size_t manifest_record_size(size_t content_size, bool is_sealed)
{
    return stored_record_size(is_sealed ? sealed_size(content_size) : content_size);
}

/* The filling is part of what is summed, so that no byte of a record may change unseen. */
static uint32_t record_crc(const char *h, size_t size)
{
    return crc32c(0, h + 4, stored_record_size(size) - 4);
}

/* What a tag answers for beside the content: all of the header but the checksum, which is made
 * last. */
static slice bound_of(const char *header)
{
    return slice_make(header + 4, MANIFEST_RECORD_HEADER_SIZE - 4);
}

void manifest_record_put(struct buf *b, struct manifest_record *r, const struct cipher *c,
                         const char nonce[CIPHER_NONCE_SIZE])
{
    size_t size = c != NULL ? sealed_size(r->payload.size) : r->payload.size;
    char  *h;

    ASSERT(size <= MANIFEST_EDIT_SIZE_MAX);
    r->size = stored_record_size(size);
    h = buf_reserve(b, r->size); /* all of it, so that it stays where it is */
    memset(h, 0, MANIFEST_RECORD_HEADER_SIZE);
    put_u32le(h + 4, (uint32_t)size);
    put_u64le(h + 8, r->manifest);
    put_u64le(h + 16, r->edit);
    put_u64le(h + 24, r->synced);
    put_u32le(h + 32, r->previous);
    buf_advance(b, MANIFEST_RECORD_HEADER_SIZE);
    if (c != NULL)
        seal_append(b, c, nonce, bound_of(h), r->payload);
    else
        buf_append_slice(b, r->payload);
    memset(h + MANIFEST_RECORD_HEADER_SIZE + size, 0, padding(size));
    buf_advance(b, padding(size));
    r->crc = record_crc(h, size);
    put_u32le(h, r->crc);
}

bool manifest_record_open(const struct cipher *c, struct manifest_record *r, struct buf *plain)
{
    if (!seal_open(c, bound_of(r->payload.data - MANIFEST_RECORD_HEADER_SIZE), r->payload, plain))
        return false;
    r->payload = buf_slice(plain);
    return true;
}

bool manifest_record_take(slice *bytes, uint64_t manifest, struct manifest_record *out)
{
    const char *h = bytes->data;
    size_t      size;

    if (bytes->size < MANIFEST_RECORD_HEADER_SIZE || get_u64le(h + 8) != manifest)
        return false;
    size = get_u32le(h + 4);
    if (size > MANIFEST_EDIT_SIZE_MAX || stored_record_size(size) > bytes->size)
        return false;
    if (get_u32le(h) != record_crc(h, size))
        return false;
    *out = (struct manifest_record){
        .manifest = manifest,
        .edit = get_u64le(h + 16),
        .synced = get_u64le(h + 24),
        .previous = get_u32le(h + 32),
        .crc = get_u32le(h),
        .size = stored_record_size(size),
        .payload = slice_make(h + MANIFEST_RECORD_HEADER_SIZE, size),
    };
    *bytes = slice_from(*bytes, out->size);
    return true;
}
