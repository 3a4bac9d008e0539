"""asyncpg: what it issues through the proxy, one line of JSON each, with what it saw of it."""

import asyncio
import datetime
import decimal
import json
import os
import uuid

import asyncpg

PREFIX = os.environ["APPLICATION_PREFIX"]


def tell(session, text, outcome="success", **more):
    print(json.dumps({"session": session, "text": text, "outcome": outcome, **more}))


def tell_driver(session, text_starts, outcome="success"):
    """A statement that the driver makes by itself."""
    print(json.dumps({"session": session, "text_starts": text_starts, "outcome": outcome}))


def tell_introspection(session):
    """What the driver asks about a type that it does not know, with compilation of queries off."""
    tell_driver(session, "SELECT\n                        current_setting('jit') AS cur")
    tell_driver(session, "WITH RECURSIVE typeinfo_tree(")
    tell_driver(session, "SELECT\n                    set_config('jit', $1, false)")


async def connect(session, **options):
    return await asyncpg.connect(server_settings={"application_name": f"{PREFIX} {session}"}, **options)


async def fetch(session, connection, text, *values, shown=None):
    """Runs by the extended protocol, values in binary format."""
    said = {} if shown is None else {"parameters": shown}
    try:
        rows = await connection.fetch(text, *values)
    except asyncpg.PostgresError as error:
        tell(session, text, "failure", sqlstate=error.sqlstate, protocol="extended", **said)
        return []
    counted = {"rows": len(rows)} if text.startswith("SELECT") or "RETURNING" in text else {}
    tell(session, text, protocol="extended", **counted, **said)
    return rows


async def execute(session, connection, text):
    """Runs by a simple Query."""
    try:
        tag = await connection.execute(text)
    except asyncpg.PostgresError as error:
        tell(session, text, "failure", sqlstate=error.sqlstate, protocol="simple")
        return
    count = tag.split()[-1]
    tell(session, text, protocol="simple", **({"rows": int(count)} if count.isdigit() else {}))


async def ordinary():
    session = "ordinary"
    connection = await connect(session)
    await execute(session, connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY, name text)")
    add = "INSERT INTO thing VALUES ($1, $2) RETURNING id"
    await fetch(session, connection, add, 1, "one", shown=["1", "one"])
    await fetch(session, connection, add, 2, None, shown=["2", None])
    await fetch(session, connection, add, 3, "", shown=["3", ""])
    await fetch(session, connection, add, 1, "again", shown=["1", "again"])
    await fetch(session, connection, "SELECT * FROM nothing WHERE a = $1", 1)
    await execute(session, connection, "SELECT 1/0")
    await execute(session, connection, "UPDATE thing SET name = 'x'")
    # Refused by the driver before anything is bound: prepared, never executed.
    try:
        await connection.fetch("SELECT name FROM thing WHERE id = $1", "x")
    except asyncpg.DataError:
        pass
    await connection.execute("SELECT 1; SELECT 2")
    tell(session, "SELECT 1", rows=1, protocol="simple")
    tell(session, "SELECT 2", rows=1, protocol="simple")
    await connection.close()
    tell(session, "SELECT name FROM thing WHERE id = $1", "prepared")


async def binary():
    session = "binary"
    connection = await connect(session)
    text = (
        "SELECT $1::int2, $2::int4, $3::int8, $4::float4, $5::float8, $6::bool, $7::bytea, $8::text,"
        " $9::date, $10::timestamp, $11::timestamptz, $12::uuid, $13::jsonb, $14::json, $15::oid"
    )
    at = datetime.datetime(2026, 11, 21, 22, 6, 1, 123456)
    await fetch(
        session, connection, text, -2, 7, 2**40, 1.5, -0.1, True, b"\x00\xff", "é",
        at.date(), at, at.replace(tzinfo=datetime.timezone.utc), uuid.UUID(int=1), '{"a": 1}', "[]", 4000000000,
        shown=["-2", "7", str(2**40), "1.5", "-0.1", "true", "\\x00ff", "é", "2026-11-21",
               "2026-11-21 22:06:01.123456", "2026-11-21 22:06:01.123456+00", str(uuid.UUID(int=1)),
               '{"a": 1}', "[]", "4000000000"],
    )
    for value in ("0", "1", "-12.50", "12345678901234567890.000100", "NaN", "1e-7", "10000"):
        number = decimal.Decimal(value)
        await fetch(session, connection, "SELECT $1::numeric", number, shown=[format(number, "f")])
    # Whatever has no decoder is shown as the bytes that were sent.
    tell_introspection(session)
    await fetch(session, connection, "SELECT $1::int[]", [1], shown=["{1}"])
    await connection.close()


