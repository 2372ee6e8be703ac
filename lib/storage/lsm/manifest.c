/* The manifest on disk. The order of what becomes durable is the whole of it:
 *
 *   append    record -> sync -> apply -> mark (not synced: the next sync covers it)
 *   rewrite   new file -> sync -> its name -> `current` (synced, renamed, name synced) -> delete
 * settle    what was not proved durable is written and synced again -> `current`'s name
 *
 * A mark behind an edit says that the edit was durable, so that damage to it is not taken for a
 * torn write. It costs a small write into the page cache per edit. */
#include "storage/lsm/manifest.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "storage/lsm/manifest_internal.h"

enum {
    REWRITE_SIZE = 4 << 20,
    REWRITE_RETRY_SIZE = 1 << 20, /* how much more is written before a full disk is tried again */
    AHEAD_SIZE = 64 << 10,        /* room taken at once, so that a full disk has some for edits */
    STATE_EDIT_SIZE = 64 << 10,   /* of one edit of a manifest written anew */
    CURRENT_READ_SIZE = 4096,
};

struct manifest {
    struct env           *env;
    struct version_set   *set;
    char                 *dir;
    uint8_t               incarnation[16];
    uint64_t              rewrite_size;
    struct env_mutex      lock;
    const struct keyring *keyring; /* NULL: the store is not encrypted */
    struct env_file      *file;
    struct cipher        *cipher; /* of the file */
    uint64_t              number;
    uint64_t              size;      /* what counts; the next record goes here */
    uint64_t              allocated; /* size of the file: zeros from `size` on */
    uint64_t              edit;      /* number of the next record */
    uint64_t              synced;    /* edits below are durable */
    uint32_t              crc;       /* of the last record */
    uint64_t              rewrite_at;
    bool                  must_rewrite; /* there is a torn tail behind `size` */
    bool                  failed;
    bool                  is_settled;
    bool                  has_mark; /* the last record that was read is a mark */
    struct buf            unproved; /* until it is settled: the end of what counts */
};

/* ---- names and errors
 * -------------------------------------------------------------------------------- */

char *manifest_path(struct heap *heap, const char *dir, uint64_t number)
{
    struct buf b;

    buf_init(&b, heap);
    if (number == 0)
        buf_printf(&b, "%s/current", dir);
    else
        buf_printf(&b, "%s/%020" PRIu64 ".manifest", dir, number);
    buf_cstr(&b);
    return b.data;
}

bool manifest_exists(struct env *env, const char *dir)
{
    char *path = manifest_path(env_heap(env), dir, 0);
    bool  found = env_file_exists(env, path);

    heap_free(path);
    return found;
}

/* L1: a failed sync is final, and so is any write of which nobody knows how far it came. */
static status fail(struct manifest *m, status st)
{
    status final =
        status_new(ST_OUTCOME_UNKNOWN, "could not write the manifest of store \"%s\": %s", m->dir,
                   status_message(st));

    m->failed = true;
    st_clear(st);
    return final;
}

/* ---- a new file
 * -------------------------------------------------------------------------------------- */

/* A manifest on the way to its file. */
struct writer {
    struct manifest *m;
    uint64_t         number, edit, size;
    uint32_t         crc;
    struct cipher   *cipher;
    struct buf       payload, bytes;
};

static status count_edit(void *ctx, const struct manifest_edit *e)
{
    struct writer *w = ctx;

    buf_reset(&w->payload);
    manifest_edit_put(&w->payload, e);
    w->size += manifest_record_size(w->payload.size, w->m->keyring != NULL);
    return STATUS_OK;
}

/* By chance, not by counting: after a crash nobody knows how far the counting came. */
static void put_record(struct manifest *m, struct buf *b, struct manifest_record *r,
                       const struct cipher *c)
{
    char nonce[CIPHER_NONCE_SIZE] = {0};

    if (c != NULL)
        env_random(m->env, nonce, sizeof nonce);
    manifest_record_put(b, r, c, nonce);
}

static status encode_edit(void *ctx, const struct manifest_edit *e)
{
    struct writer         *w = ctx;
    struct manifest_record r = {
        .manifest = w->number, .edit = w->edit, .synced = w->edit, .previous = w->crc};

    buf_reset(&w->payload);
    manifest_edit_put(&w->payload, e);
    r.payload = buf_slice(&w->payload);
    put_record(w->m, &w->bytes, &r, w->cipher);
    w->crc = r.crc;
    w->edit++;
    return STATUS_OK;
}

