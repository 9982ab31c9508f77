// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cpostgres.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

// The numbers of libpq-fe.h that are part of its binary interface.
enum { CONNECTION_OK = 0, CONNECTION_BAD = 1 };
enum { POLLING_FAILED = 0, POLLING_READING = 1, POLLING_WRITING = 2, POLLING_OK = 3 };
enum { RESULT_COMMAND_OK = 1, RESULT_TUPLES_OK = 2 };
enum { DIAG_PRIMARY = 'M', DIAG_SQLSTATE = 'C' };

// What is used of the library, by the names it has there without `PQ`.
static struct {
    cpostgres_connection *(*connectStartParams)(const char *const *, const char *const *, int);
    int (*connectPoll)(cpostgres_connection *);
    int (*status)(const cpostgres_connection *);
    int (*socket)(const cpostgres_connection *);
    char *(*errorMessage)(const cpostgres_connection *);
    int (*serverVersion)(const cpostgres_connection *);
    int (*setnonblocking)(cpostgres_connection *, int);
    int (*sendQueryParams)(
        cpostgres_connection *, const char *, int, const unsigned int *, const char *const *,
        const int *, const int *, int);
    int (*flush)(cpostgres_connection *);
    int (*consumeInput)(cpostgres_connection *);
    int (*isBusy)(cpostgres_connection *);
    cpostgres_result *(*getResult)(cpostgres_connection *);
    void (*finish)(cpostgres_connection *);
    int (*resultStatus)(const cpostgres_result *);
    char *(*resultErrorField)(const cpostgres_result *, int);
    char *(*cmdStatus)(cpostgres_result *);
    int (*ntuples)(const cpostgres_result *);
    int (*nfields)(const cpostgres_result *);
    int (*getisnull)(const cpostgres_result *, int, int);
    int (*getlength)(const cpostgres_result *, int, int);
    char *(*getvalue)(const cpostgres_result *, int, int);
    void (*clear)(cpostgres_result *);
    void *(*setNoticeProcessor)(
        cpostgres_connection *, void (*)(void *, const char *), void *);
} pq;

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static int is_loaded = 0;

static int bind_all(void *library, const char **missing) {
    const struct {
        const char *name;
        void *place;
    } symbols[] = {
        {"PQconnectStartParams", &pq.connectStartParams},
        {"PQconnectPoll", &pq.connectPoll},
        {"PQstatus", &pq.status},
        {"PQsocket", &pq.socket},
        {"PQerrorMessage", &pq.errorMessage},
        {"PQserverVersion", &pq.serverVersion},
        {"PQsetnonblocking", &pq.setnonblocking},
        {"PQsendQueryParams", &pq.sendQueryParams},
        {"PQflush", &pq.flush},
        {"PQconsumeInput", &pq.consumeInput},
        {"PQisBusy", &pq.isBusy},
        {"PQgetResult", &pq.getResult},
        {"PQfinish", &pq.finish},
        {"PQresultStatus", &pq.resultStatus},
        {"PQresultErrorField", &pq.resultErrorField},
        {"PQcmdStatus", &pq.cmdStatus},
        {"PQntuples", &pq.ntuples},
        {"PQnfields", &pq.nfields},
        {"PQgetisnull", &pq.getisnull},
        {"PQgetlength", &pq.getlength},
        {"PQgetvalue", &pq.getvalue},
        {"PQclear", &pq.clear},
        {"PQsetNoticeProcessor", &pq.setNoticeProcessor},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol) {
            *missing = symbols[i].name;
            return 0;
        }
        // POSIX lets a function's address be stored like this, ISO C does not.
        *(void **)symbols[i].place = symbol;
    }
    return 1;
}

int cpostgres_load(const char *name, char *message, size_t size) {
    pthread_mutex_lock(&loading);
    // Each time, so that a name that cannot be loaded is told whatever was loaded before.
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    int result = library != NULL;
    if (!library) {
        const char *reason = dlerror();
        snprintf(message, size, "%s", reason ? reason : "unknown reason");
    } else if (is_loaded) {
        dlclose(library);
    } else {
        const char *missing = "";
        is_loaded = result = bind_all(library, &missing);
        if (!result) {
            snprintf(message, size, "%s: no function %s", name, missing);
            dlclose(library);
        }
    }
    pthread_mutex_unlock(&loading);
    return result;
}

static long long milliseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Waits until the socket can be used; 1, 0 when the time is over, -1 when there is no socket.
static int await(cpostgres_connection *connection, short events, long long deadline) {
    int descriptor = pq.socket(connection);
    if (descriptor < 0) return -1;
    for (;;) {
        long long left = deadline - milliseconds_now();
        if (left <= 0) return 0;
        struct pollfd wanted = {.fd = descriptor, .events = events};
        int ready = poll(&wanted, 1, left > 60000 ? 60000 : (int)left);
        if (ready > 0) return 1;
        if (ready < 0 && errno != EINTR) return -1;
    }
}

