/* lib/sql/catalog/sequence.h: the values of sequences: nextval() and its kin.
 *
 * Values are outside transactions: what was taken is never given back. A sequence's value lives
 * under its storage_id, written ahead by some values, so that most calls write nothing; after a
 * crash the values written ahead are skipped, as in PostgreSQL. RESTART takes a new storage_id,
 * which makes it transactional. */
#ifndef LINERA_SQL_CATALOG_SEQUENCE_H
#define LINERA_SQL_CATALOG_SEQUENCE_H

#include "sql/catalog/catalog.h"

/* What one session has taken: for currval(), lastval() and the CACHE of each sequence. */
struct sequence_session;
struct sequence_session *sequence_session_new(struct heap *heap);
void                     sequence_session_free(struct sequence_session *s);  /* Accepts NULL. */
void                     sequence_session_reset(struct sequence_session *s); /* DISCARD SEQUENCES */

/* What struct sql_context points at. UNDEFINED_TABLE and WRONG_OBJECT_TYPE: the OID is no
 * sequence's. SEQUENCE_LIMIT: no more values. WRONG_STATE: currval() or lastval() before nextval().
 * MAY_YIELD. */
status sequence_next(struct sql_context *c, uint32_t oid, int64_t *out) MUST_CHECK;
status sequence_current(struct sql_context *c, uint32_t oid, int64_t *out) MUST_CHECK;
status sequence_last(struct sql_context *c, int64_t *out) MUST_CHECK;
status sequence_set(struct sql_context *c, uint32_t oid, int64_t value, bool is_called) MUST_CHECK;

/* The sequence's columns last_value and is_called. MAY_YIELD. */
status sequence_read(struct catalog_view *v, const struct table_desc *t, int64_t *last,
                     bool *is_called) MUST_CHECK;

#endif
