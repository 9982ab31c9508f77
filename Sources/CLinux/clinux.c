// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux.h"
#include "clinux_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

void clinux_keep_freed_memory(size_t bytes) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, bytes > INT_MAX ? INT_MAX : (int)bytes);
#else
    (void)bytes;
#endif
}

int clinux_sync(int descriptor) { return fsync(descriptor) == 0 ? 0 : -errno; }

int clinux_sync_data(int descriptor) {
#ifdef __linux__
    return fdatasync(descriptor) == 0 ? 0 : -errno;
#else
    return fsync(descriptor) == 0 ? 0 : -errno;
#endif
}

static void describe(const struct stat *found, struct clinux_identity *identity) {
    memset(identity, 0, sizeof *identity);
    identity->device = (uint64_t)found->st_dev;
    identity->inode = (uint64_t)found->st_ino;
    identity->size = (int64_t)found->st_size;
#ifdef __linux__
    identity->modified_seconds = found->st_mtim.tv_sec;
    identity->modified_nanoseconds = found->st_mtim.tv_nsec;
    identity->changed_seconds = found->st_ctim.tv_sec;
    identity->changed_nanoseconds = found->st_ctim.tv_nsec;
#else
    identity->modified_seconds = found->st_mtimespec.tv_sec;
    identity->modified_nanoseconds = found->st_mtimespec.tv_nsec;
    identity->changed_seconds = found->st_ctimespec.tv_sec;
    identity->changed_nanoseconds = found->st_ctimespec.tv_nsec;
#endif
    identity->mode = (uint32_t)found->st_mode;
    identity->owner = (uint32_t)found->st_uid;
    identity->group = (uint32_t)found->st_gid;
}

int clinux_identify(int descriptor, struct clinux_identity *identity) {
    struct stat found;
    if (fstat(descriptor, &found) != 0) return -errno;
    describe(&found, identity);
    return 0;
}

int clinux_look(const char *path, int follow, struct clinux_identity *identity) {
    struct stat found;
    if ((follow ? stat(path, &found) : lstat(path, &found)) != 0) return -errno;
    describe(&found, identity);
    return 0;
}

static int crash_status = 1;
static const char *crash_text = "";
static size_t crash_count = 0;

static void leave(int signal) {
    (void)signal;
    // Nothing is left to do where even this fails.
    ssize_t ignored = write(STDERR_FILENO, crash_text, crash_count);
    (void)ignored;
    _exit(crash_status);
}

void clinux_exit_on_crash(int status, const char *text, size_t count) {
    static const int signals[] = {
        SIGABRT, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGQUIT, SIGSEGV, SIGSYS, SIGTERM,
        SIGTRAP, SIGXCPU, SIGXFSZ, SIGALRM, SIGUSR1, SIGUSR2,
    };
    // A stack that has overflown cannot hold the handler's frame.
    static char stack[16384];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 0};
    sigaltstack(&other, 0);
    crash_status = status;
    crash_text = text;
    crash_count = count;
    struct sigaction action = {.sa_flags = SA_ONSTACK | SA_RESETHAND};
    action.sa_handler = leave;
    sigemptyset(&action.sa_mask);
    for (size_t index = 0; index < sizeof signals / sizeof *signals; index++) {
        sigaction(signals[index], &action, 0);
    }
    signal(SIGPIPE, SIG_IGN);
}

int clinux_answers(const char *path) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    int made = socket(AF_UNIX, SOCK_STREAM, 0);
    if (made < 0) return -errno;
    int result = connect(made, (const struct sockaddr *)&address, sizeof address) == 0 ? 1 : -errno;
    close(made);
    return result == -ECONNREFUSED ? 0 : result;
}

#ifdef __linux__

void clinux_peer_option(int *level, int *name) {
    *level = SOL_SOCKET;
    *name = SO_PEERCRED;
}

// The C library's functions of these names change all threads of a process; the system's calls
// change the one that makes them.
static int take_groups(const struct clinux_account *account) {
    _Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are 32 bits wide");
    return syscall(SYS_setgroups, account->group_count, account->groups) == 0 ? 0 : -errno;
}

