/* libpq against a server named by the PG* variables: every type as text and in binary, prepared
 * statements, transactions, COPY, errors, cancelling, pipelines and large values.
 *
 * Each test is a function of one connection. A check that fails prints line, what was expected and
 * what came, and the program ends with 1 after all tests ran. PostgreSQL 15 passes it too: the
 * expectations are PostgreSQL's. */
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK_STR(expected, got) check_str(__LINE__, expected, got)
#define CHECK_INT(expected, got) check_int(__LINE__, expected, got)
#define EXEC(c, sql, state)      check_exec(__LINE__, c, sql, state)
#define RESULT(c, r, state)      check_result(__LINE__, c, r, state)

static void check_str(int line, const char *expected, const char *got)
{
    if (got != NULL && strcmp(expected, got) == 0)
        return;
    printf("libpq.c:%d: expected \"%s\", got \"%s\"\n", line, expected,
           got == NULL ? "(null)" : got);
    failures++;
}

static void check_int(int line, long expected, long got)
{
    if (expected == got)
        return;
    printf("libpq.c:%d: expected %ld, got %ld\n", line, expected, got);
    failures++;
}

/* The SQLSTATE of a result, "00000" for success. */
static const char *sqlstate_of(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return state == NULL ? PQresultStatus(r) == PGRES_FATAL_ERROR ? "(none)" : "00000" : state;
}

/* Checks the SQLSTATE of `r` and gives `r` back. */
static PGresult *check_result(int line, PGconn *c, PGresult *r, const char *state)
{
    if (strcmp(sqlstate_of(r), state) != 0) {
        printf("libpq.c:%d: expected SQLSTATE %s, got %s: %s", line, state, sqlstate_of(r),
               *PQresultErrorMessage(r) ? PQresultErrorMessage(r) : PQerrorMessage(c));
        failures++;
    }
    return r;
}

static void check_exec(int line, PGconn *c, const char *sql, const char *state)
{
    PQclear(check_result(line, c, PQexec(c, sql), state));
}

/* The one value that `sql` gives, as text, in memory of the caller. */
static char *value_of(PGconn *c, const char *sql)
{
    PGresult *r = RESULT(c, PQexec(c, sql), "00000");
    char     *v = strdup(PQntuples(r) == 1 ? PQgetvalue(r, 0, 0) : "(no row)");
    PQclear(r);
    return v;
}

#define CHECK_VALUE(expected, c, sql)                                                              \
    do {                                                                                           \
        char *value_ = value_of(c, sql);                                                           \
        CHECK_STR(expected, value_);                                                               \
        free(value_);                                                                              \
    } while (0)

/* ---- every type, as text and in binary ---- */

struct value {
    const char *type; /* as in CREATE TABLE */
    Oid         oid;
    const char *text;
    const char
        *binary; /* in hexadecimal, as PostgreSQL 15's send functions give it; NULL: SQL's null */
};

