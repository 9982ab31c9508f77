// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void clinux_close(int descriptor) { close(descriptor); }

ssize_t clinux_read(int descriptor, void *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t got = read(descriptor, (char *)bytes + done, count - done);
        if (got == 0) break;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

int clinux_write(int descriptor, const void *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t put = write(descriptor, (const char *)bytes + done, count - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -errno;
        done += (size_t)put;
    }
    return 0;
}

ssize_t clinux_read_link(int folder, const char *name, void *bytes, size_t count) {
    ssize_t got = readlinkat(folder, name, bytes, count);
    if (got < 0) return -errno;
    // A link that fills the buffer may have been cut.
    return (size_t)got == count ? -ENAMETOOLONG : got;
}

int clinux_rewind(int folder) { return lseek(folder, 0, SEEK_SET) < 0 ? -errno : 0; }

#ifdef __linux__

#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

static int64_t nanoseconds(const struct timespec *time) {
    return (int64_t)((uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec);
}

static void describe(const struct stat *found, struct clinux_entry *entry) {
    entry->device = (uint64_t)found->st_dev;
    entry->inode = (uint64_t)found->st_ino;
    entry->size = (int64_t)found->st_size;
    entry->modified = nanoseconds(&found->st_mtim);
    entry->changed = nanoseconds(&found->st_ctim);
    entry->links = (uint64_t)found->st_nlink;
    entry->mode = (uint32_t)found->st_mode;
    entry->owner = (uint32_t)found->st_uid;
    entry->group = (uint32_t)found->st_gid;
    entry->major = major(found->st_rdev);
    entry->minor = minor(found->st_rdev);
}

int clinux_look_at(int folder, const char *name, struct clinux_entry *entry) {
    struct stat found;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
    describe(&found, entry);
    return 0;
}

int clinux_look_open(int descriptor, struct clinux_entry *entry) {
    struct stat found;
    if (fstat(descriptor, &found) != 0) return -errno;
    describe(&found, entry);
    return 0;
}

/// Opens without dating the access; only the owner and root may, all others date it.
static int open_quietly(int folder, const char *name, int flags) {
    flags |= O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
    int descriptor = openat(folder, name, flags | O_NOATIME);
    if (descriptor < 0 && errno == EPERM) descriptor = openat(folder, name, flags);
    return descriptor < 0 ? -errno : descriptor;
}

int clinux_open_folder(int folder, const char *name) {
    return open_quietly(folder, name, O_DIRECTORY);
}

int clinux_open_file(int folder, const char *name) {
    return open_quietly(folder, name, O_NONBLOCK | O_NOCTTY);
}

int clinux_open_place(int folder, const char *name) {
    int descriptor = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

ssize_t clinux_list(int folder, void *bytes, size_t count) {
    long got = syscall(SYS_getdents64, folder, bytes, count);
    return got < 0 ? -errno : got;
}

/// The name under which `/proc` shows a descriptor; it leads to the very thing that is open.
static const char *proc_name(int descriptor, char text[static 40]) {
    snprintf(text, 40, "/proc/self/fd/%d", descriptor);
    return text;
}

ssize_t clinux_attributes(int descriptor, int is_place, void *bytes, size_t count) {
    char text[40];
    ssize_t got = is_place ? listxattr(proc_name(descriptor, text), bytes, count)
                           : flistxattr(descriptor, bytes, count);
    return got < 0 ? -errno : got;
}

ssize_t clinux_attribute(
    int descriptor, int is_place, const char *name, void *bytes, size_t count) {
    char text[40];
    ssize_t got = is_place ? getxattr(proc_name(descriptor, text), name, bytes, count)
                           : fgetxattr(descriptor, name, bytes, count);
    return got < 0 ? -errno : got;
}

int clinux_dates_mappings(int descriptor) {
    struct statfs found;
    if (fstatfs(descriptor, &found) != 0) return 0;
    switch ((unsigned long)found.f_type & 0xFFFFFFFFul) {
    case 0xEF53ul:      // ext2 to ext4
    case 0x58465342ul:  // XFS
    case 0x9123683Eul:  // Btrfs
        return 1;
    default:
        return 0;
    }
}

int clinux_watcher(void) {
    int watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return watcher < 0 ? -errno : watcher;
}

int clinux_watch(int watcher, int folder) {
    char text[40];
    int watch = inotify_add_watch(
        watcher, proc_name(folder, text),
        IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM
            | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    return watch < 0 ? -errno : watch;
}

ssize_t clinux_await_events(
    int watcher, int stop, int milliseconds, void *bytes, size_t count) {
    struct pollfd asked[2] = {
        {.fd = watcher, .events = POLLIN},
        {.fd = stop, .events = POLLIN},
    };
    int ready = poll(asked, 2, milliseconds);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    if (asked[1].revents != 0) return -ECANCELED;
    if (asked[0].revents == 0) return 0;
    ssize_t got = read(watcher, bytes, count);
    if (got < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return got;
}

int clinux_next_event(
    const void *bytes, size_t count, size_t *offset, struct clinux_event *event) {
    struct inotify_event raw;
    if (*offset + sizeof raw > count) return 0;
    memcpy(&raw, (const char *)bytes + *offset, sizeof raw);
    if (raw.len > count - *offset - sizeof raw) return 0;
    event->watch = raw.wd;
    event->mask = 0;
    if (raw.mask & IN_Q_OVERFLOW) event->mask |= CLINUX_EVENT_LOST;
    if ((raw.mask & IN_ISDIR) && (raw.mask & (IN_CREATE | IN_MOVED_TO))) {
        event->mask |= CLINUX_EVENT_NEW_FOLDER;
    }
    if (raw.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) event->mask |= CLINUX_EVENT_SELF;
    if (raw.mask & IN_IGNORED) event->mask |= CLINUX_EVENT_OVER;
    event->name = (uint32_t)(*offset + sizeof raw);
    event->name_length =
        raw.len == 0 ? 0 : (uint32_t)strnlen((const char *)bytes + event->name, raw.len);
    *offset += sizeof raw + raw.len;
    return 1;
}

#else

int clinux_look_at(int folder, const char *name, struct clinux_entry *entry) { return -ENOSYS; }
int clinux_look_open(int descriptor, struct clinux_entry *entry) { return -ENOSYS; }
int clinux_open_folder(int folder, const char *name) { return -ENOSYS; }
int clinux_open_file(int folder, const char *name) { return -ENOSYS; }
int clinux_open_place(int folder, const char *name) { return -ENOSYS; }
ssize_t clinux_list(int folder, void *bytes, size_t count) { return -ENOSYS; }
ssize_t clinux_attributes(int descriptor, int is_place, void *bytes, size_t count) {
    return -ENOSYS;
}
ssize_t clinux_attribute(
    int descriptor, int is_place, const char *name, void *bytes, size_t count) {
    return -ENOSYS;
}
int clinux_dates_mappings(int descriptor) { return 0; }
int clinux_watcher(void) { return -ENOSYS; }
int clinux_watch(int watcher, int folder) { return -ENOSYS; }
ssize_t clinux_await_events(
    int watcher, int stop, int milliseconds, void *bytes, size_t count) {
    return -ENOSYS;
}
int clinux_next_event(
    const void *bytes, size_t count, size_t *offset, struct clinux_event *event) {
    return 0;
}

#endif