int clinux_act_as(const struct clinux_account *account) {
    int result = take_groups(account);
    if (result != 0) return result;
    // They return what was before, whether they worked or not.
    setfsgid(account->group);
    setfsuid(account->user);
    if ((uint32_t)setfsgid((gid_t)-1) != account->group
        || (uint32_t)setfsuid((uid_t)-1) != account->user) {
        return -EPERM;
    }
    return 0;
}

static int become_account(const struct clinux_account *account) {
    int result = take_groups(account);
    if (result != 0) return result;
    uint32_t group = account->group, user = account->user;
    if (syscall(SYS_setresgid, group, group, group) != 0) return -errno;
    if (syscall(SYS_setresuid, user, user, user) != 0) return -errno;
    // There must be no way back.
    if (getuid() != user || geteuid() != user || getgid() != group || getegid() != group
        || (user != 0 && syscall(SYS_setresuid, 0, 0, 0) == 0)) {
        return -EPERM;
    }
    return 0;
}

void clinux_keep_memory_private(void) { prctl(PR_SET_DUMPABLE, 0); }

int clinux_forbid_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

enum { most_kept = 8 };

int clinux_sealed_copy(const char *name, const void *bytes, size_t count) {
    int made = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0) return -errno;
    int result = clinux_write(made, bytes, count);
    if (result == 0
        && fcntl(made, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        result = -errno;
    }
    if (result == 0) {
        // Opened anew, so that it is read-only and has its own position at the start.
        char path[64];
        const char *prefix = "/proc/self/fd/";
        size_t length = strlen(prefix);
        memcpy(path, prefix, length);
        char digits[16];
        size_t used = 0;
        for (int rest = made; used == 0 || rest > 0; rest /= 10) {
            digits[used++] = (char)('0' + rest % 10);
        }
        while (used > 0) path[length++] = digits[--used];
        path[length] = 0;
        result = open(path, O_RDONLY | O_CLOEXEC);
        if (result < 0) result = -errno;
    }
    close(made);
    return result;
}

// The signals that this process was started with blocked, nearly always none. The thread that
// forks is no guide: threads of a dispatch pool block everything, and a child that inherits that
// never hears of its own children's ends.
static sigset_t initial_mask;

__attribute__((constructor)) static void remember_mask(void) {
    sigprocmask(SIG_SETMASK, NULL, &initial_mask);
}

// The children to which signals go; 0 where there is none. Nearly always there is one: a gate
// that runs several commands at once passes a signal on to all of them.
enum { most_children = 64 };
static _Atomic pid_t children[most_children];
// Guards the handlers and how many children want them.
static pthread_mutex_t forwarding = PTHREAD_MUTEX_INITIALIZER;
static int forwarding_count = 0;

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
enum { forwarded_count = sizeof forwarded / sizeof forwarded[0] };
static struct sigaction previous[forwarded_count];

static void forward(int signal, siginfo_t *info, void *context) {
    (void)context;
    // A terminal sends its signals to the whole process group, so the child has those already
    // (si_code SI_KERNEL); only what another process sent to this one alone is passed on.
    if (info->si_code == SI_KERNEL) return;
    int saved = errno;
    for (int i = 0; i < most_children; i++) {
        pid_t child = atomic_load(&children[i]);
        if (child > 0) kill(child, signal);
    }
    errno = saved;
}

static void start_forwarding(void) {
    pthread_mutex_lock(&forwarding);
    if (forwarding_count++ > 0) {
        pthread_mutex_unlock(&forwarding);
        return;
    }
    for (int i = 0; i < forwarded_count; i++) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_sigaction = forward;
        action.sa_flags = SA_SIGINFO | SA_RESTART;
        sigemptyset(&action.sa_mask);
        sigaction(forwarded[i], NULL, &previous[i]);
        // What was ignored stays ignored, for the child too (nohup).
        if (previous[i].sa_handler != SIG_IGN) sigaction(forwarded[i], &action, NULL);
    }
    pthread_mutex_unlock(&forwarding);
}

static void forward_to(pid_t child) {
    for (int i = 0; i < most_children; i++) {
        pid_t none = 0;
        if (atomic_compare_exchange_strong(&children[i], &none, child)) return;
    }
}

static void stop_forwarding(pid_t child) {
    for (int i = 0; i < most_children; i++) {
        pid_t mine = child;
        if (child > 0 && atomic_compare_exchange_strong(&children[i], &mine, 0)) break;
    }
    pthread_mutex_lock(&forwarding);
    if (--forwarding_count == 0) {
        for (int i = 0; i < forwarded_count; i++) sigaction(forwarded[i], &previous[i], NULL);
    }
    pthread_mutex_unlock(&forwarding);
}

