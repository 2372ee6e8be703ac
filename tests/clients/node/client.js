// node-postgres against a server named by the PG* variables. PostgreSQL 15 passes it too.
//
// Every test is a function with a client of its own; what differs is told with its line, and the exit status is 1.
import { isDeepStrictEqual, inspect } from 'node:util';
import { pipeline } from 'node:stream/promises';
import { Readable, Writable } from 'node:stream';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';

const { Client, Pool, Query } = pg;
let failures = 0;

function complain(what) {
  const line = new Error().stack.split('\n').find((l, i) => i > 2 && l.includes('client.js'));
  console.log(`${line ? line.replace(/.*\//, '').replace(/\)$/, '') : 'client.js'}: ${what}`);
  failures++;
}

function equal(expected, got, what = '') {
  if (!isDeepStrictEqual(expected, got)) complain(`${what}: expected ${inspect(expected)}, got ${inspect(got)}`);
}

// The error that `promise` ends with, which must have this SQLSTATE.
async function fails(state, promise) {
  try {
    await promise;
  } catch (e) {
    if (e.code !== state) complain(`expected SQLSTATE ${state}, got ${e.code}: ${e.message}`);
    return e;
  }
  complain(`expected SQLSTATE ${state}, got no error`);
  return {};
}

// Type in CREATE TABLE, OID, values that go in and the text that comes back without a parser of the driver's.
const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const types = [
  ['bool', 16, [true, false]],
  ['bytea', 17, [Buffer.alloc(0), all]],
  ['"char"', 18, ['x']],
  ['name', 19, ['a_name']],
  ['int8', 20, ['-9223372036854775808', '9223372036854775807']],
  ['int2', 21, [-32768, 32767]],
  ['int4', 23, [-2147483648, 2147483647]],
  ['text', 25, ['', "it's \\ naïve ☃ 🐘", 'two\nlines\t$1']],
  ['oid', 26, [0, 4294967295]],
  ['float4', 700, [1.5, Infinity, NaN]],
  ['float8', 701, [0.1, Number.MAX_VALUE, Number.MIN_VALUE, -Infinity, NaN]],
  ['char(5)', 1042, ['ab   ']],
  ['varchar(20)', 1043, ['varying']],
  ['numeric', 1700, ['0.00', '-98765432109876543210.0123456789', 'NaN', 'Infinity', '-Infinity']],
  ['numeric(10,2)', 1700, ['99999999.99']],
  ['time', 1083, ['00:00:00', '23:59:59.999999', '24:00:00']],
  ['timetz', 1266, ['12:34:56.789+05:30']],
  ['timestamp', 1114, [new Date(2024, 1, 29, 23, 59, 59, 123), Infinity]],
  ['timestamptz', 1184, [new Date(Date.UTC(2024, 1, 29, 23, 59, 59, 123)), -Infinity]],
  ['uuid', 2950, ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
  ['int4[]', 1007, [[1, null, -3], []]],
  ['text[]', 1009, [['a', null, 'x "y", z', '']]],
];

async function textTypes(client) {
  for (const [name, oid, values] of types) {
    await client.query(`create table one (id serial, v ${name})`);
    for (const v of [...values, null]) {
      const put = await client.query('insert into one (v) values ($1) returning v', [v]);
      equal([oid, v], [put.fields[0].dataTypeID, put.rows[0].v], name);
      const got = await client.query({ name: `get ${name}`, text: 'select v from one order by id desc limit 1' });
      equal(v, got.rows[0].v, name);
    }
    await client.query('drop table one');
    await client.query('deallocate all');
    client.connection.parsedStatements = {};
  }
}

// The driver leaves these as text, or makes objects of them.
async function otherTypes(client) {
  const { rows: [r] } = await client.query(`select '0044-03-15 BC'::date::text d, '5874897-12-31'::date::text e,
    'infinity'::date::text f, $1::interval::text i, $2::date d2, $1::interval j`,
  ['-1 year -2 mons +3 days -04:05:06.789', '2024-02-29']);
  equal(['0044-03-15 BC', '5874897-12-31', 'infinity', '-1 years -2 mons +3 days -04:05:06.789'], [r.d, r.e, r.f, r.i]);
  equal(new Date(2024, 1, 29), r.d2);
  equal({ years: -1, months: -2, days: 3, hours: -4, minutes: -5, seconds: -6, milliseconds: -789 }, { ...r.j });
}

// Results in binary. The driver makes strings of what comes before it looks at the format, so that bytes from 0x80 on
// are lost; these values have none.
async function binaryTypes(client) {
  const values = [['bool', true], ['int2', 12345], ['int4', 16909060], ['int8', '72623859790382856'], ['oid', 16909060],
    ['float4', 2], ['float8', 2], ['text', 'naïve ☃'], ['bytea', Buffer.from('bytes')], ['numeric', 12345.678],
    ['int4[]', [1, 16909060]], ['text', null]];
  for (const [type, value] of values) {
    const { rows } = await client.query({ text: `select $1::${type} as v`, values: [value], binary: true });
    const v = type === 'bytea' ? Buffer.from(rows[0].v) : rows[0].v;
    equal(value, v, `${type} in binary`);
  }
}

async function statements(client) {
  for (let i = 0; i < 3; i++) {
    const { rows } = await client.query({ name: 'add', text: 'select $1::int + $2::int as sum', values: [40, i] });
    equal([{ sum: 40 + i }], rows);
  }
  const array = await client.query({ text: 'select 1, 2', rowMode: 'array' });
  equal([[1, 2]], array.rows);
  const several = await client.query("select 1 as a; create table s (i int); insert into s values (1), (2)");
  equal([['SELECT', 1], ['CREATE', null], ['INSERT', 2]], several.map((r) => [r.command, r.rowCount]));
  const update = await client.query('update s set i = i + 1 where i = any($1) returning i', [[1, 2, 3]]);
  equal([2, [{ i: 2 }, { i: 3 }]], [update.rowCount, update.rows]);
  await client.query('drop table s');
  const queue = await Promise.all([1, 2, 3].map((i) => client.query('select $1::int as i', [i])));
  equal([1, 2, 3], queue.map((r) => r.rows[0].i));
  equal([`'it''s'`, `"A ""b"""`], [client.escapeLiteral("it's"), client.escapeIdentifier('A "b"')]);
}

async function portals(client) {
  const rows = [];
  const query = client.query(new Query({ text: 'select i from generate_series(1, 1000) i', rows: 100 }));
  query.on('row', (r) => rows.push(r.i));
  await new Promise((resolve, reject) => query.on('end', resolve).on('error', reject));
  equal([1000, 500500], [rows.length, rows.reduce((a, b) => a + b, 0)]);
}

async function transactions(client) {
  await client.query('create table t (id int primary key)');
  await client.query('begin isolation level serializable');
  equal('serializable', (await client.query('show transaction_isolation')).rows[0].transaction_isolation);
  await client.query('insert into t values ($1)', [1]);
  await client.query('savepoint s');
  await fails('23505', client.query('insert into t values ($1)', [1]));
  await fails('25P02', client.query('select 1'));
  await fails('25P02', client.query('select $1::int', [1]));
  await client.query('rollback to s');
  await client.query('insert into t values ($1)', [2]);
  await client.query('commit');
  await client.query('begin');
  await client.query('insert into t values ($1)', [3]);
  await client.query('rollback');
  equal([1, 2], (await client.query('select array_agg(id order by id) as ids from t')).rows[0].ids);
  await client.query('begin read only');
  await fails('25006', client.query('delete from t'));
  await client.query('rollback');
  await client.query('drop table t');
}

async function errors(client) {
  await client.query('create table parent (id int primary key)');
  await client.query('create table child (id int not null, p int references parent, constraint positive check (id > 0))');
  let e = await fails('23503', client.query('insert into child values ($1, $2)', [1, 7]));
  equal(['ERROR', 'public', 'child', 'child_p_fkey', 'Key (p)=(7) is not present in table "parent".'],
    [e.severity, e.schema, e.table, e.constraint, e.detail]);
  e = await fails('23502', client.query('insert into child values (null)'));
  equal('id', e.column);
  e = await fails('23514', client.query('insert into child values ($1)', [-1]));
  equal('positive', e.constraint);
  e = await fails('42703', client.query('select nope from child'));
  equal('8', e.position);
  await fails('22P02', client.query('select $1::int', ['x']));
  await fails('08P01', client.query('select $1::int + $2::int', [1]));
  await fails('42601', client.query('selec 1'));
  const notices = [];
  client.on('notice', (n) => notices.push(`${n.severity} ${n.message}`));
  await client.query('drop table if exists nowhere');
  equal(['NOTICE table "nowhere" does not exist, skipping'], notices);
  await client.query('drop table child, parent');
}

async function collect(stream) {
  const chunks = [];
  await pipeline(stream, new Writable({ write(chunk, _, done) { chunks.push(chunk); done(); } }));
  return Buffer.concat(chunks);
}

async function copy(client) {
  await client.query('create table copied (id int primary key, name text, d date)');
  const text = '1\tone\\ttab\t2024-01-01\n2\t\\N\t\\N\n3\tnaïve\\\\\tinfinity\n';
  const into = client.query(copyStreams.from('copy copied from stdin'));
  await pipeline(Readable.from([text.slice(0, 10), text.slice(10)]), into);
  equal(3, into.rowCount);
  equal(text, (await collect(client.query(copyStreams.to('copy copied to stdout')))).toString());
  const binary = await collect(client.query(copyStreams.to('copy copied to stdout with (format binary)')));
  await client.query('truncate copied');
  await pipeline(Readable.from([binary]), client.query(copyStreams.from('copy copied from stdin with (format binary)')));
  equal('3', (await client.query('select count(*) from copied')).rows[0].count);
  await fails('23505', pipeline(Readable.from(['4\tx\t\\N\n1\ty\t\\N\n']), client.query(copyStreams.from('copy copied from stdin'))));
  equal('3', (await client.query('select count(*) from copied')).rows[0].count);
  await client.query('drop table copied');
}

async function introspection(client) {
  await client.query('create table author (id serial primary key, name varchar(40) not null, score numeric(8,2) default 0)');
  await client.query('create table book (a int references author on delete cascade, n int, primary key (a, n))');
  const columns = await client.query(`select column_name, data_type, is_nullable, column_default, character_maximum_length,
    numeric_precision, numeric_scale, udt_name from information_schema.columns where table_name = $1
    order by ordinal_position`, ['author']);
  equal([['id', 'integer', 'NO', "nextval('author_id_seq'::regclass)", null, 32, 0, 'int4'],
    ['name', 'character varying', 'NO', null, 40, null, null, 'varchar'],
    ['score', 'numeric', 'YES', '0', null, 8, 2, 'numeric']], columns.rows.map((r) => Object.values(r)));
  const keys = await client.query(`select c.table_name, k.column_name, c.constraint_type, r.delete_rule
    from information_schema.table_constraints c
    join information_schema.key_column_usage k using (constraint_schema, constraint_name)
    left join information_schema.referential_constraints r using (constraint_schema, constraint_name)
    where c.table_name in ('author', 'book') order by 1, 3, k.ordinal_position`);
  equal([['author', 'id', 'PRIMARY KEY', null], ['book', 'a', 'FOREIGN KEY', 'CASCADE'], ['book', 'a', 'PRIMARY KEY', null],
    ['book', 'n', 'PRIMARY KEY', null]], keys.rows.map((r) => Object.values(r)));
  const tables = await client.query(`select table_name, table_type from information_schema.tables
    where table_schema = 'public' and table_name in ('author', 'book') order by 1`);
  equal([['author', 'BASE TABLE'], ['book', 'BASE TABLE']], tables.rows.map((r) => Object.values(r)));
  const { fields } = await client.query('select id, name, score from author');
  equal([['id', 1, 4, -1], ['name', 2, -1, 44], ['score', 3, -1, (8 << 16 | 2) + 4]],
    fields.map((f) => [f.name, f.columnID, f.dataTypeSize, f.dataTypeModifier]));
  const { rows: [table] } = await client.query("select 'author'::regclass::oid as oid");
  equal(table.oid, fields[0].tableID);
  await client.query('drop table book, author');
}

async function cancel(client) {
  const other = new Client();
  await other.connect();
  const sleep = fails('57014', client.query('select pg_sleep(600)'));
  let ended = false;
  sleep.then(() => { ended = true; });
  while (!ended) { // a request that overtakes the statement hits nothing
    await other.query('select pg_cancel_backend($1)', [client.processID]);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  await sleep;
  await client.query("set statement_timeout = '50ms'");
  await fails('57014', client.query('select pg_sleep(600)'));
  await client.query('reset statement_timeout');
  await other.end();
}

async function largeValues(client) {
  const b = Buffer.alloc(1 << 20, all);
  const t = 'naïve ☃ '.repeat(131072);
  await client.query('create table large (b bytea, t text)');
  await client.query('insert into large values ($1, $2)', [b, t]);
  const { rows: [r] } = await client.query('select b, t, length(t) from large');
  equal([true, true, t.length], [b.equals(r.b), r.t === t, r.length]);
  await client.query('drop table large');
}

async function pools() {
  const pool = new Pool({ max: 4, application_name: 'pooled' });
  const sums = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.query('select $1::int * 2 as twice', [i])));
  equal(40 * 39, sums.reduce((sum, r) => sum + r.rows[0].twice, 0));
  equal('pooled', (await pool.query("select current_setting('application_name') as name")).rows[0].name);
  await pool.end();
  await fails('3D000', new Client({ database: 'there_is_none' }).connect());
}

const tests = { textTypes, otherTypes, binaryTypes, statements, portals, transactions, errors, copy, introspection, cancel,
  largeValues, pools };
for (const [name, run] of Object.entries(tests)) {
  const client = new Client();
  const before = failures;
  try {
    await client.connect();
    await client.query("set timezone = 'UTC'");
    await run(client);
  } catch (e) {
    console.log(e.stack);
    failures++;
  }
  await client.end();
  if (failures > before) console.log(`FAILED: ${name}`);
}
process.exit(failures > 0 ? 1 : 0);
