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
    const skipped = this.#skipping && operation.kind !== 'sync'
    const { asked, answered } = this.#exchange(operation)
    this.exchanges.push({ asked, answered: skipped ? Buffer.alloc(0) : answered })
    // A named portal must go before the next of its name.
    if (operation.kind === 'cursor') this.play({ kind: 'sync', fails: false })
  }

  #exchange(operation: Operation): Exchange {
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

function exchange(asked: Buffer, ...answers: readonly Buffer[]): Exchange {
  return { asked, answered: Buffer.concat(answers) }
}

function told(report: SessionReport): string {
  if (report.kind === 'disagreement') return `disagreement ${report.message}`
  if (report.kind === 'transaction_end') return `undone ${report.recorded}`
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