// clang-format off
static const struct value values[] = {
    { "bool", 16, "t", "01" },
    { "bool", 16, "f", "00" },
    { "bool", 16, NULL, NULL },
    { "bytea", 17, "\\x", "" },
    { "bytea", 17, "\\x00ff27225c", "00ff27225c" },
    { "bytea", 17, NULL, NULL },
    { "\"char\"", 18, "x", "78" },
    { "name", 19, "a_name", "615f6e616d65" },
    { "int8", 20, "-9223372036854775808", "8000000000000000" },
    { "int8", 20, "9223372036854775807", "7fffffffffffffff" },
    { "int2", 21, "-32768", "8000" },
    { "int2", 21, "32767", "7fff" },
    { "int4", 23, "-2147483648", "80000000" },
    { "int4", 23, "2147483647", "7fffffff" },
    { "int4", 23, NULL, NULL },
    { "text", 25, "", "" },
    { "text", 25, "na\xc3\xafve \xe2\x98\x83", "6e61c3af766520e29883" },
    { "text", 25, NULL, NULL },
    { "oid", 26, "0", "00000000" },
    { "oid", 26, "4294967295", "ffffffff" },
    { "float4", 700, "1.5", "3fc00000" },
    { "float4", 700, "-0", "80000000" },
    { "float4", 700, "3.4028235e+38", "7f7fffff" },
    { "float4", 700, "1e-45", "00000001" },
    { "float4", 700, "Infinity", "7f800000" },
    { "float4", 700, "NaN", "7fc00000" },
    { "float8", 701, "0.1", "3fb999999999999a" },
    { "float8", 701, "1.7976931348623157e+308", "7fefffffffffffff" },
    { "float8", 701, "5e-324", "0000000000000001" },
    { "float8", 701, "-Infinity", "fff0000000000000" },
    { "float8", 701, "NaN", "7ff8000000000000" },
    { "char(5)", 1042, "ab   ", "6162202020" },
    { "varchar(20)", 1043, "varying", "76617279696e67" },
    { "date", 1082, "2024-02-29", "00002279" },
    { "date", 1082, "0044-03-15 BC", "fff49d7b" },
    { "date", 1082, "4713-01-01 BC", "ffda97cd" },
    { "date", 1082, "5874897-12-31", "7fda970c" },
    { "date", 1082, "infinity", "7fffffff" },
    { "date", 1082, "-infinity", "80000000" },
    { "time", 1083, "00:00:00", "0000000000000000" },
    { "time", 1083, "23:59:59.999999", "000000141dd75fff" },
    { "time", 1083, "24:00:00", "000000141dd76000" },
    { "timestamp", 1114, "2024-02-29 23:59:59.123456", "0002b58cd3566000" },
    { "timestamp", 1114, "0001-01-01 00:00:00", "ff1fe2ffc59c6000" },
    { "timestamp", 1114, "0044-03-15 12:00:00 BC", "ff1af9e8fb46d000" },
    { "timestamp", 1114, "294276-12-31 23:59:59.999999", "7fffff5bb3b29fff" },
    { "timestamp", 1114, "infinity", "7fffffffffffffff" },
    { "timestamptz", 1184, "2024-02-29 23:59:59.123456+00", "0002b58cd3566000" },
    { "timestamptz", 1184, "0044-03-15 12:00:00+00 BC", "ff1af9e8fb46d000" },
    { "timestamptz", 1184, "-infinity", "8000000000000000" },
    { "interval", 1186, "00:00:00", "00000000000000000000000000000000" },
    { "interval", 1186, "1 year 2 mons 3 days 04:05:06.789", "000000036c97ca88000000030000000e" },
    { "interval", 1186, "-1 years -2 mons +3 days -04:05:06.789", "fffffffc9368357800000003fffffff2" },
    { "interval", 1186, "-00:00:00.000001", "ffffffffffffffff0000000000000000" },
    { "interval", 1186, "178000000 years", "0000000000000000000000007f50c600" },
    { "timetz", 1266, "12:34:56.789+05:30", "0000000a8be62608ffffb2a8" },
    { "numeric", 1700, "0", "0000000000000000" },
    { "numeric", 1700, "0.00", "0000000000000002" },
    { "numeric", 1700, "-1", "00010000400000000001" },
    { "numeric", 1700, "12345.6789", "0003000100000004000109291a85" },
    { "numeric", 1700, "0.000000000000000001", "0001fffb000000120064" },
    { "numeric", 1700, "-98765432109876543210.0123456789", "000800044000000a26941538044a1de60c8a007b11d722c4" },
    { "numeric", 1700, "10000000000000000000000000000000000000000", "0001000a000000000001" },
    { "numeric", 1700, "NaN", "00000000c0000000" },
    { "numeric", 1700, "Infinity", "00000000d0000020" },
    { "numeric", 1700, "-Infinity", "00000000f0000020" },
    { "numeric(10,2)", 1700, "99999999.99", "0003000100000002270f270f26ac" },
    { "uuid", 2950, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11" },
    { "uuid", 2950, NULL, NULL },
    { "int4[]", 1007, "{1,NULL,-3}",
      "00000001000000010000001700000003000000010000000400000001ffffffff00000004fffffffd" },
    { "int4[]", 1007, "{}", "000000000000000000000017" },
    { "text[]", 1009, "{a,NULL,\"x \\\"y\\\", z\",\"\"}",
      "00000001000000010000001900000004000000010000000161ffffffff000000087820227922""2c207a00000000" },
};
// clang-format on

static int hex_digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The bytes of a hexadecimal string, in memory of the caller. */
static char *unhex(const char *hex, int *size)
{
    size_t n = strlen(hex) / 2;
    char  *bytes = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    *size = (int)n;
    return bytes;
}

/* One column of one row, in the given format, against `v`. `via` says how the value went in. */
static void check_value(const struct value *v, const char *via, const PGresult *r, int format)
{
    char  got[256] = "(null)";
    int   size = PQgetlength(r, 0, 0);
    char *bytes = PQgetvalue(r, 0, 0);

    if (PQgetisnull(r, 0, 0) && v->text == NULL)
        return;
    if (!PQgetisnull(r, 0, 0) && format == 0)
        snprintf(got, sizeof got, "%s", bytes);
    for (int i = 0; !PQgetisnull(r, 0, 0) && format == 1 && (i == 0 || i < size) && i < 120; i++)
        snprintf(got + 2 * i, 3, size == 0 ? "" : "%02x", (unsigned char)bytes[i]);
    const char *expected = v->text == NULL ? "(null)" : format == 0 ? v->text : v->binary;
    if (strcmp(expected, got) != 0) {
        printf("%s put in as %s, read as %s: expected %s, got %s\n", v->type, via,
               format ? "binary" : "text", expected, got);
        failures++;
    }
}

/* `v` goes in as a parameter in format_in and comes back in both formats. */
static void check_both_ways(PGconn *c, const struct value *v, int format_in)
{
    int         size = 0;
    char       *bytes = v->text != NULL && format_in ? unhex(v->binary, &size) : NULL;
    const char *param = v->text == NULL || !format_in ? v->text : bytes;

    EXEC(c, "truncate one", "00000");
    PQclear(RESULT(c, PQexecPrepared(c, "put", 1, &param, &size, &format_in, 1), "00000"));
    for (int format = 0; format <= 1; format++) {
        PGresult *r = RESULT(
            c, PQexecParams(c, "select v from one", 0, NULL, NULL, NULL, NULL, format), "00000");
        if (PQntuples(r) == 1) {
            CHECK_INT(v->oid, PQftype(r, 0));
            CHECK_INT(format, PQfformat(r, 0));
            check_value(v, format_in ? "binary" : "text", r, format);
        }
        PQclear(r);
    }
    free(bytes);
}

static void test_types(PGconn *c)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "drop table if exists one; create table one (v %s)",
                 values[i].type);
        EXEC(c, sql, "00000");
        PQclear(RESULT(c, PQprepare(c, "put", "insert into one values ($1)", 0, NULL), "00000"));
        check_both_ways(c, &values[i], 0);
        check_both_ways(c, &values[i], 1);
        EXEC(c, "deallocate put", "00000");
    }
    EXEC(c, "drop table one", "00000");
}

