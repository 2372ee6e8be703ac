#include "sql/exec/spill.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/list.h"
#include "env/file.h"
#include "storage/keyring.h"

/* Large enough for the disk, small enough that a file of sixteen tapes fits a small work_mem. */
enum { BLOCK_SIZE = 16 << 10, HELD_MIN = 64 << 10 };

struct spill_file {
    struct op          *op;
    struct sql_context *c;
    struct heap        *heap;
    struct env_file    *file;
    struct cipher      *cipher; /* of a key that nobody else ever has; NULL: rows are not secret */
    uint64_t            nonce;  /* of the next block written */
    struct buf          sealed; /* a block on its way to the file or from it */
    struct buf          plain;
    struct list         tapes;
    uint64_t            block_count; /* of the file */
    uint64_t           *unused;      /* blocks that can be written anew */
    size_t              unused_count, unused_capacity;
};

struct spill_tape {
    struct spill_file      *f;
    struct list             link;
    const struct row_shape *shape;
    uint64_t               *blocks; /* in order; the last may be full in part */
    size_t                  block_count, block_capacity;
    uint64_t                rows, bytes;
    struct buf              row;    /* being written */
    uint8_t                *buffer; /* of the last block; NULL: finished */
    size_t                  used;
};

struct spill_reader {
    struct spill_tape *t;
    bool               once;
    uint8_t           *buffer;
    size_t             loaded; /* position of the block in the buffer, plus one */
    uint64_t           at;     /* in the tape's bytes */
};

/* ---- when and where -----------------------------------------------------------------------------
 */

/* Has an account, or one above it, less than a quarter of its limit left? A hash table that grows
 * its buckets takes about a fifth of what it has at once. */
static bool room_is_short(const struct mem_account *a)
{
    for (; a != NULL; a = a->parent) {
        if (a->limit > 0 && a->used > a->limit - a->limit / 4)
            return true;
    }
    return false;
}

bool spill_wanted(const struct op *op, size_t held)
{
    const struct sql_context *c = op->x->c;

    if (c->temp.dir == NULL)
        return false;
    if (c->settings.work_mem > 0 && held > c->settings.work_mem)
        return true;
    return held > HELD_MIN && room_is_short(&op->x->account);
}

/* Names cannot clash for long: another try takes another. */
static status open_nameless(struct env *env, const char *dir, struct env_file **out)
{
    char path[4096];

    if ((size_t)snprintf(path, sizeof path, "%s/linera-spill-%016llx", dir,
                         (unsigned long long)env_rand64(env)) >= sizeof path)
        return status_new(ST_IO_ERROR, "the path of the directory for temporary files is too long");
    TRY_RETURN(env_file_open(env, path, ENV_READ | ENV_WRITE | ENV_CREATE | ENV_EXCLUSIVE, out));
    return env_unlink(env, path);
}

static void make_cipher(struct spill_file *f)
{
    uint8_t key[CIPHER_KEY_SIZE];

    env_random(f->c->env, key, sizeof key);
    f->cipher = cipher_new(f->heap, key);
    memset(key, 0, sizeof key);
}

status spill_open(struct op *op, struct spill_file **out)
{
    struct sql_context *c = op->x->c;
    struct heap        *heap = env_heap(c->env);
    struct spill_file  *f = heap_must_alloc(heap, 1, sizeof *f);
    status              st;

    *f = (struct spill_file){.op = op, .c = c, .heap = heap};
    list_init(&f->tapes);
    buf_init(&f->sealed, heap);
    buf_init(&f->plain, heap);
    if (c->temp.is_encrypted)
        make_cipher(f);
    st = open_nameless(c->env, c->temp.dir, &f->file);
    if (status_code(st) == ST_UNDEFINED_FILE) { /* made when it is first needed */
        st_clear(st);
        TRY(st, env_mkdir_all(c->env, c->temp.dir), fail);
        st = open_nameless(c->env, c->temp.dir, &f->file);
    }
    if (!st_ok(st))
        goto fail;
    *out = f;
    return STATUS_OK;

fail:
    spill_close(f);
    return st;
}

static void buffer_free(struct spill_file *f, uint8_t **buffer)
{
    if (*buffer == NULL)
        return;
    mem_account_release(&f->op->x->account, BLOCK_SIZE);
    heap_free(*buffer);
    *buffer = NULL;
}

