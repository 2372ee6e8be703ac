/* lib/sql/types/ops.h: the functions of each data type, and the OPS_... macros through which the
 * type table (types.def) takes them. For the table and for neighbours that build on another type's
 * form; everyone else calls through struct type. What each member promises is said in type.h. */
#ifndef LINERA_SQL_TYPES_OPS_H
#define LINERA_SQL_TYPES_OPS_H

#include "sql/types/type.h"

#define TYPE_IO_DECLARE(p)                                                                         \
    status p##_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,     \
                     int32_t typmod, datum *out);                                                  \
    status p##_output(struct sql_context *c, const struct type *t, datum v, struct buf *out);      \
    status p##_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,  \
                       int32_t typmod, datum *out);                                                \
    status p##_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
#define TYPE_ORDER_DECLARE(p)                                                                      \
    int      p##_compare(datum a, datum b);                                                        \
    uint64_t p##_hash(datum v);                                                                    \
    void     p##_key_encode(datum v, struct buf *out, bool *exact);                                \
    status   p##_key_decode(struct arena *a, slice *key, datum *out)
#define TYPE_TYPMOD_DECLARE(p)                                                                     \
    void   p##_typmod_output(int32_t typmod, struct buf *out);                                     \
    status p##_typmod_input(const int32_t *args, size_t count, int32_t *out)

#define TYPE_IO(p)                                                                                 \
    .input = p##_input, .output = p##_output, .receive = p##_receive, .send = p##_send
#define TYPE_ORDER(p)                                                                              \
    .compare = p##_compare, .hash = p##_hash, .key_encode = p##_key_encode,                        \
    .key_decode = p##_key_decode
#define TYPE_TYPMOD(p) .typmod_output = p##_typmod_output, .typmod_input = p##_typmod_input

TYPE_IO_DECLARE(bool);
TYPE_IO_DECLARE(integer); /* int2, int4, int8 */
TYPE_IO_DECLARE(oid);     /* oid, xid, cid: unsigned, 32 bits */
TYPE_IO_DECLARE(char);    /* "char" */
TYPE_IO_DECLARE(tid);
TYPE_IO_DECLARE(text);
TYPE_IO_DECLARE(name);
TYPE_IO_DECLARE(varchar);
TYPE_IO_DECLARE(bpchar);
TYPE_IO_DECLARE(bytea);
TYPE_IO_DECLARE(uuid);
TYPE_IO_DECLARE(float4);
TYPE_IO_DECLARE(float8);
TYPE_IO_DECLARE(numeric);
TYPE_IO_DECLARE(array);
TYPE_IO_DECLARE(vector); /* int2vector, oidvector */
TYPE_IO_DECLARE(record);
TYPE_IO_DECLARE(reg); /* regclass and its kin */
TYPE_IO_DECLARE(void);
TYPE_IO_DECLARE(pseudo); /* types that no value has */
TYPE_IO_DECLARE(none);   /* types known by name only */

TYPE_ORDER_DECLARE(bool);
TYPE_ORDER_DECLARE(integer); /* every type whose datum is an integer in its order */
TYPE_ORDER_DECLARE(text);    /* by unsigned bytes: the order of code points in UTF-8 */
TYPE_ORDER_DECLARE(bpchar);  /* trailing blanks do not count */
TYPE_ORDER_DECLARE(uuid);
TYPE_ORDER_DECLARE(float); /* float4 and float8 */
TYPE_ORDER_DECLARE(numeric);
TYPE_ORDER_DECLARE(array);
TYPE_ORDER_DECLARE(record);

TYPE_IO_DECLARE(date);
TYPE_IO_DECLARE(time);
TYPE_IO_DECLARE(timetz);
TYPE_IO_DECLARE(timestamp); /* timestamptz too */
TYPE_IO_DECLARE(interval);
TYPE_ORDER_DECLARE(timetz);
/* Whether stored bytes are of the form that timetz_input() makes. */
bool timetz_is_sound(slice v);
TYPE_ORDER_DECLARE(interval);
TYPE_TYPMOD_DECLARE(precision); /* time, timetz, timestamp, timestamptz */
TYPE_TYPMOD_DECLARE(interval);

TYPE_TYPMOD_DECLARE(length); /* varchar, bpchar */
TYPE_TYPMOD_DECLARE(numeric);

