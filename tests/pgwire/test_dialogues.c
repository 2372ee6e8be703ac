/* Dialogues of the protocol: scripts/NAME.txt, and the answers they must give.
 *
 *     == a sentence: a test of its own, with connections of its own
 *     > MESSAGE          what the client sends (wire_client.h); lines in a row leave together
 *     < ANSWER           what the server must answer, to the end
 *     2> and 2< the same on a second connection (to 9); ! cancel, !cancel-wrong, !close
 * [connection]
 *
 * A connection starts up as user and database postgres when its first message is not START or BARE.
 *
 * With LINERA_WIRE_SERVER=HOST:PORT they are held with that server (a PostgreSQL 15 with a user
 * postgres, say); with LINERA_REWRITE=1 the answers are written into the scripts, and the
 * difference is what gets looked at. */
#include "tests/common/test.h"
#include "tests/common/wire_client.h"
#include "tests/common/wire_world.h"

#include "base/arena.h"

enum { CONNECTIONS = 10, QUIET_US = 60 * 1000, REAL_QUIET_US = 120 * 1000 };

struct play {
    const char        *name; /* of the script */
    slice              text;
    const char        *host;
    uint16_t           port;
    uint64_t           quiet_us;
    struct env        *env;
    struct wire_client clients[CONNECTIONS];
    bool               open[CONNECTIONS];
    struct buf         output;  /* the script with the answers as they were */
    struct buf         wanted;  /* answers due from ... */
    struct buf         pending; /* bytes that were composed and not sent */
    struct buf         answer;
    struct buf         scene; /* the current test's sentence */
    int                at;    /* the connection spoken to */
    int                differences;
};

static struct wire_client *client_of(struct play *p, bool start)
{
    static const char startup[] = "START user=postgres database=postgres";
    struct buf b      SCOPED(buf);

    buf_init(&b, NULL);
    if (p->open[p->at])
        return &p->clients[p->at];
    p->open[p->at] = true;
    assert_true(wire_client_open(&p->clients[p->at], p->env, p->host, p->port, p->quiet_us));
    if (start) {
        assert_true(wire_message(&b, startup));
        wire_client_send(&p->clients[p->at], buf_slice(&b));
        buf_reset(&b);
        wire_client_read(&p->clients[p->at], &b);
        p->clients[p->at].raw = false;
    }
    return &p->clients[p->at];
}

static void close_all(struct play *p)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        if (p->open[i])
            wire_client_close(&p->clients[i]);
        p->open[i] = false;
    }
}

/* The answer that was due has been read from the script: compare. */
static void settle(struct play *p)
{
    struct wire_client *c = &p->clients[p->at];
    const char         *at;

    if (p->pending.size > 0) {
        wire_client_send(c, buf_slice(&p->pending));
        buf_reset(&p->pending);
    } else if (p->wanted.size == 0) {
        return;
    }
    buf_reset(&p->answer);
    wire_client_read(c, &p->answer);
    for (at = buf_cstr(&p->answer); *at != '\0'; at = strchr(at, '\n') + 1) {
        if (p->at != 0)
            buf_printf(&p->output, "%d", p->at + 1);
        buf_printf(&p->output, "< %.*s\n", (int)(strchr(at, '\n') - at), at);
    }
    if (!slice_eq(buf_slice(&p->wanted), buf_slice(&p->answer))) {
        p->differences++;
        print_message("%s: %s\nexpected on connection %d:\n%sgot:\n%s\n", p->name,
                      buf_cstr(&p->scene), p->at + 1, buf_cstr(&p->wanted), buf_cstr(&p->answer));
    }
    buf_reset(&p->wanted);
}

static void command(struct play *p, const char *word)
{
    settle(p);
    if (strcmp(word, "cancel") == 0) {
        wire_client_cancel(client_of(p, true), p->host, p->port, 0);
    } else if (strcmp(word, "cancel-wrong") == 0) {
        wire_client_cancel(client_of(p, true), p->host, p->port, 1);
    } else if (strcmp(word, "close") == 0) {
        wire_client_close(client_of(p, true));
        p->open[p->at] = false;
    } else {
        fail_msg("%s: no such command: %s", p->name, word);
    }
}

static void send_line(struct play *p, int connection, const char *line)
{
    bool raw = strncmp(line, "START", 5) == 0 || strncmp(line, "BARE ", 5) == 0;

    if (p->wanted.size > 0 || p->at != connection)
        settle(p);
    p->at = connection;
    client_of(p, !raw);
    if (!wire_message(&p->pending, line))
        fail_msg("%s: no such message: %s", p->name, line);
}

