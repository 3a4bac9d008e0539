import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq, relations, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'
import { linesOf, linesOfEnded, recordsOfEnded } from '../support/statement-lines.js'

const author = pgTable('author', {
  id: integer().primaryKey(),
  name: text().notNull(),
})
const book = pgTable('book', {
  id: integer().primaryKey(),
  title: text().notNull(),
  author_id: integer().references(() => author.id),
})
const schema = {
  author,
  book,
  author_relations: relations(author, ({ many }) => ({ books: many(book) })),
  book_relations: relations(book, ({ one }) => ({
    author: one(author, { fields: [book.author_id], references: [author.id] }),
  })),
}

let postgres: ScratchPostgres
let proxy: ProxyUnderTest

beforeAll(async () => {
  postgres = await startPostgres()
  proxy = await startProxy(postgres)
})

afterAll(async () => {
  await proxy.stop()
  await postgres.stop()
})

/** The ORM on a pool of one connection, so that the order of its statements is certain. */
function connect(application: string) {
  const pool = new pg.Pool({
    host: '127.0.0.1',
    port: proxy.port,
    user: 'postgres',
    password: postgres.password,
    database: 'postgres',
    application_name: application,
    max: 1,
  })
  return { pool, db: drizzle({ client: pool, schema, casing: 'snake_case' }) }
}

/** A folder of migrations as drizzle-kit writes it: a journal, and one file of SQL each. */
function migrationsFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pgwitness-migrations-'))
  const entries = Object.keys(files).map((tag, idx) => ({
    idx,
    version: '7',
    when: 1_795_000_000_000 + idx,
    tag,
    breakpoints: true,
  }))
  mkdirSync(join(folder, 'meta'))
  writeFileSync(
    join(folder, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
  )
  for (const [tag, text] of Object.entries(files)) writeFileSync(join(folder, `${tag}.sql`), text)
  return folder
}

const create_author = 'CREATE TABLE author (id integer PRIMARY KEY, name text NOT NULL)'
const create_book =
  'CREATE TABLE book (id integer PRIMARY KEY, title text NOT NULL, author_id integer REFERENCES author)'
const tables = `${create_author};\n--> statement-breakpoint\n${create_book};`
const add_index = 'CREATE INDEX book_author ON book (author_id)'

/** How drizzle knows a migration again. */
function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

describe('drizzle, an ORM on pg', () => {
  it('migrates, and each step of a migration is a record', async () => {
    const { pool, db } = connect('orm migrations')
    const folder = migrationsFolder({
      '0000_tables': tables,
      '0001_index': add_index,
    })
    await migrate(db, { migrationsFolder: folder })
    await pool.end()
    rmSync(folder, { recursive: true })
    const lines = await linesOfEnded(proxy, 'orm migrations')
    const applied =
      'insert into "drizzle"."__drizzle_migrations" ("hash", "created_at") values($1, $2)'
    // The ORM's own table of migrations is written with line ends and tabs of the package.
    expect(lines.map(([text, ...rest]) => [text.replace(/\s+/g, ' '), ...rest])).toEqual([
      ['CREATE SCHEMA IF NOT EXISTS "drizzle"', 'success', null],
      [
        'CREATE TABLE IF NOT EXISTS "drizzle"."__drizzle_migrations" ( id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint )',
        'success',
        null,
      ],
      [
        'select id, hash, created_at from "drizzle"."__drizzle_migrations" order by created_at desc limit 1',
        'success',
        0,
      ],
      ['begin', 'success', null],
      [create_author, 'success', null],
      [create_book, 'success', null],
      [applied, 'success', 1, [sha256(tables), '1795000000000']],
      [add_index, 'success', null],
      [applied, 'success', 1, [sha256(add_index), '1795000000001']],
      ['commit', 'success', null],
    ])
  })

  it('writes and reads with relations, transactions and savepoints', async () => {
    const { pool, db } = connect('orm work')
    await db.insert(author).values([
      { id: 1, name: 'Ada' },
      { id: 2, name: "O'Neill" },
    ])
    await db.transaction(async (transaction) => {
      await transaction.insert(book).values({ id: 10, title: 'Notes', author_id: 1 })
      const doomed = transaction.transaction(async (inner) => {
        await inner.update(book).set({ title: 'Lost' }).where(eq(book.id, 10))
        inner.rollback()
      })
      await expect(doomed).rejects.toThrow('Rollback')
      await transaction.transaction(async (inner) => {
        await inner.update(book).set({ title: 'Kept' }).where(eq(book.id, 10))
      })
    })
    const failing = db.transaction(async (transaction) => {
      await transaction.delete(book)
      await transaction.insert(book).values({ id: 11, title: 'None', author_id: 99 })
    })
    await expect(failing).rejects.toMatchObject({ cause: { code: '23503' } })
    const joined = await db.select().from(book).leftJoin(author, eq(book.author_id, author.id))
    expect(joined).toMatchObject([{ book: { title: 'Kept' }, author: { name: 'Ada' } }])
    const related = await db.query.author.findMany({ with: { books: true } })
    expect(related.map(({ books }) => books.length).sort()).toEqual([0, 1])
    await pool.end()
    const add_book = 'insert into "book" ("id", "title", "author_id") values ($1, $2, $3)'
    const rename = 'update "book" set "title" = $1 where "book"."id" = $2'
    const records = await recordsOfEnded(proxy, 'orm work')
    expect(linesOf(records)).toEqual([
      [
        'insert into "author" ("id", "name") values ($1, $2), ($3, $4)',
        'success',
        2,
        ['1', 'Ada', '2', "O'Neill"],
      ],
      ['begin', 'success', null],
      [add_book, 'success', 1, ['10', 'Notes', '1']],
      ['savepoint sp1', 'success', null],
      [rename, 'success', 1, ['Lost', '10']],
      ['rollback to savepoint sp1', 'success', null],
      ['savepoint sp1', 'success', null],
      [rename, 'success', 1, ['Kept', '10']],
      ['release savepoint sp1', 'success', null],
      ['commit', 'success', null],
      ['begin', 'success', null],
      ['delete from "book"', 'success', 1],
      [add_book, '23503', null, ['11', 'None', '99']],
      ['rollback', 'success', null],
      [
        'select "book"."id", "book"."title", "book"."author_id", "author"."id", "author"."name" from "book" left join "author" on "book"."author_id" = "author"."id"',
        'success',
        1,
      ],
      [expect.stringMatching(/^select .* from "author" "author" left join lateral /), 'success', 2],
    ])
    // Both reads, by join and by relation, name both tables.
    for (const { objects } of records.slice(-2)) {
      expect(objects?.map((object) => object['name'])).toEqual(
        expect.arrayContaining(['public.author', 'public.book']),
      )
    }
  })

  it('prepares statements with placeholders', async () => {
    const { pool, db } = connect('orm prepared')
    const by_name = db
      .select({ id: author.id })
      .from(author)
      .where(eq(author.name, sql.placeholder('name')))
      .prepare('author_by_name')
    expect(await by_name.execute({ name: "O'Neill" })).toEqual([{ id: 2 }])
    expect(await by_name.execute({ name: '' })).toEqual([])
    await pool.end()
    const records = await recordsOfEnded(proxy, 'orm prepared')
    const select = 'select "id" from "author" where "author"."name" = $1'
    expect(linesOf(records)).toEqual([
      [select, 'success', 1, ["O'Neill"]],
      [select, 'success', 0, ['']],
    ])
    expect(records.map(({ statement }) => statement?.['name'])).toEqual(
      records.map(() => 'author_by_name'),
    )
  })
})
