/* The file calls of both worlds: one struct env_io each, and the words for what can go wrong. */
#include "env/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/sort.h"
#include "env/env_internal.h"

/* ---- errors -------------------------------------------------------------------------------------
 */

static enum status_code errno_code(int error)
{
    switch (-error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ST_DISK_FULL;
    case ENOENT:
    case ENOTDIR:
        return ST_UNDEFINED_FILE;
    case EEXIST:
    case ENOTEMPTY:
        return ST_DUPLICATE_FILE;
    case EACCES:
    case EPERM:
    case EROFS:
        return ST_INSUFFICIENT_PRIVILEGE;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
        return ST_INSUFFICIENT_RESOURCES;
    case ENOMEM:
        return ST_OUT_OF_MEMORY;
    case EADDRINUSE:
        return ST_OBJECT_IN_USE;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return ST_CONNECTION_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ETIMEDOUT:
    case ENOTCONN:
        return ST_CONNECTION_FAILURE;
    default:
        return ST_IO_ERROR;
    }
}

status errno_status(int error, const char *fmt, ...)
{
    char        what[512];
    const char *words = strerrordesc_np(-error);
    va_list     args;

    ASSERT(error < 0);
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (words != NULL)
        return status_new(errno_code(error), "%s: %s", what, words);
    return status_new(errno_code(error), "%s: error %d", what, -error);
}

static ptrdiff_t io_run(struct env *env, struct env_io *io, enum env_lane lane)
{
    ASSERT(lane < ENV_LANE_COUNT);
    env->ops->io(env, io, lane);
    return io->result;
}

static status io_status(ptrdiff_t result, const char *what, const char *path)
{
    return result >= 0 ? STATUS_OK : errno_status((int)result, "could not %s \"%s\"", what, path);
}

/* ---- files --------------------------------------------------------------------------------------
 */

static struct env_file *file_new(struct env *env, const char *path)
{
    size_t           size = strlen(path) + 1;
    struct env_file *f = heap_must_alloc(env->heap, 1, sizeof *f + size);

    f->env = env;
    memcpy(f->path, path, size);
    return f;
}

status env_file_open(struct env *env, const char *path, unsigned flags, struct env_file **out)
{
    return env_file_open_on(env, path, flags, ENV_INLINE, out);
}

status env_file_open_on(struct env *env, const char *path, unsigned flags, enum env_lane lane,
                        struct env_file **out)
{
    struct env_file *f = file_new(env, path);
    struct env_io    io = {.kind = IO_OPEN, .file = f, .path = path, .flags = flags};
    ptrdiff_t        result;

    ASSERT(flags & (ENV_READ | ENV_WRITE));
    f->flags = flags;
    result = io_run(env, &io, lane);
    if (result < 0) {
        heap_free(f);
        return io_status(result, flags & ENV_EXCLUSIVE ? "create file" : "open file", path);
    }
    *out = f;
    return STATUS_OK;
}

void env_file_close(struct env_file *f)
{
    if (f == NULL)
        return;
    f->env->ops->file_close(f);
    heap_free(f);
}

const char *env_file_path(const struct env_file *f)
{
    return f->path;
}

status env_file_read_at(struct env_file *f, void *buf, size_t size, uint64_t offset,
                        enum env_lane lane, size_t *n)
{
    struct env_io io = {
        .kind = IO_READ, .file = f, .path = f->path, .data = buf, .count = size, .offset = offset};
    ptrdiff_t result = io_run(f->env, &io, lane);

    if (result < 0)
        return io_status(result, "read file", f->path);
    *n = (size_t)result;
    return STATUS_OK;
}

status env_file_fetch_at(struct env_file *f, void *buf, size_t size, uint64_t offset, size_t *n)
{
    struct env_io io = {.kind = IO_READ,
                        .file = f,
                        .path = f->path,
                        .flags = IO_NOWAIT,
                        .data = buf,
                        .count = size,
                        .offset = offset};

    if (f->env->running == NULL || f->env->no_yield > 0)
        return env_file_read_at(f, buf, size, offset, ENV_INLINE, n);
    if (!f->cannot_nowait) {
        ptrdiff_t result = io_run(f->env, &io, ENV_INLINE);

        if (result >= 0) {
            *n = (size_t)result;
            return STATUS_OK;
        }
        f->cannot_nowait = result == -EOPNOTSUPP;
        if (result != -EAGAIN && result != -EOPNOTSUPP)
            return io_status(result, "read file", f->path);
    }
    return env_file_read_at(f, buf, size, offset, ENV_LANE_IO, n);
}

status env_file_writev_at(struct env_file *f, const slice *parts, size_t count, uint64_t offset,
                          enum env_lane lane)
{
    struct env_io io = {.kind = IO_WRITE,
                        .file = f,
                        .path = f->path,
                        .parts = parts,
                        .count = count,
                        .offset = offset};

    return io_status(io_run(f->env, &io, lane), "write file", f->path);
}

