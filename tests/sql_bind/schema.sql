-- What tests/sql_bind/fixture.h describes, for PostgreSQL: record_cases.c runs it first.
CREATE TABLE t (a int PRIMARY KEY, b text, c int8, d bool);
CREATE TABLE u (a int PRIMARY KEY, x int2, y varchar(10), z float8);
CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL, boss int, salary numeric(10,2), born date);
CREATE TABLE s (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text, v int DEFAULT 7,
                g int GENERATED ALWAYS AS (v * 2) STORED, CONSTRAINT s_code_key UNIQUE (code));
CREATE UNIQUE INDEX s_lower ON s (lower(code)) WHERE v > 0;
CREATE TABLE arr (id int PRIMARY KEY, i int[], w text[]);
CREATE VIEW vt AS SELECT a, b FROM t WHERE a > 0;
