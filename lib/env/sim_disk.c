/* Simulated disks.
 *
 * A file is two images: `now` is what the page cache shows, `durable` what is surely on the disk.
 * Between them lie the operations not yet synced, each with its own copy of the data, so that a
 * sync makes durable exactly what was issued before it (pitfall L2) and a power loss can keep any
 * part of the rest, down to single sectors (L3). Names work alike: two tables, and the changes not
 * yet made durable by syncing their directory (L12). A killed process loses nothing.
 *
 * A failed sync drops the operations it should have made durable and leaves `now` as it is: the
 * cache goes on showing data that a reboot will not find (L1). */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/crc32c.h"
#include "env/sim_image.h"
#include "env/sim_internal.h"

enum {
    SECTOR_SIZE = 512,
    COLD_ONE_IN = 8, /* so many reads that must not wait find nothing in the page cache */
};

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_ALLOCATE };

struct file_op {
    struct list  link;
    enum op_kind kind;
    uint64_t     serial, offset, size;
    char         data[];
};

struct inode {
    struct list  link;
    uint64_t     id;
    bool         is_dir, locked;
    unsigned     opens;
    struct image now, durable;
    struct list  pending;
};

/* One name. Paths are complete and normal: "a/b", the root is "". */
struct name {
    struct list   link;
    struct inode *inode;
    uint64_t      serial; /* of the change that made it */
    char          path[];
};

/* A change of names: `path` is gone (if set), `path_to` means `inode` (if set). A create or
 * a link has only the latter, an unlink only the former, a rename both. Of a directory that is
 * removed `inode` says that it was one. */
struct name_op {
    struct list   link;
    uint64_t      serial;
    char         *path, *path_to;
    struct inode *inode;
};

struct sim_disk {
    struct sim  *sim;
    struct list  inodes;
    struct list  names, names_durable;
    struct list  names_pending;
    uint64_t     serial, inode_last;
    uint64_t     used; /* bytes of blocks in `now` images */
    struct inode root;
};

/* ---- inodes and their pending operations
 * ---------------------------------------------------------- */

static void inode_init(struct sim_disk *d, struct inode *in, bool is_dir)
{
    in->id = ++d->inode_last;
    in->is_dir = is_dir;
    image_init(&in->now, d->sim->heap);
    image_init(&in->durable, d->sim->heap);
    list_init(&in->pending);
    list_init(&in->link);
}

static struct inode *inode_new(struct sim_disk *d, bool is_dir)
{
    struct inode *in = heap_must_alloc(d->sim->heap, 1, sizeof *in);

    inode_init(d, in, is_dir);
    list_push_back(&d->inodes, &in->link);
    return in;
}

static void pending_drop(struct inode *in)
{
    struct list *link;

    while ((link = list_pop_front(&in->pending)) != NULL)
        heap_free(CONTAINER_OF(link, struct file_op, link));
}

static void inode_free(struct sim_disk *d, struct inode *in)
{
    d->used -= image_used(&in->now);
    image_clear(&in->now);
    image_clear(&in->durable);
    pending_drop(in);
    list_remove(&in->link);
    heap_free(in);
}

static struct file_op *op_add(struct sim_disk *d, struct inode *in, enum op_kind kind,
                              uint64_t offset, uint64_t size, const char *data)
{
    size_t          data_size = data != NULL ? (size_t)size : 0;
    struct file_op *op = heap_must_alloc(d->sim->heap, 1, sizeof *op + data_size);

    op->kind = kind;
    op->serial = ++d->serial;
    op->offset = offset;
    op->size = size;
    if (data_size > 0)
        memcpy(op->data, data, data_size);
    list_push_back(&in->pending, &op->link);
    return op;
}

static void op_apply(struct image *im, const struct file_op *op)
{
    switch (op->kind) {
    case OP_WRITE:
        image_write(im, op->offset, op->data, (size_t)op->size);
        return;
    case OP_TRUNCATE:
        image_truncate(im, op->offset);
        return;
    case OP_ALLOCATE:
        image_allocate(im, op->offset, op->size);
        return;
    }
    UNREACHABLE();
}

