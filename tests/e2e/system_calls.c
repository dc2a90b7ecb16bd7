/* A library to be preloaded: writes down, in the order in which they happen, what a process writes to the files below a folder, what it forces to the
 * disk, and what it sends. One line each: `write BYTES PATH`, `sync 0 PATH`, `send BYTES -`.
 *
 * A write and a datagram are noted before the call, an fsync after it has returned success: the file that results is never kinder than the truth.
 * MESH_TEST_CALLS names that file, MESH_TEST_FOLDER the folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int calls = -1;
static const char *folder = NULL;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("MESH_TEST_CALLS");
    folder = getenv("MESH_TEST_FOLDER");
    if (path != NULL && folder != NULL) calls = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void *original(const char *name) { return dlsym(RTLD_NEXT, name); }

static void put(const char *what, long size, const char *path) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %ld %s\n", what, size, path);
    if (length > 0) syscall(SYS_write, calls, line, (size_t)length);
}

static void note(const char *what, int descriptor, long size) {
    char link[64], path[PATH_MAX];
    ssize_t length;
    if (calls < 0) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder)) == 0) put(what, size, path);
}

static void note_datagram(long size) {
    if (calls >= 0) put("send", size, "-");
}

#define ORIGINAL(type, name, ...) ((type(*)(__VA_ARGS__))original(#name))

ssize_t write(int descriptor, const void *data, size_t size) {
    note("write", descriptor, (long)size);
    return ORIGINAL(ssize_t, write, int, const void *, size_t)(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    note("write", descriptor, (long)size);
    return ORIGINAL(ssize_t, pwrite, int, const void *, size_t, off_t)(descriptor, data, size, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    note("write", descriptor, (long)size);
    return ORIGINAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(descriptor, data, size, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    note("write", descriptor, count);
    return ORIGINAL(ssize_t, writev, int, const struct iovec *, int)(descriptor, parts, count);
}

int fsync(int descriptor) {
    int result = ORIGINAL(int, fsync, int)(descriptor);
    if (result == 0) note("sync", descriptor, 0);
    return result;
}

int fdatasync(int descriptor) {
    int result = ORIGINAL(int, fdatasync, int)(descriptor);
    if (result == 0) note("sync", descriptor, 0);
    return result;
}

ssize_t sendto(int descriptor, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length) {
    note_datagram((long)size);
    return ORIGINAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t)(descriptor, data, size, flags, address, length);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    note_datagram(0);
    return ORIGINAL(ssize_t, sendmsg, int, const struct msghdr *, int)(descriptor, message, flags);
}