/* The header says how long the state is, so the state is encoded twice. */
static status encode_state(struct writer *w)
{
    struct manifest_header h = {
        .number = w->number, .first_edit = w->edit, .is_sealed = w->m->keyring != NULL};

    w->size = manifest_header_size(h.is_sealed);
    TRY_RETURN(version_set_dump(w->m->set, STATE_EDIT_SIZE, count_edit, w));
    h.whole_size = w->size;
    memcpy(h.incarnation, w->m->incarnation, sizeof h.incarnation);
    if (h.is_sealed)
        h.seal = keyring_new_seal(w->m->keyring, w->m->env);
    manifest_header_put(&w->bytes, &h);
    w->crc = h.crc;
    if (h.is_sealed)
        TRY_RETURN(keyring_cipher(w->m->keyring, env_heap(w->m->env), &h.seal,
                                  manifest_header_bound(buf_slice(&w->bytes)), &w->cipher));
    TRY_RETURN(version_set_dump(w->m->set, STATE_EDIT_SIZE, encode_edit, w));
    ASSERT(w->bytes.size == w->size);
    return STATUS_OK;
}

/* Content and name durable. DISK_FULL comes from before any sync. */
static status write_file(struct writer *w, const char *path, struct env_file **out)
{
    struct manifest *m = w->m;
    status           st;

    TRY_RETURN(env_file_open(m->env, path, ENV_READ | ENV_WRITE | ENV_CREATE | ENV_TRUNCATE, out));
    TRY_RETURN(env_file_allocate(*out, 0, w->size + AHEAD_SIZE));
    TRY_RETURN(env_file_write_at(*out, w->bytes.data, w->bytes.size, 0, ENV_LANE_IO));
    st = env_file_sync(*out, ENV_LANE_IO);
    if (st_ok(st))
        st = env_sync_dir(m->env, m->dir, ENV_LANE_IO);
    return st_ok(st) ? STATUS_OK : fail(m, st);
}

/* Whether `current` still names the manifest we have; an answer that cannot be had is no. */
static bool current_is_ours(struct manifest *m, const char *path)
{
    struct arena *arena = arena_new(env_heap(m->env), NULL);
    uint8_t       incarnation[16];
    uint64_t      number = 0;
    slice         bytes;
    status        st = env_file_read_all(m->env, path, MANIFEST_HEADER_SIZE, arena, &bytes);

    if (st_ok(st))
        st = manifest_current_take(bytes, &number, incarnation);
    st_clear(st);
    arena_free(arena);
    return number == m->number;
}

static status name_current(struct manifest *m, uint64_t number)
{
    char      *path = manifest_path(env_heap(m->env), m->dir, 0);
    struct buf bytes;
    status     st;

    buf_init(&bytes, env_heap(m->env));
    manifest_current_put(&bytes, number, m->incarnation);
    st = env_file_replace(m->env, path, buf_slice(&bytes));
    /* No room for the temporary file: the old manifest goes on to count. */
    if (!st_ok(st) &&
        (status_code(st) != ST_DISK_FULL ||
         (m->file != NULL ? !current_is_ours(m, path) : env_file_exists(m->env, path))))
        st = fail(m, st);
    buf_deinit(&bytes);
    heap_free(path);
    return st;
}

static void unlink_number(struct manifest *m, uint64_t number)
{
    char *path = manifest_path(env_heap(m->env), m->dir, number);

    st_clear(env_unlink(m->env, path)); /* the next opening tries again */
    heap_free(path);
}

static void adopt(struct manifest *m, struct writer *w, struct env_file *file)
{
    if (m->file != NULL) {
        env_file_close(m->file);
        unlink_number(m, m->number);
    }
    cipher_free(m->cipher);
    m->file = file;
    m->cipher = w->cipher;
    w->cipher = NULL;
    m->number = w->number;
    m->size = w->size;
    m->allocated = w->size + AHEAD_SIZE;
    m->edit = m->synced = w->edit;
    m->crc = w->crc;
    m->must_rewrite = false;
    m->rewrite_at = MAX(m->rewrite_size, 2 * w->size);
}

/* The whole state in a new file, which counts when this returns OK. DISK_FULL: nothing changed. Any
 * other error: the manifest has failed. */
