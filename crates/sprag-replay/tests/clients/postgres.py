"""Speaks to PostgreSQL as applications do: one client, one connection, one case for each line of standard input.

    postgres.py psycopg|asyncpg|pg8000 HOST PORT DATABASE

Answers each line with one line of JSON: what the case has seen. `postgres.py setup HOST PORT DATABASE` makes the tables.
"""

import asyncio
import datetime
import decimal
import json
import sys
import uuid

PASSWORD = "planted-password-4711"

SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, price numeric(10, 2), tags text[], data jsonb,
    made date, key uuid, feels mood);
INSERT INTO item SELECT n, 'item ' || n, n * 1.25, ARRAY['t' || n, 'x'], jsonb_build_object('n', n),
    date '2024-01-01' + n, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,
    CASE WHEN n % 2 = 0 THEN 'glad' ELSE 'sad' END::mood FROM generate_series(1, 50) n;
CREATE TABLE booked (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, item int REFERENCES item);
"""


def plain(value):
    if isinstance(value, (datetime.date, decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value))


class Psycopg:
    """Prepares at the second use of a statement and keeps two, so that what is prepared when depends on the order."""

    def __init__(self, host, port, database):
        import psycopg

        self.psycopg = psycopg
        self.conn = psycopg.connect(host=host, port=port, dbname=database, user="postgres", password=PASSWORD)
        self.conn.prepare_threshold = 1
        self.conn.prepared_max = 2
        self.notices = []
        self.conn.add_notice_handler(lambda notice: self.notices.append(notice.message_primary))

    def run(self, case):
        try:
            return getattr(self, case)()
        finally:
            self.conn.rollback()

    def lookup(self):
        sql = "SELECT id, name, price, tags, data, made, key, feels FROM item WHERE id = %s AND name <> %s"
        rows = [self.conn.execute(sql, (n, "o'ne\n\\")).fetchall() for n in (1, 2, 3)]
        cursor = self.conn.execute("SELECT %s::text, %s::int", (None, 7))
        return rows, cursor.fetchall(), [column.name for column in cursor.description]

    def binary(self):
        with self.conn.cursor(binary=True) as cursor:
            cursor.execute("SELECT id, price, data, made, key FROM item WHERE id < %b ORDER BY id", (4,))
            return cursor.fetchall(), cursor.statusmessage, cursor.execute("SELECT %b::bytea", (b"\0\1",)).fetchall()

    def lookup_again(self):
        return [self.conn.execute("SELECT name FROM item WHERE id = %s", (n,)).fetchone() for n in range(1, 6)]

    def transaction(self):
        seen = [self.conn.info.transaction_status.name]
        with self.conn.transaction():
            self.conn.execute("INSERT INTO booked VALUES (%s, %s)", (1, 1))
            seen.append(self.conn.info.transaction_status.name)
            try:
                with self.conn.transaction():
                    self.conn.execute("INSERT INTO booked VALUES (%s, %s)", (2, 999))
                    self.conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
            except self.psycopg.errors.ForeignKeyViolation as error:
                seen += [error.sqlstate, error.diag.constraint_name, self.conn.info.transaction_status.name]
            seen.append(self.conn.execute("SELECT count(*) FROM booked").fetchall())
            self.conn.execute("DELETE FROM booked")
        seen.append(self.conn.info.transaction_status.name)
        return seen

    def errors(self):
        seen = []
        for sql, args in [
            ("SELECT * FROM missing WHERE a = %s", (1,)),
            ("SELECT 1 / %s", (0,)),
            ("SELECT %s::int", ("abc",)),
            ("SELEC", None),
            ("SELECT 1 WHERE 1 / 0 = 1", None),
        ]:
            for prepare in (None, True):
                try:
                    self.conn.execute(sql, args, prepare=prepare)
                except self.psycopg.Error as error:
                    status = self.conn.info.transaction_status.name
                    seen.append((error.sqlstate, error.diag.message_primary, status))
                try:
                    self.conn.execute("SELECT 2")
                except self.psycopg.errors.InFailedSqlTransaction as error:
                    seen.append(error.sqlstate)
                self.conn.rollback()
                seen.append(self.conn.info.transaction_status.name)
        return seen

    def pipeline(self):
        with self.conn.pipeline() as pipeline:
            first = self.conn.execute("SELECT name FROM item WHERE id = %s", (7,))
            second = self.conn.execute("SELECT count(*) FROM item WHERE price > %s", (10,))
            pipeline.sync()
            seen = [first.fetchall(), second.fetchall()]
            try:
                self.conn.execute("SELECT 1 / %s", (0,))
                pipeline.sync()
            except self.psycopg.Error as error:
                seen.append(error.sqlstate)
        return seen

    def many(self):
        with self.conn.cursor() as cursor:
            cursor.executemany("INSERT INTO booked VALUES (%s, %s)", [(n, n) for n in range(1, 30)])
            count = cursor.rowcount
            cursor.executemany("DELETE FROM booked WHERE id = %s RETURNING item", [(1,), (2,)], returning=True)
            returned = [result.fetchall() for result in cursor.results()]
        return count, returned

    def server_cursor(self):
        with self.conn.cursor(name="some") as cursor:
            cursor.itersize = 20
            cursor.execute("SELECT id FROM item ORDER BY id")
            return [row[0] for row in cursor]

    def stream(self):
        with self.conn.cursor() as cursor:
            return list(cursor.stream("SELECT id, name FROM item WHERE id > %s ORDER BY id", (40,)))

    def session(self):
        self.conn.execute("DO $$ BEGIN RAISE NOTICE 'heard'; END $$")
        self.conn.execute("SET TimeZone = 'Asia/Tokyo'")
        seen = self.conn.info.parameter_status("TimeZone"), list(self.notices)
        self.notices.clear()
        self.conn.execute("SET TimeZone = 'UTC'")
        several = self.conn.execute("SELECT 1; SELECT 2, 3")
        rows = [several.fetchall()]
        while several.nextset():
            rows.append(several.fetchall())
        return seen, self.conn.info.parameter_status("TimeZone"), rows, self.conn.info.server_version

    def large(self):
        return [len(row[0]) for row in self.conn.execute("SELECT repeat('x', 300000) FROM generate_series(1, %s)", (5,))]

    def close(self):
        self.conn.close()


class Asyncpg:
    def __init__(self, host, port, database):
        import asyncpg

        self.asyncpg = asyncpg
        self.loop = asyncio.new_event_loop()
        connect = asyncpg.connect(host=host, port=port, database=database, user="postgres", password=PASSWORD, timeout=60)
        self.conn = self.loop.run_until_complete(connect)

    def run(self, case):
        return self.loop.run_until_complete(getattr(self, case)())

    async def lookup(self):
        sql = "SELECT id, name, price, tags, data, made, key FROM item WHERE id = $1 AND name <> $2"
        rows = [[tuple(row) for row in await self.conn.fetch(sql, n, "o'ne\n\\")] for n in (1, 2, 3)]
        return rows, await self.conn.fetchval("SELECT $1::text", None)

    async def moods(self):
        rows = await self.conn.fetch("SELECT id, feels FROM item WHERE feels = $1 AND id < 5", "sad")
        return [tuple(row) for row in rows]

    async def one(self):
        row = await self.conn.fetchrow("SELECT id, name FROM item ORDER BY id")
        return tuple(row), await self.conn.fetchval("SELECT count(*) FROM item"), await self.conn.execute("SELECT 1")

    async def cursor(self):
        async with self.conn.transaction():
            seen = [row["id"] async for row in self.conn.cursor("SELECT id FROM item ORDER BY id", prefetch=15)]
            named = await self.conn.cursor("SELECT name FROM item WHERE id > $1 ORDER BY id", 10)
            seen += [tuple(row) for row in await named.fetch(2)]
            await named.forward(3)
            seen += [tuple(await named.fetchrow())]
        return seen

    async def transaction(self):
        seen = []
        async with self.conn.transaction():
            await self.conn.execute("INSERT INTO booked VALUES ($1, $2)", 1, 1)
            try:
                async with self.conn.transaction():
                    await self.conn.fetch("SELECT 1 / $1::int", 0)
            except self.asyncpg.DivisionByZeroError as error:
                seen.append(error.sqlstate)
            seen.append(self.conn.is_in_transaction())
            await self.conn.execute("DELETE FROM booked")
        try:
            # The constraint is checked at the end, after the statement itself has succeeded.
            await self.conn.fetch("INSERT INTO booked VALUES ($1, 1), ($1, 1)", 5)
        except self.asyncpg.UniqueViolationError as error:
            seen.append(error.constraint_name)
        return seen, self.conn.is_in_transaction()

    async def errors(self):
        seen = []
        for sql, args in [("SELECT * FROM missing", ()), ("SELECT 1 / $1::int", (0,)), ("SELEC", ()), ("SELECT 'a'::int", ())]:
            for _ in range(2):
                try:
                    await self.conn.fetch(sql, *args)
                except self.asyncpg.PostgresError as error:
                    seen.append((error.sqlstate, str(error)))
        return seen

    async def many(self):
        await self.conn.executemany("INSERT INTO booked VALUES ($1, $2)", [(n, n) for n in range(1, 30)])
        deleted = await self.conn.execute("DELETE FROM booked")
        statement = await self.conn.prepare("SELECT name FROM item WHERE id = $1")
        types = [kind.name for kind in statement.get_parameters()], [column.name for column in statement.get_attributes()]
        return deleted, types, [await statement.fetchval(n) for n in (1, 2)]

    async def reset(self):
        await self.conn.execute("SET application_name = 'other'")
        await self.conn.reset()
        return str(self.conn.get_server_version().major)

    def close(self):
        self.loop.run_until_complete(self.conn.close())


class Pg8000:
    def __init__(self, host, port, database):
        import pg8000.native

        self.error = pg8000.native.DatabaseError
        self.conn = pg8000.native.Connection("postgres", host=host, port=port, database=database, password=PASSWORD)

    def run(self, case):
        return getattr(self, case)()

    def lookup(self):
        sql = "SELECT id, name, price, tags, data, made, key, feels FROM item WHERE id = :id"
        return [self.conn.run(sql, id=n) for n in (1, 2, 3)], [column["name"] for column in self.conn.columns]

    def prepared(self):
        statement = self.conn.prepare("SELECT name FROM item WHERE id = :id")
        seen = [statement.run(id=n) for n in (4, 5)]
        statement.close()
        return seen

    def transaction(self):
        self.conn.run("START TRANSACTION")
        self.conn.run("INSERT INTO booked VALUES (:id, 1)", id=1)
        seen = [self.conn.run("SELECT count(*) FROM booked")]
        try:
            self.conn.run("SELECT 1 / :n", n=0)
        except self.error as error:
            seen.append(error.args[0]["C"])
        self.conn.run("ROLLBACK")
        return seen, self.conn.run("SELECT count(*) FROM booked")

    def errors(self):
        seen = []
        for sql in ("SELECT * FROM missing", "SELEC", "SELECT CAST('a' AS int)"):
            try:
                self.conn.run(sql)
            except self.error as error:
                seen.append((error.args[0]["C"], error.args[0]["M"]))
        return seen

    def close(self):
        self.conn.close()


def setup(host, port, database):
    import psycopg

    with psycopg.connect(host=host, port=port, dbname=database, user="postgres") as conn:
        conn.execute(SCHEMA)


def main():
    what, host, port, database = sys.argv[1:]
    if what == "setup":
        setup(host, int(port), database)
        return
    client = {"psycopg": Psycopg, "asyncpg": Asyncpg, "pg8000": Pg8000}[what](host, int(port), database)
    for line in sys.stdin:
        try:
            seen = client.run(line.strip())
        except Exception as error:
            seen = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(seen, default=plain), flush=True)
    client.close()


main()
