import type { StatementFacts, TextFacts } from '../../src/sql/facts.js'
import { factsReadOtherwise } from '../../src/sql/other-reading.js'
import { ParserDoor } from '../../src/sql/parser-door.js'
import { InProcessTarget } from './in-process.js'
import { statement } from './live/statements.js'
import type { Random } from './random.js'
import type { Target } from './target.js'

/** Two halves, so that a literal in two parts is looked through as well. */
const marks = ['geheimesWort', 'wortGeheim'] as const
const mark = `${marks[0]}${marks[1]}`
/** Milliseconds until every text must have its facts, whatever was asked before it. */
const patience_ms = 30_000

/** The mark as a literal, in one of the ways that SQL has. */
function literal(random: Random): string {
  return random.pick([
    `'${mark}'`,
    `'${mark}'`,
    `E'${mark}'`,
    `$$${mark}$$`,
    `$x$${mark}$x$`,
    `'${marks[0]}'\n'${marks[1]}'`,
    `'it''s ${mark}'`,
    `U&'${mark}'`,
    `E'\\'${mark}'`,
  ])
}

/** Statements with a secret in its place. */
function secret(random: Random): string {
  const value = literal(random)
  const conninfo = random.pick([
    `'host=x password=${mark}'`,
    `'host=x password=''${mark}'' user=y'`,
    `'postgresql://u:${mark}@h/d'`,
    `'user=a PASSWORD = ${mark}'`,
  ])
  return random.pick([
    `CREATE ROLE r LOGIN PASSWORD ${value}`,
    `CREATE USER r WITH ENCRYPTED PASSWORD ${value} VALID UNTIL 'infinity'`,
    `ALTER ROLE r PASSWORD ${value}`,
    `ALTER USER r WITH PASSWORD ${value} CREATEDB`,
    `CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'a', password ${value})`,
    `ALTER USER MAPPING FOR u SERVER s OPTIONS (SET password ${value})`,
    `CREATE SUBSCRIPTION s CONNECTION ${conninfo} PUBLICATION p`,
    `ALTER SUBSCRIPTION s CONNECTION ${conninfo}`,
    `SELECT dblink_connect(${conninfo})`,
    `SELECT * FROM dblink(${conninfo}, 'SELECT 1') AS t (n int)`,
    `SELECT set_config('app.password', ${value}, false)`,
    `SET app.password = ${value}`,
    `DO $do$BEGIN ALTER ROLE r PASSWORD '${mark}'; END$do$`,
    `DO $do$BEGIN EXECUTE 'ALTER ROLE r PASSWORD ''${mark}'''; END$do$`,
    `CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $f$ALTER ROLE r PASSWORD '${mark}'$f$`,
    `CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (password ${value})`,
    `SELECT crypt(${value}, gen_salt('bf'))`,
    `SELECT pgp_sym_encrypt('data', ${value})`,
  ])
}