/* Make durable what was issued up to `serial`; with `lost`, forget it instead. */
static void inode_sync(struct inode *in, uint64_t serial, bool lost)
{
    LIST_FOR_EACH (it, &in->pending) {
        struct file_op *op = CONTAINER_OF(it, struct file_op, link);

        if (op->serial > serial)
            return;
        if (!lost)
            op_apply(&in->durable, op);
        list_remove(&op->link);
        heap_free(op);
    }
}

/* ---- names --------------------------------------------------------------------------------------
 */

/* "/a//b/./c/" is "a/b/c". */
static char *path_normal(struct heap *heap, const char *path)
{
    char  *out = heap_must_alloc(heap, 1, strlen(path) + 1);
    size_t size = 0;

    while (*path != '\0') {
        size_t n = strcspn(path, "/");

        if (n > 0 && !(n == 1 && path[0] == '.')) {
            if (size > 0)
                out[size++] = '/';
            memcpy(out + size, path, n);
            size += n;
        }
        path += n + (path[n] == '/');
    }
    out[size] = '\0';
    return out;
}

static size_t parent_size(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? (size_t)(slash - path) : 0;
}

static bool is_child(const char *path, const char *dir)
{
    size_t size = parent_size(path);

    return path[0] != '\0' && strlen(dir) == size && memcmp(path, dir, size) == 0;
}

static struct name *name_find(const struct list *names, const char *path)
{
    LIST_FOR_EACH (it, names) {
        struct name *n = CONTAINER_OF(it, struct name, link);

        if (strcmp(n->path, path) == 0)
            return n;
    }
    return NULL;
}

static void name_remove(struct list *names, const char *path)
{
    struct name *n = name_find(names, path);

    if (n == NULL)
        return;
    list_remove(&n->link);
    heap_free(n);
}

static void name_set(struct sim_disk *d, struct list *names, const char *path, struct inode *in,
                     uint64_t serial)
{
    size_t       size = strlen(path) + 1;
    struct name *n;

    name_remove(names, path);
    n = heap_must_alloc(d->sim->heap, 1, sizeof *n + size);
    n->inode = in;
    n->serial = serial;
    memcpy(n->path, path, size);
    list_push_back(names, &n->link);
}

static void names_clear(struct list *names)
{
    struct list *link;

    while ((link = list_pop_front(names)) != NULL)
        heap_free(CONTAINER_OF(link, struct name, link));
}

static struct inode *lookup(struct sim_disk *d, const char *path)
{
    struct name *n;

    if (path[0] == '\0')
        return &d->root;
    n = name_find(&d->names, path);
    return n != NULL ? n->inode : NULL;
}

static bool parent_is_dir(struct sim_disk *d, const char *path)
{
    char         *dir = heap_strdup(d->sim->heap, path);
    struct inode *in;

    dir[parent_size(path)] = '\0';
    in = lookup(d, dir);
    heap_free(dir);
    return in != NULL && in->is_dir;
}

static void name_op_free(struct name_op *op)
{
    list_remove(&op->link);
    heap_free(op->path);
    heap_free(op->path_to);
    heap_free(op);
}

/* Names inside a directory that is renamed move along; stores rename only files and empty
 * directories, so there is nothing to move. */
static void name_op_apply(struct sim_disk *d, struct list *names, const struct name_op *op)
{
    if (op->path != NULL)
        name_remove(names, op->path);
    if (op->path_to != NULL)
        name_set(d, names, op->path_to, op->inode, op->serial);
}

static void name_change(struct sim_disk *d, const char *path, const char *path_to, struct inode *in)
{
    struct name_op *op = heap_must_alloc(d->sim->heap, 1, sizeof *op);

    op->serial = ++d->serial;
    op->path = path != NULL ? heap_strdup(d->sim->heap, path) : NULL;
    op->path_to = path_to != NULL ? heap_strdup(d->sim->heap, path_to) : NULL;
    op->inode = in;
    list_push_back(&d->names_pending, &op->link);
    name_op_apply(d, &d->names, op);
}

static bool name_op_concerns(const struct name_op *op, const char *dir)
{
    return (op->path != NULL && is_child(op->path, dir)) ||
           (op->path_to != NULL && is_child(op->path_to, dir));
}

