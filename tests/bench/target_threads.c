/* How engines are called that block their threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/compare_engines.h"

enum { THREADS_MAX = 64 };

void threads_enter(void (*body)(void *host, void *arg), void *arg)
{
    body(NULL, arg);
}

void threads_pause(void *db, uint64_t us)
{
    (void)db;
    usleep((useconds_t)us);
}

void threads_breathe(void *s)
{
    (void)s;
}

struct thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
};

static void *thread_main(void *arg)
{
    struct thread *t = arg;

    t->fn(t->arg);
    return NULL;
}

void threads_parallel(void *db, unsigned count, void (*fn)(void *arg), void *args, size_t size)
{
    struct thread threads[THREADS_MAX];

    (void)db;
    for (unsigned i = 0; i < count; i++) {
        threads[i] = (struct thread){.fn = fn, .arg = (char *)args + i * size};
        if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) != 0) {
            fprintf(stderr, "compare_engines: could not start a thread\n");
            exit(1);
        }
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i].id, NULL);
}