status env_file_write_at(struct env_file *f, const void *data, size_t size, uint64_t offset,
                         enum env_lane lane)
{
    slice part = slice_make(data, size);

    return env_file_writev_at(f, &part, 1, offset, lane);
}

void env_file_write_back(struct env_file *f, uint64_t offset, size_t size, enum env_lane lane)
{
    struct env_io io = {
        .kind = IO_WRITE_BACK, .file = f, .path = f->path, .offset = offset, .count = size};

    (void)io_run(f->env, &io, lane);
}

status env_file_sync(struct env_file *f, enum env_lane lane)
{
    struct env_io io = {.kind = IO_SYNC, .file = f, .path = f->path};

    return io_status(io_run(f->env, &io, lane), "fsync file", f->path);
}

status env_file_truncate(struct env_file *f, uint64_t size)
{
    struct env_io io = {.kind = IO_TRUNCATE, .file = f, .path = f->path, .offset = size};

    return io_status(io_run(f->env, &io, ENV_INLINE), "truncate file", f->path);
}

status env_file_allocate(struct env_file *f, uint64_t offset, uint64_t size)
{
    return env_file_allocate_on(f, offset, size, ENV_INLINE);
}

status env_file_allocate_on(struct env_file *f, uint64_t offset, uint64_t size, enum env_lane lane)
{
    struct env_io io = {
        .kind = IO_ALLOCATE, .file = f, .path = f->path, .offset = offset, .count = size};

    return io_status(io_run(f->env, &io, lane), "allocate space for file", f->path);
}

status env_file_size(struct env_file *f, uint64_t *size)
{
    struct env_io io = {.kind = IO_SIZE, .file = f, .path = f->path};
    ptrdiff_t     result = io_run(f->env, &io, ENV_INLINE);

    *size = result >= 0 ? io.offset : 0;
    return io_status(result, "stat file", f->path);
}

/* ---- whole files --------------------------------------------------------------------------------
 */

static status read_all(struct env_file *f, size_t size_max, struct arena *arena, slice *out)
{
    uint64_t size;
    size_t   n;
    void    *data;

    TRY_RETURN(env_file_size(f, &size));
    if (size > size_max)
        return status_new(ST_LIMIT_EXCEEDED,
                          "could not read file \"%s\": it has %llu bytes, more than %zu", f->path,
                          (unsigned long long)size, size_max);
    TRY_RETURN(arena_try_alloc(arena, (size_t)size + 1, &data));
    TRY_RETURN(env_file_read_at(f, data, (size_t)size, 0, ENV_INLINE, &n));
    ((char *)data)[n] = '\0';
    *out = slice_make(data, n);
    return STATUS_OK;
}

status env_file_read_all(struct env *env, const char *path, size_t size_max, struct arena *arena,
                         slice *out)
{
    struct env_file *f;
    status           st;

    TRY_RETURN(env_file_open(env, path, ENV_READ, &f));
    st = read_all(f, size_max, arena, out);
    env_file_close(f);
    return st;
}

/* "a/b" gives "a", "/b" gives "/", "b" gives ".". */
static void parent_of(struct env *env, const char *path, char **out)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) {
        *out = heap_strdup(env->heap, ".");
        return;
    }
    *out = heap_strdup(env->heap, path);
    (*out)[slash == path ? 1 : slash - path] = '\0';
}

static status write_whole(struct env *env, const char *path, slice content)
{
    struct env_file *f = NULL;
    status           st;

    TRY(st, env_file_open(env, path, ENV_WRITE | ENV_CREATE | ENV_TRUNCATE, &f), done);
    TRY(st, env_file_write_at(f, content.data, content.size, 0, ENV_INLINE), done);
    TRY(st, env_file_sync(f, ENV_INLINE), done);
done:
    env_file_close(f);
    return st;
}

status env_file_replace(struct env *env, const char *path, slice content)
{
    struct buf  tmp;
    char       *dir = NULL;
    status      st;
    const char *tmp_path;

    buf_init(&tmp, env->heap);
    buf_printf(&tmp, "%s.tmp", path);
    tmp_path = buf_cstr(&tmp);
    parent_of(env, path, &dir);
    TRY(st, write_whole(env, tmp_path, content), fail);
    TRY(st, env_rename(env, tmp_path, path), fail);
    TRY(st, env_sync_dir(env, dir, ENV_INLINE), fail);
fail:
    heap_free(dir);
    buf_deinit(&tmp);
    return st;
}

/* ---- names --------------------------------------------------------------------------------------
 */

bool env_file_exists(struct env *env, const char *path)
{
    struct env_io io = {.kind = IO_EXISTS, .path = path};

    return io_run(env, &io, ENV_INLINE) == 0;
}

status env_mkdir(struct env *env, const char *path)
{
    struct env_io io = {.kind = IO_MKDIR, .path = path};

    return io_status(io_run(env, &io, ENV_INLINE), "create directory", path);
}

