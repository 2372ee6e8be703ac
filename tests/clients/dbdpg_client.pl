#!/usr/bin/perl
# DBD::Pg against a server named by the PG* variables. PostgreSQL 15 passes it too.
#
# Every test is a sub with a connection of its own; what differs is told with its line, and the exit status is 1.
use strict;
use warnings;
use utf8;
use DBI qw(:sql_types);
use DBD::Pg qw(:pg_types :async);

binmode STDOUT, ':utf8';
my $failures = 0;

sub shown {
    my ($v) = @_;
    return 'undef' unless defined $v;
    return '[' . join(', ', map { shown($_) } @$v) . ']' if ref $v eq 'ARRAY';
    return "'$v'";
}

sub equal {
    my ($expected, $got, $what) = @_;
    return if shown($expected) eq shown($got);
    my $line = (caller)[2];
    print "dbdpg_client.pl:$line: ", $what // '', ': expected ', shown($expected), ', got ', shown($got), "\n";
    $failures++;
}

# Runs $code, which must fail with this SQLSTATE.
sub fails {
    my ($dbh, $state, $code) = @_;
    my $line = (caller)[2];
    my $ok = eval { $code->(); 1 };
    my $got = $ok ? 'no error' : $dbh->state;
    return if $got eq $state;
    print "dbdpg_client.pl:$line: expected SQLSTATE $state, got $got: ", $@ || '', "\n";
    $failures++;
}

# type in CREATE TABLE, then values that go in and come back alike
my @types = (
    ['bool', 1, 0],
    ['"char"', 'x'],
    ['name', 'a_name'],
    ['int8', '-9223372036854775808', '9223372036854775807'],
    ['int2', -32768, 32767],
    ['int4', -2147483648, 2147483647],
    ['text', '', "it's \\ naïve ☃", "two\nlines\t?"],
    ['oid', 0, 4294967295],
    ['float4', '1.5', 'Inf', 'NaN'],
    ['float8', '0.1', '1.5e+300', '-Inf', 'NaN'],    # the driver makes numbers of them
    ['char(5)', 'ab   '],
    ['varchar(20)', 'varying'],
    ['date', '2024-02-29', '0044-03-15 BC', '5874897-12-31', 'infinity', '-infinity'],
    ['time', '00:00:00', '23:59:59.999999', '24:00:00'],
    ['timetz', '12:34:56.789+05:30'],
    ['timestamp', '2024-02-29 23:59:59.123456', '0044-03-15 12:00:00 BC', 'infinity'],
    ['timestamptz', '2024-02-29 23:59:59.123456+00', '-infinity'],
    ['interval', '00:00:00', '1 year 2 mons 3 days 04:05:06.789', '-1 years -2 mons +3 days -04:05:06.789'],
    ['numeric', '0.00', '-98765432109876543210.0123456789', 'NaN', 'Infinity', '-Infinity'],
    ['numeric(10,2)', '99999999.99'],
    ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    ['int4[]', [1, undef, -3], []],
    ['text[]', ['a', undef, 'x "y", z', '']],
);

sub types {
    my ($dbh) = @_;
    for my $t (@types) {
        my ($name, @values) = @$t;
        $dbh->do("create table one (id serial, v $name)");
        for my $prepare (0, 1) {    # parameters within the text, and prepared by the server
            my $put = $dbh->prepare('insert into one (v) values (?) returning v', { pg_server_prepare => $prepare });
            for my $v (@values, undef) {
                $put->execute($v);
                equal($v, $put->fetchrow_arrayref->[0], $name);
            }
            my $get = $dbh->prepare('select v from one order by id', { pg_server_prepare => $prepare });
            $get->execute;
            equal([@values, undef], [map { $_->[0] } @{ $get->fetchall_arrayref }], $name) if !$prepare;
        }
        $dbh->do('drop table one');
    }
}