static void run_line(struct play *p, const char *line)
{
    int         connection = line[0] >= '2' && line[0] <= '9' ? line[0] - '1' : 0;
    const char *at = line + (connection > 0);

    if (at[0] == '<') {
        if (p->at != connection)
            settle(p);
        p->at = connection;
        buf_printf(&p->wanted, "%s\n", at + 2);
        return;
    }
    if (at[0] == '>') {
        send_line(p, connection, at + 2);
    } else if (at[0] == '!') {
        settle(p);
        p->at = connection;
        command(p, at + 2);
    } else {
        settle(p);
    }
    if (strncmp(line, "== ", 3) == 0) {
        close_all(p);
        buf_reset(&p->scene);
        buf_append_cstr(&p->scene, line + 3);
    }
    buf_printf(&p->output, "%s\n", line);
}

static void play_fiber(struct env *env, void *arg)
{
    struct play    *p = arg;
    struct buf line SCOPED(buf);

    p->env = env;
    buf_init(&line, NULL);
    for (const char *at = p->text.data, *end = at + p->text.size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        buf_reset(&line);
        buf_append(&line, at, (size_t)(stop - at));
        run_line(p, buf_cstr(&line));
        at = stop + 1;
    }
    settle(p);
    close_all(p);
}

/* ---- scripts
 * ------------------------------------------------------------------------------------------------------
 */

static void read_script(const char *path, struct buf *out)
{
    FILE  *f = fopen(path, "r");
    size_t n;

    assert_non_null(f);
    do {
        n = fread(buf_reserve(out, 4096), 1, 4096, f);
        buf_advance(out, n);
    } while (n > 0);
    fclose(f);
}

static void run_real(struct env *env, void *arg)
{
    play_fiber(env, arg);
    env_stop(env);
}

static void play_against(struct play *p, const char *server)
{
    char        host[100];
    const char *colon = strrchr(server, ':');
    struct env *env;

    assert_non_null(colon);
    snprintf(host, sizeof host, "%.*s", (int)(colon - server), server);
    p->host = host;
    p->port = (uint16_t)atoi(colon + 1);
    p->quiet_us = REAL_QUIET_US;
    assert_st_ok(env_new(NULL, &env));
    assert_st_ok(env_spawn(env, "dialogue", run_real, p, NULL));
    env_run(env);
    env_free(env);
}

static void play_in_world(struct play *p)
{
    struct wire_options o = {.seed = 1};
    struct wire_world  *w = wire_world_new(&o);

    p->host = WIRE_HOST;
    p->port = WIRE_PORT;
    p->quiet_us = QUIET_US;
    assert_true(wire_world_run(w, play_fiber, p, 3600 * (uint64_t)1000000));
    assert_true(wire_world_settle(w, 60 * (uint64_t)1000000));
    wire_world_check(w);
    wire_world_free(w);
}

static void play_script(const char *name)
{
    struct play     p = {.name = name};
    struct buf text SCOPED(buf);
    const char     *server = getenv("LINERA_WIRE_SERVER");
    char            path[200];

    buf_init(&text, NULL);
    buf_init(&p.output, NULL);
    buf_init(&p.wanted, NULL);
    buf_init(&p.pending, NULL);
    buf_init(&p.answer, NULL);
    buf_init(&p.scene, NULL);
    snprintf(path, sizeof path, "tests/pgwire/scripts/%s.txt", name);
    read_script(path, &text);
    p.text = buf_slice(&text);
    if (server != NULL)
        play_against(&p, server);
    else
        play_in_world(&p);
    if (getenv("LINERA_REWRITE") != NULL) {
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        fwrite(p.output.data, 1, p.output.size, f);
        fclose(f);
    }
    buf_deinit(&p.output);
    buf_deinit(&p.wanted);
    buf_deinit(&p.pending);
    buf_deinit(&p.answer);
    buf_deinit(&p.scene);
    if (getenv("LINERA_REWRITE") == NULL)
        assert_int_equal(p.differences, 0);
}

#define SCRIPTS(X)                                                                                 \
    X(startup, "start-up packets are answered as PostgreSQL does")                                 \
    X(simple, "simple queries are one transaction each, to the first error")                       \
    X(extended, "extended messages are skipped from an error to Sync")                             \
    X(portals, "portals live as long as their transaction, and stop at their row limit")           \
    X(values, "parameters and results have the formats they were asked in")                        \
    X(copy, "COPY keeps the messages in step, whatever fails")                                     \
    X(settings, "changes of reported settings are told, rollbacks too")                            \
    X(broken, "a malformed message costs its statement or its connection, nothing else")

#define X(script, sentence)                                                                        \
    static void play_##script(void **state)                                                        \
    {                                                                                              \
        (void)state;                                                                               \
        play_script(#script);                                                                      \
    }
SCRIPTS(X)
#undef X

int main(void)
{
    const struct CMUnitTest tests[] = {
#define X(script, sentence) T(sentence, play_##script),
        SCRIPTS(X)
#undef X
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
