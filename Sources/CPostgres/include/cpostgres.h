// SPDX-License-Identifier: Apache-2.0
//
// PostgreSQL's client library, loaded when it is first needed: a server that watches no database
// runs without it, and building needs none of its headers.
// Every call has a time limit, so that a server that hangs holds up nobody for longer.
#ifndef CPOSTGRES_H
#define CPOSTGRES_H

#include <stddef.h>

/// A connection: `PGconn`.
typedef struct pg_conn cpostgres_connection;
/// What a statement gave: `PGresult`.
typedef struct pg_result cpostgres_result;

/// How a call went.
enum cpostgres_outcome {
    CPOSTGRES_OK = 0,
    /// The time was over; the connection is of no further use.
    CPOSTGRES_TIMEOUT = 1,
    /// The connection failed; `cpostgres_message` says why.
    CPOSTGRES_FAILED = 2,
    /// There is no memory.
    CPOSTGRES_MEMORY = 3,
};

/// Loads the library called `name`. Returns 1, or 0 with the reason in `message`.
///
/// One that was loaded before stays loaded; the first that could be is the one that is used.
int cpostgres_load(const char *name, char *message, size_t size);

/// Connects; `keywords` and `values` end with a null pointer. The time limit holds for all but
/// the resolution of names, which has the system's own.
///
/// The connection is there to be asked and closed unless the outcome is `CPOSTGRES_MEMORY`.
enum cpostgres_outcome cpostgres_connect(
    const char *const *keywords, const char *const *values, int milliseconds,
    cpostgres_connection **connection);

/// Runs one statement with parameters as text; a null pointer among them is NULL.
enum cpostgres_outcome cpostgres_run(
    cpostgres_connection *connection, const char *statement, int count,
    const char *const *parameters, int milliseconds, cpostgres_result **result);

/// Why the last call failed, as the library says it.
const char *cpostgres_message(const cpostgres_connection *connection);
/// The server's version, such as 150008.
int cpostgres_server_version(const cpostgres_connection *connection);
void cpostgres_close(cpostgres_connection *connection);

/// Whether the statement succeeded.
int cpostgres_succeeded(const cpostgres_result *result);
/// The five characters of SQLSTATE of a failure, or a null pointer.
const char *cpostgres_sqlstate(const cpostgres_result *result);
/// The first line of what the server says of a failure, or a null pointer.
const char *cpostgres_primary(const cpostgres_result *result);
/// What the statement did, such as `ALTER ROLE`.
const char *cpostgres_tag(cpostgres_result *result);
int cpostgres_rows(const cpostgres_result *result);
int cpostgres_columns(const cpostgres_result *result);
/// The bytes of a value, or a null pointer for NULL.
const char *cpostgres_value(const cpostgres_result *result, int row, int column, int *length);
void cpostgres_clear(cpostgres_result *result);

#endif