sub binary_values {
    my ($dbh) = @_;
    my $bytes = join '', map { chr } 0 .. 255;
    $dbh->do('create table b (v bytea)');
    for my $v ('', $bytes, $bytes x 4096) {
        my $put = $dbh->prepare('insert into b values (?)');
        $put->bind_param(1, $v, { pg_type => PG_BYTEA });
        $put->execute;
        my ($got) = $dbh->selectrow_array('select v from b');
        equal(1, $got eq $v ? 1 : 0, length($v) . ' bytes');
        $dbh->do('delete from b');
    }
    my $text = "naïve ☃ " x 131072;
    my ($got, $n) = $dbh->selectrow_array('select ?::text, length(?)', undef, $text, $text);
    equal(1, $got eq $text ? 1 : 0, 'a megabyte of text');
    equal(length $text, $n);
}

sub placeholders {
    my ($dbh) = @_;
    equal(7, $dbh->selectrow_array('select $1::int + $2::int', undef, 3, 4));
    my $sth = $dbh->prepare('select :a::int - :b::int');
    $sth->bind_param(':a', 50, SQL_INTEGER);
    $sth->bind_param(':b', 8, SQL_INTEGER);
    $sth->execute;
    equal(42, $sth->fetchrow_array);
    equal([2, 3], $dbh->selectcol_arrayref('select * from (values (1), (2), (3)) v(i) where i = any(?) order by 1',
        undef, [2, 3]));
    equal("'it''s'", $dbh->quote("it's"));
    equal('"A ""b"""', $dbh->quote_identifier('A "b"'));
    my $rows = $dbh->do('create table p (id int, v text)');
    my $put = $dbh->prepare('insert into p values (?, ?)');
    equal(3, $put->execute_array({}, [1, 2, 3], ['a', 'b', undef]));
    equal('0E0', $dbh->do('update p set v = ? where id = 9', undef, 'x'));
    equal(3, $dbh->do('update p set v = ?', undef, 'x') + 0);
}

sub transactions {
    my ($dbh) = @_;
    $dbh->do('create table t (id int primary key)');
    $dbh->commit;
    $dbh->do('insert into t values (1)');
    $dbh->pg_savepoint('s');
    fails($dbh, '23505', sub { $dbh->do('insert into t values (1)') });
    fails($dbh, '25P02', sub { $dbh->do('select 1') });
    equal(4, $dbh->ping);    # in a failed transaction
    $dbh->pg_rollback_to('s');
    $dbh->do('insert into t values (2)');
    $dbh->pg_release('s');
    $dbh->commit;
    $dbh->do('insert into t values (3)');
    $dbh->rollback;
    equal([1, 2], $dbh->selectcol_arrayref('select id from t order by id'));
    $dbh->rollback;
    $dbh->do('set transaction isolation level serializable');
    equal('serializable', $dbh->selectrow_array('show transaction_isolation'));
    $dbh->rollback;
    $dbh->{ReadOnly} = 1;
    fails($dbh, '25006', sub { $dbh->do('insert into t values (4)') });
    $dbh->rollback;
    $dbh->{ReadOnly} = 0;
    $dbh->do('drop table t');
    $dbh->commit;
    $dbh->{AutoCommit} = 1;
    equal(1, $dbh->ping);
}

sub errors {
    my ($dbh) = @_;
    $dbh->do('create table parent (id int primary key)');
    $dbh->do('create table child (id int not null, p int references parent)');
    $dbh->pg_savepoint('s');
    fails($dbh, '23503', sub { $dbh->do('insert into child values (1, 7)') });
    my %field = map { ($_ => scalar $dbh->pg_error_field("$_")) }    # a copy: the driver writes to it
        qw(severity schema_name table_name constraint_name detail);
    equal(['ERROR', 'public', 'child', 'child_p_fkey', 'Key (p)=(7) is not present in table "parent".'],
        [@field{qw(severity schema_name table_name constraint_name detail)}]);
    $dbh->pg_rollback_to('s');
    fails($dbh, '42703', sub { $dbh->do('select nope from child') });
    equal(8, $dbh->pg_error_field('statement_position'));
    $dbh->pg_rollback_to('s');
    fails($dbh, '22P02', sub { $dbh->selectrow_array('select ?::int', undef, 'x') });
    my @notices;
    local $SIG{__WARN__} = sub { push @notices, @_ };
    $dbh->pg_rollback_to('s');
    $dbh->do('drop table if exists nowhere');
    equal(["NOTICE:  table \"nowhere\" does not exist, skipping\n"], [@notices]);
}

