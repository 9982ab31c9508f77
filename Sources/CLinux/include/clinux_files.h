// SPDX-License-Identifier: Apache-2.0
//
// Reading a tree of files without ever following a link, and being told of changes in it.
// Every function returns a negative errno on failure, and -ENOSYS where the system is not Linux.
#ifndef CLINUX_FILES_H
#define CLINUX_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What a folder's entry is, all of it from one look.
struct clinux_entry {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    /// Nanoseconds since 1970, wrapped around where 64 bits do not hold them.
    int64_t modified;
    int64_t changed;
    uint64_t links;
    uint32_t mode;
    uint32_t owner;
    uint32_t group;
    /// Of a device.
    uint32_t major;
    uint32_t minor;
};

/// One event of a watcher.
struct clinux_event {
    /// The watch, or -1 where events were lost.
    int32_t watch;
    uint32_t mask;
    /// Where the name begins in the buffer, and its length; none where the length is 0.
    uint32_t name;
    uint32_t name_length;
};

enum clinux_event_mask {
    /// The queue was full.
    CLINUX_EVENT_LOST = 1,
    /// A folder came to be in the watched one.
    CLINUX_EVENT_NEW_FOLDER = 2,
    /// The watched folder was deleted, moved or unmounted.
    CLINUX_EVENT_SELF = 4,
    /// The watch is over.
    CLINUX_EVENT_OVER = 8,
};

/// Looks at an entry of an open folder, at a link itself.
int clinux_look_at(int folder, const char *name, struct clinux_entry *entry);

/// Looks at what is open.
int clinux_look_open(int descriptor, struct clinux_entry *entry);

/// Opens a folder of an open folder for listing, never through a link.
int clinux_open_folder(int folder, const char *name);

/// Opens a file of an open folder for reading, never through a link, without waiting for a FIFO's
/// other end, and without dating the access where this process may do that.
int clinux_open_file(int folder, const char *name);

/// Opens an entry as a mere place (`O_PATH`), so that nothing happens to what it is.
int clinux_open_place(int folder, const char *name);

void clinux_close(int descriptor);

/// Reads entries of an open folder as `struct linux_dirent64`; 0 at the end.
ssize_t clinux_list(int folder, void *bytes, size_t count);

/// Puts an open folder back to its beginning.
int clinux_rewind(int folder);

/// Reads until `count` bytes are there or the file ends.
ssize_t clinux_read(int descriptor, void *bytes, size_t count);

/// Writes all bytes.
int clinux_write(int descriptor, const void *bytes, size_t count);

/// Reads a symbolic link; `-ENAMETOOLONG` where `count` is too little.
ssize_t clinux_read_link(int folder, const char *name, void *bytes, size_t count);

/// Reads the names of extended attributes, each with a zero behind it; of a place (`O_PATH`)
/// through `/proc`.
ssize_t clinux_attributes(int descriptor, int is_place, void *bytes, size_t count);

/// Reads one extended attribute.
ssize_t clinux_attribute(
    int descriptor, int is_place, const char *name, void *bytes, size_t count);

/// Whether the file system dates what is written through a mapping of memory: 1 or 0.
///
/// Known of ext4, XFS and Btrfs; all others are taken not to.
int clinux_dates_mappings(int descriptor);

/// Makes a watcher.
int clinux_watcher(void);

/// Watches an open folder (a place will do); returns the watch, the same one for the same folder.
int clinux_watch(int watcher, int folder);

/// Waits up to `milliseconds` for events, or until `stop` can be read: the number of bytes that
/// were read, 0 if none, `-ECANCELED` for `stop`.
ssize_t clinux_await_events(
    int watcher, int stop, int milliseconds, void *bytes, size_t count);

/// Takes one event apart that begins at `*offset`, and moves that on; 0 at the end.
int clinux_next_event(
    const void *bytes, size_t count, size_t *offset, struct clinux_event *event);

#endif
