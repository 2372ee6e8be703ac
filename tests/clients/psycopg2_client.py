#!/usr/bin/env python3
"""psycopg2 against a server named by the PG* variables. PostgreSQL 15 passes it too.


Every test is a function with a connection of its own; what fails is told with its traceback, and the exit status is 1."""
import datetime as dt
import io
import sys
import threading
import traceback
import uuid
from decimal import Decimal

import psycopg2
import psycopg2.extensions as ext
import psycopg2.extras
from psycopg2 import errors

UTC = dt.timezone.utc
TESTS = []


def test(f):
    TESTS.append(f)
    return f


def equal(expected, got, what=""):
    if type(expected) is not type(got) or repr(expected) != repr(got):
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def fails(error, f, *args):
    """The error that f(*args) raises, which must be of class `error`."""
    try:
        f(*args)
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
    ("float4", 700, [1.5, float("inf"), float("nan")]),
    ("float8", 701, [0.1, 1.7976931348623157e308, 5e-324, float("-inf"), float("nan")]),
    ("char(5)", 1042, ["ab   "]),
    ("varchar(20)", 1043, ["varying"]),
    ("date", 1082, [dt.date(2024, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("time", 1083, [dt.time(0), dt.time(23, 59, 59, 999999)]),
    ("timestamp", 1114, [dt.datetime(2024, 2, 29, 23, 59, 59, 123456), dt.datetime(1, 1, 1)]),
    ("timestamptz", 1184, [dt.datetime(2024, 2, 29, 23, 59, 59, 123456, UTC)]),
    ("interval", 1186, [dt.timedelta(0), dt.timedelta(days=3, microseconds=1), dt.timedelta(days=-3, seconds=-5)]),
    ("numeric", 1700, [Decimal("0.00"), Decimal("-98765432109876543210.0123456789"), Decimal("1E+2").quantize(0),
                       Decimal("NaN")]),
    ("numeric(10,2)", 1700, [Decimal("99999999.99")]),
    ("uuid", 2950, [uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")]),
    ("int4[]", 1007, [[1, None, -3], []]),
    ("text[]", 1009, [["a", None, 'x "y", z', ""]]),
]


@test
def types(c):
    with c.cursor() as cur:
        for name, oid, values in TYPES:
            cur.execute(f"create table one (id serial, v {name})")
            for v in values + [None]:
                cur.execute("insert into one (v) values (%s) returning v", [v])
                equal(oid, cur.description[0].type_code, name)
                for _ in range(2):
                    got = cur.fetchone()[0]
                    equal(v, bytes(got) if isinstance(got, memoryview) else got, name)
                    cur.execute("select v from one order by id desc limit 1")
            cur.execute("drop table one")


@test
def values_that_python_cannot_hold(c):
    """They come as text, or fail in the driver; what the server sends is the same as PostgreSQL's."""
    cur = c.cursor()
    cur.execute("""select 'infinity'::date::text, '0044-03-15 BC'::date::text, '-infinity'::timestamptz::text,
                          '-1 year -2 mons +3 days -04:05:06.789'::interval::text, 'Infinity'::numeric::text,
                          '24:00'::time::text""")
    equal(("infinity", "0044-03-15 BC", "-infinity", "-1 years -2 mons +3 days -04:05:06.789", "Infinity", "24:00:00"),
          cur.fetchone())
    fails(ValueError, lambda: (cur.execute("select '0044-03-15 BC'::date"), cur.fetchone()))
    cur.execute("select '1 year 2 mons 3 days 04:05:06.789'::interval")
    equal(dt.timedelta(days=365 + 60 + 3, hours=4, minutes=5, seconds=6, milliseconds=789), cur.fetchone()[0])


@test
def description(c):
    cur = c.cursor()
    cur.execute("create table d (i int primary key, n numeric(10,2), v varchar(20), t text)")
    cur.execute("select * from d")
    equal([("i", 23, 4, None, None), ("n", 1700, 10, 10, 2), ("v", 1043, 20, None, None), ("t", 25, -1, None, None)],
          [(x.name, x.type_code, x.internal_size, x.precision, x.scale) for x in cur.description])
    equal("SELECT 0", cur.statusmessage)
    cur.execute("insert into d (i) values (1), (2)")
    equal((2, None, "INSERT 0 2"), (cur.rowcount, cur.description, cur.statusmessage))
    cur.execute("update d set t = 'x' where i > 5")
    equal(0, cur.rowcount)
    cur.execute("select table_oid, table_column from (select 1) x(table_oid), (select 2) y(table_column)")
    equal("table_oid", cur.description[0].name)


@test
def connection(c):
    equal("UTF8", c.encoding)
    equal(15, c.server_version // 10000)
    equal("ISO, MDY", c.get_parameter_status("DateStyle"))
    c.set_client_encoding("UTF8")
    fails(psycopg2.OperationalError, psycopg2.connect, "dbname=there_is_none")
    with psycopg2.connect(application_name="mine", options="-c statement_timeout=5s") as d, d.cursor() as cur:
        cur.execute("select current_setting('application_name'), current_setting('statement_timeout')")
        equal(("mine", "5s"), cur.fetchone())
        equal("mine", d.get_parameter_status("application_name"))


@test
def transactions(c):
    cur = c.cursor()
    cur.execute("create table t (id int primary key)")
    equal(ext.TRANSACTION_STATUS_INTRANS, c.get_transaction_status())
    c.commit()
    equal(ext.TRANSACTION_STATUS_IDLE, c.get_transaction_status())
    with c, c.cursor() as inner:
        inner.execute("insert into t values (1)")
    cur.execute("insert into t values (2)")
    c.rollback()
    cur.execute("savepoint s")
    fails(errors.UniqueViolation, cur.execute, "insert into t values (1)")
    equal(ext.TRANSACTION_STATUS_INERROR, c.get_transaction_status())
    fails(errors.InFailedSqlTransaction, cur.execute, "select 1")
    cur.execute("rollback to s")
    cur.execute("insert into t values (3)")
    c.commit()
    cur.execute("select array_agg(id order by id) from t")
    equal([1, 3], cur.fetchone()[0])
    c.rollback()


@test
def session_characteristics(c):
    cur = c.cursor()
    for level, text in [(ext.ISOLATION_LEVEL_READ_COMMITTED, "read committed"),
                        (ext.ISOLATION_LEVEL_REPEATABLE_READ, "repeatable read"),
                        (ext.ISOLATION_LEVEL_SERIALIZABLE, "serializable")]:
        c.set_session(isolation_level=level)
        cur.execute("show transaction_isolation")
        equal(text, cur.fetchone()[0])
        c.rollback()
    c.set_session(readonly=True)
    fails(errors.ReadOnlySqlTransaction, cur.execute, "create table r (i int)")
    c.rollback()
    c.set_session(isolation_level="SERIALIZABLE", readonly=True, deferrable=True)
    cur.execute("select current_setting('transaction_read_only'), current_setting('transaction_deferrable')")
    equal(("on", "on"), cur.fetchone())
    c.rollback()
    c.set_session(autocommit=True, readonly=False, isolation_level="DEFAULT", deferrable=False)
    cur.execute("create table ac (i int)")
    equal(ext.TRANSACTION_STATUS_IDLE, c.get_transaction_status())
    c.reset()


@test
def prepared_statements(c):
    cur = c.cursor()
    cur.execute("prepare add (int, int) as select $1 + $2")
    cur.execute("execute add (%s, %s)", (40, 2))
    equal(42, cur.fetchone()[0])
    fails(errors.DuplicatePreparedStatement, cur.execute, "prepare add as select 1")
    c.rollback()
    cur.execute("deallocate add")
    fails(errors.InvalidSqlStatementName, cur.execute, "execute add (1, 2)")


@test
def errors_and_notices(c):
    cur = c.cursor()
    cur.execute("create table parent (id int primary key)")
    cur.execute("create table child (id int not null, p int references parent, constraint positive check (id > 0))")
    c.commit()
    e = fails(errors.ForeignKeyViolation, cur.execute, "insert into child values (1, 7)")
    equal(("23503", "ERROR", "public", "child", "child_p_fkey"),
          (e.pgcode, e.diag.severity, e.diag.schema_name, e.diag.table_name, e.diag.constraint_name))
    equal('Key (p)=(7) is not present in table "parent".', e.diag.message_detail)
    c.rollback()
    equal("id", fails(errors.NotNullViolation, cur.execute, "insert into child values (null)").diag.column_name)
    c.rollback()
    equal("positive", fails(errors.CheckViolation, cur.execute, "insert into child values (0)").diag.constraint_name)
    c.rollback()
    equal("8", fails(errors.UndefinedColumn, cur.execute, "select nope from child").diag.statement_position)
    c.rollback()
    fails(errors.DivisionByZero, cur.execute, "select 1/0")
    c.rollback()
    fails(errors.SyntaxError, cur.execute, "selec 1")
    c.rollback()
    cur.execute("drop table if exists nowhere")
    equal(['NOTICE:  table "nowhere" does not exist, skipping\n'], c.notices)


@test
def copy(c):
    cur = c.cursor()
    cur.execute("create table copied (id int primary key, name text, d date)")
    text = "1\tone\\ttab\t2024-01-01\n2\t\\N\t\\N\n3\tnaïve\\\\\tinfinity\n"
    cur.copy_expert("copy copied from stdin", io.StringIO(text))
    equal(3, cur.rowcount)
    out = io.StringIO()
    cur.copy_expert("copy copied to stdout", out)
    equal(text, out.getvalue())
    csv = 'id,name,d\n4,"a ""quoted"", one",2000-01-01\n5,,\n'
    cur.copy_expert("copy copied from stdin with (format csv, header)", io.StringIO(csv))
    out = io.StringIO()
    cur.copy_expert("copy (select * from copied where id > 3) to stdout with (format csv, header)", out)
    equal(csv, out.getvalue())
    cur.copy_from(io.StringIO("6|six|-\n"), "copied", sep="|", null="-", columns=("id", "name", "d"))
    out = io.StringIO()
    cur.copy_to(out, "copied", columns=("id", "name"))
    equal("6\tsix", out.getvalue().splitlines()[-1])
    binary = io.BytesIO()
    cur.copy_expert("copy copied to stdout with (format binary)", binary)
    cur.execute("truncate copied")
    binary.seek(0)
    cur.copy_expert("copy copied from stdin with (format binary)", binary)
    cur.execute("select count(*), count(name), max(d)::text from copied")
    equal((6, 4, "infinity"), cur.fetchone())
    c.commit()
    e = fails(errors.BadCopyFileFormat, cur.copy_expert, "copy copied from stdin", io.StringIO("7\tx\n"))
    equal('COPY copied, line 1: "7\tx"', e.diag.context)
    c.rollback()

    class Broken:
        def read(self, size):
            raise ZeroDivisionError("no more data")
    fails(errors.QueryCanceled, cur.copy_expert, "copy copied from stdin", Broken())


@test
def named_cursors(c):
    with c.cursor("server_side") as cur:
        cur.itersize = 100
        cur.execute("select i, repeat('x', i) from generate_series(1, %s) i", (1000,))
        equal(((1, "x"), 2), (cur.fetchone(), len(cur.fetchmany(2))))
        equal(500500 - 6, sum(row[0] for row in cur))
    with c.cursor("moved") as cur:
        cur.execute("select i from generate_series(1, 10) i")
        cur.scroll(4)
        equal([(5,), (6,)], cur.fetchmany(2))
        equal(4, len(cur.fetchall()))


@test
def cancel(c):
    cur = c.cursor()
    done = threading.Event()

    def keep_asking():  # a request that overtakes the statement hits nothing
        while not done.wait(0.05):
            c.cancel()
    t = threading.Thread(target=keep_asking)
    t.start()
    try:
        fails(errors.QueryCanceled, cur.execute, "select pg_sleep(600)")
    finally:
        done.set()
        t.join()
    c.rollback()
    cur.execute("select 1")
    equal(1, cur.fetchone()[0])


@test
def large_values(c):
    cur = c.cursor()
    cur.execute("create table large (b bytea, t text)")
    b, t = bytes(range(256)) * 4096, "naïve ☃ " * 131072
    cur.execute("insert into large values (%s, %s)", (b, t))
    cur.execute("select b, t, length(t) from large")
    got = cur.fetchone()
    equal((True, True, len(t)), (bytes(got[0]) == b, got[1] == t, got[2]))


@test
def extras(c):
    cur = c.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
    cur.execute("create table e (id serial primary key, v text)")
    psycopg2.extras.execute_values(cur, "insert into e (v) values %s", [(str(i),) for i in range(250)])
    psycopg2.extras.execute_batch(cur, "update e set v = %s where id = %s", [("x", i) for i in range(1, 101)])
    cur.execute("select v, count(*) as n from e group by v having count(*) > 1")
    equal({"v": "x", "n": 100}, dict(cur.fetchone()))
    cur.execute("select * from e where id in %s and v = any(%s) order by id", ((1, 2, 150), ["x", "149"]))
    equal([1, 2, 150], [r["id"] for r in cur.fetchall()])


def main():
    failed = 0
    for f in TESTS:
        c = psycopg2.connect("", options="-c timezone=UTC")
        try:
            psycopg2.extras.register_uuid(conn_or_curs=c)
            f(c)
        except Exception:
            print(f"FAILED: {f.__name__}")
            traceback.print_exc(limit=-3, file=sys.stdout)
            failed += 1
        finally:
            c.rollback() if not c.closed else None
            with psycopg2.connect("") as d, d.cursor() as cur:  # what a test has committed
                c.close()
                cur.execute("drop table if exists t, ac, parent, child, copied")
    return failed > 0


sys.exit(main())
