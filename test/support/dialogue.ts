import { expect } from 'vitest'
import { ClientStream, type ClientStreamOptions } from '../../src/session/client-stream.js'
import { Conversation } from '../../src/session/conversation.js'
import type { Execution, NamesPort, SessionReport } from '../../src/session/execution.js'
import { Interpreter } from '../../src/session/interpreter.js'
import { ServerStream } from '../../src/session/server-stream.js'
import { SessionState } from '../../src/session/session-state.js'
import { TextDecoding } from '../../src/session/text-decoding.js'
import { analyseNow } from '../../src/sql/analyse-now.js'
import { parseCommandTag } from '../../src/sql/command-tag.js'
import type { FactsSource, FactsTicket, TextFacts } from '../../src/sql/facts.js'
import { Framer } from '../../src/wire/framer.js'
import { type Cutting, feedChunks, forEveryCut } from './feed.js'
import { ready } from './messages.js'

/** One step of a dialogue: bytes of one side, or the end of the connection. */
export type Step =
  | { readonly from: 'client' | 'server'; readonly bytes: Buffer }
  | { readonly from: 'nobody' }

export const client = (...messages: readonly Buffer[]): Step => ({
  from: 'client',
  bytes: Buffer.concat(messages),
})

export const server = (...messages: readonly Buffer[]): Step => ({
  from: 'server',
  bytes: Buffer.concat(messages),
})

/** Both sides are closed. */
export const closed: Step = { from: 'nobody' }

class Ticket implements FactsTicket {
  facts: TextFacts | undefined
  readonly #callbacks: (() => void)[] = []

  when_ready(callback: () => void): void {
    if (this.facts === undefined) this.#callbacks.push(callback)
    else callback()
  }

  resolve(facts: TextFacts): void {
    this.facts = facts
    for (const callback of this.#callbacks.splice(0)) callback()
  }
}

const known_facts = new Map<string, TextFacts>()

/** The real parser, whose answers come when the dialogue says so. */
class GatedFacts implements FactsSource {
  readonly #pending: { readonly text: string; readonly ticket: Ticket }[] = []

  lookup(text: string): FactsTicket {
    const ticket = new Ticket()
    this.#pending.push({ text, ticket })
    return ticket
  }

  /** Answers what has been asked so far; `newest_first` to show that the order does not matter. */
  async release(newest_first = false): Promise<void> {
    const asked = this.#pending.splice(0)
    for (const { text } of asked) {
      if (!known_facts.has(text)) known_facts.set(text, await analyseNow(text))
    }
    if (newest_first) asked.reverse()
    for (const { text, ticket } of asked) {
      const facts = known_facts.get(text)
      if (facts !== undefined) ticket.resolve(facts)
    }
  }

  async close(): Promise<void> {}
}

/** Writes down what the catalog would be told. */
class NamesLog implements NamesPort {
  readonly calls: string[] = []

  apply(change: { readonly change: string }): void {
    this.calls.push(`apply ${change.change}`)
  }
  savepoint(name: string): void {
    this.calls.push(`savepoint ${name}`)
  }
  release(name: string): void {
    this.calls.push(`release ${name}`)
  }
  rollback_to(name: string): void {
    this.calls.push(`rollback to ${name}`)
  }
  commit(): void {
    this.calls.push('commit')
  }
  rollback(): void {
    this.calls.push('rollback')
  }
  prepare_transaction(identifier: string): void {
    this.calls.push(`prepare ${identifier}`)
  }
  commit_prepared(identifier: string): void {
    this.calls.push(`commit prepared ${identifier}`)
  }
  rollback_prepared(identifier: string): void {
    this.calls.push(`rollback prepared ${identifier}`)
  }
  discard_temporary(): void {
    this.calls.push('discard temporary')
  }
  plan(): undefined {
    return undefined
  }

  doubt_temporary(): void {
    this.calls.push('doubt temporary')
  }
}

/** When facts arrive: before the next step, or after all answers, in either order. */
export type FactsArrival = 'at once' | 'late' | 'late, newest first'

export interface DialogueOptions extends Partial<ClientStreamOptions> {
  readonly facts?: FactsArrival
  readonly cutting?: Cutting
  /** True for a replication connection. */
  readonly replication?: boolean
  /** What the server says between AuthenticationOk and the first ReadyForQuery. */
  readonly login?: readonly Buffer[] | 'not yet'
}

const default_options: ClientStreamOptions = {
  analysed_bytes: 1024 * 1024,
  record_parameters: true,
  parameter_max_bytes: 4096,
}

const whole_chunks: Cutting = { name: 'whole', cut: (bytes) => [bytes] }

/** One connection after its login, from bytes to reports, with everything real but the sockets. */
export class Dialogue {
  readonly conversation = new Conversation()
  readonly decoding = new TextDecoding()
  readonly names = new NamesLog()
  readonly state = new SessionState({ user: 'alice', database: 'shop' }, this.names)
  readonly interpreter = new Interpreter(this.conversation, this.state)
  readonly reports: SessionReport[] = []
  readonly client: ClientStream
  readonly #facts = new GatedFacts()
  readonly #client_framer: Framer
  readonly #server_framer: Framer
  readonly #cutting: Cutting
  readonly #arrival: FactsArrival
  #now_us = 0

