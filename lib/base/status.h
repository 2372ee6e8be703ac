/* lib/base/status.h: what every call that can fail returns: one pointer, NULL for success.
 *
 * Behind it: a code (with its SQLSTATE), a message and, where they help, detail, hint, a position
 * in the statement and the names of the objects concerned. Whoever holds a status owns it: return
 * it, wrap it, or handle it and st_clear() it. Out-of-memory and end-of-data are static objects and
 * never allocate; st_clear() takes them too. Words: style.md section 5. */
#ifndef LINERA_BASE_STATUS_H
#define LINERA_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

typedef struct status_object *status;

/*   code                       SQLSTATE  retry  meaning */
#define STATUS_CODES(X)                                                                            \
    X(SUCCESS, "00000", false, "success")                                                          \
    X(NO_DATA, "02000", false, "there is no more data")                                            \
    X(CONNECTION_FAILURE, "08006", true, "the connection broke")                                   \
    X(CONNECTION_REFUSED, "08001", true, "the connection could not be made")                       \
    X(OUTCOME_UNKNOWN, "08007", false, "whether the transaction committed is not known")           \
    X(PROTOCOL_VIOLATION, "08P01", false, "a message does not follow the protocol")                \
    X(FEATURE_NOT_SUPPORTED, "0A000", false, "the feature is not there")                           \
    X(CARDINALITY_VIOLATION, "21000", false, "a subquery gave more than one row")                  \
    X(DATA_EXCEPTION, "22000", false, "a value cannot be used so")                                 \
    X(STRING_TRUNCATION, "22001", false, "a string is too long for its type")                      \
    X(NUMERIC_OUT_OF_RANGE, "22003", false, "a number is out of its type's range")                 \
    X(NULL_NOT_ALLOWED, "22004", false, "a null where none may be")                                \
    X(INVALID_DATETIME_FORMAT, "22007", false, "a date or time cannot be read")                    \
    X(DATETIME_OVERFLOW, "22008", false, "a date or time is out of range")                         \
    X(INVALID_TIME_ZONE, "22009", false, "a time zone displacement is out of range")               \
    X(SUBSTRING_ERROR, "22011", false, "a substring has a negative length")                        \
    X(DIVISION_BY_ZERO, "22012", false, "a division by zero")                                      \
    X(INVALID_PRECEDING_SIZE, "22013", false, "a frame offset is negative")                        \
    X(INVALID_ESCAPE_OCTET, "2200D", false, "an escape octet is wrong")                            \
    X(INVALID_ESCAPE_CHARACTER, "22019", false, "an escape character is not one character")        \
    X(INVALID_USE_OF_ESCAPE, "2200C", false, "an escape character stands where it may not")        \
    X(INVALID_REGEXP, "2201B", false, "a regular expression cannot be read")                       \
    X(INVALID_LIMIT, "2201W", false, "LIMIT is negative")                                          \
    X(INVALID_OFFSET, "2201X", false, "OFFSET is negative")                                        \
    X(INVALID_LOGARITHM, "2201E", false, "a logarithm of a number that has none")                  \
    X(INVALID_POWER, "2201F", false, "a power that is not defined")                                \
    X(INVALID_WIDTH_BUCKET, "2201G", false, "an argument of width_bucket is out of range")         \
    X(CHARACTER_NOT_IN_REPERTOIRE, "22021", false, "a byte sequence is not valid in the encoding") \
    X(INVALID_PARAMETER_VALUE, "22023", false, "a parameter has a value it cannot take")           \
    X(INVALID_ESCAPE_SEQUENCE, "22025", false, "an escape sequence cannot be read")                \
    X(ARRAY_SUBSCRIPT, "2202E", false, "an array's subscripts are wrong")                          \
    X(INVALID_TEXT, "22P02", false, "a text is not a value of the type")                           \
    X(SEQUENCE_LIMIT, "2200H", false, "a sequence has no more values")                             \
    X(INVALID_BINARY, "22P03", false, "bytes are not a value of the type")                         \
    X(BAD_COPY_FILE, "22P04", false, "COPY data cannot be read")                                   \
    X(UNTRANSLATABLE_CHARACTER, "22P05", false, "a character has no counterpart in the encoding")  \
    X(INTEGRITY_VIOLATION, "23000", false, "a constraint is violated")                             \
    X(RESTRICT_VIOLATION, "23001", false, "a row is still referenced")                             \
    X(NOT_NULL_VIOLATION, "23502", false, "a null in a column that takes none")                    \
    X(FOREIGN_KEY_VIOLATION, "23503", false, "a foreign key has no row to point at")               \
    X(UNIQUE_VIOLATION, "23505", false, "a key exists already")                                    \
    X(CHECK_VIOLATION, "23514", false, "a row fails a check constraint")                           \
    X(INVALID_CURSOR_STATE, "24000", false, "a cursor is in the wrong state")                      \
    X(ACTIVE_TRANSACTION, "25001", false, "a transaction is in progress")                          \
    X(READ_ONLY_TRANSACTION, "25006", false, "the transaction is read only")                       \
    X(NO_ACTIVE_TRANSACTION, "25P01", false, "there is no transaction")                            \
    X(IN_FAILED_TRANSACTION, "25P02", false, "the transaction has failed already")                 \
    X(IDLE_IN_TRANSACTION_TIMEOUT, "25P03", false, "a transaction was idle for too long")          \
    X(INVALID_STATEMENT_NAME, "26000", false, "there is no such prepared statement")               \
    X(TRIGGERED_DATA_CHANGE, "27000", false, "a row was changed twice by one command")             \
    X(INVALID_AUTHORIZATION, "28000", false, "the user may not connect")                           \
    X(INVALID_PASSWORD, "28P01", false, "the password is wrong")                                   \
    X(DEPENDENT_OBJECTS, "2BP01", false, "other objects depend on it")                             \
    X(INVALID_TRANSACTION_TERMINATION, "2D000", false, "a transaction cannot end here")            \
    X(INVALID_SQL_STATEMENT_NAME, "33000", false, "there is no such statement")                    \
    X(INVALID_CURSOR_NAME, "34000", false, "there is no such cursor")                              \
    X(INVALID_SAVEPOINT, "3B001", false, "there is no such savepoint")                             \
    X(UNDEFINED_DATABASE, "3D000", false, "there is no such database")                             \
    X(UNDEFINED_SCHEMA, "3F000", false, "there is no such schema")                                 \
    X(SERIALIZATION, "40001", true, "a concurrent transaction won the conflict")                   \
    X(COMPLETION_UNKNOWN, "40003", false, "whether the statement took effect is not known")        \
    X(DEADLOCK, "40P01", true, "transactions waited for each other")                               \
    X(SYNTAX_ERROR, "42601", false, "the statement cannot be parsed")                              \
    X(INSUFFICIENT_PRIVILEGE, "42501", false, "the role may not do this")                          \
    X(CANNOT_COERCE, "42846", false, "there is no such cast")                                      \
    X(GROUPING_ERROR, "42803", false, "a column is neither grouped nor aggregated")                \
    X(WINDOWING_ERROR, "42P20", false, "a window function where none may be")                      \
    X(INVALID_RECURSION, "42P19", false, "a recursive reference where none may be")                \
    X(INVALID_FOREIGN_KEY, "42830", false, "a foreign key does not fit what it references")        \
    X(INVALID_NAME, "42602", false, "a name is not valid")                                         \
    X(NAME_TOO_LONG, "42622", false, "a name is too long")                                         \
    X(RESERVED_NAME, "42939", false, "a name is reserved")                                         \
    X(DATATYPE_MISMATCH, "42804", false, "a type does not fit")                                    \
    X(INDETERMINATE_DATATYPE, "42P18", false, "a type cannot be determined")                       \
    X(COLLATION_MISMATCH, "42P21", false, "collations conflict")                                   \
    X(INDETERMINATE_COLLATION, "42P22", false, "a collation cannot be determined")                 \
    X(WRONG_OBJECT_TYPE, "42809", false, "the object is of another kind")                          \
    X(GENERATED_ALWAYS, "428C9", false, "a generated column cannot be given a value")              \
    X(UNDEFINED_COLUMN, "42703", false, "there is no such column")                                 \
    X(UNDEFINED_FUNCTION, "42883", false, "there is no such function or operator")                 \
    X(UNDEFINED_TABLE, "42P01", false, "there is no such table")                                   \
    X(UNDEFINED_PARAMETER, "42P02", false, "there is no such parameter")                           \
    X(UNDEFINED_OBJECT, "42704", false, "there is no such object")                                 \
    X(DUPLICATE_COLUMN, "42701", false, "the column exists already")                               \
    X(DUPLICATE_CURSOR, "42P03", false, "the cursor exists already")                               \
    X(DUPLICATE_DATABASE, "42P04", false, "the database exists already")                           \
    X(DUPLICATE_FUNCTION, "42723", false, "the function exists already")                           \
    X(DUPLICATE_PSTATEMENT, "42P05", false, "the prepared statement exists already")               \
    X(DUPLICATE_SCHEMA, "42P06", false, "the schema exists already")                               \
    X(DUPLICATE_TABLE, "42P07", false, "the table exists already")                                 \
    X(DUPLICATE_ALIAS, "42712", false, "the table name is used twice")                             \
    X(DUPLICATE_OBJECT, "42710", false, "the object exists already")                               \
    X(AMBIGUOUS_COLUMN, "42702", false, "the column name fits several tables")                     \
    X(AMBIGUOUS_FUNCTION, "42725", false, "the call fits several functions")                       \
    X(AMBIGUOUS_PARAMETER, "42P08", false, "the parameter fits several types")                     \
    X(AMBIGUOUS_ALIAS, "42P09", false, "the name fits several tables")                             \
    X(INVALID_COLUMN_REFERENCE, "42P10", false, "a column reference is not valid here")            \
    X(INVALID_COLUMN_DEFINITION, "42611", false, "a column definition is not valid")               \
    X(INVALID_CURSOR_DEFINITION, "42P11", false, "a cursor definition is not valid")               \
    X(INVALID_PSTATEMENT_DEFINITION, "42P14", false, "a prepared statement is not valid")          \
    X(INVALID_SCHEMA_DEFINITION, "42P15", false, "a schema definition is not valid")               \
    X(INVALID_TABLE_DEFINITION, "42P16", false, "a table definition is not valid")                 \
    X(INVALID_OBJECT_DEFINITION, "42P17", false, "an object definition is not valid")              \
    X(WITH_CHECK_VIOLATION, "44000", false, "a row is outside its view")                           \
    X(INSUFFICIENT_RESOURCES, "53000", true, "a resource ran out")                                 \
    X(DISK_FULL, "53100", false, "the store has no room left")                                     \
    X(OUT_OF_MEMORY, "53200", false, "memory ran out")                                             \
    X(TOO_MANY_CONNECTIONS, "53300", true, "there are too many connections")                       \
    X(CONFIGURATION_LIMIT_EXCEEDED, "53400", false, "a configured limit would be passed")          \
    X(LIMIT_EXCEEDED, "54000", false, "a limit of the program is exceeded")                        \
    X(STATEMENT_TOO_COMPLEX, "54001", false, "the statement is nested too deeply")                 \
    X(TOO_MANY_COLUMNS, "54011", false, "there are too many columns")                              \
    X(TOO_MANY_ARGUMENTS, "54023", false, "there are too many arguments")                          \
    X(WRONG_STATE, "55000", false, "the object is not in the state for this")                      \
    X(OBJECT_IN_USE, "55006", false, "the object is in use")                                       \
    X(CANNOT_CHANGE_PARAMETER, "55P02", false, "the setting cannot be changed now")                \
    X(LOCK_NOT_AVAILABLE, "55P03", true, "a lock could not be had")                                \
    X(CANCELLED, "57014", false, "the statement was cancelled")                                    \
    X(ADMIN_SHUTDOWN, "57P01", true, "the server is stopping")                                     \
    X(CRASH_SHUTDOWN, "57P02", true, "the server stopped at once")                                 \
    X(CANNOT_CONNECT_NOW, "57P03", true, "the server does not take connections now")               \
    X(IDLE_SESSION_TIMEOUT, "57P05", false, "a session was idle for too long")                     \
    X(SYSTEM_ERROR, "58000", false, "the operating system reported an error")                      \
    X(IO_ERROR, "58030", false, "input or output failed")                                          \
    X(UNDEFINED_FILE, "58P01", false, "there is no such file")                                     \
    X(DUPLICATE_FILE, "58P02", false, "the file exists already")                                   \
    X(CONFIG_ERROR, "F0000", false, "the configuration is not valid")                              \
    X(STORE_LOCKED, "F0001", false, "another process uses the store")                              \
    X(RAISE_EXCEPTION, "P0001", false, "an exception was raised")                                  \
    X(TIMED_OUT, "57014", true, "the time ran out")                                                \
    X(INTERNAL, "XX000", false, "an internal error")                                               \
    X(CORRUPT, "XX001", false, "a checksum or an on-disk invariant fails")                         \
    X(INDEX_CORRUPT, "XX002", false, "an index does not fit its table")

