import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SessionReport } from '../../src/session/execution.js'
import { client, Dialogue, server } from '../support/dialogue.js'
import { randomCutting, randomNumbers } from '../support/feed.js'
import {
  ask,
  bind,
  bindComplete,
  complete,
  copyData,
  copyDone,
  copyFail,
  copyInResponse,
  copyOutResponse,
  execute,
  failure,
  flush,
  functionCall,
  functionResult,
  parse,
  parseComplete,
  query,
  ready,
  suspended,
  sync,
} from '../support/messages.js'

/** What a client asks for, together with what shall come of it unless it is skipped. */
type Operation =
  /** A Query of several statements; the one at `fails` fails, if there is one. */
  | { readonly kind: 'query'; readonly count: number; readonly fails: number }
  /** One statement, bound and executed `times`; what fails is the first of its kind. */
  | {
      readonly kind: 'ask'
      readonly fails: 'never' | 'Parse' | 'Bind' | 'Execute'
      readonly times: number
    }
  /** The portal is suspended first. */
  | { readonly kind: 'cursor' }
  /** The statement `s`, prepared at the beginning. */
  | { readonly kind: 'again'; readonly fails: boolean }
  | { readonly kind: 'call'; readonly fails: boolean }
  | { readonly kind: 'sync'; readonly fails: boolean }
  | { readonly kind: 'flush' }
  /** COPY FROM STDIN by a Query: ended by CopyDone, by CopyFail, or refused by a row. */
  | { readonly kind: 'copy'; readonly ends: 'done' | 'fail' | 'row'; readonly pieces: number }
  /** COPY TO STDOUT by the extended protocol. */
  | { readonly kind: 'copy_out'; readonly rows: number }
  /** A transaction block by Queries, with statements in it, one of which may fail. */
  | {
      readonly kind: 'block'
      readonly count: number
      readonly fails: number
      readonly ends: 'COMMIT' | 'ROLLBACK'
    }
  /** PREPARE, EXECUTE some times, DEALLOCATE, each by a Query. */
  | { readonly kind: 'sql_prepared'; readonly times: number }
  /** DECLARE in a block, FETCH some times, CLOSE, COMMIT. */
  | { readonly kind: 'sql_cursor'; readonly times: number }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant('query'),
    count: fc.integer({ min: 1, max: 3 }),
    fails: fc.nat(5),
  }),
  fc.record({
    kind: fc.constant('ask'),
    fails: fc.constantFrom('never', 'never', 'never', 'Parse', 'Bind', 'Execute'),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('cursor') }),
  fc.record({ kind: fc.constant('again'), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('call'), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('sync'), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('sync'), fails: fc.constant(false) }),
  fc.record({ kind: fc.constant('flush') }),
  fc.record({
    kind: fc.constant('copy'),
    ends: fc.constantFrom('done', 'fail', 'row'),
    pieces: fc.nat(3),
  }),
  fc.record({ kind: fc.constant('copy_out'), rows: fc.nat(3) }),
  fc.record({
    kind: fc.constant('block'),
    count: fc.nat(3),
    fails: fc.nat(6),
    ends: fc.constantFrom('COMMIT', 'ROLLBACK'),
  }),
  fc.record({ kind: fc.constant('sql_prepared'), times: fc.nat(3) }),
  fc.record({ kind: fc.constant('sql_cursor'), times: fc.nat(3) }),
)

interface Exchange {
  readonly asked: Buffer
  readonly answered: Buffer
}

/** A server of a few lines: it answers each operation and writes down what must be recorded. */
class Model {
  readonly expected: string[] = []
  readonly exchanges: Exchange[] = [{ asked: parse('s', 'SELECT 0'), answered: parseComplete() }]
  #skipping = false
  #successes = 0
  #failed = false
  #text = 0

  play(operation: Operation): void {
    if (isScript(operation)) {
      // A Query in an extended batch would end its transaction: these begin behind a Sync.
      this.play({ kind: 'sync', fails: false })
      this.exchanges.push(...this.#script(operation))
      return
    }
    const skipped = this.#skipping && operation.kind !== 'sync'
    const { asked, answered } = this.#exchange(operation)
    this.exchanges.push({ asked, answered: skipped ? Buffer.alloc(0) : answered })
    // A named portal must go before the next of its name.
    if (operation.kind === 'cursor') this.play({ kind: 'sync', fails: false })
  }

  #exchange(operation: Exclude<Operation, Script>): Exchange {
    switch (operation.kind) {
      case 'query':
        return this.#query(operation.count, operation.fails)
      case 'ask':
        return this.#ask(operation.fails, operation.times)
      case 'cursor':
        return this.#cursor()
      case 'again':
        return exchange(
          Buffer.concat([bind('', 's'), execute()]),
          bindComplete(),
          this.#run('SELECT 0', operation.fails),
        )
      case 'call':
        this.#expect('call', operation.fails ? 'failure' : 'success')
        return exchange(
          functionCall(1),
          operation.fails ? failure('22012') : functionResult('1'),
          this.#ready(),
        )
      case 'sync':
        return this.#sync(operation.fails)
      case 'flush':
        return exchange(flush())
      case 'copy_out':
        return this.#copyOut(operation.rows)
      default:
        return operation satisfies never
    }
  }