static status rewrite(struct manifest *m)
{
    struct writer    w = {.m = m, .edit = m->edit};
    struct env_file *file = NULL;
    char            *path;
    status           st;

    w.number = version_set_new_number(m->set);
    path = manifest_path(env_heap(m->env), m->dir, w.number);
    buf_init(&w.payload, env_heap(m->env));
    buf_init(&w.bytes, env_heap(m->env));
    TRY(st, encode_state(&w), out);
    TRY(st, write_file(&w, path, &file), out);
    TRY(st, name_current(m, w.number), out);
    adopt(m, &w, file);
    file = NULL;
out:
    if (!st_ok(st) && !m->failed) {
        if (status_code(st) != ST_DISK_FULL)
            st = fail(m, st);
        unlink_number(m, w.number);
    }
    env_file_close(file);
    cipher_free(w.cipher);
    heap_free(path);
    buf_deinit(&w.bytes);
    buf_deinit(&w.payload);
    return st;
}

/* ---- appending
 * --------------------------------------------------------------------------------------- */

static status allocate(struct manifest *m, size_t size)
{
    uint64_t wanted = m->size + size;

    if (wanted <= m->allocated)
        return STATUS_OK;
    TRY_RETURN(env_file_allocate_on(m->file, m->allocated, wanted + AHEAD_SIZE - m->allocated,
                                    ENV_LANE_IO));
    m->allocated = wanted + AHEAD_SIZE;
    return STATUS_OK;
}

/* After DISK_FULL: without the part that was written the next record may take its place. */
static status cut_back(struct manifest *m, status full)
{
    status st = env_file_truncate(m->file, m->size);

    if (st_ok(st)) {
        m->allocated = m->size;
        return full;
    }
    st_clear(full);
    return fail(m, st);
}

/* Write one record, not synced. DISK_FULL: the file is as it was. */
static status write_record(struct manifest *m, slice payload)
{
    struct manifest_record r = {.manifest = m->number,
                                .edit = m->edit,
                                .synced = m->synced,
                                .previous = m->crc,
                                .payload = payload};
    struct buf             bytes;
    status                 st;

    buf_init(&bytes, env_heap(m->env));
    put_record(m, &bytes, &r, m->cipher);
    st = allocate(m, bytes.size);
    if (st_ok(st))
        st = env_file_write_at(m->file, bytes.data, bytes.size, m->size, ENV_INLINE);
    if (st_ok(st)) {
        m->size += bytes.size;
        m->edit++;
        m->crc = r.crc;
    } else {
        st = status_code(st) == ST_DISK_FULL ? cut_back(m, st) : fail(m, st);
    }
    buf_deinit(&bytes);
    return st;
}

/* Without it the edit counts as well; only damage to it would be taken for a torn write. */
static void write_mark(struct manifest *m)
{
    st_clear(write_record(m, SLICE_EMPTY));
}

static status write_edit(struct manifest *m, slice payload)
{
    status st;

    TRY_RETURN(write_record(m, payload));
    st = env_file_sync(m->file, ENV_LANE_IO);
    if (!st_ok(st))
        return fail(m, st);
    m->synced = m->edit;
    return STATUS_OK;
}

/* Have a file that may be appended to, and not one without end. */
static status make_room(struct manifest *m)
{
    status st;

    if (m->must_rewrite)
        return rewrite(m);
    if (m->size < m->rewrite_at)
        return STATUS_OK;
    st = rewrite(m);
    if (status_code(st) != ST_DISK_FULL)
        return st;
    st_clear(st);
    m->rewrite_at = m->size + REWRITE_RETRY_SIZE;
    return STATUS_OK;
}

static status append(struct manifest *m, const struct manifest_edit *e)
{
    struct manifest_edit whole = *e; /* borrows what `e` has */
    struct buf           payload;
    status               st;

    ASSERT(m->is_settled);
    if (m->failed)
        return status_new(ST_IO_ERROR, "the manifest of store \"%s\" has failed before", m->dir);
    TRY_RETURN(version_set_check_edit(m->set, e));
    TRY_RETURN(make_room(m));
    buf_init(&payload, env_heap(m->env));
    whole.next_file_number = MAX(m->set->next_file_number, e->next_file_number);
    manifest_edit_put(&payload, &whole);
    if (sealed_size(payload.size) > MANIFEST_EDIT_SIZE_MAX)
        TRY(st, status_new(ST_LIMIT_EXCEEDED, "an edit of the manifest is too large"), out);
    TRY(st, write_edit(m, buf_slice(&payload)), out);
    version_set_apply(m->set, &whole);
    write_mark(m);
out:
    buf_deinit(&payload);
    return st;
}

status manifest_append(struct manifest *m, const struct manifest_edit *e)
{
    bool   cancellable = env_set_cancellable(m->env, false);
    status st = env_mutex_lock(m->env, &m->lock, 0);

    if (st_ok(st)) {
        st = append(m, e);
        env_mutex_unlock(m->env, &m->lock);
    }
    env_set_cancellable(m->env, cancellable);
    return st;
}

