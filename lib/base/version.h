/* lib/base/version.h: the one place where the product's versions stand. */
#ifndef LINERA_BASE_VERSION_H
#define LINERA_BASE_VERSION_H

#define LINERA_VERSION "0.1.0"

/* The PostgreSQL version whose language and protocol are spoken; reported as server_version. */
#define LINERA_PG_VERSION     "15.0"
#define LINERA_PG_VERSION_NUM 150000

#endif
