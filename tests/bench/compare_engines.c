/* LineraDB's storage engine against RocksDB and LMDB: the same loops on each (target_*.c), in turn
 * in one run, each engine in a process of its own so that memory and I/O are its own.
 *
 * Keys have 16 bytes, values 100, half of which compress. "Written" is what the process handed to
 * write calls (wchar of /proc/self/io) until the engine's own work had come to rest, over the bytes
 * of keys and values; "space" is the directory's blocks over the same. The reads are of
 * neighbouring keys that take half the cache, read once before. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/compiler.h"
#include "base/prng.h"
#include "client/cli.h"
#include "client/distribution.h"
#include "client/histogram.h"
#include "tests/bench/compare_engines.h"

#define PROGRAM "compare_engines"

enum {
    KEY_SIZE = 16,
    VALUE_SIZE = 100,
    ENTRY_SIZE = KEY_SIZE + VALUE_SIZE,
    POOL_SIZE = 1 << 20,
    SCAN_LENGTH = 50,
    WORKERS_MAX = 32,
    TARGETS_MAX = 3,
    WRITES_PER_BREATH = 64,
    READS_PER_BREATH = 64,
    REST_US = 300000, /* without a write for so long, an engine has come to rest */
    REST_MAX_S = 120,
};

/* ---- what is done ---- */

enum work { WORK_FILL_SEQ, WORK_FILL_RANDOM, WORK_READ, WORK_MISS, WORK_SCAN };

struct step {
    const char *name;
    enum work   work;
    bool        fresh; /* on an empty store */
    unsigned    batch; /* puts in a commit */
    bool        sync;
    unsigned    workers;
};

static const struct step steps[] = {
    {"fillseq", WORK_FILL_SEQ, true, 1, false, 1},
    {"fillseq, batches of 100", WORK_FILL_SEQ, true, 100, false, 1},
    {"fillrandom, batches of 100", WORK_FILL_RANDOM, true, 100, false, 1},
    {"fillrandom", WORK_FILL_RANDOM, true, 1, false, 1},
    {"readrandom, in cache", WORK_READ, false, 1, false, 1},
    {"readmissing", WORK_MISS, false, 1, false, 1},
    {"seekrandom + 50 next", WORK_SCAN, false, 1, false, 1},
    {"overwrite", WORK_FILL_RANDOM, false, 1, false, 1},
    {"overwrite, batches of 100", WORK_FILL_RANDOM, false, 100, false, 1},
    {"fillrandom, sync, 1 at a time", WORK_FILL_RANDOM, true, 1, true, 1},
    {"fillrandom, sync, 32 at a time", WORK_FILL_RANDOM, true, 1, true, 32},
};

struct options {
    uint64_t    rows, cache_size, write_buffer_size;
    uint64_t    duration_us; /* of reads and synced writes */
    const char *dir, *engines;
    const char *only;
};

/* What a step came to; sent from child to parent. */
struct measure {
    uint64_t ops;
    double   seconds, rest_seconds;
    uint64_t p50_ns, p99_ns, p999_ns, max_ns;
    uint64_t written, disk_written; /* bytes: by write calls, and sent to the disk */
    uint64_t dir_size, rss_peak, rss_anonymous;
    uint64_t missed; /* reads that found something, or nothing, against expectation */
};

/* ---- clocks and /proc ---- */

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The number behind `name` in a file of /proc/self; 0 when there is none. */
static uint64_t proc_number(const char *path, const char *name)
{
    FILE    *f = fopen(path, "r");
    char     line[256];
    uint64_t out = 0;

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            out = strtoull(line + strlen(name), NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    return out;
}

static uint64_t bytes_written(void)
{
    return proc_number("/proc/self/io", "wchar:");
}

static void reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");

    if (f == NULL)
        return; /* then peaks are of the whole run */
    fputs("5", f);
    fclose(f);
}

/* Bytes of blocks in use, or with `remove` none afterwards. */
static uint64_t walk(const char *dir, bool remove)
{
    DIR           *d = opendir(dir);
    struct dirent *entry;
    struct stat    info;
    char           path[4096];
    uint64_t       sum = 0;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (lstat(path, &info) != 0)
            continue; /* an engine removes files while this looks */
        if (S_ISDIR(info.st_mode))
            sum += walk(path, remove);
        else
            sum += (uint64_t)info.st_blocks * 512;
        if (remove && (S_ISDIR(info.st_mode) ? rmdir(path) : unlink(path)) != 0)
            die(path);
    }
    if (d != NULL)
        closedir(d);
    return sum;
}