/** Blanks and comments, where one blank was; another case for the words. */
function respelt(text: string, random: Random): string {
  const blank = () => random.pick([' ', ' ', '\n', '\t', ' /* x */ ', ' -- y\n', '\f'])
  const spaced = random.once(2) ? text.replace(/ (?=[A-Z(])/g, () => blank()) : text
  return random.once(3) ? spaced.replace(/\b[A-Z]+\b/g, (word) => word.toLowerCase()) : spaced
}

/** What makes a text one that the grammar refuses, without touching the words before the secret. */
function broken(text: string, random: Random): string {
  return random.pick([
    `${text} )`,
    `${text} AND`,
    `${text}; SELEC 1`,
    `( ${text}`,
    `${text} '`,
    `SELECT 1 FROM; ${text}`,
    `${text} $q$`,
    text.replace(/\bROLE\b/, 'ROLLE'),
    text.slice(0, text.lastIndexOf(marks[1]) + marks[1].length),
  ])
}

const tokens =
  `SELECT FROM WHERE ( ) , ; ' " $$ $a$ E' U&' -- /* */ 1 1.5 t n "x y" 'a' + - * / :: . [ ] := => AS WITH INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE FUNCTION ALTER ROLE PASSWORD DO BEGIN END CASE WHEN NULL $1 \\ \\' '' "" @ # % ^ & | ~ \` ? ! < > = é 漢 \u0001`.split(
    ' ',
  )

function soup(random: Random): string {
  return Array.from({ length: random.below(60) }, () => random.pick(tokens)).join(
    random.once(3) ? '' : ' ',
  )
}

/** Two texts, one cut into the other. */
function spliced(random: Random): string {
  const [outer, inner] = [statement(random), statement(random)]
  const at = random.below(outer.length + 1)
  return `${outer.slice(0, at)}${inner}${outer.slice(at)}`
}

/** Harmless where backslashes do not escape; otherwise what follows is a statement of its own. */
const openings = [
  "SELECT '\\', n FROM t --'; ",
  "SELECT '\\' --'; ",
  "INSERT INTO t VALUES ('a\\', 1) --'); ",
  "SELECT '\\' /* '; SELECT 1 /* */ */; ",
  "SELECT N'\\', '\\\\' -- '; ",
] as const

/** The first line says whether a secret is in it. */
function generate(random: Random): string {
  switch (random.below(6)) {
    case 0:
      return `plain\n${soup(random)}`
    case 1:
      return `plain\n${spliced(random)}`
    case 2: {
      const deep = random.below(random.once(20) ? 20_000 : 200)
      return `plain\nSELECT ${random.pick(['(', '-', 'NOT ', 'ARRAY[', 'CASE WHEN 1 THEN '])}`.concat(
        random.pick(['(', '+ 1', '[1', 'a.', "'||'"]).repeat(deep),
      )
    }
    default: {
      if (random.once(4)) return `escaped\n${random.pick(openings)}${secret(random)}`
      const text = respelt(secret(random), random)
      const before = statement(random)
      // What the grammar takes for a comment or a literal hides nothing.
      const plain = !/[\\']|--|\/\*|\$/.test(before)
      const whole = plain && random.once(3) ? `${before}; ${text}` : text
      return `secret\n${random.once(3) ? broken(whole, random) : whole}`
    }
  }
}

/** Nothing but blanks, semicolons and comments; those may be nested. */
function isGap(text: string): boolean {
  let rest = text
  for (let before = ''; before !== rest; ) {
    before = rest
    rest = rest.replace(/\/\*(?:(?!\/\*|\*\/)[\s\S])*\*\//g, ' ')
  }
  return /^(?:[\s;]|--[^\n\r]*)*$/.test(rest)
}

/** What a record may show of a statement: not the settings, which the session alone keeps. */
function shownOf(statement: StatementFacts): unknown {
  const effects = statement.effects.map((effect) => {
    if (effect.kind === 'prepare') return [effect.name, effect.text, shownOf(effect.statement)]
    if (effect.kind === 'execute') {
      return statement.secret_parameters ? effect.name : [effect.name, effect.parameters]
    }
    return effect.kind
  })
  return [statement.text, statement.command, statement.objects, statement.grants, effects]
}

function factFaults(kind: string, text: string, facts: TextFacts): string[] {
  const faults: string[] = []
  const { other_reading: other } = facts
  const otherwise = (each: StatementFacts) => (other ? factsReadOtherwise(each, other) : each)
  // How backslashes are read where the secret is one says which of the two must not tell it.
  const shown =
    kind === 'escaped' ? facts.statements.map(otherwise) : [...facts.statements, other?.text]
  const told = JSON.stringify(
    shown.map((each) => (typeof each === 'object' ? shownOf(each) : each)),
  )
  if (kind !== 'plain') {
    for (const half of marks) if (told.includes(half)) faults.push(`tells a secret: ${text}`)
  }
  let at = 0
  for (const { start, end } of facts.statements) {
    if (start < at || end < start || end > text.length)
      faults.push(`spans overlap: ${start}–${end} after ${at}`)
    if (facts.status === 'parsed' && !isGap(text.slice(at, start))) {
      faults.push(`leaves out: ${text.slice(at, start)}`)
    }
    at = end
  }
  if (facts.status === 'parsed' && !isGap(text.slice(at)))
    faults.push(`leaves out: ${text.slice(at)}`)
  if (facts.status !== 'parsed' && facts.statements.length !== 1)
    faults.push('is not one statement')
  return faults.slice(0, 1)
}

/** The door to the parser, and what it says. */
class Door {
  readonly #door = new ParserDoor({ cache_entries: 500 })

  async facts(text: string): Promise<TextFacts | undefined> {
    const ticket = this.#door.lookup(text)
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), patience_ms)
      ticket.when_ready(() => {
        clearTimeout(timer)
        resolve(ticket.facts)
      })
    })
  }

  async faultsOf(file: string): Promise<readonly string[]> {
    const line = file.indexOf('\n')
    const [kind, text] = [file.slice(0, line), file.slice(line + 1)]
    const facts = await this.facts(text)
    if (facts === undefined) return ['has no facts in time']
    const after = await this.facts('SELECT 1')
    if (after?.status !== 'parsed') return ['spoils the next text']
    return factFaults(kind, text, facts)
  }

  async close(): Promise<void> {
    await this.#door.close()
  }
}

/** Random texts before the parser: no secret is told, nothing is left out, nothing stands still. */
export const sql: Target = {
  name: 'sql',
  open: async (options) => {
    const door = new Door()
    return new InProcessTarget('sql', options, {
      batch: 200,
      generate,
      faultsOf: (file) => door.faultsOf(file),
      // The text of a secret is short enough, and a part of it may be none.
      pieces: (file) =>
        !file.startsWith('plain') ? [] : ['plain\n', ...file.slice('plain\n'.length)],
      whole: (pieces) => pieces.join(''),
      close: () => door.close(),
    })
  },
}