static uint8_t *buffer_new(struct spill_file *f)
{
    mem_account_charge(&f->op->x->account, BLOCK_SIZE);
    return heap_must_alloc(f->heap, 1, BLOCK_SIZE);
}

void spill_close(struct spill_file *f)
{
    if (f == NULL)
        return;
    while (!list_empty(&f->tapes)) {
        struct spill_tape *t = CONTAINER_OF(f->tapes.next, struct spill_tape, link);

        list_remove(&t->link);
        buffer_free(f, &t->buffer);
        buf_deinit(&t->row);
        heap_free(t->blocks);
        heap_free(t);
    }
    f->c->temp.used -= f->block_count * BLOCK_SIZE;
    env_file_close(f->file);
    cipher_free(f->cipher);
    buf_deinit(&f->sealed);
    buf_deinit(&f->plain);
    heap_free(f->unused);
    heap_free(f);
}

/* ---- blocks -------------------------------------------------------------------------------------
 */

static void push_block(struct heap *heap, uint64_t **list, size_t *count, size_t *capacity,
                       uint64_t block)
{
    if (*count == *capacity) {
        size_t    more = MAX((size_t)16, *capacity * 2);
        uint64_t *grown = heap_must_alloc(heap, more, sizeof *grown);

        if (*count > 0)
            memcpy(grown, *list, *count * sizeof *grown);
        heap_free(*list);
        *list = grown;
        *capacity = more;
    }
    (*list)[(*count)++] = block;
}

static status block_new(struct spill_tape *t)
{
    struct spill_file *f = t->f;
    uint64_t           block = f->block_count;

    if (f->unused_count > 0) {
        block = f->unused[--f->unused_count];
    } else {
        uint64_t limit = f->c->temp.size_max;

        if (limit > 0 && f->c->temp.used + BLOCK_SIZE > limit)
            return status_new(ST_CONFIGURATION_LIMIT_EXCEEDED,
                              "temporary file size exceeds temp_file_limit (%llukB)",
                              (unsigned long long)(limit / 1024));
        f->block_count++;
        f->c->temp.used += BLOCK_SIZE;
        f->op->stats.disk_bytes = MAX(f->op->stats.disk_bytes, f->block_count * BLOCK_SIZE);
    }
    push_block(f->heap, &t->blocks, &t->block_count, &t->block_capacity, block);
    return STATUS_OK;
}

static void block_unused(struct spill_file *f, uint64_t block)
{
    push_block(f->heap, &f->unused, &f->unused_count, &f->unused_capacity, block);
}

/* ---- writing ------------------------------------------------------------------------------------
 */

struct spill_tape *spill_tape_new(struct spill_file *f, const struct row_shape *shape)
{
    struct spill_tape *t = heap_must_alloc(f->heap, 1, sizeof *t);

    *t = (struct spill_tape){.f = f, .shape = shape};
    buf_init(&t->row, f->heap);
    list_push_back(&f->tapes, &t->link);
    return t;
}

/* A block's place in the file is what its tag is bound to. */
static slice bind_block(char bound[8], uint64_t block)
{
    put_u64le(bound, block);
    return slice_make(bound, 8);
}

static status write_block(struct spill_file *f, uint64_t block, slice content)
{
    char nonce[CIPHER_NONCE_SIZE], bound[8];

    if (f->cipher == NULL)
        return env_file_write_at(f->file, content.data, content.size, block * BLOCK_SIZE,
                                 ENV_INLINE);
    buf_reset(&f->sealed);
    cipher_nonce(nonce, f->nonce++);
    seal_append(&f->sealed, f->cipher, nonce, bind_block(bound, block), content);
    return env_file_write_at(f->file, f->sealed.data, f->sealed.size,
                             block * sealed_size(BLOCK_SIZE), ENV_INLINE);
}

static status flush(struct spill_tape *t)
{
    TRY_RETURN(block_new(t));
    TRY_RETURN(write_block(t->f, t->blocks[t->block_count - 1], slice_make(t->buffer, t->used)));
    t->used = 0;
    return STATUS_OK;
}

static status append(struct spill_tape *t, slice s)
{
    t->bytes += s.size;
    while (s.size > 0) {
        size_t n = MIN(s.size, BLOCK_SIZE - t->used);

        if (t->buffer == NULL)
            t->buffer = buffer_new(t->f);
        memcpy(t->buffer + t->used, s.data, n);
        t->used += n;
        s = slice_from(s, n);
        if (t->used == BLOCK_SIZE)
            TRY_RETURN(flush(t));
    }
    return STATUS_OK;
}

