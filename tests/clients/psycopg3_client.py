#!/usr/bin/env python3
"""psycopg 3 against a server named by the PG* variables. PostgreSQL 15 passes it too.

Every test is a function with a connection of its own; what fails is told with its traceback, and the exit status is 1.
"""
import datetime as dt
import sys
import threading
import traceback
import uuid
from decimal import Decimal

import psycopg
from psycopg import ClientCursor, IsolationLevel, ServerCursor, errors, pq, sql
from psycopg.rows import dict_row

UTC = dt.timezone.utc
TESTS = []


def test(f):
    TESTS.append(f)
    return f


def equal(expected, got, what=""):
    if type(expected) is not type(got) or repr(expected) != repr(got):
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def fails(error, f, *args, **named):
    """The error that f(*args) raises, which must be of class `error`."""
    try:
        f(*args, **named)
    except error as e:
        return e
    raise AssertionError(f"expected {error.__name__}: {args}")


# type in CREATE TABLE, OID, values that go in and come back alike
TYPES = [
    ("bool", 16, [True, False]),
    ("bytea", 17, [b"", b"\x00\xff'\"\\", bytes(range(256))]),
    ('"char"', 18, ["x"]),
    ("name", 19, ["a_name"]),
    ("int8", 20, [-(2**63), 2**63 - 1]),
    ("int2", 21, [-32768, 32767]),
    ("int4", 23, [-(2**31), 2**31 - 1]),
    ("text", 25, ["", "it's \\ naïve ☃ 🐘", "two\nlines\tand %s"]),
    ("oid", 26, [0, 4294967295]),
    ("float4", 700, [1.5, float("inf"), float("nan"), -0.0]),
    ("float8", 701, [0.1, 1.7976931348623157e308, 5e-324, float("-inf"), float("nan")]),
    ("char(5)", 1042, ["ab   "]),
    ("varchar(20)", 1043, ["varying"]),
    ("date", 1082, [dt.date(2024, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("time", 1083, [dt.time(0), dt.time(23, 59, 59, 999999)]),
    ("timestamp", 1114, [dt.datetime(2024, 2, 29, 23, 59, 59, 123456), dt.datetime(1, 1, 1)]),
    ("timestamptz", 1184, [dt.datetime(2024, 2, 29, 23, 59, 59, 123456, UTC)]),
    ("interval", 1186, [dt.timedelta(0), dt.timedelta(days=3, microseconds=1), dt.timedelta(days=-3, seconds=-5)]),
    ("timetz", 1266, [dt.time(12, 34, 56, 789, dt.timezone(dt.timedelta(hours=5, minutes=30)))]),
    ("numeric", 1700, [Decimal("0.00"), Decimal("-98765432109876543210.0123456789"), Decimal("100"), Decimal("NaN"),
                       Decimal("Infinity"), Decimal("-Infinity"), Decimal("1E-20")]),
    ("numeric(10,2)", 1700, [Decimal("99999999.99")]),
    ("uuid", 2950, [uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")]),
    ("int4[]", 1007, [[1, None, -3], [], [[1, 2], [3, 4]]]),
    ("text[]", 1009, [["a", None, 'x "y", z', ""]]),
    ("uuid[]", 2951, [[uuid.UUID(int=0)]]),
    ("numeric[]", 1231, [[Decimal("1.50"), None]]),
]


@test
def types(c):
    """Parameters as text (%t), in binary (%b) and as the driver prefers (%s); results as text and in binary."""
    for name, oid, values in TYPES:
        c.execute(f"create table one (id serial, v {name})")
        for v in values + [None]:
            for way in ("%s", "%t", "%b"):
                if way == "%b" and isinstance(v, str) and name in ('"char"', "name"):
                    continue  # the driver sends text, which is no binary form of these
                c.execute(f"insert into one (v) values ({way})", [v])
                for binary in (False, True):
                    cur = c.execute("select v from one order by id desc limit 1", binary=binary)
                    equal(oid, cur.description[0].type_code, name)
                    equal(v, cur.fetchone()[0], f"{name}, {way}, {'binary' if binary else 'text'} result")
        c.execute("drop table one")


@test
def values_that_python_cannot_hold(c):
    """The driver refuses them in both formats; as text they are what PostgreSQL sends."""
    for value in ("'infinity'::date", "'0044-03-15 BC'::date", "'-infinity'::timestamp", "'24:00'::time",
                  "'294276-12-31 23:59:59'::timestamptz"):
        for binary in (False, True):
            fails(psycopg.DataError, lambda: c.execute(f"select {value}", binary=binary).fetchone())
    equal(("infinity", "0044-03-15 BC", "24:00:00"),
          c.execute("select 'infinity'::date::text, '0044-03-15 BC'::date::text, '24:00'::time::text").fetchone())
    for binary in (False, True):
        equal(dt.timedelta(days=365 + 60 + 3, hours=4, minutes=5, seconds=6, milliseconds=789),
              c.execute("select '1 year 2 mons 3 days 04:05:06.789'::interval", binary=binary).fetchone()[0])


@test
def description(c):
    c.execute("create table d (i int primary key, n numeric(10,2), v varchar(20), t text, ts timestamp(3))")
    cur = c.execute("select * from d")
    equal([("i", 23, None, 4, None, None), ("n", 1700, None, None, 10, 2), ("v", 1043, 20, None, None, None),
           ("t", 25, None, None, None, None), ("ts", 1114, None, 8, 3, None)],
          [(x.name, x.type_code, x.display_size, x.internal_size, x.precision, x.scale) for x in cur.description])
    cur = c.execute("insert into d (i) values (1), (2) returning i")
    equal((2, "INSERT 0 2", [(1,), (2,)]), (cur.rowcount, cur.statusmessage, cur.fetchall()))
    info = c.execute("select table_name, column_name from information_schema.columns where table_name = %s"
                     " order by ordinal_position", ["d"]).fetchall()
    equal([("d", "i"), ("d", "n"), ("d", "v"), ("d", "t"), ("d", "ts")], info)


@test
def types_by_name(c):
    """What registering adapters asks for."""
    info = psycopg.types.TypeInfo.fetch(c, "numeric")
    equal(("numeric", 1700, 1231), (info.name, info.oid, info.array_oid))
    equal(None, psycopg.types.TypeInfo.fetch(c, "there_is_none"))
    equal("double precision", c.execute("select %s::regtype::text", [701]).fetchone()[0])


@test
def connection(c):
    equal((15, "utf-8", "UTC"), (c.info.server_version // 10000, c.info.encoding, str(c.info.timezone)))
    equal(c.info.backend_pid, c.execute("select pg_backend_pid()").fetchone()[0])
    fails(psycopg.OperationalError, psycopg.connect, "dbname=there_is_none")
    with psycopg.connect(application_name="mine", options="-c statement_timeout=5s") as d:
        equal(("mine", "5s"), d.execute("select current_setting('application_name'),"
                                        " current_setting('statement_timeout')").fetchone())
        d.execute("set timezone to 'Europe/Berlin'")
        equal("Europe/Berlin", str(d.info.timezone))
    equal(True, d.closed)


@test
def transactions(c):
    c.execute("create table t (id int primary key)")
    equal(pq.TransactionStatus.INTRANS, c.info.transaction_status)
    c.commit()
    with c.transaction():
        c.execute("insert into t values (1)")
        try:
            with c.transaction("inner"):
                c.execute("insert into t values (2)")
                fails(errors.UniqueViolation, c.execute, "insert into t values (1)")
                equal(pq.TransactionStatus.INERROR, c.info.transaction_status)
                fails(errors.InFailedSqlTransaction, c.execute, "select 1")
                raise psycopg.Rollback
        except psycopg.Rollback:
            pass
        with c.transaction(force_rollback=True):
            c.execute("insert into t values (3)")
        with c.transaction():
            c.execute("insert into t values (4)")
    equal([1, 4], c.execute("select array_agg(id order by id) from t").fetchone()[0])
    c.rollback()
    c.execute("drop table t")
    c.commit()


@test
def isolation(c):
    for level, text in [(IsolationLevel.READ_COMMITTED, "read committed"),
                        (IsolationLevel.REPEATABLE_READ, "repeatable read"),
                        (IsolationLevel.SERIALIZABLE, "serializable")]:
        c.isolation_level = level
        equal(text, c.execute("show transaction_isolation", binary=True).fetchone()[0])
        c.rollback()
    c.read_only, c.deferrable = True, True
    fails(errors.ReadOnlySqlTransaction, c.execute, "create table r (i int)")
    c.rollback()
    c.read_only, c.deferrable, c.isolation_level = None, None, None
    c.autocommit = True
    c.execute("create table ac (i int)")
    equal(pq.TransactionStatus.IDLE, c.info.transaction_status)
    c.execute("drop table ac")


@test
def prepared_statements(c):
    for i in range(8):  # the driver prepares what it has seen five times
        equal(i + 1, c.execute("select %s + 1", [i]).fetchone()[0])
    equal(42, c.execute("select %s::int + %s::int", [40, 2], prepare=True, binary=True).fetchone()[0])
    c.execute("create table moving (a int)")
    c.commit()
    c.autocommit = True
    equal([], c.execute("select * from moving", prepare=True).fetchall())
    c.execute("alter table moving add column b text")
    e = fails(errors.FeatureNotSupported, c.execute, "select * from moving", prepare=True)
    equal("cached plan must not change result type", e.diag.message_primary)
    c.execute("drop table moving")
    c.execute("discard all")


@test
def errors_and_notices(c):
    c.execute("create table parent (id int primary key)")
    c.execute("create table child (id int not null, p int references parent, constraint positive check (id > 0))")

    def fails_within(error, query, *args):
        with c.transaction(force_rollback=True):
            return fails(error, c.execute, query, *args)
    e = fails_within(errors.ForeignKeyViolation, "insert into child values (%s, %s)", [1, 7])
    equal(("23503", "ERROR", "public", "child", "child_p_fkey"),
          (e.sqlstate, e.diag.severity, e.diag.schema_name, e.diag.table_name, e.diag.constraint_name))
    equal('Key (p)=(7) is not present in table "parent".', e.diag.message_detail)
    equal("id", fails_within(errors.NotNullViolation, "insert into child values (null)").diag.column_name)
    equal("positive", fails_within(errors.CheckViolation, "insert into child values (0)").diag.constraint_name)
    equal("8", fails_within(errors.UndefinedColumn, "select nope from child").diag.statement_position)
    fails_within(errors.DivisionByZero, "select %s::int / 0", [1])
    fails_within(errors.InvalidTextRepresentation, "select %s::int", ["x"])
    fails_within(errors.NumericValueOutOfRange, "select %s::int2", [70000])
    fails_within(errors.SyntaxError, "selec 1")
    notices = []
    c.add_notice_handler(lambda d: notices.append((d.severity, d.sqlstate, d.message_primary)))
    c.execute("drop table if exists nowhere")
    equal([("NOTICE", "00000", 'table "nowhere" does not exist, skipping')], notices)


@test
def copy(c):
    c.execute("create table copied (id int primary key, name text, d date, n numeric, b bytea)")
    rows = [(1, "one\ttab", dt.date(2024, 1, 1), Decimal("1.50"), b"\x00\xff"), (2, None, None, None, None),
            (3, "naïve\\", None, Decimal("NaN"), b"")]
    for options in ("", "(format binary)"):
        c.execute("truncate copied")
        with c.cursor().copy(f"copy copied from stdin {options}") as copy:
            copy.set_types(["int4", "text", "date", "numeric", "bytea"])
            for row in rows:
                copy.write_row(row)
        with c.cursor().copy(f"copy (select * from copied order by id) to stdout {options}") as copy:
            copy.set_types(["int4", "text", "date", "numeric", "bytea"])
            equal(rows, [row[:4] + (None if row[4] is None else bytes(row[4]),) for row in copy.rows()],
                  options)
    with c.cursor().copy("copy copied (id, name) from stdin (format csv)") as copy:
        copy.write('10,"a ""quoted"", one"\n')
        copy.write(b"11,\n")
    with c.cursor().copy("copy (select id, name from copied where id >= 10) to stdout (format csv, header)") as copy:
        equal(b'id,name\n10,"a ""quoted"", one"\n11,\n', b"".join(bytes(x) for x in copy))
    with c.cursor().copy("copy (select 1 where false) to stdout (format binary)") as copy:
        equal(b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff", b"".join(bytes(x) for x in copy))
    c.commit()

    def copy_in(data):
        with c.cursor().copy("copy copied (id, name) from stdin") as copy:
            copy.write(data)
    fails(errors.UniqueViolation, copy_in, "12\tx\n1\ty\n")
    c.rollback()
    fails(errors.BadCopyFileFormat, copy_in, "12\n")
    c.rollback()
    fails(ZeroDivisionError, lambda: copy_in(str(1 // 0)))
    c.rollback()
    equal(5, c.execute("select count(*) from copied").fetchone()[0])
    c.execute("drop table copied")
    c.commit()


@test
def pipelines(c):
    c.autocommit = True
    c.execute("create table piped (id int primary key)")
    with c.pipeline() as p:
        cursors = [c.execute("insert into piped values (%s) returning id", [i]) for i in range(100)]
        p.sync()
        equal(list(range(100)), [cur.fetchone()[0] for cur in cursors])
    def fail():
        with c.pipeline():
            c.execute("insert into piped values (200)")
            c.execute("insert into piped values (1)")
            c.execute("insert into piped values (201)")
    fails(errors.UniqueViolation, fail)
    with c.pipeline(), c.transaction():
        c.execute("insert into piped values (300)")
    with c.cursor() as cur:
        cur.executemany("insert into piped values (%s) returning id", [(400,), (401,)], returning=True)
        equal([(400,)], cur.fetchall())
        equal(True, cur.nextset())
        equal([(401,)], cur.fetchall())
    equal(103, c.execute("select count(*) from piped").fetchone()[0])
    c.execute("drop table piped")


@test
def parameters_of_utilities(c):
    c.execute("declare cur cursor for select i from generate_series(1, 10) i where i > %s", [8])
    equal([(9,), (10,)], c.execute("fetch all from cur", binary=True).fetchall())
    lines = c.execute("explain (analyze, costs off, timing off, summary off) select %s::int", [1], prepare=True).fetchall()
    equal(True, "rows=1" in lines[0][0])


@test
def streams(c):
    cur = c.cursor()
    equal(50005000, sum(i for i, in cur.stream("select i from generate_series(1, %s) i", [10000])))
    fails(errors.DivisionByZero, list, cur.stream("select 1 / (500 - i) from generate_series(1, 1000) i"))


@test
def server_cursors(c):
    for binary in (False, True):
        with c.cursor("server_side", binary=binary) as cur:
            cur.itersize = 100
            cur.execute("select i, i::numeric / 4 from generate_series(1, %s) i", (1000,))
            equal("i", cur.description[0].name)
            equal((1, Decimal("0.25000000000000000000")), cur.fetchone())
            equal(2, len(cur.fetchmany(2)))
            equal(500500 - 6, sum(row[0] for row in cur))
    with ServerCursor(c, "moved") as cur:
        cur.execute("select i from generate_series(1, 10) i")
        cur.scroll(4)
        equal([(5,), (6,)], cur.fetchmany(2))
        equal(4, len(cur.fetchall()))


@test
def cancel(c):
    done = threading.Event()

    def keep_asking():  # a request that overtakes the statement hits nothing
        while not done.wait(0.05):
            c.cancel()
    t = threading.Thread(target=keep_asking)
    t.start()
    try:
        fails(errors.QueryCanceled, c.execute, "select pg_sleep(600)")
    finally:
        done.set()
        t.join()
    c.rollback()
    equal(1, c.execute("select 1").fetchone()[0])


@test
def large_values(c):
    c.execute("create table large (b bytea, t text)")
    b, t = bytes(range(256)) * 4096, "naïve ☃ " * 131072
    c.execute("insert into large values (%b, %b)", (b, t))
    for binary in (False, True):
        got = c.execute("select b, t, length(t) from large", binary=binary).fetchone()
        equal((True, True, len(t)), (got[0] == b, got[1] == t, got[2]))


@test
def cursors_of_other_kinds(c):
    with ClientCursor(c) as cur:  # parameters within the text
        equal(("it's", 7, dt.date(2024, 1, 1)),
              cur.execute("select %s, %s, %s", ["it's", 7, dt.date(2024, 1, 1)]).fetchone())
        cur.execute("select 1; select 2")
        equal([(1,)], cur.fetchall())
        equal(True, cur.nextset())
        equal([(2,)], cur.fetchall())
    cur = c.cursor(row_factory=dict_row)
    query = sql.SQL("select {} as {}").format(sql.Literal("x"), sql.Identifier('A "b"'))
    equal({'A "b"': "x"}, cur.execute(query).fetchone())
    cur.execute("select * from (values (%s::int), (%s)) v(i) where i = any(%s)", [1, 2, [2, 3]])
    equal([{"i": 2}], cur.fetchall())


def main():
    failed = 0
    for f in TESTS:
        with psycopg.connect("", options="-c timezone=UTC") as c:
            try:
                f(c)
            except Exception:
                print(f"FAILED: {f.__name__}")
                traceback.print_exc(limit=-3, file=sys.stdout)
                failed += 1
            c.rollback()
    return failed > 0


sys.exit(main())
