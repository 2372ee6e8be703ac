-- What ORMs and drivers ask about the objects of every-object.sql, one query for each kind of question. OIDs never
-- show: names stand for them. Left out is what views may change (none may here) and the order of columns in checks.
select current_schema(), current_schemas(true), current_database(), current_setting('server_version_num')::int >= 150000;
select nspname from pg_namespace where nspname not like 'pg\_%' and nspname <> 'information_schema' order by 1;
select table_schema, table_name, table_type from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2;
select c.relname, c.relkind, c.relpersistence, c.relhasindex, c.relnatts, c.relchecks, c.relhasrules, c.relhastriggers, c.relreplident, am.amname, pg_get_userbyid(c.relowner)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_am am on am.oid = c.relam where n.nspname in ('shop', 'public', 'Odd Name') order by n.nspname, c.relname;
select table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale, datetime_precision, interval_type, udt_name, is_identity, identity_generation, is_generated, generation_expression
  from information_schema.columns where table_schema = 'shop' order by table_name, ordinal_position;
select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attndims, a.attlen, a.attstorage, pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum)
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = 'shop.orders'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum;
select attname, attnum, attisdropped, atttypid from pg_attribute where attrelid = 'plain'::regclass and attnum > 0 order by attnum;
select c.conname, c.contype, c.condeferrable, c.condeferred, c.convalidated, c.conrelid::regclass, c.confrelid::regclass, case when c.contype <> 'c' then c.conkey end as key, c.confkey, c.confupdtype, c.confdeltype, c.confmatchtype, pg_get_constraintdef(c.oid), pg_get_constraintdef(c.oid, true)
  from pg_constraint c join pg_namespace n on n.oid = c.connamespace where n.nspname in ('shop', 'public', 'Odd Name') order by c.conrelid::regclass::text, c.conname;
select tc.table_name, tc.constraint_name, tc.constraint_type, tc.is_deferrable, tc.initially_deferred, kcu.column_name, kcu.ordinal_position, kcu.position_in_unique_constraint
  from information_schema.table_constraints tc join information_schema.key_column_usage kcu using (constraint_schema, constraint_name) where tc.table_schema = 'shop' order by 1, 2, 7;
select rc.constraint_name, rc.unique_constraint_name, rc.match_option, rc.update_rule, rc.delete_rule, ccu.table_name, ccu.column_name
  from information_schema.referential_constraints rc join information_schema.constraint_column_usage ccu on ccu.constraint_schema = rc.constraint_schema and ccu.constraint_name = rc.constraint_name where rc.constraint_schema = 'shop' order by 1, 7;
select constraint_name, check_clause from information_schema.check_constraints where constraint_schema = 'shop' and constraint_name not like '%not_null' order by 1;
select t.relname, i.relname, ix.indisunique, ix.indisprimary, ix.indnkeyatts, ix.indnatts, ix.indkey::text, ix.indoption::text, pg_get_expr(ix.indexprs, ix.indrelid), pg_get_expr(ix.indpred, ix.indrelid), pg_get_indexdef(i.oid)
  from pg_index ix join pg_class i on i.oid = ix.indexrelid join pg_class t on t.oid = ix.indrelid join pg_namespace n on n.oid = t.relnamespace where n.nspname in ('shop', 'Odd Name') order by 1, 2;
select i.relname, k, pg_get_indexdef(i.oid, k, true), pg_get_indexdef(i.oid, k, false), o.opcname, x.indoption[k - 1]
  from pg_index x join pg_class i on i.oid = x.indexrelid cross join generate_series(1, 2) k left join pg_opclass o on o.oid = x.indclass[k - 1]
  where x.indrelid = 'shop.orders'::regclass and k <= x.indnkeyatts order by 1, 2;
