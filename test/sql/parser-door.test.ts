import { afterEach, describe, expect, it } from 'vitest'
import { analyseNow } from '../../src/sql/analyse-now.js'
import type { FactsTicket, TextFacts } from '../../src/sql/facts.js'
import { ParserDoor, type ParserDoorOptions } from '../../src/sql/parser-door.js'

const doors: ParserDoor[] = []

/** What no machine is too slow for: only where the deadline is the subject may it be missed. */
const patience_ms = 150_000

function openDoor(options: ParserDoorOptions = {}): ParserDoor {
  const door = new ParserDoor({ deadline_ms: patience_ms, wait_ms: patience_ms, ...options })
  doors.push(door)
  return door
}

afterEach(async () => {
  for (const door of doors.splice(0)) await door.close()
})

function settled(ticket: FactsTicket): Promise<TextFacts> {
  return new Promise((resolve, reject) => {
    ticket.when_ready(() => {
      if (ticket.facts === undefined) reject(new Error('called back without facts'))
      else resolve(ticket.facts)
    })
  })
}

/** Left-deep nesting: recursion as deep as the text is long, in the parser and in the analysis. */
function nested(kibibytes: number, number: number): string {
  const head = `select ${number}`
  return head + '+1'.repeat((kibibytes * 1024 - head.length) / 2)
}

/** A flat text, which does not break the parser but takes it more than a second for each MiB. */
function heavy(kibibytes: number): string {
  return `select ${'a,'.repeat(kibibytes * 512)}a`
}

