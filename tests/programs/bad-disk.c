/* A disk that is full or read-only, for any program and without rights to mount one (LD_PRELOAD):
 *
 *     BAD_DISK_FULL=FILE       while FILE exists, no file grows beyond the number of bytes it holds
 *     BAD_DISK_READ_ONLY=DIR   nothing below DIR is made or opened for writing
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* -1: the disk is not full. */
static long long growth_max(void)
{
    const char *path = getenv("BAD_DISK_FULL");
    FILE       *f = path != NULL ? fopen(path, "r") : NULL;
    long long   bytes = 0;

    if (f == NULL)
        return -1;
    if (fscanf(f, "%lld", &bytes) != 1)
        bytes = 0;
    fclose(f);
    return bytes;
}

static int has_room(int fd, long long end)
{
    long long   max = growth_max();
    struct stat s;

    return max < 0 || end <= max || (fstat(fd, &s) == 0 && end <= s.st_size);
}

static int is_read_only(const char *path)
{
    const char *dir = getenv("BAD_DISK_READ_ONLY");

    return dir != NULL && strncmp(path, dir, strlen(dir)) == 0;
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    int (*real)(int, off_t, off_t) = dlsym(RTLD_NEXT, "posix_fallocate");

    return has_room(fd, (long long)offset + size) ? real(fd, offset, size) : ENOSPC;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");

    if (has_room(fd, (long long)offset + (long long)size))
        return real(fd, bytes, size, offset);
    errno = ENOSPC;
    return -1;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t (*real)(int, const struct iovec *, int, off_t) = dlsym(RTLD_NEXT, "pwritev");
    long long end = offset;

    for (int i = 0; i < count; i++)
        end += (long long)parts[i].iov_len;
    if (has_room(fd, end))
        return real(fd, parts, count, offset);
    errno = ENOSPC;
    return -1;
}

int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    mode_t  mode = 0;
    va_list args;

    va_start(args, flags);
    if (flags & O_CREAT)
        mode = va_arg(args, mode_t);
    va_end(args);
    if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) != 0 && is_read_only(path)) {
        errno = EROFS;
        return -1;
    }
    return real(path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t) = dlsym(RTLD_NEXT, "mkdir");

    if (!is_read_only(path))
        return real(path, mode);
    errno = EROFS;
    return -1;
}
