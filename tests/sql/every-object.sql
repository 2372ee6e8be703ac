-- A schema with an example of everything that can be made, for psql's backslash commands and for pg_dump.
create schema shop;
comment on schema shop is 'what is sold, and to whom';
create schema "Odd Name";

create sequence shop.ticket start with 100 increment by 5 minvalue 50 maxvalue 100000 cache 3 cycle;
comment on sequence shop.ticket is 'numbers of tickets';
create sequence shop.small as smallint;
create sequence down increment by -1;

create table shop.customer (
    id integer generated always as identity primary key,
    code character(4) not null,
    name character varying(80) not null default 'nobody',
    email text,
    vip boolean not null default false,
    born date,
    credit numeric(12, 2) default 0.00 constraint credit_not_negative check (credit >= 0),
    tags text[] default '{}',
    joined timestamp with time zone default now(),
    full_name text generated always as (upper(name)) stored,
    constraint customer_email_key unique (email),
    constraint customer_dates check (born is null or born > date '1800-01-01')
);
comment on table shop.customer is 'people who buy';
comment on column shop.customer.code is 'four letters';
comment on column shop.customer.vip is 'it''s about money';
comment on constraint credit_not_negative on shop.customer is 'no debts';

create table shop.orders (
    order_no bigserial,
    line smallint not null default 1,
    customer integer not null references shop.customer (id) on delete cascade,
    referred_by integer,
    ticket bigint default nextval('shop.ticket'),
    placed timestamp(3) without time zone default current_timestamp,
    due interval day to second default '3 days',
    at_time time(0),
    amount real,
    total double precision,
    note character varying,
    payload bytea,
    ident uuid default gen_random_uuid(),
    matrix integer[],
    constraint orders_pk primary key (order_no, line),
    constraint orders_referrer foreign key (referred_by) references shop.customer (id)
        on update cascade on delete set null deferrable initially deferred
);
comment on constraint orders_pk on shop.orders is 'number and line';
create index orders_by_customer on shop.orders (customer);
create index orders_recent on shop.orders (placed desc nulls last, customer) where total > 100;
create unique index orders_ticket on shop.orders (ticket) include (amount, note);
create index orders_note on shop.orders (lower(note), (amount + 1));
comment on index shop.orders_by_customer is 'finds what a customer ordered';

create table shop.order_part (
    order_no bigint,
    line smallint,
    part integer,
    weight numeric,
    primary key (part, order_no),
    foreign key (order_no, line) references shop.orders (order_no, line) on update restrict,
    check (weight > 0)
);

create table plain (a integer, b text);
create table "Odd Name"."Mixed Case" ("Id" serial primary key, "select" text default 'x"y', "naïve" integer unique);
create index "Odd index" on "Odd Name"."Mixed Case" ("select", "Id" desc);
create table empty_table ();
create table selfref (
    id integer primary key,
    parent integer references selfref (id),
    kind character varying(10) check (kind in ('leaf', 'node')),
    amount integer default (1 + 2) * 3 check (amount between 0 and 100)
);
alter table plain add column c integer not null default 7;
alter table plain drop column b;
alter table plain add constraint plain_c_check check (c <> 5 and (a is null or a < c)) ;

create view shop.vip as select id, name, credit from shop.customer where vip;
comment on view shop.vip is 'who matters';
create view shop.totals as
    select c.id, c.name, count(*) as orders, sum(o.total) as total, max(o.placed) as last_placed
    from shop.customer c left join shop.orders o on o.customer = c.id
    group by c.id, c.name having count(*) > 0 order by 4 desc limit 10;
create view everything as select * from plain union all select id, amount from selfref where parent is not null;
create view "Odd Name"."View" as select "select" as "from", "Id" + 1 as next, case when "naïve" > 3 then 'big' else 'small' end as size,
    "naïve" in (1, 2, 3) as few, exists (select 1 from plain p where p.a = m."Id") as known from "Odd Name"."Mixed Case" m;

insert into shop.customer (code, name, email, vip, born, credit, tags, joined) values
    ('AB', 'Ada', 'ada@example.com', true, '1815-12-10', 10.50, '{math,"first one"}', '2020-01-02 03:04:05+00'),
    ('CD', E'Tab\there', null, false, null, 0, null, '2021-06-07 08:09:10.123456+00'),
    ('EF', E'Back\\slash and ''quote''', 'x@y', false, '2000-02-29', null, '{}', 'infinity');
insert into shop.orders (line, customer, referred_by, placed, due, at_time, amount, total, note, payload, ident, matrix) values
    (1, 1, 2, '2022-03-04 05:06:07.891', '1 day 02:03:04', '12:34:56', 1.5, 1e100, E'multi\nline', '\x00ff10', '00000000-0000-0000-0000-000000000001', '{{1,2},{3,4}}'),
    (2, 2, null, null, null, null, 'NaN', '-Infinity', '', '', null, null);
insert into shop.order_part values (1, 1, 7, 0.001), (2, 2, 8, 12345678901234567890.123456789);
insert into empty_table default values;
insert into plain values (1, 7), (null, 9);
insert into "Odd Name"."Mixed Case" ("select", "naïve") values ('é', 1), (null, null);
insert into selfref values (1, null, 'node', null), (2, 1, 'leaf', 50);
select nextval('shop.ticket'), nextval('down'), setval('shop.small', 12, false);
