/* lib/sql/types/ops_datetime.h: the part of ops.h that is of the date and time types. */
#ifndef LINERA_SQL_TYPES_OPS_DATETIME_H
#define LINERA_SQL_TYPES_OPS_DATETIME_H

#define TYPE_OPS_date        IO(none)
#define TYPE_OPS_time        IO(none)
#define TYPE_OPS_timetz      IO(none)
#define TYPE_OPS_timestamp   IO(none)
#define TYPE_OPS_timestamptz IO(none)
#define TYPE_OPS_interval    IO(none)

#endif