static void test_malformed_binary(PGconn *c)
{
    static const struct {
        const char *type, *hex, *state;
    } bad[] = {
        {"int4", "000001", "08P01"},
        {"int4", "0000000100", "22P03"},
        {"uuid", "00", "08P01"},
        {"text", "ff", "22021"},
        {"text", "6100", "22021"},
        {"numeric", "0001000000000000ffff", "22P03"},
        {"int4[]", "00000001000000000000001900000001000000010000000161", "42804"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char        sql[100];
        int         size, format = 1;
        char       *bytes = unhex(bad[i].hex, &size);
        const char *param = bytes;
        snprintf(sql, sizeof sql, "select $1::%s", bad[i].type);
        PQclear(RESULT(c, PQexecParams(c, sql, 1, NULL, &param, &size, &format, 0), bad[i].state));
        free(bytes);
    }
}

/* ---- prepared statements and what describes them ---- */

static void test_describe(PGconn *c)
{
    EXEC(c,
         "create table described (id serial primary key, name varchar(20) not null, price "
         "numeric(10,2))",
         "00000");
    PQclear(RESULT(
        c,
        PQprepare(c, "d", "select *, price * $1 as total, $2::date from described where name = $3",
                  0, NULL),
        "00000"));
    PGresult *r = RESULT(c, PQdescribePrepared(c, "d"), "00000");
    CHECK_INT(3, PQnparams(r));
    CHECK_INT(1700, PQparamtype(r, 0));
    CHECK_INT(1082, PQparamtype(r, 1));
    CHECK_INT(25, PQparamtype(r, 2));
    CHECK_INT(5, PQnfields(r));
    CHECK_STR("name", PQfname(r, 1));
    CHECK_INT(1043, PQftype(r, 1));
    CHECK_INT(24, PQfmod(r, 1));
    CHECK_INT(-1, PQfsize(r, 1));
    CHECK_INT(2, PQftablecol(r, 1));
    CHECK_INT(4, PQfsize(r, 0));
    CHECK_INT((10 << 16 | 2) + 4, PQfmod(r, 2));
    CHECK_STR("total", PQfname(r, 3));
    CHECK_INT(0, PQftable(r, 3));
    CHECK_STR("date", PQfname(r, 4));
    char oid[20];
    snprintf(oid, sizeof oid, "%u", PQftable(r, 1));
    CHECK_VALUE(oid, c, "select 'described'::regclass::oid");
    PQclear(r);

    r = RESULT(c, PQprepare(c, "nothing", "delete from described", 0, NULL), "00000");
    PQclear(r);
    r = RESULT(c, PQdescribePrepared(c, "nothing"), "00000");
    CHECK_INT(0, PQnfields(r));
    PQclear(r);
    PQclear(RESULT(c, PQprepare(c, "d", "select 1", 0, NULL), "42P05"));
    PQclear(RESULT(c, PQdescribePrepared(c, "none of that name"), "26000"));
    PQclear(RESULT(c, PQprepare(c, "vague", "select $2::int", 0, NULL), "42P18"));
    EXEC(c, "deallocate all", "00000");

    EXEC(c, "begin; declare cur cursor for select id, name from described", "00000");
    r = RESULT(c, PQdescribePortal(c, "cur"), "00000");
    CHECK_INT(2, PQnfields(r));
    CHECK_STR("name", PQfname(r, 1));
    PQclear(r);
    EXEC(c, "rollback; drop table described", "00000");
}

static void test_parameter_types(PGconn *c)
{
    const Oid   types[] = {23, 0, 1700};
    const char *params[] = {"41", "one", "1.50"};
    PGresult   *r = RESULT(
          c, PQexecParams(c, "select $1 + 1, $2 || '!', $3 * 2, $1", 3, types, params, NULL, NULL, 0),
          "00000");
    CHECK_STR("42", PQgetvalue(r, 0, 0));
    CHECK_STR("one!", PQgetvalue(r, 0, 1));
    CHECK_STR("3.00", PQgetvalue(r, 0, 2));
    CHECK_INT(23, PQftype(r, 3));
    PQclear(r);
    const char *bad[] = {"x"};
    PQclear(RESULT(c, PQexecParams(c, "select $1::int", 1, NULL, bad, NULL, NULL, 0), "22P02"));
    PQclear(
        RESULT(c, PQexecParams(c, "select 1; select 2", 0, NULL, NULL, NULL, NULL, 0), "42601"));
    PQclear(RESULT(c, PQexecParams(c, "select $1::int + $2::int", 1, NULL, params, NULL, NULL, 0),
                   "08P01"));
}

/* A table altered between two runs: the statement keeps what it promised, or says that it cannot.
 */
static void test_plans_follow_ddl(PGconn *c)
{
    EXEC(c, "create table moving (a int); insert into moving values (1)", "00000");
    PQclear(RESULT(c, PQprepare(c, "star", "select * from moving", 0, NULL), "00000"));
    PQclear(RESULT(c, PQprepare(c, "named", "select a from moving", 0, NULL), "00000"));
    EXEC(c, "alter table moving add column b text default 'new'", "00000");
    PQclear(RESULT(c, PQexecPrepared(c, "star", 0, NULL, NULL, NULL, 0), "0A000"));
    PGresult *r = RESULT(c, PQexecPrepared(c, "named", 0, NULL, NULL, NULL, 0), "00000");
    CHECK_INT(1, PQntuples(r));
    PQclear(r);
    EXEC(c, "drop table moving", "00000");
    PQclear(RESULT(c, PQexecPrepared(c, "named", 0, NULL, NULL, NULL, 0), "42P01"));
    EXEC(c, "deallocate all", "00000");
}

/* ---- transactions ---- */

static void test_transactions(PGconn *c)
{
    EXEC(c, "create table accounts (id int primary key, balance int check (balance >= 0))",
         "00000");
    CHECK_INT(PQTRANS_IDLE, PQtransactionStatus(c));
    EXEC(c, "begin isolation level serializable", "00000");
    CHECK_INT(PQTRANS_INTRANS, PQtransactionStatus(c));
    CHECK_VALUE("serializable", c, "show transaction_isolation");
    EXEC(c, "insert into accounts values (1, 100), (2, 0)", "00000");
    EXEC(c, "commit", "00000");

    EXEC(c, "begin", "00000");
    EXEC(c, "update accounts set balance = balance - 10 where id = 1", "00000");
    EXEC(c, "savepoint s", "00000");
    EXEC(c, "update accounts set balance = balance - 1000 where id = 1", "23514");
    CHECK_INT(PQTRANS_INERROR, PQtransactionStatus(c));
    EXEC(c, "select 1", "25P02");
    EXEC(c, "rollback to savepoint s", "00000");
    CHECK_INT(PQTRANS_INTRANS, PQtransactionStatus(c));
    EXEC(c, "release savepoint s", "00000");
    EXEC(c, "release savepoint s", "3B001");
    PGresult *r = RESULT(c, PQexec(c, "commit"), "00000");
    CHECK_STR("ROLLBACK", PQcmdStatus(r)); /* the COMMIT of a failed transaction is its rollback */
    PQclear(r);
    CHECK_VALUE("100", c, "select balance from accounts where id = 1");

    EXEC(c, "begin; insert into accounts values (3, 3); rollback", "00000");
    CHECK_VALUE("2", c, "select count(*) from accounts");
    EXEC(c, "insert into accounts values (4, 4); insert into accounts values (1, 1)", "23505");
    CHECK_VALUE("2", c, "select count(*) from accounts");
    EXEC(c, "begin read only; insert into accounts values (5, 5)", "25006");
    EXEC(c, "rollback", "00000");
    EXEC(c, "set session characteristics as transaction isolation level repeatable read", "00000");
    CHECK_VALUE("repeatable read", c, "show transaction_isolation");
    EXEC(c, "reset all; drop table accounts", "00000");
}

/* Two serializable transactions each read what the other writes: one of them has to fail with
 * 40001. */
static void test_serializable(PGconn *c)
{
    PGconn *d = PQconnectdb("");
    EXEC(c,
         "create table doctors (id int primary key, on_call bool); insert into doctors values (1, "
         "true), (2, true)",
         "00000");
    PGconn     *conns[] = {c, d};
    const char *updates[] = {"update doctors set on_call = false where id = 1",
                             "update doctors set on_call = false where id = 2"};
    bool        failed = false;
    EXEC(c, "set default_transaction_isolation = 'serializable'; set lock_timeout = '3s'", "00000");
    EXEC(d, "set default_transaction_isolation = 'serializable'; set lock_timeout = '3s'", "00000");
    const char *steps[][2] = {{"begin", "begin"},
                              {"select count(*) from doctors where on_call",
                               "select count(*) from doctors where on_call"},
                              {updates[0], updates[1]},
                              {"commit", "commit"}};
    for (int step = 0; step < 4; step++)
        for (int i = 0; i < 2; i++) {
            PGresult *r = PQexec(conns[i], steps[step][i]);
            if (strcmp(sqlstate_of(r), "00000") != 0 && strcmp(sqlstate_of(r), "25P02") != 0) {
                failed = true;
                RESULT(conns[i], r, "40001");
            }
            PQclear(r);
        }
    CHECK_INT(true, failed);
    CHECK_VALUE("1", c, "select count(*) from doctors where on_call");
    PQfinish(d);
    EXEC(c, "drop table doctors; reset all", "00000");
}

/* ---- errors and notices ---- */

static void check_field(PGresult *r, int field, const char *expected)
{
    const char *got = PQresultErrorField(r, field);
    if (got != NULL && strcmp(got, expected) == 0)
        return;
    printf("field %c of \"%s\": expected %s, got %s\n", field,
           PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), expected, got == NULL ? "(none)" : got);
    failures++;
}

