/* lib/client/connect.h: how programs reach a node over SQL: the flag --url, then LINERA_URL, then
 * libpq's own PG* variables and ~/.pgpass. A URL may name several hosts: the first that answers
 * serves. */
#ifndef LINERA_CLIENT_CONNECT_H
#define LINERA_CLIENT_CONNECT_H

#include <libpq-fe.h>

#include "base/status.h"

enum { CONNECT_WORDS = 4, CONNECT_TIMEOUT_S = 10 };

/* Arguments for PQconnectdbParams() and PQconnectStartParams(), with expand_dbname 1. `flag` is the
 * value of --url or NULL. Both arrays borrow from the arguments and the environment. */
void connect_words(const char *flag, const char *program, const char *names[CONNECT_WORDS],
                   const char *values[CONNECT_WORDS]);

/* Connect and wait for it. On success *out belongs to the caller, PQfinish() ends it; on error *out
 * is NULL. The code of the error leads cli_fail() to the exit code that fits. */
status connect_open(const char *flag, const char *program, PGconn **out) MUST_CHECK;

/* Why a connection failed; never STATUS_OK. */
status connect_failure(const PGconn *conn) MUST_CHECK;

/* The error in a result, with its SQLSTATE's code and its hint; STATUS_OK when it holds none. A
 * NULL result is the connection's failure. */
status connect_result(const PGconn *conn, const PGresult *result) MUST_CHECK;

/* Run one statement and wait. *out (may be NULL) is then the caller's, to PQclear(). */
status connect_query(PGconn *conn, const char *sql, PGresult **out) MUST_CHECK;

#endif