describe('ParserDoor', () => {
  it('answers each text with what the analysis says of it', async () => {
    const door = openDoor()
    const texts = ['select * from s.t', 'delete from t; commit', 'selct 1', "set x.password = 'y'"]
    for (const text of texts) {
      expect(await settled(door.lookup(text))).toEqual(await analyseNow(text))
    }
    expect(door.counters()).toMatchObject({ parsed: 3, syntax_errors: 1, replacements: 0 })
  })

  it('never calls back within when_ready before the facts are there, and in order', async () => {
    const door = openDoor()
    const ticket = door.lookup('select 1')
    const order: number[] = []
    for (const number of [1, 2, 3]) ticket.when_ready(() => order.push(number))
    expect([ticket.facts, order]).toEqual([undefined, []])
    await settled(ticket)
    expect(order).toEqual([1, 2, 3])
    ticket.when_ready(() => order.push(4))
    expect(order).toEqual([1, 2, 3, 4])
  })

  it('asks for the same text once, and answers from the cache afterwards', async () => {
    const door = openDoor()
    const first = door.lookup('select 1')
    expect(door.lookup('select 1')).toBe(first)
    const facts = await settled(first)
    expect(door.lookup('select 1').facts).toBe(facts)
    expect(door.counters()).toMatchObject({ parsed: 1, cache_hits: 1, cache_misses: 2, queued: 0 })
  })

  it.each(['', ' ', '\n\t', ';', ' ; ;; ', '-- nothing', '/* nothing /* at all */ */;'])(
    'takes %j for an empty query',
    async (text) => {
      const facts = await settled(openDoor().lookup(text))
      expect([facts.status, facts.statements]).toEqual(['parsed', []])
    },
  )

  it('reads a literal that goes on behind a comment, as the server does', async () => {
    const facts = await settled(openDoor().lookup("delete from t where a = 'x' -- it's\n 'y'"))
    expect([facts.status, facts.statements[0]?.node]).toEqual(['parsed', 'DeleteStmt'])
    expect(facts.statements[0]?.text).toBe("delete from t where a = 'x' -- it's\n 'y'")
  })

  it('does not repeat a password in the words of the parser', async () => {
    const facts = await settled(openDoor().lookup("create role r password 'x' 's3cr3tX'"))
    expect(facts.status).toBe('syntax_error')
    expect(JSON.stringify(facts)).not.toContain('s3cr3tX')
    expect(facts.problem).toBe('syntax error')
  })

  it('does not parse what comes behind a U+0000, where the parser stops reading', async () => {
    const facts = await settled(openDoor().lookup('select 1\0; drop table t'))
    expect([facts.status, facts.statements[0]?.class]).toEqual(['unparsed', 'WRITE'])
  })

  it('takes many texts at once', async () => {
    const door = openDoor()
    const tickets = Array.from({ length: 1_000 }, (_, number) => door.lookup(`select a${number}`))
    expect(door.counters().queued).toBe(1_000)
    expect(door.counters().queued_bytes).toBeGreaterThan(1_000)
    const facts = await Promise.all(tickets.map(settled))
    expect(facts.every((item) => item.status === 'parsed')).toBe(true)
    expect(facts.map((item) => item.statements[0]?.text)[999]).toBe('select a999')
    expect(door.counters()).toMatchObject({ parsed: 1_000, queued: 0, queued_bytes: 0 })
  })

  it('parses a text of 4 MiB', async () => {
    const text = `insert into t values ${"('some text of a row'), ".repeat(180_000)}('x')`
    expect(text.length).toBeGreaterThan(4 * 1024 * 1024)
    const door = openDoor()
    const facts = await settled(door.lookup(text))
    expect([facts.status, facts.statements[0]?.command]).toEqual(['parsed', 'INSERT'])
    // The thread is exchanged for its memory's sake, and that is no failure.
    expect((await settled(door.lookup('select 1'))).status).toBe('parsed')
    expect(door.counters().replacements).toBe(0)
  })

  it('leaves a text that is too long unparsed without asking the parser, and redacts it', async () => {
    const door = openDoor({ analysed_bytes: 1_000 })
    const long = `create role r password 's3cr3tX' ${'é'.repeat(490)}`
    const ticket = door.lookup(long)
    expect(ticket.facts?.status).toBe('unparsed')
    expect(ticket.facts?.statements[0]).toMatchObject({
      class: 'WRITE',
      node: '',
      end: long.length,
    })
    expect(JSON.stringify(ticket.facts)).not.toContain('s3cr3tX')
    expect((await settled(door.lookup(`select '${'x'.repeat(900)}'`))).status).toBe('parsed')
  })

  it('keeps only the beginning of a very long text that it cannot parse', () => {
    const door = openDoor({ analysed_bytes: 1_000 })
    const text = door.lookup(`select '${'x'.repeat(5_000_000)}'`).facts?.statements[0]?.text ?? ''
    expect(text.length).toBeLessThan(100_000)
    expect(text.endsWith('<REDACTED>')).toBe(true)
  })

  it('goes on after forty deeply nested texts, and disturbs no other', async () => {
    const door = openDoor()
    const tickets: FactsTicket[] = []
    for (let number = 0; number < 40; number++) {
      tickets.push(door.lookup(nested(39, number)), door.lookup(`select between${number}`))
    }
    const facts = await Promise.all(tickets.map(settled))
    const after = await settled(door.lookup('select 1'))
    expect(after.status).toBe('parsed')
    for (const [index, item] of facts.entries()) {
      if (index % 2 === 1) expect(item.status).toBe('parsed')
      else expect(item.status).not.toBe('syntax_error')
    }
  })

  it('replaces a parser that a text has exhausted, and disturbs no other', async () => {
    const replaced: string[] = []
    const door = openDoor({ on_replaced: (problem) => replaced.push(problem) })
    const tickets: FactsTicket[] = []
    for (let number = 0; number < 3; number++) {
      tickets.push(door.lookup(`select before${number}`), door.lookup(nested(1_024, number)))
      tickets.push(door.lookup(`select behind${number}`))
    }
    const facts = await Promise.all(tickets.map(settled))
    const expected = ['parsed', 'unparsed', 'parsed']
    expect(facts.map((item) => item.status)).toEqual([...expected, ...expected, ...expected])
    expect(facts[1]?.statements[0]).toMatchObject({ class: 'WRITE', node: '', tags: ['*'] })
    expect(facts[1]?.problem).toMatch(/stack/)
    expect(door.counters()).toMatchObject({ parsed: 6, unparsed: 3, replacements: 3, queued: 0 })
    expect(replaced).toHaveLength(3)
    expect((await settled(door.lookup('select 1'))).status).toBe('parsed')
    // What is known to be too much is not tried again.
    expect(door.lookup(nested(1_024, 0)).facts === facts[1]).toBe(true)
  })

  it('ends a parser that a text keeps busy for too long', async () => {
    const replaced: string[] = []
    const door = openDoor({ deadline_ms: 400, on_replaced: (problem) => replaced.push(problem) })
    const facts = await settled(door.lookup(`${heavy(1_000)}; alter role r password 's3cr3tX'`))
    expect([facts.status, facts.statements.length]).toEqual(['unparsed', 1])
    expect(facts.statements[0]?.text.includes('s3cr3tX')).toBe(false)
    // On a busy machine more threads than this one may have missed so short a deadline.
    expect(replaced.length).toBeGreaterThanOrEqual(1)
    expect(replaced.every((problem) => problem.includes('400 ms'))).toBe(true)
    expect(door.counters()).toMatchObject({ unparsed: 1, queued: 0, queued_bytes: 0 })
  })

  it.each([
    ['tries its text once more alone', 1_000_000, 2],
    ['does not try a long text again', 1_200_000, 1],
  ])('ends a parser that is stuck, %s, and disturbs no other', async (_title, length, tries) => {
    const replaced: string[] = []
    const worker_file = new URL('./stuck-worker.mjs', import.meta.url)
    const on_replaced = (problem: string) => replaced.push(problem)
    const door = openDoor({ worker_file, deadline_ms: 1_000, on_replaced })
    const tickets = [door.lookup('select 1')]
    const long = `select stuck ${' '.repeat(length)}`
    const stuck = door.lookup(`${long}; alter role r password 's3cr3tX'`)
    tickets.push(door.lookup('select 2'), door.lookup('selct'))
    const facts = await settled(stuck)
    expect([facts.status, facts.statements.length]).toEqual(['unparsed', 1])
    expect(facts.statements[0]?.text.includes('s3cr3tX')).toBe(false)
    expect(facts.statements[0]?.text.endsWith("password '<REDACTED>'")).toBe(true)
    expect(facts.problem).toBe('the parser took longer than 1000 ms')
    const others = await Promise.all(tickets.map(settled))
    expect(others.map((item) => item.status)).toEqual(['parsed', 'parsed', 'syntax_error'])
    // On a busy machine more threads than these may have missed so short a deadline.
    expect(replaced.length).toBeGreaterThanOrEqual(tries)
    expect(door.counters()).toMatchObject({ unparsed: 1, queued: 0, queued_bytes: 0 })
  })

  it('tries a text again whose parser an earlier text may have broken', async () => {
    const replaced: string[] = []
    const worker_file = new URL('./suspect-worker.mjs', import.meta.url)
    const door = openDoor({ worker_file, on_replaced: (problem) => replaced.push(problem) })
    const tickets = ['select a', 'innocent', 'select b', 'guilty'].map((text) => door.lookup(text))
    const facts = await Promise.all(tickets.map(settled))
    expect(facts.map((item) => item.status)).toEqual(['parsed', 'parsed', 'parsed', 'unparsed'])
    expect(replaced).toEqual(['innocent', 'guilty', 'guilty'])
  })

  it('goes on when a text takes all the memory of the thread', async () => {
    const replaced: string[] = []
    const door = openDoor({ heap_mb: 48, on_replaced: (problem) => replaced.push(problem) })
    const tickets = [door.lookup('select a')]
    const large = door.lookup(`${heavy(1_000)}; alter role r password 's3cr3tX'`)
    tickets.push(door.lookup('select b'))
    const facts = await settled(large)
    expect([facts.status, facts.statements[0]?.text.includes('s3cr3tX')]).toEqual([
      'unparsed',
      false,
    ])
    const others = await Promise.all(tickets.map(settled))
    expect(others.map((item) => item.status)).toEqual(['parsed', 'parsed'])
    expect(replaced.every((problem) => problem.includes('memory'))).toBe(true)
    expect(door.counters()).toMatchObject({ unparsed: 1, parsed: 2, queued: 0 })
  })

  it('keeps nobody waiting when the thread cannot be started at all', async () => {
    const problems: string[] = []
    const door = openDoor({
      worker_file: new URL('file:///nowhere/parser-worker.js'),
      on_replaced: (problem) => problems.push(problem),
    })
    const facts = await settled(door.lookup("alter role r password 's3cr3tX'"))
    expect(facts.status).toBe('unparsed')
    expect(facts.statements[0]?.text).toBe("alter role r password '<REDACTED>'")
    expect(problems[0]).toContain('/nowhere/')
    expect(door.counters()).toMatchObject({ replacements: 0, queued: 0, cache_entries: 0 })
  })

  it('settles what is still waiting when it is closed', async () => {
    const door = openDoor()
    const waiting = door.lookup("alter role r password 's3cr3tX'")
    await door.close()
    expect(waiting.facts?.status).toBe('unparsed')
    expect(JSON.stringify(waiting.facts)).not.toContain('s3cr3tX')
    expect(door.lookup('select 1').facts?.status).toBe('unparsed')
    await door.close()
  })
})

