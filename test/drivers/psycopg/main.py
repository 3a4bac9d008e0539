"""psycopg 3: what it issues through the proxy, one line of JSON each, with what it saw of it."""

import json
import os
import threading

import psycopg
from psycopg import pq
from psycopg.types.json import Jsonb

PREFIX = os.environ["APPLICATION_PREFIX"]


def tell(session, text, outcome="success", **more):
    print(json.dumps({"session": session, "text": text, "outcome": outcome, **more}))


def connect(session, **options):
    return psycopg.connect("", application_name=f"{PREFIX} {session}", **options)


def run(session, connection, text, values=None, sent=None, shown=None, **options):
    """Executes, and tells the statement as the server was sent it, with what came of it."""
    said = {} if shown is None else {"parameters": shown}
    try:
        cursor = connection.execute(text, values, **options)
    except psycopg.Error as error:
        tell(session, sent or text, "failure", sqlstate=error.sqlstate, **said)
        return None
    rows = {"rows": cursor.rowcount} if cursor.rowcount >= 0 else {}
    tell(session, sent or text, **rows, **said)
    return cursor


def ordinary():
    session = "ordinary"
    with connect(session, autocommit=True) as connection:
        run(session, connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, note jsonb)")
        add = "INSERT INTO thing VALUES (%s, %s, %s)"
        sent = "INSERT INTO thing VALUES ($1, $2, $3)"
        run(session, connection, add, (1, "one", Jsonb({"a": 1})), sent, ["1", "one", '{"a": 1}'])
        run(session, connection, add, (2, None, None), sent, ["2", None, None])
        run(session, connection, add, (3, "", None), sent, ["3", "", None])
        run(session, connection, add, (1, "again", None), sent, ["1", "again", None])
        run(session, connection, "SELECT * FROM thing WHERE id = %s", ("x",),
            "SELECT * FROM thing WHERE id = $1", ["x"])
        # A failed Parse: its record has the values that were sent along.
        run(session, connection, "SELECT * FROM nothing WHERE a = %s", (1,),
            "SELECT * FROM nothing WHERE a = $1", ["1"])
        run(session, connection, "SELEC 1")
        for text in ("UPDATE thing SET name = 'x'", "SELECT 1"):
            tell(session, text, rows=3 if text.startswith("U") else 1, protocol="simple")
        connection.execute("UPDATE thing SET name = 'x'; SELECT 1")


def binary():
    session = "binary"
    with connect(session, autocommit=True) as connection:
        values = (7, 2**40, 1.5, True, b"\x00\xff", "é", None)
        text = "SELECT " + ", ".join(["%b"] * 6) + ", %b::int"
        sent = "SELECT $1, $2, $3, $4, $5, $6, $7::int"
        shown = ["7", str(2**40), "1.5", "true", "\\x00ff", "é", None]
        run(session, connection, text, values, sent, shown, binary=True)


def prepared():
    session = "prepared"
    with connect(session, autocommit=True) as connection:
        connection.prepare_threshold = 1
        text, sent = "SELECT %s::int + 1", "SELECT $1::int + 1"
        for value in range(4):
            run(session, connection, text, (value,), sent, [str(value)])
        connection.prepared_max = 0
        run(session, connection, "SELECT 'once'", prepare=False)


