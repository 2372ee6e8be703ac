/* The simulated network: streams between nodes.
 *
 * Each direction of a stream is a queue of segments, delivered in order. A segment that meets a cut
 * link, or a machine without power, is tried again later, as TCP does, until the sender gives up;
 * one that arrives at a machine which does not know the stream is answered with a reset. The sender
 * may have WINDOW bytes that the receiving program has not read; what it reads is acknowledged over
 * the way back, so that a one-way partition stops a stream too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/crc32c.h"
#include "env/sim_internal.h"

enum {
    WINDOW = 64 << 10,
    BACKLOG_MAX = 512,
    RETRY_US = 200000,
    RETRY_MAX_US = 5000000,
    GIVE_UP_US = 60000000,
    SEGMENT_SPLIT_ONE_IN = 4, /* so often a write arrives in two pieces */
};

enum end_state {
    END_CONNECTING,
    END_OPEN,
    END_CLOSED, /* by its program; what was sent before is still delivered */
    END_GONE,   /* its machine crashed */
};

struct segment {
    struct list link;
    uint64_t    deliver_us, first_us; /* first_us: the first try that failed */
    bool        fin;
    size_t      size;
    char        data[];
};

struct stream;

struct sim_conn {
    struct conn      base;
    struct sim_node *node;
    struct stream   *stream;
    enum end_state   state;
    int              error; /* what reads and writes return, negated errno */
    struct buf       received;
    size_t           received_at; /* bytes of it already read */
    bool             fin_received, fin_sent;
    struct list      outgoing; /* segments on their way to the other end */
    bool             delivery_scheduled, ack_scheduled;
    uint64_t         in_flight;    /* bytes sent that the other program has not read */
    uint64_t         read_unacked; /* bytes read here that the sender does not know of */
    uint64_t         last_delivery_us, retry_us, connect_start_us;
    struct list      backlog_link; /* in a listener, until accepted */
};

struct stream {
    struct list     link; /* in sim->streams */
    struct sim     *sim;
    unsigned        refs; /* ends not yet closed or gone, and events under way */
    struct sim_conn end[2];
};

struct sim_listener {
    struct listener  base;
    struct list      link; /* in node->listeners */
    struct sim_node *node;
    struct list      backlog;
    size_t           backlog_count;
};

static struct sim_conn *sim_conn(struct conn *c)
{
    return CONTAINER_OF(c, struct sim_conn, base);
}

static struct sim_conn *other_end(const struct sim_conn *c)
{
    return &c->stream->end[c == &c->stream->end[0]];
}

static bool end_lives(const struct sim_conn *c)
{
    return c->state == END_CONNECTING || c->state == END_OPEN;
}

/* ---- links --------------------------------------------------------------------------------------
 */

static uint64_t link_latency_us(struct sim_node *from, const struct sim_node *to)
{
    const struct sim_link    *l = &from->links[to->number];
    const struct sim_options *o = &from->sim->options;
    struct prng              *rng = &from->sim->rng;
    uint64_t                  us;

    if (from == to)
        return 1 + prng_below(rng, 10);
    us = l->latency_max_us != 0 ? sim_between(rng, l->latency_min_us, l->latency_max_us)
                                : sim_between(rng, o->latency_min_us, o->latency_max_us);
    if (o->loss_ppm > 0 && prng_below(rng, 1000000) < o->loss_ppm)
        us += RETRY_US;
    return us;
}

static uint64_t link_transfer_us(const struct sim_node *from, const struct sim_node *to, size_t n)
{
    const struct sim_link *l = &from->links[to->number];
    uint64_t rate = l->bytes_per_s != 0 ? l->bytes_per_s : from->sim->options.link_bytes_per_s;

    return (uint64_t)n * 1000000 / rate;
}

static bool link_is_cut(const struct sim_node *from, const struct sim_node *to)
{
    return from->links[to->number].cut;
}

/* ---- life of a stream ---------------------------------------------------------------------------
 */