  constructor(options: DialogueOptions = {}) {
    this.#cutting = options.cutting ?? whole_chunks
    this.#arrival = options.facts ?? 'at once'
    this.state.settings.setDefault('search_path', ['$user', 'public'])
    this.client = new ClientStream(this.conversation, this.#facts, this.decoding, {
      ...default_options,
      ...options,
    })
    this.client.replication = options.replication === true
    const to_server = new ServerStream(this.conversation, {
      backendKeyData: () => {},
      parameterStatus: (name, value) => {
        if (name === 'client_encoding') this.decoding.setEncoding(value)
        if (name === 'standard_conforming_strings') {
          this.decoding.standard_conforming_strings = value === 'on'
        }
      },
      sessionError: () => {},
      readyForQuery: () => {},
    })
    this.#client_framer = new Framer(this.client, 1024 * 1024 * 1024)
    this.#server_framer = new Framer(to_server, 1024 * 1024 * 1024)
    // The login has ended before the dialogue begins, unless it is part of it.
    if (options.login === 'not yet') return
    feedChunks(this.#server_framer, [...(options.login ?? []), ready()])
  }

  /** Plays one step; gives the bytes that were taken of it. */
  async play(step: Step): Promise<number> {
    this.#now_us += 1000
    let taken = 0
    if (step.from === 'nobody') {
      this.conversation.lost(this.#now_us)
    } else {
      this.client.now_us = this.#now_us
      const framer = step.from === 'client' ? this.#client_framer : this.#server_framer
      taken = feedChunks(framer, this.#cutting.cut(step.bytes))
    }
    if (this.#arrival === 'at once') await this.#facts.release()
    this.#drain()
    return taken
  }

  async playAll(steps: readonly Step[]): Promise<this> {
    for (const step of steps) await this.play(step)
    await this.#facts.release(this.#arrival === 'late, newest first')
    this.#drain()
    return this
  }

  /** Takes reports as the auditor does, and stops where facts are missing. */
  #drain(): void {
    for (;;) {
      const report = this.interpreter.next()
      if (report === undefined) return
      this.reports.push(report)
      this.interpreter.settle(report, true)
    }
  }
}

/** More to show of an execution than the usual columns. */
export type Show = (execution: Execution) => string

/** A report as one line: id uid protocol outcome tag sqlstate rows "text" tx id/state. */
export function lineOf(report: SessionReport, show?: Show): string {
  if (report.kind === 'disagreement') return `disagreement: ${report.message}`
  if (report.kind === 'transaction_end') {
    const sqlstate = report.sqlstate === '' ? '-' : report.sqlstate
    return `transaction end: ${report.fate}, ${report.reason}, ${sqlstate}, tx ${report.transaction_id}/${report.transaction_state}, ${report.recorded} recorded`
  }
  const tagged = report.tag === '' ? undefined : parseCommandTag(report.tag).rows
  const columns = [
    report.id,
    report.uid,
    report.step === undefined ? report.protocol : `${report.protocol}/${report.step}`,
    report.outcome,
    report.tag === '' ? '-' : report.tag,
    report.sqlstate === '' ? '-' : report.sqlstate,
    tagged ?? report.data_rows,
    JSON.stringify(report.text),
    `tx ${report.transaction_id}/${report.transaction_state}`,
  ]
  if (show !== undefined) columns.push(show(report))
  return columns.join(' ').trimEnd()
}

export interface ExpectOptions extends Omit<DialogueOptions, 'facts' | 'cutting'> {
  readonly show?: Show
}

function trimmed(golden: string): string {
  return golden
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}

/**
 * Plays a dialogue with every cutting and every arrival of facts; all must give the golden lines,
 * and leave nothing owed unless the connection is still open with something to come.
 */
export async function expectReports(
  steps: readonly Step[],
  golden: string,
  options: ExpectOptions = {},
): Promise<void> {
  await forEveryCut(async (cutting) => {
    for (const facts of ['at once', 'late', 'late, newest first'] as const) {
      const dialogue = await new Dialogue({ ...options, cutting, facts }).playAll(steps)
      const lines = dialogue.reports.map((report) => lineOf(report, options.show))
      expect(lines.join('\n'), `facts ${facts}`).toBe(trimmed(golden))
      expect(dialogue.conversation.events.length).toBe(0)
    }
  }, 2)
}