describe('texts that differ in literals', () => {
  it('share one analysis, each with its own text', async () => {
    const door = openDoor()
    const texts = Array.from(
      { length: 500 },
      (_, number) => `SELECT a FROM t WHERE id = ${number} AND w = 'x${number}';`,
    )
    const facts = await Promise.all(texts.map((text) => settled(door.lookup(text))))
    for (const [number, text] of texts.entries()) {
      expect(facts[number]?.statements[0]?.text).toBe(text.slice(0, -1))
    }
    expect(door.counters()).toMatchObject({ parsed: 1, shape_hits: 499, cache_misses: 500 })
    const known = door.lookup("SELECT a FROM t WHERE id = 4711 AND w = 'it''s';")
    const { analysed_as, ...shared } = known.facts?.statements[0] ?? {}
    const own = await analyseNow("SELECT a FROM t WHERE id = 4711 AND w = 'it''s';")
    expect(shared).toEqual(own.statements[0])
    expect(analysed_as).toBe(facts[0]?.statements[0])
    expect(door.counters()).toMatchObject({ parsed: 1, shape_hits: 500, cache_entries: 1 })
  })

  it('are parsed one by one where a literal is a fact, or may be a secret', async () => {
    const door = openDoor()
    for (const texts of [
      ["SET search_path TO 'a'", "SET search_path TO 'b'", "SET search_path TO 'c'"],
      ["PREPARE TRANSACTION 'a'", "PREPARE TRANSACTION 'b'", "PREPARE TRANSACTION 'c'"],
      ["SELECT 1, 'a'", "SELECT 1, 'host=h password=geheim'", "SELECT 1, 'host=h token=geheim'"],
    ]) {
      const before = door.counters().parsed
      const facts = await Promise.all(texts.map((text) => settled(door.lookup(text))))
      expect(facts).toEqual(await Promise.all(texts.map(analyseNow)))
      expect(door.counters().parsed - before).toBe(3)
    }
    expect(door.counters().shape_hits).toBe(0)
    expect(JSON.stringify(door.lookup("SELECT 1, 'host=h password=geheim'"))).not.toContain(
      'geheim',
    )
  })

  it('do not wait for one of theirs at which the parser fails', async () => {
    const worker_file = new URL('./stuck-worker.mjs', import.meta.url)
    const door = openDoor({ worker_file, deadline_ms: 1_000 })
    const stuck = door.lookup("SELECT 'stuck', n FROM t")
    const others = ["SELECT 'a', n FROM t", "SELECT 'b', n FROM t"].map((text) => door.lookup(text))
    expect((await settled(stuck)).status).toBe('unparsed')
    for (const facts of await Promise.all(others.map(settled))) expect(facts.status).toBe('parsed')
    expect(door.counters()).toMatchObject({ parsed: 2, unparsed: 1, queued: 0 })
  })

  it('get facts when the door is closed before the answer to the first of them', async () => {
    const door = openDoor()
    const tickets = [1, 2, 3].map((number) => door.lookup(`SELECT ${number}`))
    await door.close()
    expect(tickets.map(({ facts }) => facts?.status)).toEqual(['unparsed', 'unparsed', 'unparsed'])
    expect(door.counters().queued).toBe(0)
  })
})

