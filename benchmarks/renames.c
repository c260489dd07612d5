/* The raw limit of moving files: mkdir and renameat2(RENAME_NOREPLACE) in a loop, nothing else.
 *
 *     renames ROOT FOLDERS PAIRS
 *
 * FOLDERS holds NUL-terminated paths relative to ROOT, parents first; PAIRS holds
 * source NUL destination NUL. Prints one line of JSON; names that are taken or
 * gone are counted as failed. Times: making the folders, the renames, and
 * syncfs after them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static char *whole_file(const char *path, size_t *size) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) fail(path);
    *size = (size_t)status.st_size;
    char *bytes = malloc(*size + 1);
    if (!bytes) fail("malloc");
    for (size_t at = 0; at < *size;) {
        ssize_t count = read(fd, bytes + at, *size - at);
        if (count <= 0) fail(path);
        at += (size_t)count;
    }
    bytes[*size] = 0;
    close(fd);
    return bytes;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: renames ROOT FOLDERS PAIRS\n");
        return 2;
    }
    size_t folders_size, pairs_size;
    char *folders = whole_file(arguments[2], &folders_size), *pairs = whole_file(arguments[3], &pairs_size);
    if (chdir(arguments[1]) < 0) fail(arguments[1]);

    double start = now();
    for (char *folder = folders; folder < folders + folders_size; folder += strlen(folder) + 1)
        if (mkdir(folder, 0755) < 0 && errno != EEXIST) fail(folder);

    double made = now();
    long done = 0, failed = 0;
    for (char *source = pairs; source < pairs + pairs_size;) {
        char *destination = source + strlen(source) + 1;
        if (renameat2(AT_FDCWD, source, AT_FDCWD, destination, RENAME_NOREPLACE) == 0) done++;
        else failed++;
        source = destination + strlen(destination) + 1;
    }

    double moved = now();
    int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || syncfs(root) < 0) fail("syncfs");
    printf("{\"mkdir_seconds\": %.6f, \"rename_seconds\": %.6f, \"sync_seconds\": %.6f, \"done\": %ld, \"failed\": %ld}\n",
           made - start, moved - made, now() - moved, done, failed);
    return 0;
}