static bool is_below(const char *path, const char *dir)
{
    size_t size = strlen(dir);

    return path != NULL && strncmp(path, dir, size) == 0 && path[size] == '/';
}

/* A directory that comes is empty, and so is one that goes: what is there of an earlier one of its
 * name, or was on its way, is out of reach. */
static void dir_forget(struct sim_disk *d, const char *dir, uint64_t serial)
{
    LIST_FOR_EACH (it, &d->names_durable) {
        struct name *n = CONTAINER_OF(it, struct name, link);

        if (n->serial < serial && is_below(n->path, dir)) {
            list_remove(&n->link);
            heap_free(n);
        }
    }
    LIST_FOR_EACH (it, &d->names_pending) {
        struct name_op *op = CONTAINER_OF(it, struct name_op, link);

        if (op->serial < serial && (is_below(op->path, dir) || is_below(op->path_to, dir)))
            name_op_free(op);
    }
}

static void name_op_make_durable(struct sim_disk *d, struct name_op *op)
{
    bool is_dir = op->inode != NULL && op->inode->is_dir;

    if (is_dir && op->path != NULL)
        dir_forget(d, op->path, op->serial);
    if (is_dir && op->path_to != NULL)
        dir_forget(d, op->path_to, op->serial);
    name_op_apply(d, &d->names_durable, op);
}

static bool names_hold(const struct list *names, const struct inode *in)
{
    LIST_FOR_EACH (it, names) {
        if (CONTAINER_OF(it, struct name, link)->inode == in)
            return true;
    }
    return false;
}

static bool inode_in_use(const struct sim_disk *d, const struct inode *in)
{
    if (in->opens > 0 || names_hold(&d->names, in) || names_hold(&d->names_durable, in))
        return true;
    LIST_FOR_EACH (it, &d->names_pending) {
        if (CONTAINER_OF(it, struct name_op, link)->inode == in)
            return true;
    }
    return false;
}

/* Free what no name, open file or pending change leads to. */
static void disk_collect(struct sim_disk *d)
{
    LIST_FOR_EACH (it, &d->inodes) {
        struct inode *in = CONTAINER_OF(it, struct inode, link);

        if (!inode_in_use(d, in))
            inode_free(d, in);
    }
}

static void dir_sync(struct sim_disk *d, const char *dir, uint64_t serial)
{
    LIST_FOR_EACH (it, &d->names_pending) {
        struct name_op *op = CONTAINER_OF(it, struct name_op, link);

        if (op->serial <= serial && name_op_concerns(op, dir)) {
            name_op_make_durable(d, op);
            name_op_free(op);
        }
    }
    disk_collect(d);
}

/* ---- power loss ---------------------------------------------------------------------------------
 */

/* How much of what was not synced survives. Pure chance would hardly ever keep or lose all of many
 * operations, and those are the likely cases. */
enum survival { KEEP_NONE, KEEP_ALL, KEEP_SOME, KEEP_PREFIX, SURVIVAL_COUNT };

struct survivor {
    struct prng  *rng;
    enum survival how;
    uint64_t      left; /* of a prefix */
};

static struct survivor survivor_draw(struct sim *s, uint64_t count)
{
    struct survivor v = {.rng = &s->rng, .how = (enum survival)prng_below(&s->rng, SURVIVAL_COUNT)};

    v.left = prng_below(&s->rng, count + 1);
    return v;
}

static bool survives(struct survivor *v)
{
    switch (v->how) {
    case KEEP_NONE:
        return false;
    case KEEP_ALL:
        return true;
    case KEEP_SOME:
        return prng_below(v->rng, 2) == 0;
    case KEEP_PREFIX:
        return v->left > 0 && v->left-- > 0;
    case SURVIVAL_COUNT:
        break;
    }
    UNREACHABLE();
}

static uint64_t op_sectors(const struct file_op *op)
{
    if (op->kind != OP_WRITE || op->size == 0)
        return 1;
    return (op->offset + op->size - 1) / SECTOR_SIZE - op->offset / SECTOR_SIZE + 1;
}