/* ---- keys and values ---- */

static slice make_key(char *key, uint64_t n, char last)
{
    put_u64be((uint8_t *)key, n);
    memset(key + 8, '0', KEY_SIZE - 9);
    key[KEY_SIZE - 1] = last;
    return slice_make(key, KEY_SIZE);
}

/* Random bytes, each twice. */
static void fill_pool(char *pool)
{
    struct prng p;

    prng_init(&p, 42);
    prng_bytes(&p, pool, POOL_SIZE);
}

static slice make_value(char *value, const char *pool, uint64_t n)
{
    const char *from = pool + prng_splitmix(&n) % (POOL_SIZE - VALUE_SIZE / 2);

    memcpy(value, from, VALUE_SIZE / 2);
    memcpy(value + VALUE_SIZE / 2, from, VALUE_SIZE / 2);
    return slice_make(value, VALUE_SIZE);
}

/* ---- one step, in the child ---- */

struct worker {
    const struct target *target;
    const struct step   *step;
    const char          *pool;
    void                *db;
    uint64_t             from, to; /* positions of the order to write */
    uint64_t             rows, hot, order_seed;
    uint64_t             until_ns; /* 0: no limit */
    struct histogram    *latency;
    uint64_t             ops, sum, missed;
};

static void write_some(struct worker *w)
{
    const struct target *t = w->target;
    void                *s = t->begin(w->db);
    char                 key[KEY_SIZE], value[VALUE_SIZE];
    uint64_t             before = now_ns(), commits = 0;

    for (uint64_t i = w->from; i < w->to && (w->until_ns == 0 || before < w->until_ns);) {
        for (unsigned n = 0; n < w->step->batch && i < w->to; n++, i++) {
            uint64_t number =
                w->step->work == WORK_FILL_SEQ ? i : shuffle(i, w->rows, w->order_seed);

            t->put(s, make_key(key, number, '0'),
                   make_value(value, w->pool, number + w->order_seed));
            w->ops++;
        }
        t->commit(s, w->step->sync);
        if (++commits % WRITES_PER_BREATH == 0)
            t->breathe(s);
        {
            uint64_t after = now_ns();

            histogram_record(w->latency, after - before);
            before = after;
        }
    }
    t->end(s);
}

static void read_some(struct worker *w)
{
    const struct target *t = w->target;
    void                *s = t->begin(w->db);
    bool                 wanted = w->step->work != WORK_MISS;
    struct prng          p;
    char                 key[KEY_SIZE];
    uint64_t             before = now_ns();

    prng_init(&p, w->order_seed);
    while (before < w->until_ns) {
        uint64_t after;
        slice    k = make_key(key, prng_below(&p, w->hot), wanted ? '0' : '1');

        if (w->step->work == WORK_SCAN)
            w->missed += t->scan(s, k, SCAN_LENGTH, &w->sum) == 0;
        else
            w->missed += t->get(s, k, &w->sum) != wanted;
        if (++w->ops % READS_PER_BREATH == 0)
            t->breathe(s);
        after = now_ns();
        histogram_record(w->latency, after - before);
        before = after;
    }
    t->end(s);
}

static void work(void *arg)
{
    struct worker *w = arg;

    if (w->step->work <= WORK_FILL_RANDOM)
        write_some(w);
    else
        read_some(w);
}

struct child {
    const struct target  *target;
    const struct options *options;
    char                  dir[512];
    int                   in, out;
    void                 *host, *db;
    char                 *pool;
};

static void open_fresh(struct child *c, const struct step *step)
{
    struct target_options o = {.dir = c->dir,
                               .cache_size = c->options->cache_size,
                               .write_buffer_size = c->options->write_buffer_size,
                               .sync = step->sync};

    if (c->db != NULL)
        c->target->close(c->db);
    walk(c->dir, true);
    c->db = c->target->open(c->host, &o);
}

/* Flush, and wait until the engine's own work is done: nothing was written for a while. */
static void come_to_rest(struct child *c)
{
    uint64_t began = now_ns(), last, bytes;

    c->target->flush(c->db);
    bytes = bytes_written();
    do {
        last = bytes;
        c->target->pause(c->db, REST_US);
        bytes = bytes_written();
    } while (bytes > last + 4096 && now_ns() - began < REST_MAX_S * UINT64_C(1000000000));
}

