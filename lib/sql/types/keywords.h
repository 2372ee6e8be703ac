/* lib/sql/types/keywords.h: SQL's keywords of PostgreSQL 15 that cannot be written as a name
 * without quotes (pg_get_keywords(), catcode not U), in order. */
#ifndef LINERA_SQL_TYPES_KEYWORDS_H
#define LINERA_SQL_TYPES_KEYWORDS_H

/* X(word) */
// clang-format off
#define SQL_KEYWORDS_TO_QUOTE(X) \
    X(all) X(analyse) X(analyze) X(and) X(any) X(array) \
    X(as) X(asc) X(asymmetric) X(authorization) X(between) X(bigint) \
    X(binary) X(bit) X(boolean) X(both) X(case) X(cast) \
    X(char) X(character) X(check) X(coalesce) X(collate) X(collation) \
    X(column) X(concurrently) X(constraint) X(create) X(cross) X(current_catalog) \
    X(current_date) X(current_role) X(current_schema) X(current_time) X(current_timestamp) X(current_user) \
    X(dec) X(decimal) X(default) X(deferrable) X(desc) X(distinct) \
    X(do) X(else) X(end) X(except) X(exists) X(extract) \
    X(false) X(fetch) X(float) X(for) X(foreign) X(freeze) \
    X(from) X(full) X(grant) X(greatest) X(group) X(grouping) \
    X(having) X(ilike) X(in) X(initially) X(inner) X(inout) \
    X(int) X(integer) X(intersect) X(interval) X(into) X(is) \
    X(isnull) X(join) X(lateral) X(leading) X(least) X(left) \
    X(like) X(limit) X(localtime) X(localtimestamp) X(national) X(natural) \
    X(nchar) X(none) X(normalize) X(not) X(notnull) X(null) \
    X(nullif) X(numeric) X(offset) X(on) X(only) X(or) \
    X(order) X(out) X(outer) X(overlaps) X(overlay) X(placing) \
    X(position) X(precision) X(primary) X(real) X(references) X(returning) \
    X(right) X(row) X(select) X(session_user) X(setof) X(similar) \
    X(smallint) X(some) X(substring) X(symmetric) X(table) X(tablesample) \
    X(then) X(time) X(timestamp) X(to) X(trailing) X(treat) \
    X(trim) X(true) X(union) X(unique) X(user) X(using) \
    X(values) X(varchar) X(variadic) X(verbose) X(when) X(where) \
    X(window) X(with) X(xmlattributes) X(xmlconcat) X(xmlelement) X(xmlexists) \
    X(xmlforest) X(xmlnamespaces) X(xmlparse) X(xmlpi) X(xmlroot) X(xmlserialize) \
    X(xmltable)
// clang-format on

#endif