static void write_survives(struct inode *in, const struct file_op *op, struct survivor *v)
{
    for (uint64_t at = 0; at < op->size;) {
        uint64_t n = MIN(SECTOR_SIZE - (op->offset + at) % SECTOR_SIZE, op->size - at);

        if (survives(v))
            image_write(&in->durable, op->offset + at, op->data + at, (size_t)n);
        at += n;
    }
}

static void inode_power_loss(struct sim_disk *d, struct inode *in)
{
    uint64_t        sectors = 0;
    struct survivor v;

    if (in->is_dir)
        return;
    LIST_FOR_EACH (it, &in->pending) {
        sectors += op_sectors(CONTAINER_OF(it, struct file_op, link));
    }
    v = survivor_draw(d->sim, sectors);
    LIST_FOR_EACH (it, &in->pending) {
        struct file_op *op = CONTAINER_OF(it, struct file_op, link);

        if (op->kind == OP_WRITE)
            write_survives(in, op, &v);
        else if (survives(&v))
            op_apply(&in->durable, op);
    }
    pending_drop(in);
    d->used -= image_used(&in->now);
    image_copy(&in->now, &in->durable);
    d->used += image_used(&in->now);
}

static void names_power_loss(struct sim_disk *d)
{
    uint64_t        count = 0;
    struct survivor v;

    LIST_FOR_EACH (it, &d->names_pending) {
        (void)it;
        count++;
    }
    v = survivor_draw(d->sim, count);
    LIST_FOR_EACH (it, &d->names_pending) {
        struct name_op *op = CONTAINER_OF(it, struct name_op, link);

        if (survives(&v))
            name_op_make_durable(d, op);
        name_op_free(op);
    }
    names_clear(&d->names);
    LIST_FOR_EACH (it, &d->names_durable) {
        struct name *n = CONTAINER_OF(it, struct name, link);

        name_set(d, &d->names, n->path, n->inode, n->serial);
    }
}

/* A name in a directory that is not there itself cannot be reached; as deep as directories nest. */
static void names_drop_orphans(struct sim_disk *d)
{
    for (bool again = true; again;) {
        again = false;
        LIST_FOR_EACH (it, &d->names) {
            struct name *n = CONTAINER_OF(it, struct name, link);

            if (parent_is_dir(d, n->path))
                continue;
            name_remove(&d->names_durable, n->path);
            list_remove(&n->link);
            heap_free(n);
            again = true;
        }
    }
}

void sim_disk_node_down(struct sim_node *node, enum sim_crash how)
{
    struct sim_disk *d = node->disk;

    LIST_FOR_EACH (it, &d->inodes) {
        struct inode *in = CONTAINER_OF(it, struct inode, link);

        in->opens = 0;
        in->locked = false;
        if (how == SIM_POWER_LOSS)
            inode_power_loss(d, in);
    }
    if (how == SIM_POWER_LOSS) {
        names_power_loss(d);
        names_drop_orphans(d);
    }
    disk_collect(d);
}

/* ---- operations ---------------------------------------------------------------------------------
 */

/* Counts a fault down; true when this is the call that meets it. */
static bool meets(uint64_t *at)
{
    return *at > 0 && --*at == 0;
}

static ptrdiff_t create(struct sim_disk *d, const char *path, bool is_dir, struct inode **out)
{
    if (!parent_is_dir(d, path))
        return -ENOENT;
    *out = inode_new(d, is_dir);
    name_change(d, NULL, path, *out);
    return 0;
}

static void truncate_now(struct sim_disk *d, struct inode *in, uint64_t size)
{
    uint64_t before = image_used(&in->now);

    image_truncate(&in->now, size);
    d->used = d->used - before + image_used(&in->now);
    op_add(d, in, OP_TRUNCATE, size, 0, NULL);
}

static ptrdiff_t do_open(struct sim_disk *d, struct env_io *io, const char *path)
{
    struct inode *in = lookup(d, path);
    ptrdiff_t     result = 0;

    if (in != NULL && (io->flags & ENV_EXCLUSIVE))
        return -EEXIST;
    if (in != NULL && in->is_dir)
        return -EISDIR;
    if (in == NULL && !(io->flags & ENV_CREATE))
        return -ENOENT;
    if (in == NULL)
        result = create(d, path, false, &in);
    else if ((io->flags & ENV_TRUNCATE) && in->now.size > 0)
        truncate_now(d, in, 0);
    if (result == 0) {
        in->opens++;
        io->file->handle = in;
    }
    return result;
}