static void end_init(struct stream *st, struct sim_conn *c, struct sim_node *node)
{
    conn_init(&c->base, node->env != NULL ? &node->env->base : NULL);
    c->node = node;
    c->stream = st;
    c->state = END_CONNECTING;
    buf_init(&c->received, node->sim->heap);
    list_init(&c->outgoing);
    list_init(&c->backlog_link);
}

static struct stream *stream_new(struct sim_node *from, struct sim_node *to)
{
    struct stream *st = heap_must_alloc(from->sim->heap, 1, sizeof *st);

    st->sim = from->sim;
    st->refs = 2;
    end_init(st, &st->end[0], from);
    end_init(st, &st->end[1], to);
    list_push_back(&st->sim->streams, &st->link);
    return st;
}

static void segments_drop(struct sim_conn *c)
{
    struct list *link;

    while ((link = list_pop_front(&c->outgoing)) != NULL)
        heap_free(CONTAINER_OF(link, struct segment, link));
}

static void stream_unref(struct stream *st)
{
    if (--st->refs > 0)
        return;
    for (int i = 0; i < 2; i++) {
        segments_drop(&st->end[i]);
        buf_deinit(&st->end[i].received);
    }
    list_remove(&st->link);
    heap_free(st);
}

/* An event that concerns one end; it holds the stream. */
static void end_at(struct sim_conn *c, uint64_t at_us, void (*fn)(struct sim *s, void *arg))
{
    c->stream->refs++;
    sim_at(c->stream->sim, at_us, fn, c);
}

/* The end learns that the connection is no more. */
static void end_fail(struct sim_conn *c, int error)
{
    if (!end_lives(c) || c->error != 0)
        return;
    c->error = error;
    c->base.peer_gone = true;
    segments_drop(c);
    conn_note_readable(&c->base);
    conn_note_writable(&c->base);
}

static void reset_arrives(struct sim *s, void *arg)
{
    struct sim_conn *c = arg;

    if (link_is_cut(other_end(c)->node, c->node) && end_lives(c)) {
        end_at(c, s->now_us + RETRY_US, reset_arrives);
    } else {
        sim_trace(s, TRACE_DELIVER, c->node, UINT64_MAX, 0);
        end_fail(c, c->state == END_CONNECTING ? -ECONNREFUSED : -ECONNRESET);
    }
    stream_unref(c->stream);
}

/* A reset on its way to `c`. */
static void send_reset(struct sim_conn *c)
{
    struct sim_node *from = other_end(c)->node;

    end_at(c, from->sim->now_us + link_latency_us(from, c->node), reset_arrives);
}

/* ---- segments -----------------------------------------------------------------------------------
 */

static void deliver(struct sim *s, void *arg);

static void schedule_delivery(struct sim_conn *c, uint64_t at_us)
{
    c->delivery_scheduled = true;
    end_at(c, at_us, deliver);
}

static void send_segment(struct sim_conn *c, const char *data, size_t size, bool fin)
{
    struct sim_node *to = other_end(c)->node;
    struct sim      *s = c->stream->sim;
    struct segment  *seg = heap_must_alloc(s->heap, 1, sizeof *seg + size);
    uint64_t         start_us = MAX(s->now_us + link_latency_us(c->node, to), c->last_delivery_us);

    seg->deliver_us = start_us + link_transfer_us(c->node, to, size);
    seg->fin = fin;
    seg->size = size;
    if (size > 0)
        memcpy(seg->data, data, size);
    c->last_delivery_us = seg->deliver_us;
    list_push_back(&c->outgoing, &seg->link);
    sim_trace(s, TRACE_SEND, c->node, (uint64_t)size << 32 | crc32c(0, data, size),
              seg->deliver_us);
    if (!c->delivery_scheduled)
        schedule_delivery(c, seg->deliver_us);
}