  #query(count: number, fails: number): Exchange {
    const texts = Array.from({ length: count }, () => this.#nextText())
    const answers: Buffer[] = []
    for (const [index, text] of texts.entries()) {
      if (index > fails) this.#expect(text, 'skipped')
      else {
        this.#expect(text, index === fails ? 'failure' : 'success')
        answers.push(index === fails ? failure('22012') : complete('SELECT 1'))
      }
    }
    return exchange(query(texts.join(';')), ...answers, this.#ready())
  }

  #ask(fails: 'never' | 'Parse' | 'Bind' | 'Execute', times: number): Exchange {
    const text = this.#nextText()
    const asked = [ask(text)]
    const answers: Buffer[] = []
    if (fails === 'never' || fails === 'Execute' || this.#skipping) {
      answers.push(parseComplete(), bindComplete(), this.#run(text, fails === 'Execute'))
    } else {
      // The Execute that came along has no record: the failure tells of this statement.
      this.#expect(`${fails} ${text}`, 'failure')
      this.#skipping = true
      answers.push(...(fails === 'Bind' ? [parseComplete()] : []), failure('42703'))
    }
    for (let further = 1; further < times; further++) {
      asked.push(bind('', ''), execute())
      const skipped = this.#skipping
      const answer = this.#run(text, false)
      if (!skipped) answers.push(bindComplete(), answer)
    }
    return exchange(Buffer.concat(asked), ...answers)
  }

  #cursor(): Exchange {
    const text = this.#nextText()
    this.#expect(text, 'suspended')
    this.#expect(text, 'success')
    return exchange(
      Buffer.concat([parse('', text), bind('p', ''), execute('p', 1), execute('p')]),
      ...[parseComplete(), bindComplete(), suspended(), complete('SELECT 1')],
    )
  }

