/* tests/sql_bind/record_cases.c: write into cases.txt what PostgreSQL 15 answers to each of its
 * statements. Not part of any build; against a server one may spoil:
 *
 *   cc -I/usr/include/postgresql tests/sql_bind/record_cases.c -lpq -o /tmp/record_cases
 *   psql -f tests/sql_bind/schema.sql "$CONNINFO"
 *   /tmp/record_cases "$CONNINFO" < tests/sql_bind/cases.txt > /tmp/cases && mv /tmp/cases
 * tests/sql_bind/cases.txt
 *
 * A line is a statement; the answer, on the lines behind it that begin with ">", is made anew.
 * Lines that begin with "<" are kept: what LineraDB answers where it differs, on purpose. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void field(const PGresult *r, int code, const char *label)
{
    const char *text = PQresultErrorField(r, code);

    if (text != NULL)
        printf("> %s: %s\n", label, text);
}

static void record(PGconn *c, const char *sql)
{
    PGresult *r = PQprepare(c, "", sql, 0, NULL);

    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        const char *at = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);

        printf("> error %s at %s: %s\n", PQresultErrorField(r, PG_DIAG_SQLSTATE),
               at == NULL ? "0" : at, PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
        field(r, PG_DIAG_MESSAGE_DETAIL, "detail");
        field(r, PG_DIAG_MESSAGE_HINT, "hint");
        PQclear(r);
        return;
    }
    PQclear(r);
    r = PQdescribePrepared(c, "");
    printf("> ok");
    for (int i = 0; i < PQnfields(r); i++)
        printf(" %s:%u/%d", PQfname(r, i), PQftype(r, i), PQfmod(r, i));
    for (int i = 0; i < PQnparams(r); i++)
        printf(" $%d:%u", i + 1, PQparamtype(r, i));
    printf("\n");
    PQclear(r);
}

int main(int argc, char **argv)
{
    PGconn *c = PQconnectdb(argc > 1 ? argv[1] : "");
    char    line[8192];

    if (PQstatus(c) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(c));
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '>')
            continue;
        printf("%s\n", line);
        if (line[0] != '\0' && line[0] != '#' && line[0] != '<')
            record(c, line);
    }
    PQfinish(c);
    return 0;
}