static enum datum_kind kind_of(const struct row_shape *s, size_t column)
{
    return s->types[column] != NULL ? s->types[column]->datum_kind : DATUM_SLICE;
}

static void put_value(struct buf *b, enum datum_kind kind, datum v)
{
    switch (kind) {
    case DATUM_BOOL:
        buf_put_u8(b, v.b);
        break;
    case DATUM_INT:
    case DATUM_FLOAT:
        buf_append(b, &v, 8);
        break;
    case DATUM_INTERVAL:
    case DATUM_UUID:
        buf_append(b, &v, sizeof v);
        break;
    case DATUM_SLICE:
        buf_put_u32le(b, (uint32_t)v.s.size);
        buf_append_slice(b, v.s);
        break;
    }
}

/* Begin a row; its values follow. */
static void begin_row(struct spill_tape *t, uint64_t tag)
{
    size_t bitmap = (t->shape->count + 7) / 8;

    ASSERT(t->buffer != NULL || t->bytes % BLOCK_SIZE == 0); /* not finished */
    buf_reset(&t->row);
    buf_put_u32le(&t->row, 0);
    buf_put_u64le(&t->row, tag);
    memset(buf_reserve(&t->row, bitmap), 0, bitmap);
    buf_advance(&t->row, bitmap);
}

static void add_value(struct spill_tape *t, size_t i, datum v, bool null)
{
    if (null)
        t->row.data[12 + i / 8] |= (char)(1 << (i % 8));
    else
        put_value(&t->row, kind_of(t->shape, i), v);
}

static status end_row(struct spill_tape *t)
{
    put_u32le(t->row.data, (uint32_t)(t->row.size - 4));
    t->rows++;
    return append(t, buf_slice(&t->row));
}

status spill_write(struct spill_tape *t, uint64_t tag, const datum *values, const bool *nulls)
{
    begin_row(t, tag);
    for (size_t i = 0; i < t->shape->count; i++)
        add_value(t, i, values[i], nulls[i]);
    return end_row(t);
}

status spill_write_row(struct spill_tape *t, const struct column *columns, size_t row)
{
    begin_row(t, 0);
    for (size_t i = 0; i < t->shape->count; i++)
        add_value(t, i, columns[i].values[row], columns[i].nulls[row]);
    return end_row(t);
}

status spill_finish(struct spill_tape *t)
{
    status st = t->used > 0 ? flush(t) : STATUS_OK;

    buffer_free(t->f, &t->buffer);
    buf_deinit(&t->row);
    buf_init(&t->row, t->f->heap);
    return st;
}

void spill_tape_drop(struct spill_tape *t)
{
    for (size_t i = 0; i < t->block_count; i++) {
        if (t->blocks[i] != UINT64_MAX)
            block_unused(t->f, t->blocks[i]);
    }
    list_remove(&t->link);
    buffer_free(t->f, &t->buffer);
    buf_deinit(&t->row);
    heap_free(t->blocks);
    heap_free(t);
}

uint64_t spill_tape_rows(const struct spill_tape *t)
{
    return t->rows;
}

