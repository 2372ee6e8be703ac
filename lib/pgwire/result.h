/* lib/pgwire/result.h: a session's results as messages of the protocol. */
#ifndef LINERA_PGWIRE_RESULT_H
#define LINERA_PGWIRE_RESULT_H

#include "pgwire/wire.h"
#include "sql/session/session.h"

/* The result_sink of one connection. */
struct wire_sink {
    struct result_sink  base; /* first: the session sees this */
    struct wire        *wire;
    struct arena       *scratch; /* for conversions of one batch */
    bool                copying; /* CopyInResponse was sent and its end has not been read */
    bool                broken;  /* the stream cannot be read on: the connection must end */
    struct silent_sink *silent;  /* made when it is first asked for */
};

void wire_sink_init(struct wire_sink *k, struct wire *w, struct arena *scratch);
void wire_sink_deinit(struct wire_sink *k);

/* RowDescription of `columns`; NoData when there are none to describe. */
void wire_put_row_description(struct wire *w, const struct result_column *columns, size_t count,
                              const int16_t *formats);

#endif
