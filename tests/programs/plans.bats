#!/usr/bin/env bats
# What EXPLAIN shows, and the settings that change plans and what they may use.
bats_require_minimum_version 1.5.0
load common

@test "enable_hashjoin, enable_mergejoin and enable_nestloop choose among the ways to join" {
    start_node
    q 'create table a (id int primary key, x int); create table b (id int primary key, y int)'
    run q 'explain (costs off) select * from a join b on a.x = b.y'
    [[ "$output" == "Hash Join"* ]]
    run q 'set enable_hashjoin = off; explain (costs off) select * from a join b on a.x = b.y'
    [[ "$output" == "Merge Join
  Merge Cond: (a.x = b.y)"* ]]
    run q 'set enable_hashjoin = off; set enable_mergejoin = off; explain (costs off) select * from a join b on a.x = b.y'
    [[ "$output" == "Nested Loop"* ]]
    # A cached plan of the same text is not what the settings now ask for.
    run q 'select * from a join b on a.x = b.y; set enable_hashjoin = off; select * from a join b on a.x = b.y; show enable_hashjoin'
    [ "$output" = off ]
}