/* Nobody answers: try again, less and less often, and in the end give up. */
static void retry_or_give_up(struct sim_conn *c, struct segment *seg)
{
    struct sim *s = c->stream->sim;

    if (seg->first_us == 0)
        seg->first_us = s->now_us;
    if (s->now_us - seg->first_us >= GIVE_UP_US) {
        end_fail(c, -ETIMEDOUT);
        segments_drop(c);
        return;
    }
    c->retry_us = MIN(MAX(c->retry_us * 2, (uint64_t)RETRY_US), (uint64_t)RETRY_MAX_US);
    schedule_delivery(c, s->now_us + c->retry_us);
}

static void end_receive(struct sim_conn *c, const struct segment *seg)
{
    if (c->state == END_CONNECTING) { /* data is an answer too, should it overtake the accept */
        c->state = END_OPEN;
        conn_note_writable(&c->base);
    }
    buf_append(&c->received, seg->data, seg->size);
    if (seg->fin) {
        c->fin_received = true;
        c->base.peer_gone = true;
    }
    conn_note_readable(&c->base);
}

static void deliver_segment(struct sim_conn *from, struct segment *seg)
{
    struct sim_conn *to = other_end(from);
    struct sim      *s = from->stream->sim;

    sim_trace(s, TRACE_DELIVER, to->node, seg->size, seg->fin);
    if (end_lives(to) && to->error == 0)
        end_receive(to, seg);
    else if (!seg->fin || to->state == END_GONE)
        send_reset(from);
    list_remove(&seg->link);
    heap_free(seg);
}

/* The first segment of an end's queue is due. Later ones wait for it, so order is kept. */
static void deliver(struct sim *s, void *arg)
{
    struct sim_conn *from = arg, *to = other_end(from);

    from->delivery_scheduled = false;
    while (!list_empty(&from->outgoing)) {
        struct segment *seg = CONTAINER_OF(from->outgoing.next, struct segment, link);

        if (seg->deliver_us > s->now_us) {
            schedule_delivery(from, seg->deliver_us);
            break;
        }
        if (link_is_cut(from->node, to->node) || (to->state == END_GONE && to->node->silent)) {
            retry_or_give_up(from, seg);
            break;
        }
        from->retry_us = 0;
        deliver_segment(from, seg);
    }
    stream_unref(from->stream);
}

/* ---- acknowledgements ---------------------------------------------------------------------------
 */

static void ack_arrives(struct sim *s, void *arg)
{
    struct sim_conn *reader = arg, *writer = other_end(reader);

    reader->ack_scheduled = false;
    if (link_is_cut(reader->node, writer->node) && end_lives(reader)) {
        reader->ack_scheduled = true;
        end_at(reader, s->now_us + RETRY_US, ack_arrives);
    } else {
        ASSERT(writer->in_flight >= reader->read_unacked);
        writer->in_flight -= reader->read_unacked;
        reader->read_unacked = 0;
        if (end_lives(writer))
            conn_note_writable(&writer->base);
    }
    stream_unref(reader->stream);
}

static void note_read(struct sim_conn *c, size_t n)
{
    struct sim_conn *writer = other_end(c);

    c->read_unacked += n;
    if (c->ack_scheduled)
        return;
    c->ack_scheduled = true;
    end_at(c, c->stream->sim->now_us + link_latency_us(c->node, writer->node), ack_arrives);
}

/* ---- connecting ---------------------------------------------------------------------------------
 */

static struct sim_node *host_find(struct sim_node *from, const char *host)
{
    static const char *const self[] = {"", "*", "localhost", "127.0.0.1", "0.0.0.0", "::1"};
    struct sim              *s = from->sim;

    for (size_t i = 0; i < ARRAY_LEN(self); i++) {
        if (strcmp(host, self[i]) == 0)
            return from;
    }
    for (size_t i = 0; i < s->node_count; i++) {
        if (strcmp(host, s->nodes[i]->name) == 0)
            return s->nodes[i];
    }
    return NULL;
}

static struct sim_listener *listener_find(struct sim_node *n, uint16_t port)
{
    LIST_FOR_EACH (it, &n->listeners) {
        struct sim_listener *l = CONTAINER_OF(it, struct sim_listener, link);

        if (l->base.port == port)
            return l;
    }
    return NULL;
}