static uint64_t hot_rows(const struct options *o)
{
    uint64_t fit = o->cache_size / 2 / ENTRY_SIZE;

    return fit < o->rows ? fit : o->rows;
}

/* Once over everything that will be read. */
static void warm(struct child *c)
{
    void    *s = c->target->begin(c->db);
    char     key[KEY_SIZE];
    uint64_t sum = 0;

    for (uint64_t i = 0; i < hot_rows(c->options); i += SCAN_LENGTH)
        c->target->scan(s, make_key(key, i, '0'), SCAN_LENGTH, &sum);
    c->target->end(s);
}

static void start_workers(struct child *c, const struct step *step, struct worker *workers)
{
    const struct options *o = c->options;
    bool                  writes = step->work <= WORK_FILL_RANDOM;

    for (unsigned i = 0; i < step->workers; i++)
        workers[i] = (struct worker){
            .target = c->target,
            .step = step,
            .pool = c->pool,
            .db = c->db,
            .from = o->rows * i / step->workers,
            .to = o->rows * (i + 1) / step->workers,
            .rows = o->rows,
            .hot = hot_rows(o),
            .order_seed = step->fresh ? 1 : 2 + (uint64_t)(step - steps),
            .until_ns = writes && !step->sync ? 0 : now_ns() + o->duration_us * 1000,
            .latency = histogram_new()};
    c->target->parallel(c->db, step->workers, work, workers, sizeof workers[0]);
}

static void finish_workers(struct worker *workers, unsigned count, struct measure *m)
{
    for (unsigned i = 0; i < count; i++) {
        m->ops += workers[i].ops;
        m->missed += workers[i].missed;
        if (i > 0)
            histogram_add(workers[0].latency, workers[i].latency);
    }
    m->p50_ns = histogram_quantile(workers[0].latency, 0.5);
    m->p99_ns = histogram_quantile(workers[0].latency, 0.99);
    m->p999_ns = histogram_quantile(workers[0].latency, 0.999);
    m->max_ns = histogram_max(workers[0].latency);
    for (unsigned i = 0; i < count; i++)
        histogram_free(workers[i].latency);
}

static struct measure run_step(struct child *c, const struct step *step)
{
    struct measure m = {0};
    struct worker  workers[WORKERS_MAX];
    uint64_t       began, written, disk;

    if (step->fresh)
        open_fresh(c, step);
    if (step->work > WORK_FILL_RANDOM)
        warm(c);
    reset_peak();
    written = bytes_written();
    disk = proc_number("/proc/self/io", "write_bytes:");
    began = now_ns();
    start_workers(c, step, workers);
    m.seconds = (double)(now_ns() - began) / 1e9;
    finish_workers(workers, step->workers, &m);
    began = now_ns();
    if (step->work <= WORK_FILL_RANDOM)
        come_to_rest(c);
    m.rest_seconds = (double)(now_ns() - began) / 1e9;
    m.written = bytes_written() - written;
    m.disk_written = proc_number("/proc/self/io", "write_bytes:") - disk;
    m.dir_size = walk(c->dir, false);
    m.rss_peak = proc_number("/proc/self/status", "VmHWM:") * 1024;
    m.rss_anonymous = proc_number("/proc/self/status", "RssAnon:") * 1024;
    return m;
}

/* Run the steps whose numbers come in, until no more come. The engine is at rest in between, so
 * that a blocked thread holds nothing up. */
static void child_main(void *host, void *arg)
{
    struct child *c = arg;
    uint8_t       at;

    c->host = host;
    c->pool = malloc(POOL_SIZE);
    fill_pool(c->pool);
    while (read(c->in, &at, 1) == 1) {
        struct measure m = run_step(c, &steps[at]);

        if (write(c->out, &m, sizeof m) != sizeof m)
            die("write");
    }
    if (c->db != NULL)
        c->target->close(c->db);
    walk(c->dir, true);
    rmdir(c->dir);
    free(c->pool);
}

/* ---- the parent ---- */

struct racer {
    const struct target *target;
    pid_t                pid;
    int                  in, out; /* as the parent sees them */
    struct measure       measures[ARRAY_LEN(steps)];
};

