#!/usr/bin/env perl
# DBD::Pg: what it issues through the proxy, one line of JSON each, with what it saw of it.
use strict;
use warnings;

use DBD::Pg qw(:async);
use DBI;
use JSON::PP;

my $json = JSON::PP->new->canonical->utf8;
my $session;

sub tell_line {
    my ($text, $outcome, %more) = @_;
    print $json->encode({session => $session, text => $text, outcome => $outcome, %more}), "\n";
}

sub open_session {
    my ($name, %options) = @_;
    $session = $name;
    $ENV{PGAPPNAME} = "$ENV{APPLICATION_PREFIX} $name";
    return DBI->connect('dbi:Pg:', '', '', {PrintError => 0, RaiseError => 0, AutoCommit => 1, %options});
}

# Tells what came of a call: a count of rows ("0E0" for none, -1 where not known), or the state.
sub tell_result {
    my ($handle, $result, $text, %more) = @_;
    return tell_line($text, 'failure', sqlstate => $handle->state, %more) unless defined $result;
    $more{rows} = $result + 0 if $result >= 0 && $text =~ /^(SELECT|INSERT|UPDATE|DELETE)/;
    tell_line($text, 'success', %more);
}

sub do_text {
    my ($database, $text) = @_;
    tell_result($database, $database->do($text), $text);
}

sub ordinary {
    my $database = open_session('ordinary');
    do_text($database, 'CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, raw bytea)');
    my $add = 'INSERT INTO thing VALUES ($1, $2, $3)';
    for my $values ([1, 'one', undef], [2, undef, undef], [3, '', undef], [1, 'again', undef]) {
        # Question marks become numbers; do() with values executes unnamed.
        my $result = $database->do('INSERT INTO thing VALUES (?, ?, ?)', undef, @$values);
        tell_result($database, $result, $add, parameters => [map { defined $_ ? "$_" : undef } @$values]);
    }
    do_text($database, 'SELECT * FROM nothing');
    do_text($database, 'SELEC');
    do_text($database, "UPDATE thing SET name = 'x' WHERE id > 1");
    $database->disconnect;
}

sub prepared {
    my $database = open_session('prepared', pg_switch_prepared => 1);
    my $statement = $database->prepare('SELECT ?::int + 1');
    for my $value (1, 2, 3) {
        my $result = $statement->execute($value);
        tell_result($statement, $result, 'SELECT $1::int + 1', parameters => ["$value"]);
    }
    my $result = $statement->execute('x');
    tell_result($statement, $result, 'SELECT $1::int + 1', parameters => ['x']);
    undef $statement;
    tell_line('DEALLOCATE dbdpg_p' . $$ . '_1', 'success');

    # Without server-side preparation the driver quotes the values into the text.
    $database->{pg_server_prepare} = 0;
    $statement = $database->prepare('SELECT ?::text, ?');
    $statement->bind_param(1, "it's");
    $statement->bind_param(2, 7, {pg_type => DBD::Pg::PG_INT4});
    $result = $statement->execute;
    tell_result($statement, $result, "SELECT 'it''s'::text, 7");
    undef $statement;
    $database->disconnect;
}

sub transactions {
    my $database = open_session('transaction', AutoCommit => 0);
    tell_line('begin', 'success');
    do_text($database, 'CREATE TEMP TABLE thing (id int)');
    $database->pg_savepoint('here');
    tell_line('savepoint here', 'success');
    do_text($database, 'SELECT 1/0');
    $database->pg_rollback_to('here');
    tell_line('rollback to here', 'success');
    $database->pg_savepoint('there');
    tell_line('savepoint there', 'success');
    $database->pg_release('there');
    tell_line('release there', 'success');
    $database->commit;
    tell_line('commit', 'success');
    tell_line('begin', 'success');
    do_text($database, 'DELETE FROM thing');
    $database->rollback;
    tell_line('rollback', 'success');
    $database->disconnect;
}

sub copying {
    my $database = open_session('copy');
    do_text($database, 'CREATE TEMP TABLE thing (id int, name text)');
    $database->do('COPY thing FROM STDIN');
    $database->pg_putcopydata("1\tone\n");
    $database->pg_putcopydata("2\t\\N\n");
    $database->pg_putcopyend;
    tell_line('COPY thing FROM STDIN', 'success', rows => 2, bytes_in => 11);
    $database->do('COPY thing TO STDOUT');
    my ($rows, $line) = (0, '');
    $rows++ while $database->pg_getcopydata($line) >= 0;
    tell_line('COPY thing TO STDOUT', 'success', rows => $rows);
    $database->do('COPY thing FROM STDIN');
    $database->pg_putcopydata("bad\n");
    $database->pg_putcopyend;
    tell_line('COPY thing FROM STDIN', 'failure', sqlstate => $database->state);
    $database->disconnect;
}

sub asynchronous {
    my $database = open_session('async');
    $database->do('SELECT 42', {pg_async => PG_ASYNC});
    my $result = $database->pg_result;
    tell_result($database, $result, 'SELECT 42');
    $database->do('SELECT pg_sleep(60)', {pg_async => PG_ASYNC});
    # A cancel that comes too early hits nothing. As a block it is one statement however long it waits.
    my $watch = open_session('watch');
    do_text($watch, "DO \$\$BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"
        . ' LOOP PERFORM pg_stat_clear_snapshot(); END LOOP; END$$');
    $watch->disconnect;
    $session = 'async';
    $database->pg_cancel;
    tell_line('SELECT pg_sleep(60)', 'cancelled', sqlstate => '57014');
    do_text($database, 'SELECT 1');
    $database->disconnect;
}

sub large_objects {
    my $database = open_session('large', AutoCommit => 0);
    tell_line('begin', 'success');
    my $object = $database->pg_lo_creat($database->{pg_INV_WRITE});
    $object or die 'no large object';
    # libpq asks for the numbers of the functions, and then calls them by number.
    print $json->encode({session => $session, outcome => 'success', text_starts => 'select proname, oid from'}), "\n";
    my $handle = $database->pg_lo_open($object, $database->{pg_INV_WRITE});
    $database->pg_lo_write($handle, 'large', 5);
    $database->pg_lo_close($handle);
    $database->pg_lo_unlink($object);
    my $mode = "$database->{pg_INV_WRITE}";
    my @calls = (
        ['lo_creat(integer)', $mode],
        ['lo_open(oid, integer)', "$object", $mode],
        ['lowrite(integer, bytea)', "$handle", '\x6c61726765'],
        ['lo_close(integer)', "$handle"],
        ['lo_unlink(oid)', "$object"],
    );
    for my $call (@calls) {
        my ($function, @values) = @$call;
        tell_line("pg_catalog.$function", 'success', protocol => 'function', parameters => \@values);
    }
    $database->rollback;
    tell_line('rollback', 'success');
    $database->disconnect;
}

$| = 1;
my $libpq = do { my $database = open_session('version'); my $number = $database->{pg_lib_version}; $database->disconnect; $number };
print $json->encode({version => "$DBD::Pg::VERSION (libpq " . int($libpq / 10000) . ')'}), "\n";
ordinary();
prepared();
transactions();
copying();
asynchronous();
large_objects();