static ptrdiff_t do_lock(struct sim_disk *d, struct env_io *io, const char *path)
{
    struct inode *in = lookup(d, path);

    if (in != NULL && in->locked)
        return -EAGAIN;
    io->flags &= ~(unsigned)ENV_WRITE;
    if (do_open(d, io, path) != 0)
        return -ENOENT;
    in = io->file->handle;
    in->locked = true; /* a shared one too: in simulations nobody reads what is not its own */
    return 0;
}

static ptrdiff_t do_read(struct sim_node *node, struct env_io *io)
{
    struct inode *in = io->file->handle;

    if (!(io->file->flags & ENV_READ))
        return -EBADF;
    if ((io->flags & IO_NOWAIT) != 0 && prng_below(&node->sim->rng, COLD_ONE_IN) == 0)
        return -EAGAIN;
    if (meets(&node->faults.read_eio_at))
        return -EIO;
    return (ptrdiff_t)image_read(&in->now, io->offset, io->data, io->count);
}

/* Write one piece into the cache, and note it as not yet synced unless the disk will lose it. */
static void write_piece(struct sim_disk *d, struct inode *in, uint64_t offset, slice data,
                        bool lost)
{
    d->used += image_missing(&in->now, offset, data.size);
    image_write(&in->now, offset, data.data, data.size);
    if (!lost)
        op_add(d, in, OP_WRITE, offset, data.size, data.data);
    sim_trace(d->sim, TRACE_IO, NULL, offset, crc32c(0, data.data, data.size));
}

/* How much of the write fits on the disk, block by block. */
static uint64_t room_for(const struct sim_node *node, const struct inode *in, uint64_t offset,
                         uint64_t size)
{
    uint64_t max = node->faults.space_max;

    while (max != 0 && size > 0 && node->disk->used + image_missing(&in->now, offset, size) > max) {
        uint64_t tail = (offset + size) % BLOCK_SIZE;

        size -= MIN(size, tail != 0 ? tail : BLOCK_SIZE);
    }
    return size;
}

/* Up to `size_max` bytes of the parts; the rest of a write that was cut short never happens. */
static void write_parts(struct sim_node *node, struct env_io *io, uint64_t size_max)
{
    struct inode *in = io->file->handle;
    uint64_t      offset = io->offset;
    bool          lost = meets(&node->faults.write_lost_at);

    if (meets(&node->faults.misdirect_at))
        offset = prng_below(&node->sim->rng, in->now.size / BLOCK_SIZE + 2) * BLOCK_SIZE;
    for (size_t i = 0; i < io->count && size_max > 0; i++) {
        slice part = slice_make(io->parts[i].data, (size_t)MIN(io->parts[i].size, size_max));

        if (part.size > 0)
            write_piece(node->disk, in, offset, part, lost);
        offset += part.size;
        size_max -= part.size;
    }
}

static uint64_t parts_size(const struct env_io *io)
{
    uint64_t size = 0;

    for (size_t i = 0; i < io->count; i++)
        size += io->parts[i].size;
    return size;
}

static ptrdiff_t do_write(struct sim_node *node, struct env_io *io)
{
    struct inode *in = io->file->handle;
    uint64_t      size = parts_size(io), fits;

    if (!(io->file->flags & ENV_WRITE))
        return -EBADF;
    if (meets(&node->faults.write_eio_at))
        return -EIO;
    fits = room_for(node, in, io->offset, size);
    write_parts(node, io, fits);
    return fits == size ? 0 : -ENOSPC;
}

static ptrdiff_t do_allocate(struct sim_node *node, struct env_io *io)
{
    struct inode *in = io->file->handle;
    uint64_t      missing = image_missing(&in->now, io->offset, io->count);

    if (node->faults.space_max != 0 && node->disk->used + missing > node->faults.space_max)
        return -ENOSPC;
    image_allocate(&in->now, io->offset, io->count);
    node->disk->used += missing;
    op_add(node->disk, in, OP_ALLOCATE, io->offset, io->count, NULL);
    return 0;
}

