/* A library to be preloaded: writes down, in the order in which they happen, what a process writes to the files below a folder, what it forces to the
 * disk, and what it sends. One line each: `write BYTES PATH`, `sync 0 PATH`, `send BYTES -`.
 *
 * A write and a datagram are noted before the call, an fsync after it has returned success: the file that results is never kinder than the truth.
 * MESH_TEST_CALLS names that file, MESH_TEST_FOLDER the folder.
 *
 * A disk that fails: while the file that MESH_TEST_FAULT names exists and holds `write NAME` or `sync NAME`, that call on a file whose name ends so is
 * refused, a write as on a full disk (ENOSPC), an fsync as on a broken one (EIO).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
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
static const char *folder = NULL, *fault = NULL;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("MESH_TEST_CALLS");
    folder = getenv("MESH_TEST_FOLDER");
    fault = getenv("MESH_TEST_FAULT");
    if (path != NULL && folder != NULL) calls = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void *original(const char *name) { return dlsym(RTLD_NEXT, name); }

static void put(const char *what, long size, const char *path) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %ld %s\n", what, size, path);
    if (length > 0) syscall(SYS_write, calls, line, (size_t)length);
}

/* The path of a file below the folder; 0 for everything else. */
static int find_path(int descriptor, char *path) {
    char link[64];
    ssize_t length;
    if (calls < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

static void note(const char *what, int descriptor, long size) {
    char path[PATH_MAX];
    if (find_path(descriptor, path)) put(what, size, path);
}

/* Whether this call is to fail now. */
static int is_faulty(const char *what, int descriptor) {
    char path[PATH_MAX], order[256];
    size_t prefix = strlen(what), name;
    ssize_t length;
    int control;
    if (fault == NULL || !find_path(descriptor, path)) return 0;
    control = open(fault, O_RDONLY | O_CLOEXEC);
    if (control < 0) return 0;
    length = read(control, order, sizeof order - 1);
    close(control);
    if (length <= 0) return 0;
    order[length] = 0;
    if (strncmp(order, what, prefix) != 0 || order[prefix] != ' ') return 0;
    name = strlen(order + prefix + 1);
    return strlen(path) >= name && strcmp(path + strlen(path) - name, order + prefix + 1) == 0;
}

static void note_datagram(long size) {
    if (calls >= 0) put("send", size, "-");
}

#define REFUSE_IF_FAULTY(what, descriptor, reason) \
    if (is_faulty(what, descriptor)) { \
        errno = reason; \
        return -1; \
    }

#define ORIGINAL(type, name, ...) ((type(*)(__VA_ARGS__))original(#name))

ssize_t write(int descriptor, const void *data, size_t size) {
    REFUSE_IF_FAULTY("write", descriptor, ENOSPC)
    note("write", descriptor, (long)size);
    return ORIGINAL(ssize_t, write, int, const void *, size_t)(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    REFUSE_IF_FAULTY("write", descriptor, ENOSPC)
    note("write", descriptor, (long)size);
    return ORIGINAL(ssize_t, pwrite, int, const void *, size_t, off_t)(descriptor, data, size, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    REFUSE_IF_FAULTY("write", descriptor, ENOSPC)
    note("write", descriptor, (long)size);
    return ORIGINAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(descriptor, data, size, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    REFUSE_IF_FAULTY("write", descriptor, ENOSPC)
    note("write", descriptor, count);
    return ORIGINAL(ssize_t, writev, int, const struct iovec *, int)(descriptor, parts, count);
}

int fsync(int descriptor) {
    int result;
    REFUSE_IF_FAULTY("sync", descriptor, EIO)
    result = ORIGINAL(int, fsync, int)(descriptor);
    if (result == 0) note("sync", descriptor, 0);
    return result;
}

int fdatasync(int descriptor) {
    int result;
    REFUSE_IF_FAULTY("sync", descriptor, EIO)
    result = ORIGINAL(int, fdatasync, int)(descriptor);
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
