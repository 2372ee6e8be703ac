import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.*;
import java.util.*;

import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * pgjdbc against a server named by the PG* variables. PostgreSQL 15 passes it too.
 *
 * Every test is a method with a connection of its own; what differs is told with its line, and the exit status is 1.
 */
public final class Jdbc {
    interface Test { void run(Connection c) throws Exception; }
    interface Body { void run() throws Exception; }

    static int failures;

    static void equal(Object expected, Object got) {
        if (Objects.deepEquals(expected, got))
            return;
        fail("expected " + shown(expected) + ", got " + shown(got));
    }

    static String shown(Object o) {
        if (o instanceof Object[])
            return Arrays.deepToString((Object[]) o);
        if (o instanceof byte[])
            return Arrays.toString((byte[]) o);
        return o == null ? "null" : o + " (" + o.getClass().getSimpleName() + ")";
    }

    static void fail(String what) {
        for (StackTraceElement e : new Throwable().getStackTrace()) {
            if (!Set.of("fail", "equal", "fails", "shown").contains(e.getMethodName())) {
                System.out.println(e.getFileName() + ":" + e.getLineNumber() + ": " + what);
                break;
            }
        }
        failures++;
    }

    static ServerErrorMessage fails(String state, Body body) throws Exception {
        try {
            body.run();
        } catch (SQLException e) {
            if (!state.equals(e.getSQLState()))
                fail("expected SQLSTATE " + state + ", got " + e.getSQLState() + ": " + e.getMessage());
            return e instanceof PSQLException ? ((PSQLException) e).getServerErrorMessage() : null;
        }
        fail("expected SQLSTATE " + state + ", got no error");
        return null;
    }

    static String url(String options) {
        Map<String, String> env = System.getenv();
        return "jdbc:postgresql://" + env.getOrDefault("PGHOST", "127.0.0.1") + ":" + env.getOrDefault("PGPORT", "5432")
            + "/" + env.getOrDefault("PGDATABASE", "postgres") + "?user=" + env.getOrDefault("PGUSER", "postgres")
            + "&" + options;
    }