sub copy {
    my ($dbh) = @_;
    $dbh->do('create table copied (id int primary key, name text, d date)');
    my @lines = ("1\tone\\ttab\t2024-01-01\n", "2\t\\N\t\\N\n", "3\tnaïve\\\\\tinfinity\n");
    $dbh->do('copy copied from stdin');
    $dbh->pg_putcopydata($_) for @lines;
    equal(1, $dbh->pg_putcopyend);
    $dbh->do('copy copied to stdout');
    my ($line, @got) = ('');
    push @got, $line while $dbh->pg_getcopydata($line) >= 0;
    equal(\@lines, \@got);
    $dbh->do("copy (select id, name from copied where id = 1) to stdout with (format csv, header)");
    @got = ();
    push @got, $line while $dbh->pg_getcopydata($line) >= 0;
    equal(["id,name\n", "1,one\ttab\n"], \@got);
    $dbh->do('copy copied to stdout with (format binary)');
    my $bytes = '';
    while ($dbh->pg_getcopydata($line) >= 0) { $bytes .= $line }
    equal("PGCOPY\n\xff\r\n\0", substr($bytes, 0, 11));
    $dbh->commit;
    $dbh->do('copy copied from stdin');
    $dbh->pg_putcopydata("1\tagain\t\\N\n");
    fails($dbh, '23505', sub { $dbh->pg_putcopyend });
    $dbh->rollback;
    $dbh->do('drop table copied');
    $dbh->commit;
}

# What DBI's own calls ask the catalog for.
sub introspection {
    my ($dbh) = @_;
    $dbh->do('create table author (id serial primary key, name varchar(40) not null, born date)');
    $dbh->do(q{create table book (a int references author on delete cascade, n int, title text default 'none',
               price numeric(8,2), primary key (a, n), constraint positive check (price > 0))});
    $dbh->do('create unique index book_title on book (title)');
    $dbh->do('create view cheap as select title from book where price < 5');
    $dbh->do(q{comment on column author.name is 'as on the cover'});

    equal([['author', 'TABLE'], ['book', 'TABLE'], ['cheap', 'VIEW']],
        [map { [@$_[2, 3]] } @{ $dbh->table_info(undef, 'public', '%', 'TABLE,VIEW')->fetchall_arrayref }]);
    equal(['public.author'], [$dbh->tables(undef, 'public', 'author', 'TABLE', { noprefix => 0 })]);
    my $columns = $dbh->column_info(undef, 'public', 'author', '%')->fetchall_arrayref({});
    equal([['id', 4, 'integer', 4, 0], ['name', 12, 'character varying', 40, 0], ['born', 91, 'date', 4, 1]],
        [map { [@$_{qw(COLUMN_NAME DATA_TYPE TYPE_NAME COLUMN_SIZE NULLABLE)}] } @$columns]);
    equal('as on the cover', $columns->[1]{REMARKS});
    equal("nextval('author_id_seq'::regclass)", $columns->[0]{COLUMN_DEF});
    $columns = $dbh->column_info(undef, 'public', 'book', '%')->fetchall_arrayref({});
    equal([['a', 'integer'], ['n', 'integer'], ['title', 'text'], ['price', 'numeric']],
        [map { [@$_{qw(COLUMN_NAME TYPE_NAME)}] } @$columns]);
    equal("'none'::text", $columns->[2]{COLUMN_DEF});
    equal('CHECK ((price > (0)::numeric))', $columns->[3]{pg_constraint});
    equal(['a', 'n'], [$dbh->primary_key(undef, 'public', 'book')]);
    my $keys = $dbh->primary_key_info(undef, 'public', 'book')->fetchall_arrayref({});
    equal([['a', 1, 'book_pkey'], ['n', 2, 'book_pkey']], [map { [@$_{qw(COLUMN_NAME KEY_SEQ PK_NAME)}] } @$keys]);
    my $foreign = $dbh->foreign_key_info(undef, undef, undef, undef, 'public', 'book')->fetchall_arrayref({});
    equal([['author', 'id', 'book', 'a', 'book_a_fkey', 0]],
        [map { [@$_{qw(UK_TABLE_NAME UK_COLUMN_NAME FK_TABLE_NAME FK_COLUMN_NAME FK_NAME DELETE_RULE)}] } @$foreign]);
    my $statistics = $dbh->statistics_info(undef, 'public', 'book', 0, 0)->fetchall_arrayref({});
    equal([[0, 'book_pkey', 1, 'a'], [0, 'book_pkey', 2, 'n'], [0, 'book_title', 1, 'title']],
        [map { [@$_{qw(NON_UNIQUE INDEX_NAME ORDINAL_POSITION COLUMN_NAME)}] }
            grep { defined $_->{INDEX_NAME} } @$statistics]);
    $dbh->do(q{insert into author (name) values ('A')});
    equal(1, $dbh->last_insert_id(undef, 'public', 'author', undef));
    equal(1, $dbh->selectrow_array(q{insert into book values (1, 1) returning n}));

    my $sth = $dbh->prepare('select * from author where id = ?');
    $sth->execute(1);
    equal(['id', 'name', 'born'], $sth->{NAME});
    equal([4, 12, 91], $sth->{TYPE});
    equal(['int4', 'varchar', 'date'], $sth->{pg_type});
    equal([4, 44, 4], $sth->{PRECISION});
    equal(1, $sth->{NUM_OF_PARAMS});
    my @info = $dbh->type_info(SQL_VARCHAR);
    equal('text', $info[0]{TYPE_NAME}) if @info;
    equal('PostgreSQL', $dbh->get_info(17));
    equal(15, int($dbh->{pg_server_version} / 10000));
}

