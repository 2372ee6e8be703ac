/* linera-node: the server. Flags, output and exit codes: programs.md; man/linera-node.1. */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/format.h"
#include "base/log.h"
#include "client/cli.h"
#include "client/store_key.h"
#include "env/env.h"
#include "env/file.h"
#include "node/node.h"

#define PROGRAM "linera-node"

enum { STOP_GRACE_US = 10 * 1000 * 1000 };

static const char *const not_yet[] = {"rpc", "join", "expect", "advertise", "locality", "certs"};

struct arguments {
    const char *store, *sql, *http, *user, *log_level, *log_format, *pid_file;
    const char *store_key, *old_store_key;
    const char *unsupported[6]; /* flags of clusters, in the order of not_yet[] */
    uint64_t    sql_memory, cache, stores, ready_fd, connections;
    uint64_t    max_offset_us;
    bool        insecure;
};

struct server {
    struct arguments args;
    struct node     *node;
    struct env      *env;
    uint8_t          store_key[STORE_KEY_BYTES], old_store_key[STORE_KEY_BYTES];
    bool             stopping;
    int              exit;
};

static bool split_address(const char *text, struct node_address *out, char *host, size_t host_size)
{
    const char *colon = strrchr(text, ':');
    char       *end;
    long        port;
    size_t      n;

    if (colon == NULL || colon == text)
        return false;
    port = strtol(colon + 1, &end, 10);
    n = (size_t)(colon - text);
    if (*end != '\0' || end == colon + 1 || port < 0 || port > 65535 || n >= host_size)
        return false;
    if (text[0] == '[' && text[n - 1] == ']') { /* [::1]:5432 */
        text++;
        n -= 2;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    *out = (struct node_address){host, (uint16_t)port};
    return true;
}

/* Without certificates whoever reaches the port is let in: so only this machine may reach it. */
static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static const char *system_user(void)
{
    const struct passwd *pw = getpwuid(geteuid());

    return pw != NULL ? pw->pw_name : "root";
}

/* systemd's protocol: one datagram to the socket that NOTIFY_SOCKET names. */
static void notify_service_manager(const char *message)
{
    const char        *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd;

    if (path == NULL || strlen(path) >= sizeof address.sun_path ||
        (fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    (void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

static char *ready_line(const struct server *s, const char *sql_host, const char *http_host)
{
    cJSON *o = cJSON_CreateObject();
    char   text[300], *line;

    cJSON_AddStringToObject(o, "event", "ready");
    cJSON_AddNumberToObject(o, "node", 1);
    snprintf(text, sizeof text, "%s:%u", sql_host, node_sql_port(s->node));
    cJSON_AddStringToObject(o, "sql", text);
    snprintf(text, sizeof text, "%s:%u", http_host, node_http_port(s->node));
    cJSON_AddStringToObject(o, "http", text);
    cJSON_AddStringToObject(o, "store", s->args.store);
    cJSON_AddNumberToObject(o, "pid", getpid());
    line = cJSON_PrintUnformatted(o);
    cJSON_Delete(o);
    return line;
}

static status write_addresses(const struct server *s, const char *line)
{
    char path[4096];

    if (strcmp(s->args.store, "mem:") == 0)
        return STATUS_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/addresses.json", s->args.store) >= sizeof path)
        return status_new(ST_LIMIT_EXCEEDED, "the path of the store is too long");
    return env_file_replace(s->env, path, slice_cstr(line));
}

static status write_pid_file(const struct server *s)
{
    char text[32];

    if (s->args.pid_file == NULL)
        return STATUS_OK;
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    return env_file_replace(s->env, s->args.pid_file, slice_cstr(text));
}

static status announce(struct server *s, const char *sql_host, const char *http_host)
{
    char  *line = ready_line(s, sql_host, http_host);
    status st = write_addresses(s, line);

    if (st_ok(st))
        st = write_pid_file(s);
    if (st_ok(st)) {
        printf("%s\n", line);
        fflush(stdout);
        if (s->args.ready_fd != UINT64_MAX) {
            (void)!write((int)s->args.ready_fd, "\n", 1);
            close((int)s->args.ready_fd);
        }
        notify_service_manager("READY=1");
    }
    free(line);
    return st;
}

static void on_stop(struct env *env, void *arg)
{
    struct server *s = arg;

    if (s->stopping) /* a second signal: at once */
        _exit(CLI_FAILED);
    s->stopping = true;
    notify_service_manager("STOPPING=1");
    node_stop(s->node, STOP_GRACE_US);
    s->node = NULL;
    if (s->args.pid_file != NULL)
        st_clear(env_unlink(env, s->args.pid_file));
    env_stop(env);
}

/* Into *o what was given; the keys lie in the server. */
static status read_keys(struct server *s, struct engine_options *o)
{
    if (s->args.store_key == NULL) {
        if (s->args.old_store_key == NULL)
            return STATUS_OK;
        return status_hint(
            status_new(ST_CONFIG_ERROR, "--old-store-key is to be replaced by nothing"),
            "Give the new key with --store-key; a store cannot be made plain again.");
    }
    TRY_RETURN(store_key_read(s->args.store_key, s->store_key));
    o->store_key = s->store_key;
    if (s->args.old_store_key == NULL)
        return STATUS_OK;
    TRY_RETURN(store_key_read(s->args.old_store_key, s->old_store_key));
    o->old_store_key = s->old_store_key;
    return STATUS_OK;
}

static status start(struct server *s)
{
    char                sql_host[256], http_host[256];
    const char         *temp_dir = getenv("TMPDIR");
    struct node_options o = {.store = s->args.store,
                             .user = s->args.user,
                             .temp_dir = temp_dir != NULL && temp_dir[0] == '/' ? temp_dir : NULL,
                             .engine = {.cache_size = s->args.cache},
                             .sql_memory = s->args.sql_memory,
                             .max_clock_offset_us = s->args.max_offset_us,
                             .connections_max = s->args.connections};

    TRY_RETURN(read_keys(s, &o.engine));
    if (!split_address(s->args.sql, &o.sql, sql_host, sizeof sql_host))
        return status_new(ST_CONFIG_ERROR, "--sql takes HOST:PORT, not \"%s\"", s->args.sql);
    if (!split_address(s->args.http, &o.http, http_host, sizeof http_host))
        return status_new(ST_CONFIG_ERROR, "--http takes HOST:PORT, not \"%s\"", s->args.http);
    if (!is_loopback(sql_host) || !is_loopback(http_host))
        return status_hint(
            status_new(ST_FEATURE_NOT_SUPPORTED,
                       "cannot listen on %s without certificates, and TLS is not supported yet",
                       is_loopback(sql_host) ? http_host : sql_host),
            "use an address of this machine, such as 127.0.0.1");
    TRY_RETURN(env_on_signal(s->env, SIGTERM, on_stop, s));
    TRY_RETURN(env_on_signal(s->env, SIGINT, on_stop, s));
    TRY_RETURN(node_start(s->env, &o, &s->node));
    memset(s->store_key, 0, sizeof s->store_key); /* the store has what it needs of them */
    memset(s->old_store_key, 0, sizeof s->old_store_key);
    return announce(s, sql_host, http_host);
}

static void main_fiber(struct env *env, void *arg)
{
    struct server *s = arg;
    status         st = start(s);

    if (st_ok(st))
        return;
    s->exit = status_code(st) == ST_CONFIG_ERROR ? CLI_USAGE : CLI_FAILED;
    cli_fail(PROGRAM, st);
    node_stop(s->node, 0);
    env_stop(env);
}

static uint64_t log_time(void *ctx)
{
    return env_wall_us(ctx);
}

static void log_line(void *ctx, enum log_level level, slice line)
{
    (void)ctx, (void)level;
    (void)!write(STDERR_FILENO, line.data, line.size);
}

static int serve(struct server *s)
{
    struct log_options log_options = {.sink = log_line, .clock = log_time};
    struct log        *log;
    status             st = env_new(NULL, &s->env);

    if (!st_ok(st))
        return cli_fail(PROGRAM, st);
    log_options.clock_ctx = s->env;
    log_options.format = strcmp(s->args.log_format, "json") == 0 ? LOG_JSON : LOG_TEXT;
    log_level_parse(slice_cstr(s->args.log_level), &log_options.level);
    log = log_new(env_heap(s->env), &log_options);
    env_set_log(s->env, log);
    st = env_spawn(s->env, "main", main_fiber, s, NULL);
    if (st_ok(st))
        env_run(s->env);
    else
        s->exit = cli_fail(PROGRAM, st);
    log_free(log);
    env_free(s->env);
    return cli_finish(PROGRAM, s->exit);
}

int main(int argc, char **argv)
{
    struct server           s = {.args = {.store = NULL,
                                          .sql = "127.0.0.1:5432",
                                          .http = "127.0.0.1:8432",
                                          .user = NULL,
                                          .log_level = "info",
                                          .log_format = "text",
                                          .ready_fd = UINT64_MAX,
                                          .connections = 20000}};
    struct arguments       *a = &s.args;
    const struct cli_option options[] = {
        {"store", 's', CLI_TEXT, "DIR", "data directory; mem: keeps everything in memory", NULL,
         &a->store},
        {"sql", 0, CLI_TEXT, "HOST:PORT", "PostgreSQL protocol (default 127.0.0.1:5432)", NULL,
         &a->sql},
        {"http", 0, CLI_TEXT, "HOST:PORT", "control plane and metrics (default 127.0.0.1:8432)",
         NULL, &a->http},
        {"user", 'U', CLI_TEXT, "NAME", "first superuser of a new store (default: your user name)",
         NULL, &a->user},
        {"sql-memory", 0, CLI_SIZE, "SIZE",
         "memory for running statements (default: a quarter of the machine's)", NULL,
         &a->sql_memory},
        {"connections", 0, CLI_NUMBER, "N", "clients at once (default 20000)", NULL,
         &a->connections},
        {"max-offset", 0, CLI_DURATION, "TIME",
         "largest clock difference between nodes (default 250ms)", NULL, &a->max_offset_us},
        {"insecure", 0, CLI_FLAG, NULL, "serve without certificates, on loopback addresses only",
         NULL, &a->insecure},
        {"log-level", 0, CLI_CHOICE, "LEVEL", "what is logged on stderr", "debug|info|warn|error",
         &a->log_level},
        {"log-format", 0, CLI_CHOICE, "FORMAT", "how it is logged", "json|text", &a->log_format},
        {"pid-file", 0, CLI_TEXT, "FILE", "write the process id there when ready", NULL,
         &a->pid_file},
        {"ready-fd", 0, CLI_NUMBER, "N",
         "write a line to this descriptor when ready, then close it", NULL, &a->ready_fd},
        {"cache", 0, CLI_SIZE, "SIZE",
         "memory for blocks of the store's tables (default: an eighth of the machine's)", NULL,
         &a->cache},
        {"store-key", 0, CLI_TEXT, "FILE",
         "encrypt the store with this key (32 bytes or 64 hex digits); '|COMMAND' prints it", NULL,
         &a->store_key},
        {"old-store-key", 0, CLI_TEXT, "FILE", "the key so far, which --store-key replaces", NULL,
         &a->old_store_key},
        {"stores", 0, CLI_NUMBER, "N", "stores of this node; only 1 is supported", NULL,
         &a->stores},
        {"rpc", 0, CLI_TEXT, "HOST:PORT", "node to node; clusters are not supported yet", NULL,
         &a->unsupported[0]},
        {"join", 0, CLI_TEXT, "HOST:PORT", "join a cluster; not supported yet", NULL,
         &a->unsupported[1]},
        {"expect", 0, CLI_TEXT, "N", "start a cluster of N; not supported yet", NULL,
         &a->unsupported[2]},
        {"advertise", 0, CLI_TEXT, "HOST", "name for peers; not supported yet", NULL,
         &a->unsupported[3]},
        {"locality", 0, CLI_TEXT, "KEY=VALUE", "place of the node; not supported yet", NULL,
         &a->unsupported[4]},
        {"certs", 0, CLI_TEXT, "DIR", "certificates; TLS is not supported yet", NULL,
         &a->unsupported[5]},
        {0},
    };
    const struct cli cli = {PROGRAM, "--store DIR [options]", "The LineraDB server.", options, 0};
    const char     **positional;
    size_t           count;

    cli_start();
    if (!cli_parse(&cli, argc, argv, &positional, &count, &s.exit))
        return s.exit;
    for (size_t i = 0; i < sizeof not_yet / sizeof *not_yet; i++) {
        if (a->unsupported[i] != NULL)
            return cli_fail(PROGRAM,
                            status_hint(status_new(ST_FEATURE_NOT_SUPPORTED,
                                                   "--%s is not supported yet", not_yet[i]),
                                        "this version serves one node; see docs/limits.md"));
    }
    if (a->stores > 1)
        return cli_fail(PROGRAM, status_hint(status_new(ST_FEATURE_NOT_SUPPORTED,
                                                        "--stores above 1 is not supported yet"),
                                             "see docs/limits.md"));
    if (a->store == NULL)
        return cli_usage_error(PROGRAM, "--store is missing: a directory, or mem:");
    if (a->user == NULL)
        a->user = system_user();
    return serve(&s);
}