    static void exec(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
        }
    }

    /** The one value that a query gives. */
    static Object value(Connection c, String sql, Object... params) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (int i = 0; i < params.length; i++)
                s.setObject(i + 1, params[i]);
            try (ResultSet r = s.executeQuery()) {
                return r.next() ? r.getObject(1) : "(no row)";
            }
        }
    }

    /** Some columns of all rows, as text. */
    static List<List<String>> rows(ResultSet r, String... columns) throws SQLException {
        List<List<String>> all = new ArrayList<>();
        while (r.next()) {
            List<String> row = new ArrayList<>();
            for (String column : columns)
                row.add(r.getString(column));
            all.add(row);
        }
        r.close();
        return all;
    }

    static List<List<String>> table(String... lines) {
        List<List<String>> all = new ArrayList<>();
        for (String line : lines) {
            List<String> row = new ArrayList<>();
            for (String cell : line.split("\\|", -1))
                row.add(cell.equals("null") ? null : cell);
            all.add(row);
        }
        return all;
    }

    // ---- types

    static int tableCount;

    /** A type, the class its values are read as, and values that go in and come back alike. */
    static void type(Connection c, String type, Class<?> as, Object... values) throws Exception {
        String table = "type_" + ++tableCount; // another text each time: no statement meets another type
        exec(c, "create table " + table + " (id serial, v " + type + ")");
        try (PreparedStatement put = c.prepareStatement("insert into " + table + " (v) values (?) returning v");
             PreparedStatement get = c.prepareStatement("select v from " + table + " order by id desc limit 1")) {
            for (Object v : values) {
                for (int pass = 0; pass < 3; pass++) { // described, prepared, binary
                    put.setObject(1, v);
                    try (ResultSet r = put.executeQuery()) {
                        r.next();
                        equal(v, as == byte[].class ? r.getBytes(1) : r.getObject(1, as));
                    }
                    try (ResultSet r = get.executeQuery()) {
                        r.next();
                        equal(v, as == byte[].class ? r.getBytes(1) : r.getObject(1, as));
                    }
                }
            }
            put.setNull(1, put.getParameterMetaData().getParameterType(1));
            try (ResultSet r = put.executeQuery()) {
                r.next();
                equal(null, r.getObject(1));
                equal(true, r.wasNull());
            }
        }
        exec(c, "drop table " + table);
    }

    static void types(Connection c) throws Exception {
        byte[] all = new byte[256];
        for (int i = 0; i < 256; i++)
            all[i] = (byte) i;
        type(c, "bool", Boolean.class, true, false);
        type(c, "bytea", byte[].class, new byte[0], all);
        type(c, "name", String.class, "a_name");
        type(c, "\"char\"", String.class, "x");
        type(c, "int8", Long.class, Long.MIN_VALUE, Long.MAX_VALUE);
        type(c, "int2", Short.class, Short.MIN_VALUE, Short.MAX_VALUE);
        type(c, "int4", Integer.class, Integer.MIN_VALUE, Integer.MAX_VALUE);
        type(c, "text", String.class, "", "it's \\ na\u00efve \u2603", "two\nlines\t?");
        type(c, "oid", Long.class, 0L, 4294967295L);
        type(c, "float4", Float.class, 1.5f, Float.MAX_VALUE, Float.MIN_VALUE, Float.POSITIVE_INFINITY, Float.NaN);
        type(c, "float8", Double.class, 0.1, Double.MAX_VALUE, Double.MIN_VALUE, Double.NEGATIVE_INFINITY, Double.NaN);
        type(c, "char(5)", String.class, "ab   ");
        type(c, "varchar(20)", String.class, "varying");
        type(c, "date", LocalDate.class, LocalDate.of(2024, 2, 29), LocalDate.of(-43, 3, 15), LocalDate.MAX, LocalDate.MIN);
        type(c, "time", LocalTime.class, LocalTime.MIDNIGHT, LocalTime.of(23, 59, 59, 999999000));
        type(c, "timetz", OffsetTime.class, OffsetTime.of(12, 34, 56, 789000000, ZoneOffset.UTC));
        type(c, "timestamp", LocalDateTime.class, LocalDateTime.of(2024, 2, 29, 23, 59, 59, 123456000),
             LocalDateTime.of(-43, 3, 15, 12, 0), LocalDateTime.MAX, LocalDateTime.MIN);
        type(c, "timestamptz", OffsetDateTime.class,
             OffsetDateTime.of(2024, 2, 29, 23, 59, 59, 123456000, ZoneOffset.UTC), OffsetDateTime.MAX, OffsetDateTime.MIN);
        type(c, "interval", PGInterval.class, new PGInterval(1, 2, 3, 4, 5, 6.789), new PGInterval(-1, -2, 3, -4, -5, -6.789));
        type(c, "numeric", BigDecimal.class, new BigDecimal("0.00"), new BigDecimal("-98765432109876543210.0123456789"),
             new BigDecimal("1E-20").setScale(20), new BigDecimal("100"));
        type(c, "numeric(10,2)", BigDecimal.class, new BigDecimal("99999999.99"));
        type(c, "uuid", UUID.class, UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
        for (int pass = 0; pass < 3; pass++) {
            equal("NaN", value(c, "select 'NaN'::numeric").toString());
            equal("-infinity", value(c, "select '-infinity'::timestamptz::text"));
        }
    }

    static void arrays(Connection c) throws Exception {
        exec(c, "create table a (i int4[], t text[], n numeric[], u uuid[])");
        Integer[] i = {1, null, -3};
        String[] t = {"a", null, "x \"y\", z", ""};
        BigDecimal[] n = {new BigDecimal("1.50"), null};
        UUID[] u = {new UUID(0, 1)};
        try (PreparedStatement put = c.prepareStatement("insert into a values (?, ?, ?, ?)")) {
            put.setArray(1, c.createArrayOf("int4", i));
            put.setArray(2, c.createArrayOf("text", t));
            put.setArray(3, c.createArrayOf("numeric", n));
            put.setArray(4, c.createArrayOf("uuid", u));
            equal(1, put.executeUpdate());
        }
        try (PreparedStatement get = c.prepareStatement("select * from a where 1 = any (?)")) {
            for (int pass = 0; pass < 3; pass++) {
                get.setArray(1, c.createArrayOf("int4", new Integer[] {1, 2}));
                try (ResultSet r = get.executeQuery()) {
                    r.next();
                    equal(i, r.getArray(1).getArray());
                    equal(t, r.getArray(2).getArray());
                    equal(n, r.getArray(3).getArray());
                    equal(u, r.getArray(4).getArray());
                }
            }
        }
    }

    // ---- statements and transactions

    static void transactions(Connection c) throws Exception {
        exec(c, "create table t (id int primary key)");
        c.commit();
        exec(c, "insert into t values (1)");
        Savepoint s = c.setSavepoint("inner one");
        fails("23505", () -> exec(c, "insert into t values (1)"));
        fails("25P02", () -> exec(c, "select 1"));
        c.rollback(s);
        exec(c, "insert into t values (2)");
        c.releaseSavepoint(s);
        c.commit();
        exec(c, "insert into t values (3)");
        c.rollback();
        equal(2L, value(c, "select count(*) from t"));
        c.rollback();
        for (int level : new int[] {Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ,
                                    Connection.TRANSACTION_SERIALIZABLE}) {
            c.setTransactionIsolation(level);
            equal(level, c.getTransactionIsolation());
            exec(c, "select 1");
            c.rollback();
        }
        c.setReadOnly(true);
        fails("25006", () -> exec(c, "insert into t values (4)"));
        c.rollback();
        c.setReadOnly(false);
        exec(c, "drop table t");
        c.commit();
        equal(true, c.isValid(5));
    }

    static void batches(Connection c) throws Exception {
        exec(c, "create table b (id serial primary key, v text)");
        try (PreparedStatement s = c.prepareStatement("insert into b (v) values (?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 300; i++) {
                s.setString(1, "v" + i);
                s.addBatch();
            }
            equal(300, s.executeBatch().length);
            ResultSet keys = s.getGeneratedKeys();
            for (int i = 1; keys.next(); i++)
                equal(i, keys.getInt("id"));
        }
        try (PreparedStatement s = c.prepareStatement("insert into b (v) values (?)", new String[] {"id", "v"})) {
            s.setString(1, "one more");
            s.executeUpdate();
            ResultSet keys = s.getGeneratedKeys();
            keys.next();
            equal(301, keys.getInt(1));
            equal("one more", keys.getString(2));
        }
        try (Statement s = c.createStatement()) {
            s.addBatch("update b set v = 'x' where id <= 10");
            s.addBatch("delete from b where id > 290");
            equal(new int[] {10, 11}, s.executeBatch());
            equal(290L, s.executeLargeUpdate("update b set v = 'y'"));
        }
        c.commit();
        try (PreparedStatement s = c.prepareStatement("insert into b (id, v) values (?, 'z')")) {
            for (int id : new int[] {1000, 1001, 1, 1002}) {
                s.setInt(1, id);
                s.addBatch();
            }
            fails("23505", s::executeBatch);
        }
        c.rollback();
        equal(290L, value(c, "select count(*) from b"));
        exec(c, "drop table b");
        c.commit();
    }

    /** Rows fetched through a portal, a hundred at a time, while other statements run between. */
    static void fetchSize(Connection c) throws Exception {
        exec(c, "create table f as select i, i::numeric / 4 as n from generate_series(1, 1000) i");
        try (PreparedStatement s = c.prepareStatement("select * from f order by i");
             PreparedStatement other = c.prepareStatement("select n from f where i = ?")) {
            s.setFetchSize(100);
            for (int pass = 0; pass < 3; pass++) {
                int i = 0;
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        equal(++i, r.getInt(1));
                        if (i % 250 == 0) {
                            other.setInt(1, i);
                            ResultSet o = other.executeQuery();
                            o.next();
                            equal(r.getBigDecimal(2), o.getBigDecimal(1));
                        }
                    }
                }
                equal(1000, i);
            }
            s.setMaxRows(150);
            int i = 0;
            for (ResultSet r = s.executeQuery(); r.next();)
                i++;
            equal(150, i);
        }
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
             ResultSet r = s.executeQuery("select i from f order by i")) {
            equal(true, r.absolute(500));
            equal(500, r.getInt(1));
            equal(true, r.previous());
            equal(499, r.getInt(1));
        }
    }

    static void updatableRows(Connection c) throws Exception {
        exec(c, "create table u (id int primary key, v text)");
        exec(c, "insert into u values (1, 'a'), (2, 'b')");
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE);
             ResultSet r = s.executeQuery("select id, v from u order by id")) {
            r.next();
            r.updateString("v", "changed");
            r.updateRow();
            r.moveToInsertRow();
            r.updateInt("id", 3);
            r.updateString("v", "new");
            r.insertRow();
            r.absolute(2);
            r.deleteRow();
        }
        equal("1 changed, 3 new", value(c, "select string_agg(id || ' ' || v, ', ' order by id) from u"));
    }

    /** The driver prepares anew when a table has changed under a statement, once there is no transaction to lose. */
    static void plansFollowDdl(Connection c) throws Exception {
        c.setAutoCommit(true);
        exec(c, "create table m (a int)");
        exec(c, "insert into m values (1)");
        try (PreparedStatement s = c.prepareStatement("select * from m")) {
            for (int pass = 0; pass < 3; pass++)
                equal(1, s.executeQuery().getMetaData().getColumnCount());
            exec(c, "alter table m add column b text default 'new'");
            equal(2, s.executeQuery().getMetaData().getColumnCount());
        }
        exec(c, "drop table m");
    }

    static void cancel(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            fails("57014", () -> s.execute("select pg_sleep(600)"));
            c.rollback();
            s.setQueryTimeout(0);
            Thread asker = new Thread(() -> {
                try {
                    while (true) { // a request that overtakes the statement hits nothing
                        Thread.sleep(50);
                        s.cancel();
                    }
                } catch (InterruptedException | SQLException e) {
                    return;
                }
            });
            asker.start();
            fails("57014", () -> s.execute("select pg_sleep(600)"));
            asker.interrupt();
            asker.join();
        }
        c.rollback();
        equal(1, value(c, "select 1"));
    }

    static void errors(Connection c) throws Exception {
        exec(c, "create table parent (id int primary key)");
        exec(c, "create table child (id int not null, p int references parent, constraint positive check (id > 0))");
        c.commit();
        ServerErrorMessage e = fails("23503", () -> exec(c, "insert into child values (1, 7)"));
        equal("public child child_p_fkey", e.getSchema() + " " + e.getTable() + " " + e.getConstraint());
        equal("Key (p)=(7) is not present in table \"parent\".", e.getDetail());
        c.rollback();
        equal("id", fails("23502", () -> exec(c, "insert into child values (null)")).getColumn());
        c.rollback();
        equal("positive", fails("23514", () -> exec(c, "insert into child values (0)")).getConstraint());
        c.rollback();
        equal(8, fails("42703", () -> exec(c, "select nope from child")).getPosition());
        c.rollback();
        fails("22P02", () -> value(c, "select ?::text::int", "x"));
        c.rollback();
        fails("42P01", () -> exec(c, "select * from nowhere"));
        c.rollback();
        try (Statement s = c.createStatement()) {
            s.execute("drop table if exists nowhere");
            equal("table \"nowhere\" does not exist, skipping", s.getWarnings().getMessage());
        }
        exec(c, "drop table child, parent");
        c.commit();
    }

    // ---- COPY and large values

    static void copy(Connection c) throws Exception {
        CopyManager copy = c.unwrap(PGConnection.class).getCopyAPI();
        exec(c, "create table copied (id int primary key, name text, d date)");
        String text = "1\tone\\ttab\t2024-01-01\n2\t\\N\t\\N\n3\tna\u00efve\\\\\tinfinity\n";
        equal(3L, copy.copyIn("copy copied from stdin", new StringReader(text)));
        StringWriter out = new StringWriter();
        equal(3L, copy.copyOut("copy copied to stdout", out));
        equal(text, out.toString());
        ByteArrayOutputStream binary = new ByteArrayOutputStream();
        copy.copyOut("copy copied to stdout with (format binary)", binary);
        exec(c, "truncate copied");
        equal(3L, copy.copyIn("copy copied from stdin with (format binary)", new ByteArrayInputStream(binary.toByteArray())));
        c.commit();
        fails("23505", () -> copy.copyIn("copy copied from stdin", new StringReader("4\tx\t\\N\n1\ty\t\\N\n")));
        c.rollback();
        var in = copy.copyIn("copy copied from stdin");
        byte[] line = "5\tfive\t\\N\n".getBytes(StandardCharsets.UTF_8);
        in.writeToCopy(line, 0, line.length);
        in.cancelCopy();
        c.rollback();
        equal(3L, value(c, "select count(*) from copied"));
        exec(c, "drop table copied");
        c.commit();
    }

    static void largeValues(Connection c) throws Exception {
        byte[] b = new byte[1 << 20];
        for (int i = 0; i < b.length; i++)
            b[i] = (byte) (i * 7 ^ i >> 8);
        String t = "na\u00efve \u2603 ".repeat(131072);
        exec(c, "create table large (b bytea, t text)");
        try (PreparedStatement s = c.prepareStatement("insert into large values (?, ?)")) {
            s.setBinaryStream(1, new ByteArrayInputStream(b), b.length);
            s.setString(2, t);
            s.executeUpdate();
        }
        try (PreparedStatement s = c.prepareStatement("select b, t, length(t) from large")) {
            for (int pass = 0; pass < 3; pass++) {
                ResultSet r = s.executeQuery();
                r.next();
                equal(true, Arrays.equals(b, r.getBytes(1)));
                equal(true, t.equals(r.getString(2)));
                equal(t.length(), r.getInt(3));
            }
        }
    }

    // ---- what DatabaseMetaData asks the catalog for

    static void tables(Connection c) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        schema(c);
        equal(table("author|TABLE|null", "book|TABLE|what is read", "cheap|VIEW|null"),
              rows(m.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME", "TABLE_TYPE", "REMARKS"));
        equal(true, rows(m.getTables(null, "pg_catalog", "pg_class", null), "TABLE_TYPE").contains(List.of("SYSTEM TABLE")));
        equal(table("id|4|serial|10|0|nextval('author_id_seq'::regclass)|NO|YES", "name|12|varchar|40|0|null|NO|NO",
                    "born|91|date|13|0|null|YES|NO", "score|2|numeric|8|2|null|YES|NO"),
              rows(m.getColumns(null, "public", "author", "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE",
                   "DECIMAL_DIGITS", "COLUMN_DEF", "IS_NULLABLE", "IS_AUTOINCREMENT"));
        equal(table("a|1|book_pkey", "n|2|book_pkey"),
              rows(m.getPrimaryKeys(null, "public", "book"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"));
        String[] key = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "DELETE_RULE", "FK_NAME",
                        "PK_NAME", "DEFERRABILITY"};
        List<List<String>> keys = table("author|id|book|a|1|0|book_a_fkey|author_pkey|7");
        equal(keys, rows(m.getImportedKeys(null, "public", "book"), key));
        equal(keys, rows(m.getExportedKeys(null, "public", "author"), key));
        equal(keys, rows(m.getCrossReference(null, "public", "author", null, "public", "book"), key));
        equal(table("f|book_pkey|3|1|a|A", "f|book_pkey|3|2|n|A", "t|book_title|3|1|title|D", "t|book_title|3|2|lower(title)|A"),
              rows(m.getIndexInfo(null, "public", "book", false, false), "NON_UNIQUE", "INDEX_NAME", "TYPE",
                   "ORDINAL_POSITION", "COLUMN_NAME", "ASC_OR_DESC"));
        equal(table("id|4|int4"), rows(m.getBestRowIdentifier(null, "public", "author", DatabaseMetaData.bestRowSession, true),
                                         "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME"));
        equal(true, rows(m.getTablePrivileges(null, "public", "author"), "PRIVILEGE").contains(List.of("SELECT")));
        equal(true, rows(m.getColumnPrivileges(null, "public", "author", "id"), "PRIVILEGE").contains(List.of("SELECT")));
    }

    static void schema(Connection c) throws Exception {
        exec(c, "create table author (id serial primary key, name varchar(40) not null, born date, score numeric(8,2))");
        exec(c, "create table book (a int references author on delete cascade, n int, title text default 'none', primary key (a, n))");
        exec(c, "create index book_title on book (title desc, lower(title))");
        exec(c, "create view cheap as select title from book");
        exec(c, "comment on table book is 'what is read'");
    }

    static void database(Connection c) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        equal("PostgreSQL", m.getDatabaseProductName());
        equal(15, m.getDatabaseMajorVersion());
        equal(true, rows(m.getSchemas(), "TABLE_SCHEM").containsAll(table("information_schema", "pg_catalog", "public")));
        equal(table("public"), rows(m.getSchemas(null, "publ%"), "TABLE_SCHEM"));
        equal(true, rows(m.getCatalogs(), "TABLE_CAT").contains(List.of("postgres")));
        equal(true, rows(m.getTableTypes(), "TABLE_TYPE").contains(List.of("VIEW")));
        List<List<String>> types = rows(m.getTypeInfo(), "TYPE_NAME", "DATA_TYPE");
        equal(true, types.containsAll(table("int4|4", "text|12", "timestamptz|93", "uuid|1111", "numeric|2")));
        equal(true, rows(m.getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME").contains(List.of("lower")));
        equal(table("returnValue|text|12|4", "$1|text|12|1"),
              rows(m.getFunctionColumns(null, "pg_catalog", "initcap", "%"), "COLUMN_NAME", "TYPE_NAME", "DATA_TYPE", "COLUMN_TYPE"));
        equal(0, rows(m.getProcedures(null, "public", "%"), "PROCEDURE_NAME").size());
        equal(0, rows(m.getUDTs(null, "public", "%", null), "TYPE_NAME").size());
        equal(63, m.getMaxColumnNameLength());
    }

    static void resultMetaData(Connection c) throws Exception {
        schema(c);
        try (PreparedStatement s = c.prepareStatement("select *, id + 1 as next from author where id = ? and name like ?")) {
            ParameterMetaData p = s.getParameterMetaData();
            equal(2, p.getParameterCount());
            equal("int4 text", p.getParameterTypeName(1) + " " + p.getParameterTypeName(2));
            ResultSetMetaData m = s.getMetaData();
            StringBuilder b = new StringBuilder();
            for (int i = 1; i <= m.getColumnCount(); i++)
                b.append(m.getColumnLabel(i)).append(' ').append(m.getColumnTypeName(i)).append(' ')
                    .append(m.getPrecision(i)).append(' ').append(m.getScale(i)).append(' ').append(m.isNullable(i))
                    .append(' ').append(m.isAutoIncrement(i)).append(' ').append(m.getTableName(i)).append(", ");
            equal("id serial 10 0 0 true author, name varchar 40 0 0 false author, born date 13 0 1 false author, "
                  + "score numeric 8 2 1 false author, next int4 10 0 2 false , ", b.toString());
        }
    }

    static void session(Connection c) throws Exception {
        equal("public", c.getSchema());
        c.setSchema("pg_catalog");
        equal("pg_catalog", c.getSchema());
        c.setSchema("public");
        c.setClientInfo("ApplicationName", "mine");
        equal("mine", value(c, "select current_setting('application_name')"));
        c.setNetworkTimeout(Runnable::run, 10000);
        exec(c, "prepare p as select 1");
        equal(1L, value(c, "select count(*) from pg_prepared_statements where name = 'p'"));
        equal("postgres", c.getCatalog());
        try (CallableStatement s = c.prepareCall("{? = call upper(?)}")) {
            s.registerOutParameter(1, Types.VARCHAR);
            s.setString(2, "up");
            s.execute();
            equal("UP", s.getString(1));
        }
        equal(5.0, value(c, "select {fn sqrt(25)}::float8"));
        try (Statement s = c.createStatement()) { // several statements in one message
            equal(true, s.execute("select 1; select 2"));
            equal(true, s.getMoreResults());
            s.getResultSet().next();
            equal(2, s.getResultSet().getInt(1));
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, Test> tests = new LinkedHashMap<>();
        tests.put("types", Jdbc::types);
        tests.put("arrays", Jdbc::arrays);
        tests.put("transactions", Jdbc::transactions);
        tests.put("batches", Jdbc::batches);
        tests.put("fetch size", Jdbc::fetchSize);
        tests.put("updatable rows", Jdbc::updatableRows);
        tests.put("plans follow DDL", Jdbc::plansFollowDdl);
        tests.put("cancel", Jdbc::cancel);
        tests.put("errors", Jdbc::errors);
        tests.put("COPY", Jdbc::copy);
        tests.put("large values", Jdbc::largeValues);
        tests.put("tables", Jdbc::tables);
        tests.put("database", Jdbc::database);
        tests.put("result metadata", Jdbc::resultMetaData);
        tests.put("session", Jdbc::session);
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        // As by default, with every statement prepared and binary at once, in simple mode, and with rewritten batches.
        Set<String> extended = Set.of("types", "arrays", "fetch size", "large values", "session",
                                      "result metadata"); // parameters, portals
        String[] modes = {"", "prepareThreshold=-1&binaryTransfer=true", "preferQueryMode=simple", "reWriteBatchedInserts=true"};
        for (String mode : modes) {
            for (Map.Entry<String, Test> test : tests.entrySet()) {
                int before = failures;
                if (mode.contains("simple") && extended.contains(test.getKey()))
                    continue;
                try (Connection c = DriverManager.getConnection(url(mode))) {
                    c.setAutoCommit(false);
                    test.getValue().run(c);
                    if (!c.getAutoCommit())
                        c.rollback();
                } catch (Exception e) {
                    System.out.println(e);
                    for (StackTraceElement x : e.getStackTrace())
                        if (x.getClassName().startsWith("Jdbc"))
                            System.out.println("    at line " + x.getLineNumber());
                    failures++;
                }
                if (failures > before)
                    System.out.println("FAILED: " + test.getKey() + (mode.isEmpty() ? "" : " (" + mode + ")"));
            }
        }
        System.exit(failures > 0 ? 1 : 0);
    }
}