enum status_code {
#define X(name, sqlstate, retry, meaning) ST_##name,
    STATUS_CODES(X)
#undef X
        STATUS_CODE_COUNT
};

/* Fields a client may receive beside the message; all NULL or 0 when unset. */
struct status_fields {
    const char *detail, *hint, *context;
    const char *schema, *table, *column, *type, *constraint;
    const char *routine; /* the function of PostgreSQL's, where clients tell cases apart by it */
    int position; /* character position in the statement text, from 1 as in PostgreSQL; 0: none */
};

#define STATUS_OK ((status)0)
/* Static objects, never freed. */
extern struct status_object status_oom_object, status_no_data_object;
#define STATUS_OOM (&status_oom_object)
/* End of a scan, a stream or a file, told apart from a limit or a full page (pitfall Q7). */
#define STATUS_NO_DATA (&status_no_data_object)

static ALWAYS_INLINE bool st_ok(status st)
{
    return LIKELY(st == STATUS_OK);
}

/* Evaluate `call` into `st`; jump to `label` when it failed. One way out, jumps only go down. */
#define TRY(st, call, label)                                                                       \
    do {                                                                                           \
        (st) = (call);                                                                             \
        if (!st_ok(st))                                                                            \
            goto label;                                                                            \
    } while (0)