static _Noreturn void give_up(int report, int stage) {
    int message[2] = {stage, errno};
    ssize_t ignored = write(report, message, sizeof message);
    (void)ignored;
    _exit(127);
}

static int is_same(const struct clinux_identity *left, const struct clinux_identity *right) {
    return left->device == right->device && left->inode == right->inode
        && left->size == right->size && left->modified_seconds == right->modified_seconds
        && left->modified_nanoseconds == right->modified_nanoseconds
        && left->changed_seconds == right->changed_seconds
        && left->changed_nanoseconds == right->changed_nanoseconds;
}

// Runs in the child between fork and exec: only async-signal-safe calls.
static _Noreturn void become(const struct clinux_program *program, int report) {
    // Out of the way of 0 and of those kept, whatever numbers they came with.
    int out = fcntl(report, F_DUPFD_CLOEXEC, 200);
    if (out < 0) give_up(report, CLINUX_STAGE_DESCRIPTORS);
    int executable = fcntl(program->executable, F_DUPFD_CLOEXEC, 200);
    int directory = fcntl(program->directory, F_DUPFD_CLOEXEC, 200);
    int input = fcntl(program->input, F_DUPFD_CLOEXEC, 200);
    int output = program->output < 0 ? -1 : fcntl(program->output, F_DUPFD_CLOEXEC, 200);
    int error = program->error < 0 ? -1 : fcntl(program->error, F_DUPFD_CLOEXEC, 200);
    if (executable < 0 || directory < 0 || input < 0 || program->kept_count > most_kept
        || (program->output >= 0 && output < 0) || (program->error >= 0 && error < 0)) {
        give_up(out, CLINUX_STAGE_DESCRIPTORS);
    }
    int kept[most_kept];
    for (int i = 0; i < program->kept_count; i++) {
        kept[i] = fcntl(program->kept[i], F_DUPFD_CLOEXEC, 200);
        if (kept[i] < 0) give_up(out, CLINUX_STAGE_DESCRIPTORS);
    }
    if (dup2(input, 0) < 0 || (output >= 0 && dup2(output, 1) < 0)
        || (error >= 0 && dup2(error, 2) < 0)) {
        give_up(out, CLINUX_STAGE_DESCRIPTORS);
    }
    // Nothing of this process is inherited but the three standard streams.
    if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) != 0) {
        long most = sysconf(_SC_OPEN_MAX);
        for (int each = 3; each < (most > 0 ? most : 4096); each++) {
            fcntl(each, F_SETFD, FD_CLOEXEC);
        }
    }
    for (int i = 0; i < program->kept_count; i++) {
        if (dup2(kept[i], program->kept_from + i) < 0) give_up(out, CLINUX_STAGE_DESCRIPTORS);
    }
    if (program->is_detached && setsid() < 0) give_up(out, CLINUX_STAGE_ACCOUNT);
    if (program->account != NULL) {
        int result = become_account(program->account);
        if (result != 0) {
            errno = -result;
            give_up(out, CLINUX_STAGE_ACCOUNT);
        }
    }
    if (fchdir(directory) != 0) give_up(out, CLINUX_STAGE_DIRECTORY);

    struct clinux_identity now;
    int result = clinux_identify(executable, &now);
    if (result != 0 || !is_same(&now, &program->expected)) {
        errno = result != 0 ? -result : ESTALE;
        give_up(out, CLINUX_STAGE_IDENTITY);
    }
    for (int i = 0; i < forwarded_count; i++) {
        if (program->is_detached) {
            signal(forwarded[i], SIG_DFL);
        } else {
            sigaction(forwarded[i], &previous[i], NULL);
        }
    }
    // Network libraries ignore SIGPIPE; programs expect the default.
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &initial_mask, NULL);
    syscall(
        SYS_execveat, executable, "", program->arguments, program->environment, AT_EMPTY_PATH);
    give_up(out, CLINUX_STAGE_EXEC);
}