/* The key of an element of an array or of a field of a record. The key of an array or a record has
 * an end of its own, and may begin with a null of its own, which would be taken for those of what
 * is around it: so it stands there as a string. keyenc_skip() steps over either. */
void nested_key_encode(const struct type *t, datum v, struct buf *out, bool *exact);

#define OPS_bool         TYPE_IO(bool), TYPE_ORDER(bool)
#define OPS_int2         TYPE_IO(integer), TYPE_ORDER(integer)
#define OPS_int4         OPS_int2
#define OPS_int8         OPS_int2
#define OPS_oid          TYPE_IO(oid), TYPE_ORDER(integer)
#define OPS_char         TYPE_IO(char), TYPE_ORDER(integer)
#define OPS_tid          TYPE_IO(tid), TYPE_ORDER(integer)
#define OPS_text         TYPE_IO(text), TYPE_ORDER(text)
#define OPS_cstring      OPS_text
#define OPS_name         TYPE_IO(name), TYPE_ORDER(text)
#define OPS_varchar      TYPE_IO(varchar), TYPE_ORDER(text), TYPE_TYPMOD(length)
#define OPS_bpchar       TYPE_IO(bpchar), TYPE_ORDER(bpchar), TYPE_TYPMOD(length)
#define OPS_bytea        TYPE_IO(bytea), TYPE_ORDER(text)
#define OPS_uuid         TYPE_IO(uuid), TYPE_ORDER(uuid)
#define OPS_float4       TYPE_IO(float4), TYPE_ORDER(float)
#define OPS_float8       TYPE_IO(float8), TYPE_ORDER(float)
#define OPS_numeric      TYPE_IO(numeric), TYPE_ORDER(numeric), TYPE_TYPMOD(numeric)
#define OPS_array        TYPE_IO(array), TYPE_ORDER(array)
#define OPS_int2vector   TYPE_IO(vector), TYPE_ORDER(array)
#define OPS_oidvector    TYPE_IO(vector), TYPE_ORDER(array)
#define OPS_record       TYPE_IO(record), TYPE_ORDER(record)
#define OPS_regproc      TYPE_IO(reg), TYPE_ORDER(integer)
#define OPS_regprocedure OPS_regproc
#define OPS_regoper      OPS_regproc
#define OPS_regoperator  OPS_regproc
#define OPS_regclass     OPS_regproc
#define OPS_regtype      OPS_regproc
#define OPS_regrole      OPS_regproc
#define OPS_regnamespace OPS_regproc
#define OPS_date         TYPE_IO(date), TYPE_ORDER(integer)
#define OPS_time         TYPE_IO(time), TYPE_ORDER(integer), TYPE_TYPMOD(precision)
#define OPS_timetz       TYPE_IO(timetz), TYPE_ORDER(timetz), TYPE_TYPMOD(precision)
#define OPS_timestamp    TYPE_IO(timestamp), TYPE_ORDER(integer), TYPE_TYPMOD(precision)
#define OPS_timestamptz  OPS_timestamp
#define OPS_interval     TYPE_IO(interval), TYPE_ORDER(interval), TYPE_TYPMOD(interval)
#define OPS_void         TYPE_IO(void)
#define OPS_pseudo       TYPE_IO(pseudo)
#define OPS_none         TYPE_IO(none)

/* ---- pieces that several types share ------------------------------------------------------------
 */

/* 22P02: invalid input syntax for type <sql_name>: "<text>". */
status   type_syntax_error(const struct type *t, slice text) MUST_CHECK;
/* 22003: value "<text>" is out of range for type <sql_name>. */
status   type_range_error(const struct type *t, slice text) MUST_CHECK;
/* The bytes of a binary value must be `size` many. */
status   type_receive_size(slice bytes, size_t size) MUST_CHECK;
/* Without the white space that C's isspace() knows, at both ends. */
slice    type_trim(slice text);
/* 22021 unless the text is UTF-8 without zero bytes. */
status   type_check_encoding(slice text) MUST_CHECK;
/* Hash of a run of bytes. */
uint64_t type_hash_bytes(slice s);
/* A signed 64-bit number, white space allowed at both ends. False: *out is untouched and *overflow
 * tells a number that does not fit from what is no number. */
bool     type_parse_int64(slice text, int64_t *out, bool *overflow);

#endif