static void accepted_arrives(struct sim *s, void *arg)
{
    struct sim_conn *client = arg;

    if (!end_lives(client)) {
        send_reset(other_end(client)); /* nobody waits for this connection any more */
    } else if (link_is_cut(other_end(client)->node, client->node)) {
        end_at(client, s->now_us + RETRY_US, accepted_arrives);
    } else if (client->state == END_CONNECTING && client->error == 0) {
        client->state = END_OPEN;
        conn_note_writable(&client->base);
    }
    stream_unref(client->stream);
}

static void connect_arrives(struct sim *s, void *arg);

/* The server's end never came to be. */
static void server_end_drop(struct sim_conn *server)
{
    ASSERT(server->state == END_CONNECTING);
    server->state = END_CLOSED;
    stream_unref(server->stream);
}

static void connect_retry(struct sim_conn *client)
{
    struct sim *s = client->stream->sim;

    if (s->now_us - client->connect_start_us >= GIVE_UP_US) {
        end_fail(client, -ETIMEDOUT);
        server_end_drop(other_end(client));
        return;
    }
    client->retry_us = MIN(MAX(client->retry_us * 2, (uint64_t)RETRY_US), (uint64_t)RETRY_MAX_US);
    end_at(client, s->now_us + client->retry_us, connect_arrives);
}

static void listener_take(struct sim_listener *l, struct sim_conn *client)
{
    struct sim_conn *server = other_end(client);

    server->state = END_OPEN;
    server->base.env = &server->node->env->base;
    list_push_back(&l->backlog, &server->backlog_link);
    l->backlog_count++;
    listener_note_acceptable(&l->base);
    end_at(client, l->node->sim->now_us + link_latency_us(l->node, client->node), accepted_arrives);
}

static void connect_arrives(struct sim *s, void *arg)
{
    struct sim_conn     *client = arg, *server = other_end(client);
    struct sim_listener *l = listener_find(server->node, server->base.local_port);

    if (!end_lives(client) || client->error != 0) {
        server_end_drop(server); /* the client gave up before anybody heard of it */
    } else if (link_is_cut(client->node, server->node) || server->node->silent) {
        connect_retry(client);
    } else if (l == NULL || l->backlog_count >= BACKLOG_MAX) {
        send_reset(client);
        server_end_drop(server);
    } else {
        client->retry_us = 0;
        listener_take(l, client);
    }
    (void)s;
    stream_unref(client->stream);
}

static void end_name(struct sim_conn *c, const struct sim_node *peer, uint16_t local_port,
                     uint16_t peer_port)
{
    snprintf(c->base.local, sizeof c->base.local, "%s", c->node->name);
    snprintf(c->base.peer, sizeof c->base.peer, "%s", peer->name);
    c->base.local_port = local_port;
    c->base.peer_port = peer_port;
}

int sim_connect(struct env *env, const char *host, uint16_t port, struct conn **out)
{
    struct sim_node *from = sim_node_of(env), *to = host_find(from, host);
    struct stream   *st;
    uint16_t         local_port;

    if (to == NULL)
        return -EHOSTUNREACH;
    st = stream_new(from, to);
    local_port = from->sim->port_last = (uint16_t)(from->sim->port_last % 20000 + 40001);
    end_name(&st->end[0], to, local_port, port);
    end_name(&st->end[1], from, port, local_port);
    st->end[0].connect_start_us = from->sim->now_us;
    end_at(&st->end[0], from->sim->now_us + link_latency_us(from, to), connect_arrives);
    *out = &st->end[0].base;
    return 0;
}

int sim_connect_result(struct conn *base)
{
    struct sim_conn *c = sim_conn(base);

    if (c->error != 0)
        return c->error;
    return c->state == END_CONNECTING ? -EINPROGRESS : 0;
}

/* ---- listeners ----------------------------------------------------------------------------------
 */

