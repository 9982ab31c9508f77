// SPDX-License-Identifier: Apache-2.0
//
// What Swift cannot do: sealed memory files, fork with exec through a descriptor, and settings of
// the C library's allocator.
// Every function returns a negative errno on failure.
#ifndef CLINUX_H
#define CLINUX_H

#include "clinux_files.h"
#include "clinux_restore.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What tells one state of one file from another.
struct clinux_identity {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t modified_seconds;
    int64_t modified_nanoseconds;
    int64_t changed_seconds;
    int64_t changed_nanoseconds;
    uint32_t mode;
    uint32_t owner;
    uint32_t group;
};

/// Another account, to be taken on by a process or a thread that may: only root can.
struct clinux_account {
    uint32_t user;
    uint32_t group;
    /// All supplementary groups; none of the others' are kept.
    const uint32_t *groups;
    size_t group_count;
};

/// Who connected to a local socket, as the system knew it at that moment: `struct ucred`.
struct clinux_peer {
    int32_t process;
    uint32_t user;
    uint32_t group;
};

/// Where a child came to grief before its program ran.
enum clinux_stage {
    CLINUX_STAGE_NONE = 0,
    CLINUX_STAGE_FORK = 1,
    CLINUX_STAGE_DESCRIPTORS = 2,
    CLINUX_STAGE_DIRECTORY = 3,
    CLINUX_STAGE_IDENTITY = 4,
    CLINUX_STAGE_EXEC = 5,
    CLINUX_STAGE_ACCOUNT = 6,
};

/// One program to start.
struct clinux_program {
    /// The file to execute, open for reading.
    int executable;
    /// What that file must still be at the last moment before it is executed.
    struct clinux_identity expected;
    /// The working directory, open.
    int directory;
    /// Standard input.
    int input;
    /// Standard output and error; inherited where they are -1.
    int output;
    int error;
    /// The account to run as; a null pointer for that of this process.
    const struct clinux_account *account;
    /// Runs it in a session of its own, with no signals sent to it and none of this process's
    /// dispositions: wait for it with `clinux_await` and `clinux_reap`.
    int is_detached;
    /// Descriptors that the child keeps, as `kept_from` and the numbers that follow.
    const int *kept;
    int kept_count;
    int kept_from;
    /// Both end with a null pointer.
    char *const *arguments;
    char *const *environment;
};

/// Lets every thread keep up to `bytes` that it has freed, rather than glibc's 128 KiB.
///
/// Does nothing where the C library has no such setting.
void clinux_keep_freed_memory(size_t bytes);

/// Reads the identity of an open file.
int clinux_identify(int descriptor, struct clinux_identity *identity);

/// Reads the identity of what a path names; of a link itself unless `follow`.
///
/// Here because Swift sees two kinds of `struct stat` wherever network libraries are imported.
int clinux_look(const char *path, int follow, struct clinux_identity *identity);

/// Returns a descriptor, open for reading and at its start, of a nameless file that holds
/// `count` bytes and that nobody, its owner included, can ever change.
int clinux_sealed_copy(const char *name, const void *bytes, size_t count);

/// Starts a program and returns its process id once it has been executed.
///
/// From then on until `clinux_wait` returns, signals that another process sends to this one
/// (HUP, INT, QUIT, TERM, USR1, USR2) go to the child. On failure `*stage` says where, and no
/// byte of the program has run.
pid_t clinux_start(const struct clinux_program *program, int *stage);

/// Waits for the child of `clinux_start`. Fills exactly one of `*code` and `*signal`; the
/// other is -1.
int clinux_wait(pid_t child, int *code, int *signal);

/// Blocks until a detached child of `clinux_start` is over. Its number is its own until it is
/// reaped, so that signals can be sent to it.
int clinux_await(pid_t child);

/// Tells without blocking whether a detached child is over: 1, 0, or a negative errno.
int clinux_is_over(pid_t child);

/// Gives a child's number back that is over; fills `*code` and `*signal` like `clinux_wait`.
int clinux_reap(pid_t child, int *code, int *signal);

/// Makes the calling thread use files as another account would, for good: end the thread after.
///
/// The other threads stay what they are. Whoever can signal or trace the process is not changed.
int clinux_act_as(const struct clinux_account *account);

/// Level and name of the socket option that gives a `struct clinux_peer`; name -1 where there is
/// none.
void clinux_peer_option(int *level, int *name);

/// Tells whether somebody listens on a local socket: 1, 0, or a negative errno.
int clinux_answers(const char *path);

/// Makes this process's memory and environment unreadable for others of the same account, as
/// far as the system does that: a program that a gate starts must not find the gate's tokens in
/// `/proc`. It does not bind root, and ends with exec.
void clinux_keep_memory_private(void);

/// Keeps the calling thread and whatever it starts from gaining privileges by executing a setuid
/// program, for good: end the thread after.
int clinux_forbid_new_privileges(void);

/// Ends this process with `status` and the `count` bytes of `text` on standard error when it
/// crashes or is told to end, instead of by the signal.
///
/// `text` must stay valid. It writes and exits, and does nothing else that a crash could disturb.
void clinux_exit_on_crash(int status, const char *text, size_t count);

/// Writes a directory's or file's data to the disk, which Swift's overlays do not always offer.
int clinux_sync(int descriptor);

/// The same without what only dates a file (`fdatasync`).
int clinux_sync_data(int descriptor);

/// Starts the program at `path`, with standard input and output as given and standard
/// error inherited, in a process group of its own, with every other descriptor closed.
///
/// Returns its process id, or a negative errno. It is not one of those to which signals go.
pid_t clinux_spawn(
    const char *path, char *const *arguments, char *const *environment, int input, int output);

/// Makes a pipe, both ends closed on exec.
int clinux_pipe(int ends[2]);

#endif