sub async {
    my ($dbh) = @_;
    $dbh->do('select pg_sleep(0.05)', { pg_async => PG_ASYNC });
    equal(1, $dbh->pg_result + 0);
    # A request that overtakes the statement hits nothing: the longest wait is the statement's own.
    my $cancelled = 0;
    for my $try (1 .. 20) {
        $dbh->do('select pg_sleep(0.5)', { pg_async => PG_ASYNC });
        select undef, undef, undef, 0.01 * $try;
        $cancelled = eval { $dbh->pg_cancel };
        $dbh->rollback;
        last if $cancelled;
    }
    equal(1, $cancelled ? 1 : 0, 'cancelled');
    equal(1, $dbh->selectrow_array('select 1'));
}

sub cursors {
    my ($dbh) = @_;
    $dbh->do('declare c cursor for select i from generate_series(1, 1000) i');
    my ($sum, $fetches) = (0, 0);
    while (my @rows = @{ $dbh->selectcol_arrayref('fetch 100 from c') }) {
        $sum += $_ for @rows;
        $fetches++;
    }
    equal([500500, 10], [$sum, $fetches]);
    $dbh->do('close c');
    fails($dbh, '34000', sub { $dbh->do('fetch c') });
}

my @tests = (types => \&types, binary_values => \&binary_values, placeholders => \&placeholders,
    transactions => \&transactions, errors => \&errors, copy => \&copy, introspection => \&introspection,
    async => \&async, cursors => \&cursors);
while (my ($name, $run) = splice @tests, 0, 2) {
    my $dbh = DBI->connect('dbi:Pg:', '', '', { AutoCommit => 0, RaiseError => 1, PrintError => 0 });
    $dbh->do(q{set timezone = 'UTC'});
    $dbh->commit;
    my $before = $failures;
    eval { $run->($dbh); 1 } or do { print $@; $failures++ };
    print "FAILED: $name\n" if $failures > $before;
    eval { $dbh->rollback } if !$dbh->{AutoCommit};
    $dbh->disconnect;
}
exit($failures > 0);