// Notices go nowhere: standard error is not ours.
static void ignore(void *context, const char *message) {
    (void)context;
    (void)message;
}

enum cpostgres_outcome cpostgres_connect(
    const char *const *keywords, const char *const *values, int milliseconds,
    cpostgres_connection **connection) {
    long long deadline = milliseconds_now() + milliseconds;
    cpostgres_connection *made = pq.connectStartParams(keywords, values, 0);
    *connection = made;
    if (!made) return CPOSTGRES_MEMORY;
    if (pq.status(made) == CONNECTION_BAD) return CPOSTGRES_FAILED;
    pq.setNoticeProcessor(made, ignore, NULL);
    // The library wants to be taken as if it had said that it waits to write.
    int state = POLLING_WRITING;
    while (state != POLLING_OK) {
        if (state == POLLING_FAILED) return CPOSTGRES_FAILED;
        int ready = await(made, state == POLLING_READING ? POLLIN : POLLOUT, deadline);
        if (ready == 0) return CPOSTGRES_TIMEOUT;
        if (ready < 0) return CPOSTGRES_FAILED;
        state = pq.connectPoll(made);
    }
    return pq.setnonblocking(made, 1) == 0 ? CPOSTGRES_OK : CPOSTGRES_FAILED;
}

static enum cpostgres_outcome send_all(cpostgres_connection *connection, long long deadline) {
    for (;;) {
        int left = pq.flush(connection);
        if (left == 0) return CPOSTGRES_OK;
        if (left < 0) return CPOSTGRES_FAILED;
        int ready = await(connection, POLLIN | POLLOUT, deadline);
        if (ready == 0) return CPOSTGRES_TIMEOUT;
        if (ready < 0 || !pq.consumeInput(connection)) return CPOSTGRES_FAILED;
    }
}

enum cpostgres_outcome cpostgres_run(
    cpostgres_connection *connection, const char *statement, int count,
    const char *const *parameters, int milliseconds, cpostgres_result **result) {
    long long deadline = milliseconds_now() + milliseconds;
    *result = NULL;
    if (!pq.sendQueryParams(connection, statement, count, NULL, parameters, NULL, NULL, 0)) {
        return CPOSTGRES_FAILED;
    }
    enum cpostgres_outcome sent = send_all(connection, deadline);
    if (sent != CPOSTGRES_OK) return sent;
    for (;;) {
        while (pq.isBusy(connection)) {
            int ready = await(connection, POLLIN, deadline);
            if (ready <= 0 || !pq.consumeInput(connection)) {
                if (*result) pq.clear(*result);
                *result = NULL;
                return ready == 0 ? CPOSTGRES_TIMEOUT : CPOSTGRES_FAILED;
            }
        }
        cpostgres_result *next = pq.getResult(connection);
        if (!next) break;
        // One statement gives one result; should there be more, the last one counts, as in
        // PQexec.
        if (*result) pq.clear(*result);
        *result = next;
    }
    return *result && pq.status(connection) == CONNECTION_OK ? CPOSTGRES_OK : CPOSTGRES_FAILED;
}

const char *cpostgres_message(const cpostgres_connection *connection) {
    return pq.errorMessage(connection);
}

int cpostgres_server_version(const cpostgres_connection *connection) {
    return pq.serverVersion(connection);
}

void cpostgres_close(cpostgres_connection *connection) { pq.finish(connection); }

int cpostgres_succeeded(const cpostgres_result *result) {
    int status = pq.resultStatus(result);
    return status == RESULT_COMMAND_OK || status == RESULT_TUPLES_OK;
}

const char *cpostgres_sqlstate(const cpostgres_result *result) {
    return pq.resultErrorField(result, DIAG_SQLSTATE);
}

const char *cpostgres_primary(const cpostgres_result *result) {
    return pq.resultErrorField(result, DIAG_PRIMARY);
}

const char *cpostgres_tag(cpostgres_result *result) { return pq.cmdStatus(result); }

int cpostgres_rows(const cpostgres_result *result) { return pq.ntuples(result); }

int cpostgres_columns(const cpostgres_result *result) { return pq.nfields(result); }

const char *cpostgres_value(const cpostgres_result *result, int row, int column, int *length) {
    if (pq.getisnull(result, row, column)) return NULL;
    *length = pq.getlength(result, row, column);
    return pq.getvalue(result, row, column);
}

void cpostgres_clear(cpostgres_result *result) { pq.clear(result); }