def transactions():
    session = "transactions"
    with connect(session) as connection:
        tell(session, "BEGIN")
        run(session, connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
        try:
            with connection.transaction() as inner:
                assert inner.savepoint_name
                tell(session, f'SAVEPOINT "{inner.savepoint_name}"')
                run(session, connection, "INSERT INTO thing VALUES (1)")
                run(session, connection, "SELECT 1/0")
                raise ZeroDivisionError
        except ZeroDivisionError:
            name = inner.savepoint_name
            tell(session, f'ROLLBACK TO "{name}"')
            tell(session, f'RELEASE "{name}"')
        run(session, connection, "INSERT INTO thing VALUES (2)")
        run(session, connection, "INSERT INTO thing VALUES (2)")
        try:
            connection.commit()
        except psycopg.Error as error:
            tell(session, "COMMIT", "failure", sqlstate=error.sqlstate)
        tell(session, "BEGIN")
        run(session, connection, "SELECT 1")
        connection.rollback()
        tell(session, "ROLLBACK")


def two_phase():
    session = "two-phase"
    with connect(session) as connection:
        for end in ("COMMIT", "ROLLBACK"):
            xid = connection.xid(1, f"pgwitness-{end}", "branch")
            connection.tpc_begin(xid)
            tell(session, "BEGIN")
            run(session, connection, "SELECT txid_current()")
            connection.tpc_prepare()
            tell(session, f"PREPARE TRANSACTION '{xid}'")
            connection.tpc_commit() if end == "COMMIT" else connection.tpc_rollback()
            tell(session, f"{end} PREPARED '{xid}'")


def server_side_cursor():
    session = "cursor"
    with connect(session) as connection:
        tell(session, "BEGIN")
        with connection.cursor("reader") as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT * FROM generate_series(1, %s) AS n", (3,))
            tell(session, 'DECLARE "reader" CURSOR FOR SELECT * FROM generate_series(1, $1) AS n',
                 parameters=["3"])
            # The driver describes the cursor's portal, which asks nothing.
            got = len(cursor.fetchmany(2))
            tell(session, 'FETCH FORWARD 2 FROM "reader"', rows=got)
            got = len(cursor.fetchmany(2))
            tell(session, 'FETCH FORWARD 2 FROM "reader"', rows=got)
        tell(session, 'CLOSE "reader"')
        connection.rollback()
        tell(session, "ROLLBACK")


def pipeline():
    session = "pipeline"
    with connect(session, autocommit=True) as connection:
        run(session, connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY)")
        with connection.pipeline():
            cursors = [connection.execute("INSERT INTO thing VALUES (%s)", (n,)) for n in (1, 2)]
            cursors.append(connection.execute("SELECT id FROM thing"))
        for cursor, value in zip(cursors, ("1", "2", None)):
            if value is None:
                tell(session, "SELECT id FROM thing", rows=cursor.rowcount)
            else:
                tell(session, "INSERT INTO thing VALUES ($1)", rows=cursor.rowcount, parameters=[value])
        try:
            with connection.pipeline() as pipe:
                connection.execute("DELETE FROM thing WHERE id = %s", (1,))
                connection.execute("SELECT 1/0")
                connection.execute("DELETE FROM thing")
                pipe.sync()
        except psycopg.Error as error:
            # The outcome of the first is its own; that it was undone is told by "transaction end".
            tell(session, "DELETE FROM thing WHERE id = $1", rows=1, parameters=["1"])
            tell(session, "SELECT 1/0", "failure", sqlstate=error.sqlstate)
            tell(session, "DELETE FROM thing", "skipped")
        run(session, connection, "SELECT id FROM thing")
        with connection.pipeline():
            with connection.transaction():
                connection.execute("DELETE FROM thing")
        tell(session, "BEGIN")
        tell(session, "DELETE FROM thing", rows=2)
        tell(session, "COMMIT")


def copying():
    session = "copy"
    with connect(session, autocommit=True) as connection:
        run(session, connection, "CREATE TEMP TABLE thing (id int, name text)")
        with connection.cursor() as cursor:
            with cursor.copy("COPY thing FROM STDIN") as copy:
                copy.write_row((1, "one"))
                copy.write_row((2, None))
            tell(session, "COPY thing FROM STDIN", rows=cursor.rowcount, bytes_in=11)
            with cursor.copy("COPY thing FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int4", "text"])
                copy.write_row((3, "three"))
            tell(session, "COPY thing FROM STDIN (FORMAT binary)", rows=cursor.rowcount)
            with cursor.copy("COPY thing TO STDOUT") as copy:
                rows = sum(1 for _ in copy.rows())
            tell(session, "COPY thing TO STDOUT", rows=rows)
            try:
                with cursor.copy("COPY thing FROM STDIN") as copy:
                    copy.write("bad\n")
            except psycopg.Error as error:
                tell(session, "COPY thing FROM STDIN", "failure", sqlstate=error.sqlstate)
            try:
                with cursor.copy("COPY thing FROM STDIN") as copy:
                    copy.write("9\tnine\n")
                    raise KeyError
            except KeyError:
                # CopyFail has the SQLSTATE of a cancel, but nobody cancelled.
                tell(session, "COPY thing FROM STDIN", "failure", sqlstate="57014")


def cancelling():
    session = "cancel"
    with connect(session, autocommit=True) as connection, connect("watch", autocommit=True) as watch:
        def cancel_when_asleep():
            # As a function, so that it is one statement however often it looks.
            watch.execute(
                "DO $$BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"
                " LOOP PERFORM pg_stat_clear_snapshot(); END LOOP; END$$"
            )
            connection.cancel_safe()

        thread = threading.Thread(target=cancel_when_asleep)
        thread.start()
        try:
            connection.execute("SELECT pg_sleep(60)")
        except psycopg.Error as error:
            tell(session, "SELECT pg_sleep(60)", "cancelled", sqlstate=error.sqlstate)
        thread.join()
        tell("watch", "DO $$BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"
             " LOOP PERFORM pg_stat_clear_snapshot(); END LOOP; END$$")


def notifications():
    session = "notify"
    with connect(session, autocommit=True) as connection:
        run(session, connection, "LISTEN news")
        run(session, connection, "SELECT pg_notify(%s, %s)", ("news", "heard"),
            "SELECT pg_notify($1, $2)", ["news", "heard"])
        assert next(connection.notifies(timeout=30, stop_after=1)).payload == "heard"
        run(session, connection, "UNLISTEN *")


print(json.dumps({"version": f"{psycopg.__version__} (libpq {pq.version() // 10000})"}))
for part in (ordinary, binary, prepared, transactions, two_phase, server_side_cursor, pipeline,
             copying, cancelling, notifications):
    part()