int sim_listen(struct env *env, const char *host, uint16_t port, struct listener **out)
{
    struct sim_node     *node = sim_node_of(env);
    struct sim_listener *l;

    if (host[0] != '/' && host_find(node, host) != node)
        return -EADDRNOTAVAIL;
    while (port == 0 || (port >= 30000 && listener_find(node, port) != NULL))
        port = (uint16_t)(30000 + prng_below(&node->sim->rng, 10000));
    if (listener_find(node, port) != NULL)
        return -EADDRINUSE;
    l = heap_must_alloc(env->heap, 1, sizeof *l);
    listener_init(&l->base, env);
    l->node = node;
    l->base.port = port;
    snprintf(l->base.address, sizeof l->base.address, "%s:%u", node->name, (unsigned)port);
    list_init(&l->backlog);
    list_push_back(&node->listeners, &l->link);
    *out = &l->base;
    return 0;
}

int sim_accept(struct listener *base, struct conn **out)
{
    struct sim_listener *l = CONTAINER_OF(base, struct sim_listener, base);
    struct list         *link = list_pop_front(&l->backlog);

    if (link == NULL)
        return -EAGAIN;
    l->backlog_count--;
    *out = &CONTAINER_OF(link, struct sim_conn, backlog_link)->base;
    return 0;
}

void sim_listener_close(struct listener *base)
{
    struct sim_listener *l = CONTAINER_OF(base, struct sim_listener, base);
    struct conn         *c;

    while (sim_accept(base, &c) == 0)
        sim_conn_close(c);
    list_remove(&l->link);
    heap_free(l);
}

/* ---- the program's side -------------------------------------------------------------------------
 */

/* Reads give pieces of any size, as real ones may. */
ptrdiff_t sim_read(struct conn *base, void *buf, size_t size)
{
    struct sim_conn *c = sim_conn(base);
    size_t           left = c->received.size - c->received_at, n = MIN(size, left);

    if (left == 0 && c->error != 0)
        return c->error;
    if (left == 0)
        return c->fin_received ? 0 : -EAGAIN;
    memcpy(buf, c->received.data + c->received_at, n);
    c->received_at += n;
    if (c->received_at == c->received.size) {
        buf_reset(&c->received);
        c->received_at = 0;
    }
    note_read(c, n);
    return (ptrdiff_t)n;
}

static size_t gather(struct buf *out, const slice *parts, size_t count, size_t room)
{
    for (size_t i = 0; i < count && out->size < room; i++)
        buf_append(out, parts[i].data, MIN(parts[i].size, room - out->size));
    return out->size;
}

ptrdiff_t sim_write(struct conn *base, const slice *parts, size_t count)
{
    struct sim_conn *c = sim_conn(base);
    struct prng     *rng = &c->stream->sim->rng;
    size_t           room = WINDOW - (size_t)MIN(c->in_flight, (uint64_t)WINDOW), n, split;
    struct buf       bytes;

    if (c->error != 0 || c->fin_sent)
        return c->error != 0 ? c->error : -EPIPE;
    if (room == 0)
        return -EAGAIN;
    buf_init(&bytes, c->stream->sim->heap);
    n = gather(&bytes, parts, count, room);
    split = n > 1 && prng_below(rng, SEGMENT_SPLIT_ONE_IN) == 0 ? 1 + prng_below(rng, n - 1) : n;
    if (n > 0)
        send_segment(c, bytes.data, split, false);
    if (split < n)
        send_segment(c, bytes.data + split, n - split, false);
    c->in_flight += n;
    buf_deinit(&bytes);
    return (ptrdiff_t)n;
}

bool sim_ready(struct conn *base, bool writing)
{
    const struct sim_conn *c = sim_conn(base);

    if (c->error != 0)
        return true;
    if (writing)
        return c->in_flight < WINDOW;
    return c->received.size > c->received_at || c->fin_received;
}

/* Events come unasked. */
void sim_arm(struct conn *c)
{
    (void)c;
}

static void send_fin(struct sim_conn *c)
{
    if (c->fin_sent || c->error != 0 || c->state == END_CONNECTING)
        return;
    c->fin_sent = true;
    send_segment(c, NULL, 0, true);
}

