/* lib/node/node.h: one database node: assembles the layers over one store, starts and stops them.
 */
#ifndef LINERA_NODE_NODE_H
#define LINERA_NODE_NODE_H

#include <stdint.h>

#include "base/status.h"
#include "storage/engine.h"

struct env;
struct node;
struct sql_server;

struct node_address {
    const char *host;
    uint16_t    port; /* 0: any free one */
};

struct node_options {
    const char           *store;     /* directory, or "mem:" */
    const char           *user;      /* first superuser of a new store */
    const char           *temp_dir;  /* of temporary files of a store in memory; NULL: "/tmp" */
    struct node_address   sql, http; /* http.host NULL: no HTTP server */
    struct engine_options engine;    /* its sizes (cache_size 0: an eighth of the machine's memory);
                                        the    rest is the node's to say */
    uint64_t sql_memory; /* bytes for statements of all sessions; 0: a quarter of the machine's */
    uint64_t max_clock_offset_us;
    size_t   connections_max;
    /* Called when the store has stopped for good after a failed sync (pitfall L1); NULL: the
     * process ends. `reason` is borrowed. */
    void (*on_store_stopped)(void *ctx, status reason);
    void *on_store_stopped_ctx;
};

/* Start everything; ready to serve when it returns. Call from a fiber. A store that another process
 * has, a port in use, a read-only directory: one clear error, and nothing is left behind.
 * MAY_YIELD. */
status node_start(struct env *env, const struct node_options *options, struct node **out)
    MUST_CHECK;

/* Take no new work, let statements end within `grace_us`, stop everything, free. Accepts NULL.
 * MAY_YIELD. */
void node_stop(struct node *n, uint64_t grace_us);

/* For counters and sessions; lives until node_stop(). */
struct sql_server *node_sql(const struct node *n);
/* The ports that are listened on; of HTTP 0 when there is none. */
uint16_t           node_sql_port(const struct node *n);
uint16_t           node_http_port(const struct node *n);

#endif