describe('texts of several sessions', () => {
  const [flooding, other] = [{ name: 'flooding' }, { name: 'other' }]
  const stuck_worker = new URL('./stuck-worker.mjs', import.meta.url)

  /** Asks for many texts; gives how many have been answered so far. */
  function flood(door: ParserDoor, texts: readonly string[]): () => number {
    let answered = 0
    for (const text of texts) door.lookup(text, flooding).when_ready(() => answered++)
    return () => answered
  }

  it('are analysed in turn, however many one of them sends', async () => {
    const door = openDoor()
    const texts = Array.from({ length: 300 }, (_, number) => `${nested(16, number)} + a${number}`)
    const answered = flood(door, texts)
    for (let number = 0; number < 5; number++) {
      const before = answered()
      expect((await settled(door.lookup(`select b${number}`, other))).status).toBe('parsed')
      // What was with the thread already, two batches of 64 Ki characters, and one turn.
      expect(answered() - before).toBeLessThanOrEqual(10)
    }
    expect(answered()).toBeLessThan(60)
    expect(door.counters().queued).toBeGreaterThan(200)
  })

  it('come as soon as the text that both wait for can', async () => {
    const door = openDoor()
    const texts = Array.from({ length: 300 }, (_, number) => `${nested(16, number)} + a${number}`)
    const answered = flood(door, [...texts, 'select last', 'select 1 from last'])
    // The same text, and one of the same shape: neither waits where the first asker does.
    const facts = ['select last', 'select 2 from last'].map((text) => door.lookup(text, other))
    await Promise.all(facts.map(settled))
    expect(answered()).toBeLessThan(20)
  })

  it('do not wait for a long text of another one, which has a thread of its own', async () => {
    const door = openDoor({ worker_file: stuck_worker })
    const stuck = Array.from({ length: 10 }, (_, number) => `stuck ${number} ${'x'.repeat(70_000)}`)
    const answered = flood(door, stuck)
    for (let number = 0; number < 20; number++) {
      expect((await settled(door.lookup(`select b${number}`, other))).status).toBe('parsed')
    }
    expect(answered()).toBe(0)
  })

  it('have their turn among long texts, too, whatever those take', async () => {
    const door = openDoor({ worker_file: stuck_worker, deadline_ms: 500 })
    const stuck = Array.from(
      { length: 6 },
      (_, number) => `stuck ${number} ${'x'.repeat(1_100_000)}`,
    )
    const answered = flood(door, stuck)
    const long = await settled(door.lookup(`select '${'x'.repeat(66_000)}'`, other))
    expect(answered()).toBeLessThanOrEqual(2)
    // On a busy machine this one may have missed so short a deadline as well.
    expect(long.statements).toHaveLength(1)
  })

  it('are left unparsed when the parser has no time for them', async () => {
    const door = openDoor({ wait_ms: 0 })
    const text = "alter role r connection limit 1 password 's3cr3tX'"
    const facts = await settled(door.lookup(text, flooding))
    expect([facts.status, facts.problem]).toEqual(['unparsed', 'the parser had no time for it'])
    expect(facts.statements[0]).toMatchObject({ class: 'WRITE', node: '', tags: ['*'] })
    expect(JSON.stringify(facts)).not.toContain('s3cr3tX')
    expect(door.counters()).toMatchObject({ unparsed: 1, queued: 0, cache_entries: 0 })
  })

  it('are left unparsed at once only of who has more than its share waiting', async () => {
    const door = openDoor({ queue_chars: 2_000 })
    const texts = Array.from({ length: 40 }, (_, number) => `select a${number} ${' '.repeat(90)}`)
    const tickets = texts.map((text) => door.lookup(text, flooding))
    const refused = tickets.filter(({ facts }) => facts !== undefined)
    expect(refused.length).toBeGreaterThan(15)
    expect(refused[0]?.facts?.problem).toBe('too many texts wait for the parser')
    const mine = door.lookup('select b', other)
    expect(mine.facts).toBeUndefined()
    for (const ticket of [...tickets, mine]) await settled(ticket)
    expect(mine.facts?.status).toBe('parsed')
    // What was refused is not kept: it is parsed when there is time.
    const again = texts.at(-1) ?? ''
    expect((await settled(door.lookup(again, flooding))).status).toBe('parsed')
  })
})

describe('analyseNow', () => {
  it('says that a text is unparsed when the stack does not suffice', async () => {
    const facts = await analyseNow(nested(1_024, 0))
    expect([facts.status, facts.statements[0]?.class]).toEqual(['unparsed', 'WRITE'])
  })
})