select schemaname, tablename, indexname, indexdef from pg_indexes where schemaname in ('public', 'Odd Name') order by 1, 2, 3;
select schemaname, tablename, tableowner, tablespace, hasindexes, hasrules, hastriggers from pg_tables where schemaname in ('public', 'shop', 'Odd Name') order by 1, 2;
select schemaname, viewname, definition from pg_views where schemaname in ('public', 'shop', 'Odd Name') order by 1, 2;
select table_name, view_definition, check_option from information_schema.views where table_schema in ('public', 'shop') order by 1;
select schemaname, sequencename, sequenceowner, data_type, start_value, min_value, max_value, increment_by, cycle, cache_size, last_value from pg_sequences where schemaname in ('public', 'shop', 'Odd Name') order by 1, 2;
select sequence_schema, sequence_name, data_type, numeric_precision, start_value, minimum_value, maximum_value, increment, cycle_option from information_schema.sequences order by 1, 2;
select pg_get_serial_sequence('shop.orders', 'order_no'), pg_get_serial_sequence('shop.customer', 'id'), pg_get_serial_sequence('"Odd Name"."Mixed Case"', 'Id'), pg_get_serial_sequence('plain', 'a');
select d.refobjid::regclass, d.refobjsubid, s.relname, d.deptype from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') order by 1::text, 3;
select obj_description('shop.customer'::regclass, 'pg_class'), obj_description('shop'::regnamespace, 'pg_namespace'), obj_description('shop.orders_by_customer'::regclass), obj_description('shop.vip'::regclass), col_description('shop.customer'::regclass, 5), obj_description((select oid from pg_constraint where conname = 'orders_pk'), 'pg_constraint'), shobj_description((select oid from pg_database where datname = 'postgres'), 'pg_database');
select description, objsubid, classoid::regclass from pg_description where objoid in ('shop.customer'::regclass, 'shop.orders_by_customer'::regclass, 'shop.vip'::regclass) order by 1;
select to_regclass('shop.orders'), to_regclass('shop.nothing'), to_regclass('"Odd Name"."Mixed Case"'), to_regtype('varchar(20)'), to_regtype('nothing'), to_regnamespace('shop'), to_regnamespace('nothing'), to_regrole('postgres'), to_regproc('now'), 'plain'::regclass, 'pg_catalog.pg_class'::regclass;
select format_type(23, null), format_type(1043, 24), format_type(1700, 786438), format_type(1042, 8), format_type(1114, 3), format_type(1231, -1), format_type(0, null), format_type(999999, null), format_type(1186, 470351871);
select t.typname, t.typlen, t.typtype, t.typcategory, t.typdelim, t.typarray::regtype, t.typelem, t.typbasetype from pg_type t where t.typname in ('bool', 'int4', 'text', 'numeric', 'timestamptz', 'uuid', 'bytea', 'json', 'jsonb', 'varchar') order by 1;
select t.oid, t.typname, t.typarray from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'hstore';
select oid, typname from pg_type where oid = any (array[16, 20, 25, 1700, 1184]) order by oid;
select ts.typname, r.rngsubtype from pg_range r join pg_type ts on ts.oid = r.rngtypid where ts.typname = 'nothing';
select e.enumlabel from pg_enum e join pg_type t on t.oid = e.enumtypid order by e.enumsortorder;
select name, setting, unit, vartype, context from pg_settings where name in ('statement_timeout', 'search_path', 'TimeZone', 'bytea_output', 'standard_conforming_strings') order by name;
select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit from pg_roles where rolname in ('postgres', 'pg_monitor') order by 1;
select datname, pg_encoding_to_char(encoding), datcollate, datctype, datistemplate, datallowconn from pg_database where datname = current_database();
select extname from pg_extension where extname <> 'plpgsql';
select trigger_name from information_schema.triggers;
select routine_name from information_schema.routines where routine_schema not in ('pg_catalog', 'information_schema');
select grantee, privilege_type from information_schema.role_table_grants where table_name = 'nothing';
select inhrelid from pg_inherits;
select polname from pg_policy;
select state, datname, usename, backend_type, query is not null, pid = pg_backend_pid() from pg_stat_activity where pid = pg_backend_pid();
prepare asked (int, text) as select $1, $2;
select name, parameter_types, from_sql from pg_prepared_statements;
begin;
declare looker cursor for select 1;
select name, is_holdable, is_binary, is_scrollable from pg_cursors where name = 'looker';
lock table plain in access share mode;
select locktype, relation::regclass, mode, granted from pg_locks where relation = 'plain'::regclass and pid = pg_backend_pid();
rollback;
select has_table_privilege('shop.orders', 'select, insert'), has_table_privilege('postgres', 'plain', 'DELETE'), has_schema_privilege('shop', 'usage'), has_column_privilege('plain', 'a', 'update'), has_sequence_privilege('down', 'usage'), has_database_privilege(current_database(), 'connect'), has_function_privilege('abs(integer)', 'execute'), pg_has_role('postgres', 'member');
select has_table_privilege(1, 'select'), has_column_privilege('plain', 99::int2, 'select'), has_table_privilege(77777, 'plain', 'select');
select has_table_privilege('nothing', 'select');
select has_table_privilege('plain', 'fly');
select has_schema_privilege('nothing', 'usage');
select has_column_privilege('plain', 'nothing', 'select');
select has_sequence_privilege('plain', 'usage');
select pg_has_role('nobody', 'member');
select pg_relation_size('shop.orders') > 0, pg_total_relation_size('shop.orders') >= pg_relation_size('shop.orders'), pg_database_size(current_database()) > 0, pg_relation_size('shop.vip'), pg_size_pretty(pg_table_size('plain')) is not null, pg_relation_size(1);
select pg_get_viewdef('shop.vip'), pg_get_viewdef('shop.totals'::regclass, true);
select pg_table_is_visible('plain'::regclass), pg_table_is_visible('shop.orders'::regclass), pg_type_is_visible('int4'::regtype), pg_function_is_visible('now'::regproc);