void sim_shutdown(struct conn *base, bool both)
{
    (void)both;
    send_fin(sim_conn(base));
}

/* Closing over unread data tells the peer that it was thrown away, as TCP does. */
static void end_finish(struct sim_conn *c)
{
    if (c->received.size > c->received_at && c->error == 0)
        send_reset(other_end(c));
    else
        send_fin(c);
}

void sim_conn_close(struct conn *base)
{
    struct sim_conn *c = sim_conn(base);

    end_finish(c);
    c->state = END_CLOSED;
    c->base.env = NULL;
    stream_unref(c->stream);
}

/* ---- crashes ------------------------------------------------------------------------------------
 */

/* What a machine had sent when its power failed is on the wire up to some point. */
static void cut_off(struct sim_conn *c)
{
    size_t count = 0, keep;

    LIST_FOR_EACH (it, &c->outgoing) {
        (void)it;
        count++;
    }
    keep = prng_below(&c->stream->sim->rng, count + 1);
    LIST_FOR_EACH (it, &c->outgoing) {
        if (keep > 0) {
            keep--;
            continue;
        }
        list_remove(it);
        heap_free(CONTAINER_OF(it, struct segment, link));
    }
}

static void end_down(struct sim_conn *c, enum sim_crash how)
{
    if (how == SIM_POWER_LOSS)
        cut_off(c);
    if (c->state == END_CLOSED || (c->state == END_CONNECTING && c == &c->stream->end[1]))
        return; /* the machine's programs had it no longer, or did not have it yet */
    /* The fibers that waited here are gone, and their stacks with them. */
    env_cond_init(&c->base.readable);
    env_cond_init(&c->base.writable);
    if (how == SIM_KILL)
        end_finish(c);
    c->state = END_GONE;
    c->base.env = NULL;
    stream_unref(c->stream);
}

void sim_net_node_down(struct sim_node *n, enum sim_crash how)
{
    list_init(&n->listeners); /* they were in the node's heap */
    LIST_FOR_EACH (it, &n->sim->streams) {
        struct stream *st = CONTAINER_OF(it, struct stream, link);

        st->refs++;
        for (int i = 0; i < 2; i++) {
            if (st->end[i].node == n && st->end[i].state != END_GONE)
                end_down(&st->end[i], how);
        }
        stream_unref(st);
    }
}

/* ---- faults -------------------------------------------------------------------------------------
 */

void sim_link_cut(struct sim_node *from, struct sim_node *to, bool cut)
{
    from->links[to->number].cut = cut;
    sim_trace(from->sim, TRACE_CLOCK, from, to->number, 2 + cut);
}

void sim_isolate(struct sim_node *n, bool cut)
{
    for (size_t i = 0; i < n->sim->node_count; i++) {
        struct sim_node *peer = n->sim->nodes[i];

        if (peer == n)
            continue;
        sim_link_cut(n, peer, cut);
        sim_link_cut(peer, n, cut);
    }
}

void sim_heal(struct sim *s)
{
    for (size_t i = 0; i < s->node_count; i++)
        sim_isolate(s->nodes[i], false);
}

void sim_link_latency(struct sim_node *from, struct sim_node *to, uint64_t min_us, uint64_t max_us)
{
    from->links[to->number].latency_min_us = min_us;
    from->links[to->number].latency_max_us = max_us;
}

void sim_link_bandwidth(struct sim_node *from, struct sim_node *to, uint64_t bytes_per_s)
{
    from->links[to->number].bytes_per_s = bytes_per_s;
}

void sim_reset_conns(struct sim_node *a, struct sim_node *b)
{
    LIST_FOR_EACH (it, &a->sim->streams) {
        struct stream *st = CONTAINER_OF(it, struct stream, link);
        bool           between = (st->end[0].node == a && st->end[1].node == b) ||
                       (st->end[0].node == b && st->end[1].node == a);

        for (int i = 0; between && i < 2; i++)
            end_fail(&st->end[i], -ECONNRESET);
    }
}