struct race {
    struct options options;
    struct racer   racers[TARGETS_MAX];
    size_t         count;
};

static void start_racer(struct race *race, const struct target *target)
{
    struct racer *r = &race->racers[race->count];
    struct child  c = {.target = target, .options = &race->options};
    int           down[2], up[2];

    snprintf(c.dir, sizeof c.dir, "%s/%s", race->options.dir, target->name);
    if (mkdir(c.dir, 0700) != 0)
        die(c.dir);
    if (pipe(down) != 0 || pipe(up) != 0)
        die("pipe");
    r->target = target;
    r->pid = fork();
    if (r->pid < 0)
        die("fork");
    if (r->pid == 0) {
        for (size_t i = 0; i < race->count; i++) { /* or the others never see an end of theirs */
            close(race->racers[i].in);
            close(race->racers[i].out);
        }
        close(down[1]);
        close(up[0]);
        c.in = down[0];
        c.out = up[1];
        target->enter(child_main, &c);
        exit(0);
    }
    close(down[0]);
    close(up[1]);
    r->out = down[1];
    r->in = up[0];
    race->count++;
}

static bool measure_step(struct racer *r, uint8_t at)
{
    char  *into = (char *)&r->measures[at];
    size_t size = sizeof r->measures[at], got = 0;

    if (write(r->out, &at, 1) != 1)
        return false;
    while (got < size) {
        ssize_t n = read(r->in, into + got, size - got);

        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static bool end_racers(struct race *race)
{
    bool good = true;

    for (size_t i = 0; i < race->count; i++) {
        int ended;

        close(race->racers[i].out);
        close(race->racers[i].in);
        good &= waitpid(race->racers[i].pid, &ended, 0) > 0 && ended == 0;
    }
    rmdir(race->options.dir);
    return good;
}

/* ---- tables ---- */

static double rate(const struct measure *m)
{
    return m->seconds > 0 ? (double)m->ops / m->seconds : 0;
}

static void print_heading(void)
{
    printf("| workload | engine | /s | p50 us | p99 us | p99.9 us | max ms | written x | disk MiB "
           "| space x | rest s | peak MiB | anon MiB |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
}

static void print_measure(const struct race *race, const struct racer *r, size_t at)
{
    const struct measure *m = &r->measures[at];
    bool                  writes = steps[at].work <= WORK_FILL_RANDOM;
    double                user = (double)m->ops * ENTRY_SIZE;
    double                rows = steps[at].sync ? (double)m->ops : (double)race->options.rows;

    printf("| %s | %s | %.0f | %.2f | %.2f | %.2f | %.2f |", steps[at].name, r->target->name,
           rate(m), (double)m->p50_ns / 1e3, (double)m->p99_ns / 1e3, (double)m->p999_ns / 1e3,
           (double)m->max_ns / 1e6);
    if (writes)
        printf(" %.2f | %.0f |", (double)m->written / user, (double)m->disk_written / 1048576);
    else
        printf(" | |");
    printf(" %.2f | %.1f | %.0f | %.0f |\n", (double)m->dir_size / (rows * ENTRY_SIZE),
           m->rest_seconds, (double)m->rss_peak / 1048576, (double)m->rss_anonymous / 1048576);
    fflush(stdout);
    if (m->missed > 0)
        fprintf(stderr, "%s: %s, %s: %" PRIu64 " reads did not see what was written\n", PROGRAM,
                r->target->name, steps[at].name, m->missed);
}

static double over(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* The first engine over each of the others. */
static void print_ratios(const struct race *race)
{
    const struct racer *first = &race->racers[0];

    printf("\n| %s over | workload | /s x | p50 x | p99 x | p99.9 x | written x | space x | peak x "
           "|\n|---|---|---|---|---|---|---|---|---|\n",
           first->target->name);
    for (size_t i = 1; i < race->count; i++) {
        for (size_t at = 0; at < ARRAY_LEN(steps); at++) {
            const struct measure *a = &first->measures[at], *b = &race->racers[i].measures[at];

            if (a->ops == 0 || b->ops == 0)
                continue;
            printf("| %s | %s | %.2f | %.2f | %.2f | %.2f |", race->racers[i].target->name,
                   steps[at].name, over(rate(a), rate(b)),
                   over((double)a->p50_ns, (double)b->p50_ns),
                   over((double)a->p99_ns, (double)b->p99_ns),
                   over((double)a->p999_ns, (double)b->p999_ns));
            if (steps[at].work <= WORK_FILL_RANDOM)
                printf(" %.2f |", over((double)a->written / (double)a->ops,
                                       (double)b->written / (double)b->ops));
            else
                printf(" |");
            /* Synced writes are counted by time: their stores hold different numbers of rows. */
            printf(" %.2f | %.2f |\n",
                   over((double)a->dir_size / (double)(steps[at].sync ? a->ops : 1),
                        (double)b->dir_size / (double)(steps[at].sync ? b->ops : 1)),
                   over((double)a->rss_peak, (double)b->rss_peak));
        }
    }
}

/* ---- command line ---- */

static bool wanted(const char *list, const char *name)
{
    size_t size = strlen(name);

    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, ",");

        if (n == size && strncasecmp(list, name, n) == 0)
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

/* A step that others build upon runs when one of those is wanted. */
static bool is_wanted(const struct options *o, size_t at)
{
    if (o->only == NULL || strstr(steps[at].name, o->only) != NULL)
        return true;
    if (!steps[at].fresh)
        return false;
    for (size_t i = at + 1; i < ARRAY_LEN(steps) && !steps[i].fresh; i++) {
        if (strstr(steps[i].name, o->only) != NULL)
            return true;
    }
    return false;
}

static bool parse(int argc, char **argv, struct options *o, int *exit_code)
{
    const struct cli_option table[] = {
        {"rows", 'n', CLI_NUMBER, "N", "to write; default 5000000", NULL, &o->rows},
        {"duration", 'd', CLI_DURATION, "TIME", "of reads and synced writes; default 5s", NULL,
         &o->duration_us},
        {"cache", 0, CLI_SIZE, "SIZE", "of blocks; default 512MiB", NULL, &o->cache_size},
        {"write-buffer", 0, CLI_SIZE, "SIZE", "of one of two; default 32MiB", NULL,
         &o->write_buffer_size},
        {"path", 0, CLI_TEXT, "DIR", "where stores are made; default a new one in /var/tmp", NULL,
         &o->dir},
        {"engines", 0, CLI_TEXT, "LIST", "default linera,rocksdb,lmdb", NULL, &o->engines},
        {"only", 0, CLI_TEXT, "TEXT", "workloads with this in their names", NULL, &o->only},
        {0},
    };
    const struct cli cli = {PROGRAM, "[options]",
                            "The storage engine against RocksDB and LMDB, in turn.", table, 0};
    const char     **positional;
    size_t           count;

    *o = (struct options){.rows = 5000000,
                          .cache_size = UINT64_C(512) << 20,
                          .write_buffer_size = 32 << 20,
                          .duration_us = 5000000,
                          .engines = "linera,rocksdb,lmdb"};
    if (!cli_parse(&cli, argc, argv, &positional, &count, exit_code))
        return false;
    if (o->rows > 0)
        return true;
    *exit_code = cli_usage_error(PROGRAM, "--rows must be at least 1");
    return false;
}

static bool race_all(struct race *race)
{
    print_heading();
    for (size_t at = 0; at < ARRAY_LEN(steps); at++) {
        if (!is_wanted(&race->options, at))
            continue;
        for (size_t i = 0; i < race->count; i++) {
            /* The disk's cache is one for all: what an engine left in it is not the next one's. */
            sync();
            if (!measure_step(&race->racers[i], (uint8_t)at))
                return false;
            print_measure(race, &race->racers[i], at);
        }
    }
    print_ratios(race);
    return true;
}

int main(int argc, char **argv)
{
    static const struct {
        const char          *option;
        const struct target *target;
    } targets[] = {
        {"linera", &target_linera}, {"rocksdb", &target_rocksdb}, {"lmdb", &target_lmdb}};
    struct race race = {0};
    char        dir[] = "/var/tmp/linera-engines-XXXXXX";
    int         code;
    bool        good;

    if (!parse(argc, argv, &race.options, &code))
        return code;
    if (race.options.dir == NULL)
        race.options.dir = mkdtemp(dir);
    if (race.options.dir == NULL)
        die("mkdtemp");
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        if (wanted(race.options.engines, targets[i].option))
            start_racer(&race, targets[i].target);
    }
    good = race_all(&race);
    good &= end_racers(&race);
    return cli_finish(PROGRAM, good ? 0 : 1);
}