pid_t clinux_start(const struct clinux_program *program, int *stage) {
    *stage = CLINUX_STAGE_FORK;
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return -errno;
    sigset_t all, mask;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    if (!program->is_detached) start_forwarding();
    pid_t child = fork();
    if (child == 0) become(program, report[1]);
    int failure = errno;
    if (child > 0 && !program->is_detached) forward_to(child);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    close(report[1]);
    if (child < 0) {
        if (!program->is_detached) stop_forwarding(0);
        close(report[0]);
        return -failure;
    }
    // The pipe closes by itself when exec succeeds.
    int message[2] = {0, 0};
    ssize_t got;
    do got = read(report[0], message, sizeof message);
    while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == 0) {
        *stage = CLINUX_STAGE_NONE;
        return child;
    }
    if (!program->is_detached) stop_forwarding(child);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    *stage = got == sizeof message ? message[0] : CLINUX_STAGE_FORK;
    return got == sizeof message && message[1] > 0 ? -message[1] : -EIO;
}

int clinux_wait(pid_t child, int *code, int *signal) {
    *code = -1;
    *signal = -1;
    siginfo_t info;
    memset(&info, 0, sizeof info);
    // First only look, so that the process id cannot be another's while signals still go to it.
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) != 0) {
        if (errno != EINTR) {
            int failure = errno;
            stop_forwarding(child);
            return -failure;
        }
    }
    stop_forwarding(child);
    return clinux_reap(child, code, signal);
}

int clinux_await(pid_t child) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) != 0) {
        if (errno != EINTR) return -errno;
    }
    return 0;
}

int clinux_is_over(pid_t child) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | WNOHANG) != 0) {
        if (errno != EINTR) return -errno;
    }
    return info.si_pid == child ? 1 : 0;
}

int clinux_reap(pid_t child, int *code, int *signal) {
    *code = -1;
    *signal = -1;
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return -errno;
    }
    if (WIFEXITED(status)) *code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) *signal = WTERMSIG(status);
    return 0;
}

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno; }

pid_t clinux_spawn(
    const char *path, char *const *arguments, char *const *environment, int input, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return -failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -failure;
    }
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    for (int i = 0; i < forwarded_count; i++) sigaddset(&defaults, forwarded[i]);
    pid_t child = -1;
    if ((failure = posix_spawnattr_setflags(
             &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
            == 0
        && (failure = posix_spawnattr_setsigmask(&attributes, &initial_mask)) == 0
        && (failure = posix_spawnattr_setsigdefault(&attributes, &defaults)) == 0
        && (failure = posix_spawnattr_setpgroup(&attributes, 0)) == 0
        && (failure = posix_spawn_file_actions_adddup2(&actions, input, 0)) == 0
        && (failure = posix_spawn_file_actions_adddup2(&actions, output, 1)) == 0
        && (failure = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) == 0) {
        failure = posix_spawn(&child, path, &actions, &attributes, arguments, environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure == 0 ? child : -failure;
}

#else

void clinux_keep_memory_private(void) {}

int clinux_forbid_new_privileges(void) { return -ENOSYS; }

void clinux_peer_option(int *level, int *name) {
    *level = SOL_SOCKET;
    *name = -1;
}

int clinux_act_as(const struct clinux_account *account) {
    (void)account;
    return -ENOSYS;
}

int clinux_await(pid_t child) {
    (void)child;
    return -ENOSYS;
}

int clinux_is_over(pid_t child) {
    (void)child;
    return -ENOSYS;
}

int clinux_reap(pid_t child, int *code, int *signal) {
    (void)child, (void)code, (void)signal;
    return -ENOSYS;
}

int clinux_pipe(int ends[2]) { return pipe(ends) == 0 ? 0 : -errno; }

pid_t clinux_spawn(
    const char *path, char *const *arguments, char *const *environment, int input, int output) {
    (void)path, (void)arguments, (void)environment, (void)input, (void)output;
    return -ENOSYS;
}

int clinux_sealed_copy(const char *name, const void *bytes, size_t count) {
    (void)name, (void)bytes, (void)count;
    return -ENOSYS;
}

pid_t clinux_start(const struct clinux_program *program, int *stage) {
    (void)program;
    *stage = CLINUX_STAGE_FORK;
    return -ENOSYS;
}

int clinux_wait(pid_t child, int *code, int *signal) {
    (void)child, (void)code, (void)signal;
    return -ENOSYS;
}

#endif