async def introspection():
    session = "types"
    connection = await connect(session)
    await execute(session, connection, "CREATE TYPE pg_temp.mood AS ENUM ('sad', 'glad')")
    text = "SELECT $1::pg_temp.mood"
    await connection.fetch(text, "glad")
    tell_introspection(session)
    # Of a type that is not built in the bytes are shown.
    tell(session, text, rows=1, parameters=["\\x" + b"glad".hex()])
    await connection.close()


async def transactions():
    session = "transactions"
    connection = await connect(session)
    await execute(session, connection, "CREATE TEMP TABLE thing (id int)")
    async with connection.transaction():
        tell(session, "BEGIN")
        await fetch(session, connection, "INSERT INTO thing VALUES ($1)", 1, shown=["1"])
        try:
            async with connection.transaction():
                tell_driver(session, "SAVEPOINT __asyncpg_savepoint_")
                await connection.execute("SELECT 1/0")
        except asyncpg.DivisionByZeroError as error:
            tell(session, "SELECT 1/0", "failure", sqlstate=error.sqlstate)
        tell_driver(session, "ROLLBACK TO __asyncpg_savepoint_")
    tell(session, "COMMIT")
    async with connection.transaction(isolation="serializable", readonly=True):
        tell(session, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY")
        await fetch(session, connection, "SELECT * FROM thing")
    tell(session, "COMMIT")
    await connection.close()


async def many():
    session = "many"
    connection = await connect(session)
    await execute(session, connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY, name text)")
    text = "INSERT INTO thing VALUES ($1, $2)"
    await connection.executemany(text, [(1, "a"), (2, "b"), (3, None)])
    for id, name in ((1, "a"), (2, "b"), (3, None)):
        tell(session, text, rows=1, parameters=[str(id), name])
    # One batch, so one transaction: what was told a success is undone ("transaction end").
    try:
        await connection.executemany(text, [(4, "d"), (1, "again"), (5, "e")])
    except asyncpg.UniqueViolationError as error:
        tell(session, text, parameters=["4", "d"], rows=1)
        tell(session, text, "failure", sqlstate=error.sqlstate, parameters=["1", "again"])
        tell(session, text, "skipped", parameters=["5", "e"])
    await fetch(session, connection, "SELECT id FROM thing")
    await connection.close()


async def cursors():
    session = "cursor"
    connection = await connect(session)
    text = "SELECT * FROM generate_series(1, $1::int) AS n"
    async with connection.transaction():
        tell(session, "BEGIN")
        async for _ in connection.cursor(text, 5, prefetch=2):
            pass
        for rows in (2, 2):
            tell(session, text, "suspended", rows=rows, parameters=["5"])
        tell(session, text, rows=1, parameters=["5"])
    tell(session, "COMMIT")
    await connection.close()


async def copying():
    session = "copy"
    connection = await connect(session)
    await execute(session, connection, "CREATE TEMP TABLE thing (id int, name text)")
    # The driver prepares a SELECT of the columns, to know their types.
    await connection.copy_records_to_table("thing", records=[(1, "a"), (2, None)])
    tell(session, 'COPY "thing" FROM STDIN (FORMAT binary)', rows=2)
    await connection.copy_to_table("thing", source=source(b"3\tc\n"))
    tell(session, 'COPY "thing" FROM STDIN', rows=1, bytes_in=4)
    got = []

    async def take(data):
        got.append(data)

    await connection.copy_from_query("SELECT * FROM thing WHERE id > $1", 1, output=take)
    # The driver has the server make a literal of the value, for COPY takes none.
    tell(session, "SELECT * FROM thing WHERE id > $1", "prepared")
    tell(session, 'SELECT quote_literal($1::"pg_catalog"."int4"::text)', "suspended", parameters=["1"])
    tell(session, "COPY (SELECT * FROM thing WHERE id > '1') TO STDOUT", rows=sum(map(len, got)) // 4)
    await connection.close()
    tell(session, 'SELECT * FROM "thing" LIMIT 1', "prepared")


async def source(data):
    yield data


async def cancelling():
    session = "cancel"
    connection = await connect(session)
    try:
        await connection.fetch("SELECT pg_sleep(60)", timeout=0.5)
    except asyncio.TimeoutError:
        tell(session, "SELECT pg_sleep(60)", "cancelled", sqlstate="57014")
    await fetch(session, connection, "SELECT 1")
    await connection.close()


async def pools():
    session = "pool"
    async with asyncpg.create_pool(
        min_size=1, max_size=1, server_settings={"application_name": f"{PREFIX} {session}"}
    ) as pool:
        async with pool.acquire() as connection:
            await fetch(session, connection, "SELECT 1")
        for text in ("SELECT pg_advisory_unlock_all()", "CLOSE ALL", "UNLISTEN *", "RESET ALL"):
            tell(session, text)


async def main():
    print(json.dumps({"version": asyncpg.__version__}))
    for part in (ordinary, binary, introspection, transactions, many, cursors, copying, cancelling, pools):
        await part()


asyncio.run(main())
