/* Keeps what a Redis server writes to its append-only file in memory until it is synced: SIGKILL is then a power cut. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES 4096

static struct { char *bytes; size_t length, room; pid_t owner; } kept[FILES];
/* With everysec one thread writes while another one syncs. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A child that rewrites the file has a copy of what is kept, and must not write it a second time. */
static int is_ours(int fd) { return fd >= 0 && fd < FILES && kept[fd].owner && kept[fd].owner == getpid(); }

static int flush(int fd) {
    size_t done = 0;
    while (done < kept[fd].length) {
        ssize_t wrote = syscall(SYS_write, fd, kept[fd].bytes + done, kept[fd].length - done);
        if (wrote < 0) return -1;
        done += wrote;
    }
    kept[fd].length = 0;
    return 0;
}

static int opened(int fd, const char *path) {
    size_t length = strlen(path);
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    /* Redis 7 has the file in parts: the one that grows ends in .incr.aof; a temporary one may become it. */
    int grows = (length > 4 && !strcmp(path + length - 4, ".aof") && strncmp(name, "temp-", 5)) || strstr(name, ".incr");
    if (fd >= 0 && fd < FILES) kept[fd].owner = grows ? getpid() : 0;
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    return opened(syscall(SYS_openat, AT_FDCWD, path, flags, mode), path);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!is_ours(fd)) return syscall(SYS_write, fd, bytes, length);
    pthread_mutex_lock(&lock);
    if (kept[fd].length + length > kept[fd].room) {
        kept[fd].room = 2 * (kept[fd].length + length);
        kept[fd].bytes = realloc(kept[fd].bytes, kept[fd].room);
    }
    memcpy(kept[fd].bytes + kept[fd].length, bytes, length);
    kept[fd].length += length;
    pthread_mutex_unlock(&lock);
    return length;
}

static int synced(int fd, long how) {
    if (is_ours(fd)) {
        pthread_mutex_lock(&lock);
        int failed = flush(fd);
        pthread_mutex_unlock(&lock);
        if (failed) return -1;
    }
    return syscall(how, fd);
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int close(int fd) {
    if (is_ours(fd)) {
        pthread_mutex_lock(&lock);
        flush(fd);
        kept[fd].owner = 0;
        pthread_mutex_unlock(&lock);
    }
    return syscall(SYS_close, fd);
}