static ptrdiff_t do_mkdir(struct sim_disk *d, const char *path)
{
    struct inode *in;

    return lookup(d, path) != NULL ? -EEXIST : create(d, path, true, &in);
}

static bool dir_is_empty(const struct sim_disk *d, const char *dir)
{
    LIST_FOR_EACH (it, &d->names) {
        if (is_child(CONTAINER_OF(it, struct name, link)->path, dir))
            return false;
    }
    return true;
}

static ptrdiff_t do_list(struct sim_disk *d, struct env_io *io, const char *dir)
{
    struct inode *in = lookup(d, dir);
    size_t        skip = dir[0] == '\0' ? 0 : strlen(dir) + 1;

    if (in == NULL)
        return -ENOENT;
    if (!in->is_dir)
        return -ENOTDIR;
    LIST_FOR_EACH (it, &d->names) {
        const char *path = CONTAINER_OF(it, struct name, link)->path;

        if (is_child(path, dir))
            buf_append(io->names, path + skip, strlen(path + skip) + 1);
    }
    return 0;
}

static ptrdiff_t do_rename(struct sim_disk *d, const char *from, const char *to)
{
    struct inode *in = lookup(d, from), *old = lookup(d, to);

    if (in == NULL || !parent_is_dir(d, to))
        return -ENOENT;
    if (old != NULL && old->is_dir != in->is_dir)
        return old->is_dir ? -EISDIR : -ENOTDIR;
    if (in->is_dir && (!dir_is_empty(d, from) || !dir_is_empty(d, to)))
        return -ENOTEMPTY;
    if (old == in)
        return 0;
    name_change(d, from, to, in);
    disk_collect(d);
    return 0;
}

static ptrdiff_t do_link(struct sim_disk *d, const char *from, const char *to)
{
    struct inode *in = lookup(d, from);

    if (in == NULL || !parent_is_dir(d, to))
        return -ENOENT;
    if (in->is_dir)
        return -EPERM;
    if (lookup(d, to) != NULL)
        return -EEXIST;
    name_change(d, NULL, to, in);
    return 0;
}

static ptrdiff_t do_remove(struct sim_disk *d, const char *path, bool is_dir)
{
    struct inode *in = lookup(d, path);

    if (in == NULL)
        return -ENOENT;
    if (in->is_dir != is_dir)
        return is_dir ? -ENOTDIR : -EISDIR;
    if (is_dir && !dir_is_empty(d, path))
        return -ENOTEMPTY;
    name_change(d, path, NULL, is_dir ? in : NULL);
    disk_collect(d);
    return 0;
}

static ptrdiff_t do_exists(struct sim_disk *d, const char *path)
{
    return lookup(d, path) != NULL ? 0 : -ENOENT;
}

static ptrdiff_t do_disk_free(struct sim_node *node, struct env_io *io)
{
    uint64_t max = node->faults.space_max != 0 ? node->faults.space_max : (uint64_t)1 << 40;

    io->offset = max > node->disk->used ? max - node->disk->used : 0;
    return 0;
}

static ptrdiff_t do_size(struct env_io *io)
{
    const struct inode *in = io->file->handle;

    io->offset = in->now.size;
    return 0;
}

static ptrdiff_t do_truncate(struct sim_disk *d, struct env_io *io)
{
    truncate_now(d, io->file->handle, io->offset);
    return 0;
}