  #copyOut(rows: number): Exchange {
    const text = `COPY t${++this.#text} TO STDOUT`
    this.#expect(text, 'success')
    const data = Array.from({ length: rows }, () => copyData('1\n'))
    return exchange(
      ask(text),
      ...[parseComplete(), bindComplete(), copyOutResponse(), ...data, copyDone()],
      complete(`COPY ${rows}`),
    )
  }

  #script(operation: Script): Exchange[] {
    switch (operation.kind) {
      case 'copy':
        return [this.#copyIn(operation.ends, operation.pieces)]
      case 'block':
        return this.#block(operation.count, operation.fails, operation.ends)
      case 'sql_prepared': {
        const name = `p${++this.#text}`
        const exchanges = [this.#one(`PREPARE ${name} AS DELETE FROM a`, 'PREPARE')]
        for (let left = operation.times; left > 0; left--) {
          exchanges.push(this.#one(`EXECUTE ${name}`, 'DELETE 1'))
        }
        return [...exchanges, this.#one(`DEALLOCATE ${name}`, 'DEALLOCATE')]
      }
      case 'sql_cursor': {
        const name = `c${++this.#text}`
        const exchanges = [
          this.#one('BEGIN', 'BEGIN', 'T'),
          this.#one(`DECLARE ${name} CURSOR FOR SELECT 1`, 'DECLARE CURSOR', 'T'),
        ]
        for (let left = operation.times; left > 0; left--) {
          exchanges.push(this.#one(`FETCH ${name}`, 'FETCH 1', 'T'))
        }
        exchanges.push(this.#one(`CLOSE ${name}`, 'CLOSE CURSOR', 'T'))
        return [...exchanges, this.#one('COMMIT', 'COMMIT')]
      }
      default:
        return operation satisfies never
    }
  }

  /** A Query of one statement that succeeds. */
  #one(text: string, tag: string, status: 'I' | 'T' = 'I'): Exchange {
    this.expected.push(`${text} success`)
    return exchange(query(text), complete(tag), ready(status))
  }

  #copyIn(ends: 'done' | 'fail' | 'row', pieces: number): Exchange {
    const text = `COPY t${++this.#text} FROM STDIN`
    const data = Array.from({ length: pieces }, () => copyData('1\n'))
    const end = ends === 'fail' ? copyFail('no') : copyDone()
    this.expected.push(`${text} ${ends === 'done' ? 'success' : 'failure'}`)
    const answer = {
      done: complete(`COPY ${pieces}`),
      fail: failure('57014'),
      row: failure('22P02'),
    }
    return exchange(
      Buffer.concat([query(text), ...data, end]),
      copyInResponse(),
      answer[ends],
      ready(),
    )
  }

  /** What follows the failure is refused; a COMMIT is answered ROLLBACK then. */
  #block(count: number, fails: number, ends: 'COMMIT' | 'ROLLBACK'): Exchange[] {
    const exchanges = [this.#one('BEGIN', 'BEGIN', 'T')]
    for (let index = 0; index < count; index++) {
      const text = this.#nextText()
      if (index < fails) {
        exchanges.push(this.#one(text, 'SELECT 1', 'T'))
        continue
      }
      this.expected.push(`${text} failure`)
      exchanges.push(
        exchange(query(text), failure(index === fails ? '22012' : '25P02'), ready('E')),
      )
    }
    if (fails >= count) return [...exchanges, this.#one(ends, ends)]
    this.expected.push(`${ends} ${ends === 'COMMIT' ? 'failure' : 'success'}`)
    if (ends === 'COMMIT') this.expected.push(`undone ${fails + 1} by 22012`)
    return [...exchanges, exchange(query(ends), complete('ROLLBACK'), ready())]
  }

  #sync(fails: boolean): Exchange {
    const failing = fails && !this.#skipping
    this.#skipping = false
    if (failing) this.#expect('Sync', 'failure')
    return exchange(sync(), ...(failing ? [failure('23503')] : []), this.#ready())
  }

  /** One Execute; gives its answer. */
  #run(text: string, fails: boolean): Buffer {
    this.#expect(text, fails ? 'failure' : 'success')
    if (fails) this.#skipping = true
    return fails ? failure('22012') : complete('SELECT 1')
  }

  #nextText(): string {
    this.#text++
    return `SELECT ${this.#text}`
  }

  #expect(what: string, outcome: string): void {
    const known = this.#skipping ? 'skipped' : outcome
    if (known === 'success' || known === 'suspended') this.#successes++
    if (known === 'failure') this.#failed = true
    this.expected.push(`${what} ${known}`)
  }

  /** The end of a transaction, unless this is skipped. */
  #ready(): Buffer {
    if (this.#skipping) return ready()
    if (this.#failed && this.#successes > 0) this.expected.push(`undone ${this.#successes}`)
    this.#failed = false
    this.#successes = 0
    return ready()
  }
}

type Script = Extract<
  Operation,
  { readonly kind: 'copy' | 'block' | 'sql_prepared' | 'sql_cursor' }
>

function isScript(operation: Operation): operation is Script {
  return /^(?:copy|block|sql_prepared|sql_cursor)$/.test(operation.kind)
}

function exchange(asked: Buffer, ...answers: readonly Buffer[]): Exchange {
  return { asked, answered: Buffer.concat(answers) }
}

function told(report: SessionReport): string {
  if (report.kind === 'disagreement') return `disagreement ${report.message}`
  if (report.kind === 'transaction_end') {
    const cause = report.reason === 'COMMIT answered ROLLBACK' ? ` by ${report.sqlstate}` : ''
    return `undone ${report.recorded}${cause}`
  }
  if (report.protocol === 'function') return `call ${report.outcome}`
  if (report.step === 'Sync') return `Sync ${report.outcome}`
  const step = report.step === undefined ? '' : `${report.step} `
  return `${step}${report.text} ${report.outcome}`
}

describe('a model of conversations', () => {
  it('agrees on every execution and outcome, however pipelined, cut and late (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 25 }),
        fc.nat(),
        fc.constantFrom('at once', 'late', 'late, newest first'),
        async (operations, seed, facts) => {
          const model = new Model()
          model.play({ kind: 'sync', fails: false })
          for (const each of operations) model.play(each)
          model.play({ kind: 'sync', fails: false })
          const dialogue = new Dialogue({ facts, cutting: randomCutting(seed) })
          await converse(dialogue, model.exchanges, randomNumbers(seed))
          const reports = dialogue.reports.filter(
            (report) => report.kind !== 'execution' || report.outcome !== 'prepared',
          )
          expect(reports.map(told)).toEqual(model.expected)
          expect(dialogue.conversation.owed.length).toBe(0)
          expect(dialogue.conversation.owed_bytes).toBe(0)
          expect(dialogue.conversation.events.length).toBe(0)
        },
      ),
      { numRuns: 400 },
    )
  })
})

/** The client runs ahead of the server by a random distance; no answer comes before its request. */
async function converse(
  dialogue: Dialogue,
  exchanges: readonly Exchange[],
  random: () => number,
): Promise<void> {
  let asked = 0
  let answered = 0
  while (answered < exchanges.length) {
    if (asked < exchanges.length && (asked === answered || random() < 0.6)) {
      await dialogue.play(client(exchanges[asked++]?.asked ?? Buffer.alloc(0)))
    } else {
      await dialogue.play(server(exchanges[answered++]?.answered ?? Buffer.alloc(0)))
    }
  }
  await dialogue.playAll([])
}
