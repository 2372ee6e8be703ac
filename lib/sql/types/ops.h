/* lib/sql/types/ops.h: which functions each type of types.def has, as initialisers for the
 * generated table. For the files of types/ and the generated table only. */
#ifndef LINERA_SQL_TYPES_OPS_H
#define LINERA_SQL_TYPES_OPS_H

#include "sql/types/type.h"

#define TYPE_IN_ARGS                                                                               \
    struct sql_context *c, struct arena *a, const struct type *t, slice text, int32_t typmod,      \
        datum *out
#define TYPE_OUT_ARGS struct sql_context *c, const struct type *t, datum v, struct buf *out

#define DECLARE_IO(prefix)                                                                         \
    status prefix##_input(TYPE_IN_ARGS);                                                           \
    status prefix##_output(TYPE_OUT_ARGS);                                                         \
    status prefix##_receive(TYPE_IN_ARGS);                                                         \
    status prefix##_send(TYPE_OUT_ARGS);

#define DECLARE_ORDER(prefix)                                                                      \
    int      prefix##_compare(datum a, datum b);                                                   \
    uint64_t prefix##_hash(datum v);                                                               \
    void     prefix##_key_encode(datum v, struct buf *out, bool *exact);                           \
    status   prefix##_key_decode(struct arena *a, slice *key, datum *out);

#define IO(prefix)                                                                                 \
    .input = prefix##_input, .output = prefix##_output, .receive = prefix##_receive,               \
    .send = prefix##_send
#define ORDER(prefix)                                                                              \
    .compare = prefix##_compare, .hash = prefix##_hash, .key_encode = prefix##_key_encode,         \
    .key_decode = prefix##_key_decode

DECLARE_IO(bool)
DECLARE_IO(int2)
DECLARE_IO(int4)
DECLARE_IO(int8)
DECLARE_IO(oid)
DECLARE_IO(char1)
DECLARE_IO(text)
DECLARE_IO(varchar)
DECLARE_IO(bpchar)
DECLARE_IO(name)
DECLARE_IO(bytea)
DECLARE_IO(uuid)
DECLARE_IO(void)
DECLARE_IO(none)
DECLARE_ORDER(bool)
DECLARE_ORDER(int)
DECLARE_ORDER(text)
DECLARE_ORDER(bpchar)
DECLARE_ORDER(uuid)

status length_typmod_input(const int32_t *args, size_t count, int32_t *out);
void   length_typmod_output(int32_t typmod, struct buf *out);

#define TYPE_OPS_bool   IO(bool), ORDER(bool)
#define TYPE_OPS_int2   IO(int2), ORDER(int)
#define TYPE_OPS_int4   IO(int4), ORDER(int)
#define TYPE_OPS_int8   IO(int8), ORDER(int)
#define TYPE_OPS_oid    IO(oid), ORDER(int)
#define TYPE_OPS_char1  IO(char1), ORDER(int)
#define TYPE_OPS_float4 IO(none)
#define TYPE_OPS_float8 IO(none)
#define TYPE_OPS_text   IO(text), ORDER(text)
#define TYPE_OPS_name   IO(name), ORDER(text)
#define TYPE_OPS_varchar                                                                           \
    IO(varchar), ORDER(text), .typmod_input = length_typmod_input,                                 \
                              .typmod_output = length_typmod_output
#define TYPE_OPS_bpchar                                                                            \
    IO(bpchar), ORDER(bpchar), .typmod_input = length_typmod_input,                                \
                               .typmod_output = length_typmod_output
#define TYPE_OPS_bytea        IO(bytea), ORDER(text)
#define TYPE_OPS_uuid         IO(uuid), ORDER(uuid)
#define TYPE_OPS_numeric      IO(none)
#define TYPE_OPS_array        IO(none)
#define TYPE_OPS_int2vector   IO(none)
#define TYPE_OPS_oidvector    IO(none)
#define TYPE_OPS_void         IO(void)
#define TYPE_OPS_none         IO(none)
#define TYPE_OPS_record       IO(none)
#define TYPE_OPS_regproc      IO(none), ORDER(int)
#define TYPE_OPS_regprocedure IO(none), ORDER(int)
#define TYPE_OPS_regoper      IO(none), ORDER(int)
#define TYPE_OPS_regoperator  IO(none), ORDER(int)
#define TYPE_OPS_regclass     IO(none), ORDER(int)
#define TYPE_OPS_regtype      IO(none), ORDER(int)
#define TYPE_OPS_regrole      IO(none), ORDER(int)
#define TYPE_OPS_regnamespace IO(none), ORDER(int)

#include "sql/types/ops_datetime.h"

#endif