/* ---- opening
 * ----------------------------------------------------------------------------------------- */

static struct manifest *manifest_new(struct env *env, const struct manifest_options *o,
                                     struct version_set *set)
{
    struct manifest *m = heap_must_alloc(env_heap(env), 1, sizeof *m);

    m->env = env;
    m->set = set;
    m->dir = heap_strdup(env_heap(env), o->dir);
    memcpy(m->incarnation, o->incarnation, sizeof m->incarnation);
    m->keyring = o->keyring;
    m->rewrite_size = o->rewrite_size != 0 ? o->rewrite_size : REWRITE_SIZE;
    env_mutex_init(&m->lock);
    buf_init(&m->unproved, env_heap(env));
    return m;
}

void manifest_close(struct manifest *m)
{
    if (m == NULL)
        return;
    ASSERT(m->lock.owner == NULL);
    env_file_close(m->file);
    cipher_free(m->cipher);
    env_mutex_deinit(&m->lock);
    buf_deinit(&m->unproved);
    heap_free(m->dir);
    heap_free(m);
}

status manifest_create(struct env *env, const struct manifest_options *o, struct version_set *set,
                       struct manifest **out)
{
    struct manifest *m = manifest_new(env, o, set);
    status           st;

    m->edit = m->synced = 1;
    m->is_settled = true;
    st = rewrite(m);
    if (st_ok(st))
        *out = m;
    else
        manifest_close(m);
    return st;
}

status manifest_current(struct env *env, const char *dir, uint64_t *number, uint8_t incarnation[16])
{
    char         *path = manifest_path(env_heap(env), dir, 0);
    struct arena *arena = arena_new(env_heap(env), NULL);
    slice         bytes;
    status        st = env_file_read_all(env, path, CURRENT_READ_SIZE, arena, &bytes);

    if (status_code(st) == ST_LIMIT_EXCEEDED) {
        st_clear(st);
        st = status_new(ST_CORRUPT, "file \"%s\": it is too long", path);
    } else if (st_ok(st)) {
        st = manifest_current_take(bytes, number, incarnation);
        if (!st_ok(st))
            st = status_wrap(st, "file \"%s\"", path);
    }
    arena_free(arena);
    heap_free(path);
    return st;
}

static status read_current(const struct manifest *m, uint64_t *number)
{
    uint8_t incarnation[16];

    TRY_RETURN(manifest_current(m->env, m->dir, number, incarnation));
    if (memcmp(incarnation, m->incarnation, sizeof incarnation) == 0)
        return STATUS_OK;
    return status_new(ST_CORRUPT, "file \"%s/current\": it is of another store", m->dir);
}

/* One edit of the manifest on its way into the set. */
static status replay(void *ctx, uint64_t offset, const struct manifest_record *r,
                     const struct manifest_edit *e)
{
    struct manifest *m = ctx;

    (void)offset;
    (void)r;
    TRY_RETURN(version_set_check_edit(m->set, e));
    version_set_apply(m->set, e);
    return STATUS_OK;
}

static status read_whole(struct manifest *m, const char *path, struct manifest_scan *scan)
{
    uint64_t size;

    TRY_RETURN(env_file_open(m->env, path, ENV_READ | ENV_WRITE, &m->file));
    TRY_RETURN(env_file_size(m->file, &size));
    TRY_RETURN(manifest_scan_file(m->file, size, scan));
    TRY_RETURN(manifest_scan(scan, replay, m));
    if (scan->header.number != m->number ||
        memcmp(scan->header.incarnation, m->incarnation, sizeof m->incarnation) != 0)
        return status_new(ST_CORRUPT, "file \"%s\": it is of another store or number", path);
    m->cipher = scan->cipher;
    scan->cipher = NULL;
    m->size = scan->end;
    m->allocated = size;
    m->edit = scan->edit;
    m->synced = scan->synced;
    m->crc = scan->crc;
    m->must_rewrite = scan->torn > 0;
    m->has_mark = scan->has_mark;
    buf_append(&m->unproved, scan->bytes.data + scan->proved, (size_t)(scan->end - scan->proved));
    m->rewrite_at = MAX(m->rewrite_size, 2 * scan->header.whole_size);
    return STATUS_OK;
}