uint64_t spill_tape_bytes(const struct spill_tape *t)
{
    return t->bytes;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

status spill_read_open(struct spill_tape *t, bool once, struct spill_reader **out)
{
    struct spill_reader *r = heap_must_alloc(t->f->heap, 1, sizeof *r);

    ASSERT(!once || t->buffer == NULL);
    *r = (struct spill_reader){.t = t, .once = once};
    *out = r;
    return STATUS_OK;
}

void spill_read_close(struct spill_reader *r)
{
    if (r == NULL)
        return;
    buffer_free(r->t->f, &r->buffer);
    heap_free(r);
}

static status read_stored(struct spill_file *f, void *to, size_t size, uint64_t offset)
{
    size_t n;

    TRY_RETURN(env_file_read_at(f->file, to, size, offset, ENV_INLINE, &n));
    return n == size
               ? STATUS_OK
               : status_new(ST_IO_ERROR, "a temporary file is shorter than what was written to it");
}

static status read_block(struct spill_file *f, uint64_t block, uint8_t *to, size_t size)
{
    char bound[8];

    if (f->cipher == NULL)
        return read_stored(f, to, size, block * BLOCK_SIZE);
    buf_reset(&f->sealed);
    TRY_RETURN(read_stored(f, buf_reserve(&f->sealed, sealed_size(size)), sealed_size(size),
                           block * sealed_size(BLOCK_SIZE)));
    buf_advance(&f->sealed, sealed_size(size));
    if (!seal_open(f->cipher, bind_block(bound, block), buf_slice(&f->sealed), &f->plain))
        return status_new(ST_CORRUPT, "a temporary file is damaged");
    memcpy(to, f->plain.data, size);
    return STATUS_OK;
}

static status load_block(struct spill_reader *r, size_t at)
{
    struct spill_tape *t = r->t;
    uint64_t           block = t->blocks[at], start = (uint64_t)at * BLOCK_SIZE;
    size_t             wanted = (size_t)MIN(t->bytes - start, (uint64_t)BLOCK_SIZE);

    ASSERT(block != UINT64_MAX);
    if (r->buffer == NULL)
        r->buffer = buffer_new(t->f);
    TRY_RETURN(read_block(t->f, block, r->buffer, wanted));
    if (r->once) {
        block_unused(t->f, block);
        t->blocks[at] = UINT64_MAX;
    }
    r->loaded = at + 1;
    return STATUS_OK;
}

/* The end of a tape that still grows is in its writer's buffer. */
static status take(struct spill_reader *r, void *to, size_t size)
{
    char *out = to;

    while (size > 0) {
        size_t         block = r->at / BLOCK_SIZE, within = r->at % BLOCK_SIZE;
        size_t         n = MIN(size, BLOCK_SIZE - within);
        const uint8_t *from = r->t->buffer;

        if (block < r->t->block_count) {
            if (r->loaded != block + 1)
                TRY_RETURN(load_block(r, block));
            from = r->buffer;
        }
        memcpy(out, from + within, n);
        r->at += n;
        out += n;
        size -= n;
    }
    return STATUS_OK;
}

static size_t take_value(const uint8_t *at, enum datum_kind kind, datum *out)
{
    memset(out, 0, sizeof *out);
    switch (kind) {
    case DATUM_BOOL:
        out->b = *at != 0;
        return 1;
    case DATUM_INT:
    case DATUM_FLOAT:
        memcpy(out, at, 8);
        return 8;
    case DATUM_INTERVAL:
    case DATUM_UUID:
        memcpy(out, at, sizeof *out);
        return sizeof *out;
    case DATUM_SLICE:
        out->s = slice_make(at + 4, get_u32le(at));
        return 4 + out->s.size;
    }
    UNREACHABLE();
}

status spill_read(struct spill_reader *r, struct arena *a, struct kept_row *out, uint64_t *tag)
{
    size_t   count = r->t->shape->count;
    uint8_t  head[12], *body;
    uint32_t size;

    if (r->at == r->t->bytes)
        return STATUS_NO_DATA;
    TRY_RETURN(take(r, head, sizeof head));
    size = get_u32le(head) - 8;
    if (tag != NULL)
        *tag = get_u64le(head + 4);
    body = arena_alloc(a, size + 1);
    TRY_RETURN(take(r, body, size));
    out->values = arena_alloc(a, count * (sizeof(datum) + sizeof(bool)) + 1);
    out->nulls = (bool *)(out->values + count);
    for (size_t i = 0; i < count; i++)
        out->nulls[i] = (body[i / 8] >> (i % 8)) & 1;
    body += (count + 7) / 8;
    for (size_t i = 0; i < count; i++) {
        if (!out->nulls[i])
            body += take_value(body, kind_of(r->t->shape, i), &out->values[i]);
        else
            memset(&out->values[i], 0, sizeof(datum));
    }
    return STATUS_OK;
}

status spill_read_batch(struct spill_reader *r, struct arena *a, struct batch *b)
{
    size_t n = 0, max = r->t->f->op->x->eval.batch_rows;

    while (n < max) {
        struct kept_row row;
        status          st = spill_read(r, a, &row, NULL);

        if (st == STATUS_NO_DATA)
            break;
        TRY_RETURN(st);
        row_put(&row, r->t->shape->count, b->columns, n++);
    }
    b->rows = n;
    b->selected = NULL;
    return n > 0 ? STATUS_OK : STATUS_NO_DATA;
}