static void test_errors(PGconn *c)
{
    EXEC(c,
         "create table parent (id int primary key);"
         "create table child (id int not null, p int references parent, v varchar(3), constraint "
         "positive check (id > 0),"
         " constraint only_once unique (id))",
         "00000");
    PGresult *r = RESULT(c, PQexec(c, "insert into child values (1, 7)"), "23503");
    check_field(r, PG_DIAG_SCHEMA_NAME, "public");
    check_field(r, PG_DIAG_TABLE_NAME, "child");
    check_field(r, PG_DIAG_CONSTRAINT_NAME, "child_p_fkey");
    check_field(r, PG_DIAG_SEVERITY_NONLOCALIZED, "ERROR");
    check_field(r, PG_DIAG_MESSAGE_DETAIL, "Key (p)=(7) is not present in table \"parent\".");
    PQclear(r);
    r = RESULT(c, PQexec(c, "insert into child values (null)"), "23502");
    check_field(r, PG_DIAG_COLUMN_NAME, "id");
    check_field(r, PG_DIAG_TABLE_NAME, "child");
    PQclear(r);
    r = RESULT(c, PQexec(c, "insert into child values (-1)"), "23514");
    check_field(r, PG_DIAG_CONSTRAINT_NAME, "positive");
    PQclear(r);
    r = RESULT(c, PQexec(c, "insert into child values (1), (1)"), "23505");
    check_field(r, PG_DIAG_CONSTRAINT_NAME, "only_once");
    check_field(r, PG_DIAG_MESSAGE_DETAIL, "Key (id)=(1) already exists.");
    PQclear(r);
    r = RESULT(c, PQexec(c, "select nope from child"), "42703");
    check_field(r, PG_DIAG_STATEMENT_POSITION, "8");
    PQclear(r);
    r = RESULT(c, PQexec(c, "selec 1"), "42601");
    check_field(r, PG_DIAG_STATEMENT_POSITION, "1");
    PQclear(r);
    EXEC(c, "insert into child values (2, null, 'long')", "22001");
    EXEC(c, "select 1 / 0", "22012");
    EXEC(c, "select 32768::int2", "22003");
    EXEC(c, "select * from nowhere", "42P01");
    EXEC(c, "select no_such_function(1)", "42883");
    EXEC(c, "create table child (id int)", "42P07");
    EXEC(c, "drop table parent", "2BP01");
    EXEC(c, "drop table child, parent", "00000");
    EXEC(c, "", "00000");
}

