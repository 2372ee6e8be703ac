#!/usr/bin/perl
# Turn types.def, functions.def, operators.def and casts.def into the constant tables behind types/type.h and
# func/function.h. Usage: generate.pl TYPES FUNCTIONS OPERATORS CASTS > tables.c
use strict;
use warnings;

sub rows {
    my ($path) = @_;
    open my $in, '<', $path or die "generate.pl: cannot open $path: $!\n";
    return map { chomp; [split ' '] } grep { /^[^#\s]/ } <$in>;
}

sub quoted { my ($s) = @_; $s =~ s/(["\\])/\\$1/g; return "\"$s\""; }
sub truth { return $_[0] eq 't' ? 'true' : 'false'; }

my ($types_path, $functions_path, $operators_path, $casts_path) = @ARGV;
my (@types, %type_seen);

print "/* Made by generate.pl; do not edit. */\n";
print "#include \"sql/func/function.h\"\n#include \"sql/types/ops.h\"\n#include \"sql/types/tables.h\"\n\n";

# ---- types; an array type follows from its element's array column ----
for my $r (rows($types_path)) {
    my ($oid, $name, $size, $by_value, $align, $storage, $category, $preferred, $kind, $array, $element, $sql, $datum, $prefix) = @$r;
    $sql =~ tr/~/ /;
    my $collatable = $category eq 'S' || $name eq 'name' ? 'true' : 'false';
    push @types, [$oid, $name, "{.oid = $oid, .name = " . quoted($name) . ", .sql_name = " . quoted($sql) .
        ", .size = $size, .by_value = " . truth($by_value) . ", .align = '$align', .storage = '$storage', .category = '$category'" .
        ", .preferred = " . truth($preferred) . ", .kind = '$kind', .array_oid = $array, .element_oid = " .
        ($category eq 'A' ? $element : 0) . ", .datum_kind = DATUM_" . uc($datum) . ", .collatable = $collatable, TYPE_OPS_$prefix}"];
    next if $array == 0;
    my $array_align = $align eq 'd' ? 'd' : 'i';
    push @types, [$array, "_$name", "{.oid = $array, .name = " . quoted("_$name") . ", .sql_name = " . quoted("$sql\[]") .
        ", .size = -1, .by_value = false, .align = '$array_align', .storage = 'x', .category = 'A', .preferred = false, .kind = '$kind'" .
        ", .array_oid = 0, .element_oid = $oid, .datum_kind = DATUM_SLICE, .collatable = $collatable, TYPE_OPS_array}"];
}
@types = sort { $a->[0] <=> $b->[0] } @types;
print "const struct type type_table[] = {\n", (map { "    $_->[2],\n" } @types), "};\nconst size_t type_table_count = ", scalar @types, ";\n\n";
my $position = 0;
my %type_position = map { $_->[1] => $position++ } @types;
print "const struct type *const type_table_by_name[] = {\n",
    (map { "    &type_table[$type_position{$_}],\n" } sort keys %type_position), "};\n\n";

# ---- functions ----
my @functions = sort { $a->[0] <=> $b->[0] } rows($functions_path);
my (%declared, %function_position, %functions_named, @bodies);
$position = 0;
for my $r (@functions) {
    my ($oid, $name, $kind, $volatility, $strict, $set, $variadic, $result, $args, $defaults, $arg_names, $out_types, $out_names, $c, $batch) = @$r;
    my @args = $args eq '-' ? () : split /,/, $args;
    my %field = (oid => $oid, name => quoted($name), kind => "'$kind'", volatility => "'$volatility'", strict => truth($strict),
        returns_set => truth($set), variadic => truth($variadic), result_type => $result, arg_count => scalar @args,
        default_count => $defaults, source => quoted($c));
    if (@args) {
        print "static const uint32_t args_${oid}[] = {", join(', ', @args), "};\n";
        $field{arg_types} = "args_$oid";
    }
    if ($arg_names ne '-') {
        print "static const char *const arg_names_${oid}[] = {", join(', ', map { quoted($_) } split /,/, $arg_names), "};\n";
        $field{arg_names} = "arg_names_$oid" if scalar(split /,/, $arg_names) == @args;
    }
    if ($out_types ne '-') {
        my @out = split /,/, $out_types;
        print "static const uint32_t out_types_${oid}[] = {", join(', ', @out), "};\n";
        print "static const char *const out_names_${oid}[] = {", join(', ', map { quoted($_) } split /,/, $out_names), "};\n";
        @field{qw(column_count column_types column_names)} = (scalar @out, "out_types_$oid", "out_names_$oid");
    }
    if ($kind eq 'a') {
        print "extern const struct aggregate agg_$c;\n" unless $declared{"agg_$c"}++;
        $field{aggregate} = "&agg_$c";
    } elsif ($set eq 't') {
        print "status fn_set_$c(struct fn_call *, void **, const datum *, const bool *, datum *, bool *);\n" unless $declared{"set_$c"}++;
        $field{set} = "fn_set_$c";
    } else {
        print "status fn_$c(struct fn_call *, const datum *, const bool *, datum *, bool *);\n" unless $declared{"fn_$c"}++;
        $field{scalar} = "fn_$c";
    }
    if ($batch eq 't') {
        print "status fn_batch_$c(struct fn_call *, const struct column *const *, const uint16_t *, size_t, struct column *);\n" unless $declared{"batch_$c"}++;
        $field{batch} = "fn_batch_$c";
    }
    push @bodies, '{' . join(', ', map { ".$_ = $field{$_}" } sort keys %field) . '}';
    push @{$functions_named{$name}}, $position;
    $function_position{$oid} = $position++;
}
print "static const struct function function_table[] = {\n", (map { "    $_,\n" } @bodies), "};\n";
print "const struct function *const function_table_start = function_table;\n";
print "const size_t function_table_count = $position;\n\n";

# Entries of one name stand together, names in byte order: a name is found by bisection.
sub by_name {
    my ($what, $struct, $table, $named) = @_;
    my ($at, @names, @entries) = (0);
    for my $name (sort keys %$named) {
        my @members = @{$named->{$name}};
        push @names, "    {" . quoted($name) . ", $at, " . scalar(@members) . "},\n";
        push @entries, map { "    &$table\[$_],\n" } @members;
        $at += @members;
    }
    print "const struct $struct *const ${what}_by_name_entries[] = {\n", @entries, "};\n";
    print "const struct name_group ${what}_names[] = {\n", @names, "};\nconst size_t ${what}_name_count = ", scalar @names, ";\n\n";
}
by_name('function', 'function', 'function_table', \%functions_named);

# ---- operators ----
my (%operators_named, @operators);
$position = 0;
for my $r (sort { $a->[0] <=> $b->[0] } rows($operators_path)) {
    my ($oid, $name, $left, $right, $result, $fn, $commutator, $negator, $merge, $hash, $order) = @$r;
    die "generate.pl: operator $oid: no function $fn\n" unless defined $function_position{$fn};
    push @operators, "    {.oid = $oid, .name = " . quoted($name) . ", .left_type = $left, .right_type = $right, .result_type = $result" .
        ", .fn = &function_table[$function_position{$fn}], .commutator = $commutator, .negator = $negator, .can_merge = " . truth($merge) .
        ", .can_hash = " . truth($hash) . ", .order = " . ($order eq '-' ? 0 : "'$order'") . "},\n";
    push @{$operators_named{$name}}, $position++;
}
print "static const struct operator_def operator_table[] = {\n", @operators, "};\n";
print "const struct operator_def *const operator_table_start = operator_table;\nconst size_t operator_table_count = $position;\n\n";
by_name('operator', 'operator_def', 'operator_table', \%operators_named);

# ---- casts, in order of source and target ----
my @casts = sort { $a->[1] <=> $b->[1] || $a->[2] <=> $b->[2] } rows($casts_path);
print "static const struct cast_def cast_table[] = {\n";
for my $r (@casts) {
    my ($oid, $source, $target, $context, $method, $fn) = @$r;
    print "    {.oid = $oid, .source_type = $source, .target_type = $target, .context = '$context', .method = '$method'",
        ($fn ? ", .fn = &function_table[$function_position{$fn}]" : ''), "},\n";
}
print "};\nconst struct cast_def *const cast_table_start = cast_table;\nconst size_t cast_table_count = ", scalar @casts, ";\n";
