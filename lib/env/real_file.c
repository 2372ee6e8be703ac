/* Files of the real world: system calls, made by the worker or by a thread of a lane. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "env/real_internal.h"

static ptrdiff_t result_of(ptrdiff_t rc)
{
    return rc < 0 ? -errno : rc;
}

static int open_flags(unsigned flags)
{
    int result = O_CLOEXEC;

    if ((flags & ENV_READ) && (flags & ENV_WRITE))
        result |= O_RDWR;
    else
        result |= flags & ENV_WRITE ? O_WRONLY : O_RDONLY;
    result |= flags & ENV_CREATE ? O_CREAT : 0;
    result |= flags & ENV_EXCLUSIVE ? O_EXCL : 0;
    result |= flags & ENV_TRUNCATE ? O_TRUNC : 0;
    result |= flags & ENV_DSYNC ? O_DSYNC : 0;
    return result;
}

static ptrdiff_t do_open(struct env_io *io)
{
    int fd = open(io->path, open_flags(io->flags), 0600);

    if (fd < 0)
        return -errno;
    io->file->fd = fd;
    return 0;
}

static ptrdiff_t do_read(struct env_io *io)
{
    size_t done = 0;

    while (done < io->count) {
        struct iovec part = {.iov_base = (char *)io->data + done, .iov_len = io->count - done};
        ssize_t      n = preadv2(io->file->fd, &part, 1, (off_t)(io->offset + done),
                            io->flags & IO_NOWAIT ? RWF_NOWAIT : 0);
        int          error = errno;

        if (n == 0)
            break;
        if (n > 0)
            done += (size_t)n;
        else if (error != EINTR)
            return -error;
    }
    return (ptrdiff_t)done;
}

enum { IOV_BATCH = 64 };

/* The next parts, from byte position `skip` of the first on, as an iovec. */
static int fill_iov(struct iovec *iov, const slice *parts, size_t count, size_t skip)
{
    int n = 0;

    for (size_t i = 0; i < count && n < IOV_BATCH; i++) {
        iov[n].iov_base = (void *)(uintptr_t)(parts[i].data + (i == 0 ? skip : 0));
        iov[n].iov_len = parts[i].size - (i == 0 ? skip : 0);
        n++;
    }
    return n;
}

static ptrdiff_t do_write(struct env_io *io)
{
    const slice *parts = io->parts;
    size_t       count = io->count, skip = 0;
    uint64_t     offset = io->offset;
    struct iovec iov[IOV_BATCH];

    for (;;) {
        ssize_t n;
        int     error;

        for (; count > 0 && skip >= parts->size; count--)
            skip -= parts++->size;
        if (count == 0)
            return 0;
        n = count == 1
                ? pwrite(io->file->fd, parts->data + skip, parts->size - skip, (off_t)offset)
                : pwritev(io->file->fd, iov, fill_iov(iov, parts, count, skip), (off_t)offset);
        error = errno;
        if (n < 0 && error != EINTR)
            return -error;
        if (n > 0) {
            skip += (size_t)n;
            offset += (uint64_t)n;
        }
    }
}

static ptrdiff_t do_allocate(struct env_io *io)
{
    if (io->count == 0)
        return 0;
    return -posix_fallocate(io->file->fd, (off_t)io->offset, (off_t)io->count);
}

static ptrdiff_t do_size(struct env_io *io)
{
    struct stat info;

    if (fstat(io->file->fd, &info) != 0)
        return -errno;
    io->offset = (uint64_t)info.st_size;
    return 0;
}

static ptrdiff_t do_list(struct env_io *io)
{
    DIR           *dir = opendir(io->path);
    struct dirent *entry;
    int            error;

    if (dir == NULL)
        return -errno;
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            buf_append(io->names, entry->d_name, strlen(entry->d_name) + 1);
    }
    error = errno;
    closedir(dir);
    return -error;
}

static ptrdiff_t do_sync_dir(struct env_io *io)
{
    int fd = open(io->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = 0;

    if (fd < 0)
        return -errno;
    if (fsync(fd) != 0)
        error = errno;
    close(fd);
    return -error;
}

static ptrdiff_t do_disk_free(struct env_io *io)
{
    struct statvfs info;

    if (statvfs(io->path, &info) != 0)
        return -errno;
    io->offset = (uint64_t)info.f_bavail * info.f_frsize;
    return 0;
}

/* flock() and not fcntl(): its lock belongs to this open of the file, so that it also keeps out a
 * second node in the same process, and is not lost when some other descriptor is closed. */
static ptrdiff_t do_lock(struct env_io *io)
{
    bool shared = (io->flags & ENV_WRITE) == 0;
    int  fd = open(io->path, (shared ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC, 0600);
    int  error;

    if (fd < 0)
        return -errno;
    if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        error = errno;
        close(fd);
        return -error;
    }
    io->file->fd = fd;
    return 0;
}

static ptrdiff_t io_do(struct env_io *io)
{
    switch (io->kind) {
    case IO_OPEN:
        return do_open(io);
    case IO_READ:
        return do_read(io);
    case IO_WRITE:
        return do_write(io);
    case IO_SYNC:
        return result_of(fdatasync(io->file->fd));
    case IO_TRUNCATE:
        return result_of(ftruncate(io->file->fd, (off_t)io->offset));
    case IO_ALLOCATE:
        return do_allocate(io);
    case IO_SIZE:
        return do_size(io);
    case IO_EXISTS:
        return result_of(access(io->path, F_OK));
    case IO_MKDIR:
        return result_of(mkdir(io->path, 0700));
    case IO_LIST:
        return do_list(io);
    case IO_RENAME:
        return result_of(rename(io->path, io->path_to));
    case IO_LINK:
        return result_of(link(io->path, io->path_to));
    case IO_UNLINK:
        return result_of(unlink(io->path));
    case IO_RMDIR:
        return result_of(rmdir(io->path));
    case IO_WRITE_BACK:
        return result_of(sync_file_range(io->file->fd, (off_t)io->offset, (off_t)io->count,
                                         SYNC_FILE_RANGE_WRITE));
    case IO_SYNC_DIR:
        return do_sync_dir(io);
    case IO_DISK_FREE:
        return do_disk_free(io);
    case IO_LOCK:
        return do_lock(io);
    }
    UNREACHABLE();
}

static void io_job(void *arg)
{
    struct env_io *io = arg;

    io->result = io_do(io);
}

void real_io(struct env *env, struct env_io *io, enum env_lane lane)
{
    env_offload(env, lane, io_job, io);
}

void real_file_close(struct env_file *f)
{
    /* Data that matters was synced, and the descriptor is gone whatever close() says. */
    (void)close(f->fd);
}