/* For functions that hold nothing. */
#define TRY_RETURN(call)                                                                           \
    do {                                                                                           \
        status try_st_ = (call);                                                                   \
        if (!st_ok(try_st_))                                                                       \
            return try_st_;                                                                        \
    } while (0)

/* A new error; the message is one line, lower case, without a full stop. Never returns NULL. */
status status_new(enum status_code code, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
status status_vnew(enum status_code code, const char *fmt, va_list args) MUST_CHECK;
/* Prefix the message: "<fmt>: <message>". NULL stays NULL; static objects become allocated ones. */
status status_wrap(status st, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;

/* Set one field, replacing what was there; return `st`. STATUS_OK and the static objects stay as
 * they are. */
status status_detail(status st, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
status status_hint(status st, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
status status_context(status st, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
/* Set the position unless the status has one already: the innermost place wins. */
status status_at(status st, int position) MUST_CHECK;
/* Name what the error concerns; NULL arguments leave their field. Texts are copied. */
status status_object_names(status st, const char *schema, const char *table, const char *column,
                           const char *type, const char *constraint) MUST_CHECK;
status status_routine(status st, const char *routine) MUST_CHECK;
/* The same error in another heap (for a hand-over to another worker) or for a second owner. */
status status_copy(status st) MUST_CHECK;

enum status_code            status_code(status st); /* ST_SUCCESS for STATUS_OK */
const char                 *status_sqlstate(status st);
const char                 *status_message(status st); /* lives as long as `st` */
const struct status_fields *status_fields(status st);
bool                        status_is_retryable(status st);
/* The code for a five-letter SQLSTATE; ST_INTERNAL when none has it. */
enum status_code            status_code_from_sqlstate(const char *sqlstate);
const char                 *status_code_name(enum status_code code);

/* Free. Accepts STATUS_OK and the static objects. */
void st_clear(status st);

#endif
