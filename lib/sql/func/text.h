/* lib/sql/func/text.h: what the files of text functions share. */
#ifndef LINERA_SQL_FUNC_TEXT_H
#define LINERA_SQL_FUNC_TEXT_H

#include "base/buf.h"
#include "sql/func/function.h"

/* PostgreSQL's limit of one value, 1 GB. */
#define TEXT_SIZE_MAX ((size_t)0x3fffffff)

/* 54000: requested length too large. */
status text_too_long(void) MUST_CHECK;
/* Room for a result of `size` bytes, or 54000, 53200. */
status text_alloc(struct fn_call *call, size_t size, char **out) MUST_CHECK;
status text_join(struct fn_call *call, slice a, slice b, slice *out) MUST_CHECK;
/* A value of any type as its output function writes it; may point into the value. */
status text_of_value(struct fn_call *call, uint32_t type, datum v, slice *out) MUST_CHECK;
/* The first place at or after byte `from` where `what` stands in `s`. */
bool   text_find(slice s, slice what, size_t from, size_t *at);
/* Lower case as lower() makes it, in the call's arena. */
status text_lower(struct fn_call *call, slice s, slice *out) MUST_CHECK;
/* 'text' with quotes doubled, and E'' when it has backslashes: quote_literal(). */
void   text_quote_literal(slice s, struct buf *out);

#endif