/* What happens at once. Syncs happen at their end: sync_finish(). */
static ptrdiff_t io_do(struct sim_node *node, struct env_io *io, const char *path,
                       const char *path_to)
{
    struct sim_disk *d = node->disk;

    switch (io->kind) {
    case IO_OPEN:
        return do_open(d, io, path);
    case IO_READ:
        return do_read(node, io);
    case IO_WRITE:
        return do_write(node, io);
    case IO_SYNC:
        return meets(&node->faults.sync_eio_at) ? -EIO : 0;
    case IO_TRUNCATE:
        return do_truncate(d, io);
    case IO_ALLOCATE:
        return do_allocate(node, io);
    case IO_SIZE:
        return do_size(io);
    case IO_EXISTS:
        return do_exists(d, path);
    case IO_MKDIR:
        return do_mkdir(d, path);
    case IO_LIST:
        return do_list(d, io, path);
    case IO_RENAME:
        return do_rename(d, path, path_to);
    case IO_LINK:
        return do_link(d, path, path_to);
    case IO_UNLINK:
        return do_remove(d, path, false);
    case IO_RMDIR:
        return do_remove(d, path, true);
    case IO_WRITE_BACK:
        return 0; /* what a power loss keeps of it is chance as before */
    case IO_SYNC_DIR:
        return meets(&node->faults.sync_eio_at) ? -EIO : do_exists(d, path);
    case IO_DISK_FREE:
        return do_disk_free(node, io);
    case IO_LOCK:
        return do_lock(d, io, path);
    }
    UNREACHABLE();
}

/* Where pending writes before `first` overlap the newer one, they take its bytes on. */
static void cover_older(struct inode *in, const struct file_op *op, uint64_t first)
{
    LIST_FOR_EACH (it, &in->pending) {
        struct file_op *older = CONTAINER_OF(it, struct file_op, link);
        uint64_t        low = MAX(older->offset, op->offset);
        uint64_t        high = MIN(older->offset + older->size, op->offset + op->size);

        if (older->serial >= first)
            return;
        if (low < high)
            memcpy(older->data + (low - older->offset), op->data + (low - op->offset),
                   (size_t)(high - low));
    }
}

/* O_DSYNC makes the one write durable and nothing else. Older writes still pending must not cover
 * it when they get their turn. */
static void write_make_durable(struct inode *in, uint64_t first, uint64_t last)
{
    LIST_FOR_EACH (it, &in->pending) {
        struct file_op *op = CONTAINER_OF(it, struct file_op, link);

        if (op->kind != OP_WRITE && op->serial < first) {
            inode_sync(in, last, false); /* sizes changed before: all in order, then */
            return;
        }
    }
    LIST_FOR_EACH (it, &in->pending) {
        struct file_op *op = CONTAINER_OF(it, struct file_op, link);

        if (op->serial < first || op->serial > last)
            continue;
        op_apply(&in->durable, op);
        cover_older(in, op, first);
        list_remove(&op->link);
        heap_free(op);
    }
}

/* The operation is over: what it promised to be durable is. */
static void sync_finish(struct sim_node *node, struct env_io *io, const char *path,
                        uint64_t serial_before, uint64_t serial)
{
    struct sim_disk *d = node->disk;

    if (node->faults.syncs_lie)
        return;
    if (io->kind == IO_SYNC)
        inode_sync(io->file->handle, serial, io->result < 0);
    else if (io->kind == IO_SYNC_DIR && io->result == 0)
        dir_sync(d, path, serial);
    else if (io->kind == IO_WRITE && io->result == 0 && (io->file->flags & ENV_DSYNC))
        write_make_durable(io->file->handle, serial_before + 1, serial);
}

/* ---- time and crashes ---------------------------------------------------------------------------
 */

static uint64_t io_latency_us(struct sim_node *node, const struct env_io *io)
{
    const struct sim_options *o = &node->sim->options;
    struct prng              *rng = &node->sim->rng;
    bool                      sync = io->kind == IO_SYNC || io->kind == IO_SYNC_DIR ||
                (io->kind == IO_WRITE && (io->file->flags & ENV_DSYNC));
    uint64_t us = sync ? sim_between(rng, o->sync_latency_min_us, o->sync_latency_max_us)
                       : sim_between(rng, o->disk_latency_min_us, o->disk_latency_max_us);

    return us * MAX(node->faults.latency_factor, (uint64_t)1);
}

/* A write that the crash falls into may have been done in part. */
static void crash_in_io(struct sim_node *node, struct env_io *io)
{
    if (io->kind == IO_WRITE && prng_below(&node->sim->rng, 2) == 0)
        write_parts(node, io, prng_below(&node->sim->rng, parts_size(io) + 1));
    sim_crash_self(node, node->crash_at_io_how);
}