static status mkdir_if_missing(struct env *env, const char *path)
{
    status st;

    if (env_file_exists(env, path))
        return STATUS_OK;
    st = env_mkdir(env, path);
    if (status_code(st) == ST_DUPLICATE_FILE) {
        st_clear(st); /* somebody else was quicker */
        return STATUS_OK;
    }
    return st;
}

status env_mkdir_all(struct env *env, const char *path)
{
    char  *part = heap_strdup(env->heap, path);
    status st = STATUS_OK;

    for (char *at = part; st_ok(st) && (at = strchr(at + 1, '/')) != NULL;) {
        *at = '\0';
        st = mkdir_if_missing(env, part);
        *at = '/';
    }
    if (st_ok(st))
        st = mkdir_if_missing(env, path);
    heap_free(part);
    return st;
}

static void names_collect(const struct buf *found, struct arena *arena, const char ***names,
                          size_t *count)
{
    const char *text = arena_copy(arena, buf_slice(found)).data;

    *count = 0;
    for (size_t i = 0; i < found->size; i++)
        *count += found->data[i] == '\0';
    *names = ARENA_ARRAY(arena, const char *, *count);
    for (size_t i = 0; i < *count; i++) {
        (*names)[i] = text;
        text += strlen(text) + 1;
    }
    sort_stable(arena_heap(arena), *names, *count, sizeof **names, sort_compare_cstr, NULL);
}

status env_list_dir(struct env *env, const char *path, struct arena *arena, const char ***names,
                    size_t *count)
{
    struct buf    found;
    struct env_io io = {.kind = IO_LIST, .path = path, .names = &found};
    ptrdiff_t     result;

    buf_init(&found, env->heap);
    result = io_run(env, &io, ENV_INLINE);
    if (result >= 0)
        names_collect(&found, arena, names, count);
    buf_deinit(&found);
    return io_status(result, "read directory", path);
}

status env_rename(struct env *env, const char *from, const char *to)
{
    return env_rename_on(env, from, to, ENV_INLINE);
}

status env_rename_on(struct env *env, const char *from, const char *to, enum env_lane lane)
{
    struct env_io io = {.kind = IO_RENAME, .path = from, .path_to = to};
    ptrdiff_t     result = io_run(env, &io, lane);

    if (result >= 0)
        return STATUS_OK;
    return errno_status((int)result, "could not rename file \"%s\" to \"%s\"", from, to);
}

status env_link(struct env *env, const char *from, const char *to)
{
    struct env_io io = {.kind = IO_LINK, .path = from, .path_to = to};
    ptrdiff_t     result = io_run(env, &io, ENV_INLINE);

    if (result >= 0)
        return STATUS_OK;
    if (result == -EXDEV || result == -EPERM || result == -EOPNOTSUPP)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "cannot link file \"%s\" to \"%s\": the two are not in one file system "
                          "that has links",
                          from, to);
    return errno_status((int)result, "could not link file \"%s\" to \"%s\"", from, to);
}

status env_unlink_on(struct env *env, const char *path, enum env_lane lane)
{
    struct env_io io = {.kind = IO_UNLINK, .path = path};

    return io_status(io_run(env, &io, lane), "remove file", path);
}

status env_unlink(struct env *env, const char *path)
{
    return env_unlink_on(env, path, ENV_INLINE);
}

status env_rmdir(struct env *env, const char *path)
{
    struct env_io io = {.kind = IO_RMDIR, .path = path};

    return io_status(io_run(env, &io, ENV_INLINE), "remove directory", path);
}

status env_sync_dir(struct env *env, const char *path, enum env_lane lane)
{
    struct env_io io = {.kind = IO_SYNC_DIR, .path = path};

    return io_status(io_run(env, &io, lane), "fsync directory", path);
}

status env_disk_free(struct env *env, const char *path, uint64_t *size)
{
    struct env_io io = {.kind = IO_DISK_FREE, .path = path};
    ptrdiff_t     result = io_run(env, &io, ENV_INLINE);

    *size = result >= 0 ? io.offset : 0;
    return io_status(result, "stat file system of", path);
}

/* `flags`: ENV_READ for a shared lock of a file that exists. */
static status lock_file(struct env *env, const char *path, unsigned flags, struct env_file **out)
{
    struct env_file *f = file_new(env, path);
    struct env_io    io = {.kind = IO_LOCK, .file = f, .path = path, .flags = flags};
    ptrdiff_t        result = io_run(env, &io, ENV_INLINE);

    f->is_lock = true;
    if (result == 0) {
        *out = f;
        return STATUS_OK;
    }
    heap_free(f);
    if (result == -EAGAIN)
        return status_new(ST_STORE_LOCKED, "could not lock file \"%s\": another process uses it",
                          path);
    return io_status(result, "lock file", path);
}

status env_lock_file(struct env *env, const char *path, struct env_file **out)
{
    return lock_file(env, path, ENV_READ | ENV_WRITE | ENV_CREATE, out);
}

status env_lock_file_shared(struct env *env, const char *path, struct env_file **out)
{
    return lock_file(env, path, ENV_READ, out);
}