static bool is_stale(const struct manifest *m, const char *name)
{
    static const char suffix[] = ".manifest";
    size_t            size = strlen(name);
    char              ours[32];

    snprintf(ours, sizeof ours, "%020" PRIu64 "%s", m->number, suffix);
    return size >= sizeof suffix && strcmp(name + size - (sizeof suffix - 1), suffix) == 0 &&
           strcmp(name, ours) != 0;
}

/* What crashes left behind. That it cannot be deleted is no reason not to open. */
static void delete_stale(struct manifest *m)
{
    struct arena *arena = arena_new(env_heap(m->env), NULL);
    const char  **names;
    size_t        count = 0;
    status        st = env_list_dir(m->env, m->dir, arena, &names, &count);

    for (size_t i = 0; st_ok(st) && i < count; i++)
        if (is_stale(m, names[i]) || strcmp(names[i], "current.tmp") == 0)
            st_clear(env_unlink(m->env, arena_printf(arena, "%s/%s", m->dir, names[i])));
    st_clear(st);
    arena_free(arena);
}

status manifest_open(struct env *env, const struct manifest_options *o, struct version_set *set,
                     struct manifest **out)
{
    struct manifest     *m = manifest_new(env, o, set);
    version_gone_fn     *gone = set->gone;
    struct manifest_scan scan;
    char                *path = NULL;
    status               st;

    /* What an old edit removed is gone already; and until all is read nothing may be deleted. */
    set->gone = NULL;
    manifest_scan_init(&scan, env_heap(env));
    TRY(st, read_current(m, &m->number), out);
    path = manifest_path(env_heap(env), m->dir, m->number);
    scan.path = path;
    scan.keyring = m->keyring;
    st = read_whole(m, path, &scan);
out:
    set->gone = gone;
    manifest_scan_deinit(&scan);
    heap_free(path);
    if (st_ok(st))
        *out = m;
    else
        manifest_close(m);
    return st;
}

/* L1: what may be in the page cache alone, because the process that wrote it could not sync it, is
 * made durable before anybody believes it; a mark too, or it would be a hole before the next edit.
 * The bytes are the same, so this needs no room, and power loss in the middle of it harms nothing.
 */
static status make_durable(struct manifest *m)
{
    slice end = buf_slice(&m->unproved);

    if (end.size > 0) {
        TRY_RETURN(env_file_write_at(m->file, end.data, end.size, m->size - end.size, ENV_INLINE));
        TRY_RETURN(env_file_sync(m->file, ENV_LANE_IO));
        m->synced = m->edit;
    }
    /* The rename of `current` may be in memory alone, too. */
    return env_sync_dir(m->env, m->dir, ENV_LANE_IO);
}

/* Nothing of a torn tail may be followed by anything. A full disk makes the first append wait for
 * the room. */
static status end_torn(struct manifest *m)
{
    status st = rewrite(m);

    if (status_code(st) != ST_DISK_FULL)
        return st;
    st_clear(st);
    return STATUS_OK;
}

status manifest_settle(struct manifest *m)
{
    bool had_unproved = m->unproved.size > 0;

    ASSERT(!m->is_settled);
    TRY_RETURN(make_durable(m));
    buf_deinit(&m->unproved);
    m->is_settled = true;
    version_set_note_number(m->set, m->number);
    delete_stale(m);
    if (m->must_rewrite)
        return end_torn(m);
    if (had_unproved && !m->has_mark)
        write_mark(m);
    return m->failed
               ? status_new(ST_IO_ERROR, "could not write the manifest of store \"%s\"", m->dir)
               : STATUS_OK;
}

/* ---- what callers ask
 * -------------------------------------------------------------------------------- */

uint64_t manifest_size(const struct manifest *m)
{
    return m->size;
}

uint64_t manifest_number(const struct manifest *m)
{
    return m->number;
}

bool manifest_has_failed(const struct manifest *m)
{
    return m->failed;
}

status manifest_read(struct env *env, const char *path, const struct keyring *keyring,
                     struct manifest_header *header, manifest_visit_fn *visit, void *ctx,
                     uint64_t *torn)
{
    struct manifest_scan scan;
    struct env_file     *file = NULL;
    uint64_t             size;
    status               st;

    manifest_scan_init(&scan, env_heap(env));
    scan.path = path;
    scan.keyring = keyring;
    TRY(st, env_file_open(env, path, ENV_READ, &file), out);
    TRY(st, env_file_size(file, &size), out);
    TRY(st, manifest_scan_file(file, size, &scan), out);
    TRY(st, manifest_scan(&scan, visit, ctx), out);
    *header = scan.header;
    *torn = scan.torn;
out:
    env_file_close(file);
    manifest_scan_deinit(&scan);
    return st;
}