static void keep_notice(void *to, const PGresult *r)
{
    snprintf(to, 200, "%s %s %s", PQresultErrorField(r, PG_DIAG_SEVERITY),
             PQresultErrorField(r, PG_DIAG_SQLSTATE),
             PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
}

static void test_notices(PGconn *c)
{
    char             notice[200] = "";
    PQnoticeReceiver before = PQsetNoticeReceiver(c, keep_notice, notice);
    EXEC(c, "drop table if exists nowhere", "00000");
    CHECK_STR("NOTICE 00000 table \"nowhere\" does not exist, skipping", notice);
    EXEC(c, "commit", "00000");
    CHECK_STR("WARNING 25P01 there is no transaction in progress", notice);
    PQsetNoticeReceiver(c, before, NULL);
}

static void test_parameter_status(PGconn *c)
{
    CHECK_STR("UTF8", PQparameterStatus(c, "server_encoding"));
    CHECK_STR("on", PQparameterStatus(c, "integer_datetimes"));
    CHECK_STR("on", PQparameterStatus(c, "standard_conforming_strings"));
    CHECK_INT(15, PQserverVersion(c) / 10000);
    EXEC(c, "set timezone = 'Europe/Berlin'; set application_name = 'me'", "00000");
    CHECK_STR("Europe/Berlin", PQparameterStatus(c, "TimeZone"));
    CHECK_STR("me", PQparameterStatus(c, "application_name"));
    EXEC(c, "begin; set datestyle = 'German'", "00000");
    CHECK_STR("German, DMY", PQparameterStatus(c, "DateStyle"));
    EXEC(c, "rollback; set timezone = 'UTC'", "00000");
    CHECK_STR("ISO, MDY", PQparameterStatus(c, "DateStyle"));
}

/* ---- COPY ---- */

/* COPY `sql` FROM STDIN of n pieces; a piece is no line: the server puts them together. */
static void copy_in(PGconn *c, const char *sql, const char *data, int size, const char *state)
{
    PGresult *r = PQexec(c, sql);
    CHECK_INT(PGRES_COPY_IN, PQresultStatus(r));
    PQclear(r);
    for (int at = 0; at < size; at += 7)
        CHECK_INT(1, PQputCopyData(c, data + at, size - at < 7 ? size - at : 7));
    CHECK_INT(1, PQputCopyEnd(c, NULL));
    while ((r = PQgetResult(c)) != NULL)
        PQclear(RESULT(c, r, state));
}

/* All bytes of COPY TO STDOUT, in memory of the caller. */
static char *copy_out(PGconn *c, const char *sql, int *size)
{
    PGresult *r = PQexec(c, sql);
    char     *all = calloc(1, 1), *piece;
    int       n;

    CHECK_INT(PGRES_COPY_OUT, PQresultStatus(r));
    PQclear(r);
    *size = 0;
    while ((n = PQgetCopyData(c, &piece, 0)) > 0) {
        all = realloc(all, *size + n + 1);
        memcpy(all + *size, piece, n);
        all[ *size += n] = 0;
        PQfreemem(piece);
    }
    while ((r = PQgetResult(c)) != NULL)
        PQclear(RESULT(c, r, "00000"));
    return all;
}

static void test_copy(PGconn *c)
{
    static const char text[] =
        "1\tone\\ttab\t2024-01-01\n2\t\\N\t\\N\n3\tna\xc3\xafve\\\\\tinfinity\n";
    static const char csv[] = "id,name,d\n4,\"a \"\"quoted\"\", one\",2000-01-01\n5,,\n";
    int               size;
    char             *out;

    EXEC(c, "create table copied (id int primary key, name text, d date)", "00000");
    copy_in(c, "copy copied from stdin", text, sizeof text - 1, "00000");
    out = copy_out(c, "copy copied to stdout", &size);
    CHECK_STR(text, out);
    free(out);
    copy_in(c, "copy copied from stdin with (format csv, header)", csv, sizeof csv - 1, "00000");
    out = copy_out(
        c, "copy (select * from copied where id > 3 order by id) to stdout (format csv, header)",
        &size);
    CHECK_STR(csv, out);
    free(out);

    out = copy_out(c, "copy copied to stdout with (format binary)", &size);
    EXEC(c, "create table copied_too (like copied)", "00000");
    copy_in(c, "copy copied_too from stdin with (format binary)", out, size, "00000");
    CHECK_VALUE("0", c,
                "select count(*) from (select * from copied except select * from copied_too) x");
    CHECK_VALUE("5", c, "select count(*) from copied_too");
    copy_in(c, "copy copied_too from stdin with (format binary)", out, size - 5, "22P04");
    free(out);

    copy_in(c, "copy copied from stdin", "6\tsix\n", 6, "22P04"); /* a column is missing */
    copy_in(c, "copy copied from stdin", "6\ta\t\\N\n1\ta\t\\N\n", 14, "23505");
    copy_in(c, "copy copied from stdin", "x\ta\t\\N\n", 7, "22P02");
    CHECK_VALUE("5", c, "select count(*) from copied");
    PQclear(PQexec(c, "copy copied from stdin"));
    CHECK_INT(1, PQputCopyEnd(c, "changed my mind"));
    PQclear(RESULT(c, PQgetResult(c), "57014"));
    CHECK_INT(1, PQgetResult(c) == NULL);
    EXEC(c, "drop table copied, copied_too", "00000");
}

/* ---- cancelling, pipelines, rows one by one, large values ---- */

static void test_cancel(PGconn *c)
{
    char      why[256];
    PGcancel *cancel = PQgetCancel(c);
    CHECK_INT(1, PQsendQuery(c, "select pg_sleep(600)"));
    /* A request that overtakes the statement hits nothing: ask again until the statement has ended.
     */
    struct pollfd p = {.fd = PQsocket(c), .events = POLLIN};
    do
        CHECK_INT(1, PQcancel(cancel, why, sizeof why));
    while (poll(&p, 1, 50) == 0);
    PGresult *r = RESULT(c, PQgetResult(c), "57014");
    PQclear(r);
    CHECK_INT(1, PQgetResult(c) == NULL);
    PQfreeCancel(cancel);
    CHECK_VALUE("1", c, "select 1");
    EXEC(c, "set statement_timeout = 50; select pg_sleep(600)", "57014");
    EXEC(c, "reset statement_timeout", "00000");
}

static void pipeline_insert(PGconn *c, const char *id)
{
    CHECK_INT(1,
              PQsendQueryParams(c, "insert into piped values ($1)", 1, NULL, &id, NULL, NULL, 0));
}

/* The next statement's result in a pipeline, which the NULL behind it ends. */
static void pipeline_expect(int line, PGconn *c, ExecStatusType status, const char *state)
{
    PGresult *r = PQgetResult(c);
    check_int(line, status, PQresultStatus(r));
    if (status == PGRES_FATAL_ERROR)
        check_result(line, c, r, state);
    PQclear(r);
    if (status != PGRES_PIPELINE_SYNC)
        check_int(line, 1, PQgetResult(c) == NULL);
}

static void test_pipeline(PGconn *c)
{
    EXEC(c, "create table piped (id int primary key)", "00000");
    CHECK_INT(1, PQenterPipelineMode(c));
    pipeline_insert(c, "1");
    pipeline_insert(c, "2");
    CHECK_INT(1, PQpipelineSync(c));
    pipeline_insert(c, "3");
    pipeline_insert(
        c, "1"); /* fails, and takes the 3 with it; what follows up to the Sync is skipped */
    pipeline_insert(c, "4");
    CHECK_INT(1, PQpipelineSync(c));
    CHECK_INT(1, PQsendPrepare(c, "p", "select count(*) from piped where id < $1", 0, NULL));
    CHECK_INT(1, PQsendDescribePrepared(c, "p"));
    const char *ten = "10";
    CHECK_INT(1, PQsendQueryPrepared(c, "p", 1, &ten, NULL, NULL, 0));
    CHECK_INT(1, PQpipelineSync(c));

    pipeline_expect(__LINE__, c, PGRES_COMMAND_OK, "00000");
    pipeline_expect(__LINE__, c, PGRES_COMMAND_OK, "00000");
    pipeline_expect(__LINE__, c, PGRES_PIPELINE_SYNC, "00000");
    pipeline_expect(__LINE__, c, PGRES_COMMAND_OK, "00000");
    pipeline_expect(__LINE__, c, PGRES_FATAL_ERROR, "23505");
    pipeline_expect(__LINE__, c, PGRES_PIPELINE_ABORTED, "00000");
    pipeline_expect(__LINE__, c, PGRES_PIPELINE_SYNC, "00000");
    pipeline_expect(__LINE__, c, PGRES_COMMAND_OK, "00000");
    pipeline_expect(__LINE__, c, PGRES_COMMAND_OK, "00000");
    PGresult *r = PQgetResult(c);
    CHECK_STR("2", PQgetvalue(r, 0, 0));
    PQclear(r);
    CHECK_INT(1, PQgetResult(c) == NULL);
    pipeline_expect(__LINE__, c, PGRES_PIPELINE_SYNC, "00000");
    CHECK_INT(1, PQexitPipelineMode(c));
    EXEC(c, "deallocate all; drop table piped", "00000");
}

static void test_single_rows(PGconn *c)
{
    long      sum = 0, rows = 0;
    PGresult *r;
    CHECK_INT(1, PQsendQuery(c, "select i from generate_series(1, 10000) i"));
    CHECK_INT(1, PQsetSingleRowMode(c));
    while ((r = PQgetResult(c)) != NULL) {
        if (PQresultStatus(r) == PGRES_SINGLE_TUPLE) {
            rows++;
            sum += atol(PQgetvalue(r, 0, 0));
        } else
            CHECK_INT(PGRES_TUPLES_OK, PQresultStatus(r));
        PQclear(r);
    }
    CHECK_INT(10000, rows);
    CHECK_INT(50005000, sum);
    CHECK_INT(1, PQsendQuery(c, "select i, 100 / (500 - i) from generate_series(1, 10000) i"));
    CHECK_INT(1, PQsetSingleRowMode(c));
    rows = 0;
    while ((r = PQgetResult(c)) != NULL) {
        if (PQresultStatus(r) == PGRES_SINGLE_TUPLE)
            rows++;
        else
            RESULT(c, r, "22012");
        PQclear(r);
    }
}

static void test_cursors(PGconn *c)
{
    EXEC(c, "begin; declare n binary cursor for select i from generate_series(1, 10) i", "00000");
    PGresult *r = RESULT(c, PQexec(c, "fetch 3 from n"), "00000");
    CHECK_INT(3, PQntuples(r));
    CHECK_STR("FETCH 3", PQcmdStatus(r));
    CHECK_INT(1, PQfformat(r, 0));
    CHECK_INT(3, PQgetvalue(r, 2, 0)[3]);
    PQclear(r);
    r = RESULT(c, PQexec(c, "move 5 in n"), "00000");
    CHECK_STR("MOVE 5", PQcmdStatus(r));
    PQclear(r);
    r = RESULT(c, PQexec(c, "fetch all from n"), "00000");
    CHECK_INT(2, PQntuples(r));
    PQclear(r);
    EXEC(c, "close n", "00000");
    EXEC(c, "fetch n", "34000");
    EXEC(c, "rollback", "00000");
}

/* A megabyte of every byte: as bytea in binary, as text, and back. */
static void test_large_values(PGconn *c)
{
    enum { SIZE = 1 << 20 };
    char *big = malloc(SIZE + 1);
    for (int i = 0; i < SIZE; i++)
        big[i] = (char)(i * 7 ^ i >> 8);
    const char *param = big;
    int         size = SIZE, binary = 1;
    EXEC(c, "create table large (b bytea, t text)", "00000");
    PQclear(RESULT(
        c, PQexecParams(c, "insert into large values ($1)", 1, NULL, &param, &size, &binary, 0),
        "00000"));
    PGresult *r =
        RESULT(c, PQexecParams(c, "select b from large", 0, NULL, NULL, NULL, NULL, 1), "00000");
    CHECK_INT(SIZE, PQgetlength(r, 0, 0));
    CHECK_INT(0, PQgetlength(r, 0, 0) == SIZE ? memcmp(big, PQgetvalue(r, 0, 0), SIZE) : 1);
    PQclear(r);
    r = RESULT(c, PQexec(c, "select b from large"), "00000");
    size_t         n;
    unsigned char *bytes = PQunescapeBytea((unsigned char *)PQgetvalue(r, 0, 0), &n);
    CHECK_INT(SIZE, (long)n);
    CHECK_INT(0, n == SIZE ? memcmp(big, bytes, SIZE) : 1);
    PQfreemem(bytes);
    PQclear(r);
    for (int i = 0; i < SIZE; i++)
        big[i] = (char)('a' + i % 26);
    big[SIZE] = 0;
    PQclear(RESULT(c, PQexecParams(c, "update large set t = $1", 1, NULL, &param, NULL, NULL, 0),
                   "00000"));
    r = RESULT(c, PQexec(c, "select t, length(t), octet_length(b) from large"), "00000");
    CHECK_INT(0, strcmp(big, PQgetvalue(r, 0, 0)));
    CHECK_STR("1048576", PQgetvalue(r, 0, 1));
    CHECK_STR("1048576", PQgetvalue(r, 0, 2));
    PQclear(r);
    free(big);
    EXEC(c, "drop table large", "00000");
}

static void test_escaping(PGconn *c)
{
    char *literal = PQescapeLiteral(c, "it's \\ here", 11),
         *name = PQescapeIdentifier(c, "A \"b\"", 5), sql[200];
    snprintf(sql, sizeof sql, "select %s as %s", literal, name);
    PGresult *r = RESULT(c, PQexec(c, sql), "00000");
    CHECK_STR("it's \\ here", PQgetvalue(r, 0, 0));
    CHECK_STR("A \"b\"", PQfname(r, 0));
    PQclear(r);
    PQfreemem(literal);
    PQfreemem(name);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(PGconn *);
    } tests[] = {
        {"types", test_types},
        {"malformed binary", test_malformed_binary},
        {"describe", test_describe},
        {"parameter types", test_parameter_types},
        {"plans follow DDL", test_plans_follow_ddl},
        {"transactions", test_transactions},
        {"serializable", test_serializable},
        {"errors", test_errors},
        {"notices", test_notices},
        {"parameter status", test_parameter_status},
        {"COPY", test_copy},
        {"cancel", test_cancel},
        {"pipeline", test_pipeline},
        {"single rows", test_single_rows},
        {"cursors", test_cursors},
        {"large values", test_large_values},
        {"escaping", test_escaping},
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        PGconn *c = PQconnectdb("options='-c timezone=UTC -c client_min_messages=warning'");
        int     before = failures;
        if (PQstatus(c) != CONNECTION_OK) {
            fprintf(stderr, "%s", PQerrorMessage(c));
            return 1;
        }
        PQclear(PQexec(c, strcmp(tests[i].name, "notices") ? "select 1"
                                                           : "set client_min_messages = notice"));
        tests[i].run(c);
        PQfinish(c);
        if (failures > before)
            printf("FAILED: %s\n", tests[i].name);
    }
    return failures > 0;
}