static void pass_time(struct env *env, uint64_t us, enum env_lane lane)
{
    struct sim *s = sim_node_of(env)->sim;

    if (env->running == NULL)
        return; /* the test looks into the disk, from outside */
    if (lane == ENV_INLINE || env->no_yield > 0)
        s->now_us += us; /* nobody else runs meanwhile */
    else
        sim_hold(env, us);
}

void sim_io(struct env *env, struct env_io *io, enum env_lane lane)
{
    struct sim_node *node = sim_node_of(env);
    char            *path = path_normal(env->heap, io->path);
    char            *path_to = io->path_to != NULL ? path_normal(env->heap, io->path_to) : NULL;
    uint64_t         serial_before = node->disk->serial, serial;

    node->io_count++;
    if (env->running != NULL && meets(&node->crash_at_io))
        crash_in_io(node, io);
    io->result = io_do(node, io, path, path_to);
    serial = node->disk->serial;
    sim_trace(node->sim, TRACE_IO, node, (uint64_t)io->kind << 32 | (uint32_t)lane,
              (uint64_t)io->result ^ io->offset << 20);
    pass_time(env, io_latency_us(node, io), lane);
    sync_finish(node, io, path, serial_before, serial);
    heap_free(path);
    heap_free(path_to);
}

void sim_file_close(struct env_file *f)
{
    struct inode *in = f->handle;

    ASSERT(in->opens > 0);
    in->opens--;
    if (f->is_lock)
        in->locked = false;
    disk_collect(sim_node_of(f->env)->disk);
}

/* ---- for tests ----------------------------------------------------------------------------------
 */

struct sim_disk *sim_disk_new(struct sim *s)
{
    struct sim_disk *d = heap_must_alloc(s->heap, 1, sizeof *d);

    d->sim = s;
    list_init(&d->inodes);
    list_init(&d->names);
    list_init(&d->names_durable);
    list_init(&d->names_pending);
    inode_init(d, &d->root, true);
    return d;
}

void sim_disk_set_faults(struct sim_node *n, const struct sim_disk_faults *faults)
{
    n->faults = *faults;
}

void sim_crash_at_io(struct sim_node *n, uint64_t count, enum sim_crash how)
{
    n->crash_at_io = count;
    n->crash_at_io_how = how;
}

uint64_t sim_io_count(const struct sim_node *n)
{
    return n->io_count;
}

status sim_disk_flip(struct sim_node *n, const char *path, uint64_t offset, int bit)
{
    struct sim_disk *d = n->disk;
    char            *normal = path_normal(d->sim->heap, path);
    struct inode    *in = lookup(d, normal);

    heap_free(normal);
    if (in == NULL || in->is_dir)
        return status_new(ST_UNDEFINED_FILE, "there is no file \"%s\"", path);
    if (offset >= in->now.size)
        return status_new(ST_INVALID_PARAMETER_VALUE, "file \"%s\" ends before byte %llu", path,
                          (unsigned long long)offset);
    /* What is still to be synced would cover the flaw. */
    inode_sync(in, UINT64_MAX, false);
    image_flip(&in->now, offset, bit & 7);
    image_flip(&in->durable, offset, bit & 7);
    return STATUS_OK;
}

const char *sim_disk_file(const struct sim_node *n, size_t position, uint64_t *size)
{
    LIST_FOR_EACH (it, &n->disk->names) {
        const struct name *name = CONTAINER_OF(it, struct name, link);

        if (name->inode->is_dir || position-- > 0)
            continue;
        *size = name->inode->now.size;
        return name->path;
    }
    return NULL;
}

void sim_disk_wipe(struct sim_node *n)
{
    struct sim_disk *d = n->disk;

    ASSERT(n->env == NULL);
    LIST_FOR_EACH (it, &d->names_pending) {
        name_op_free(CONTAINER_OF(it, struct name_op, link));
    }
    names_clear(&d->names);
    names_clear(&d->names_durable);
    disk_collect(d);
}

uint64_t sim_disk_used(const struct sim_node *n)
{
    return n->disk->used;
}
