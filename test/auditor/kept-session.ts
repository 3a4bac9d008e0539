import { Auditor } from '../../src/auditor.js'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import { loadConfig } from '../../src/config/load.js'
import type { SessionTap } from '../../src/proxy/tap.js'
import { renderJson } from '../../src/record/json-format.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import { analyseNow } from '../../src/sql/analyse-now.js'
import type { FactsSource, FactsTicket, TextFacts } from '../../src/sql/facts.js'
import { Gate } from '../support/gated-proxy.js'
import { no_metrics } from '../support/hand-fed-auditor.js'
import { int32, message, ready } from '../support/messages.js'

/** Facts that come when the test says so, or at once. */
class Facts implements FactsSource {
  late = false
  readonly #known = new Map<string, TextFacts>()
  #waiting: (() => void)[] = []

  async learn(texts: readonly string[]): Promise<void> {
    for (const text of texts) this.#known.set(text, await analyseNow(text))
  }

  lookup(text: string): FactsTicket {
    const facts = this.#known.get(text)
    if (facts === undefined) throw new Error(`the test has not learned ${text}`)
    if (!this.late) return { facts, when_ready: (callback) => callback() }
    const callbacks: (() => void)[] = []
    const ticket = {
      facts: undefined as TextFacts | undefined,
      when_ready: callbacks.push.bind(callbacks),
    }
    this.#waiting.push(() => {
      ticket.facts = facts
      for (const callback of callbacks.splice(0)) callback()
    })
    return ticket
  }

  /** The parser is through with what it was asked. */
  come(): void {
    for (const come of this.#waiting.splice(0)) come()
  }

  async close(): Promise<void> {}
}

/**
 * A session whose answers wait for their records, without sockets: bytes go in, and what the client
 * has been shown by then is told as the types of its messages. A message that was shown in part
 * counts, with a question mark.
 */
export class KeptSession {
  readonly gate = new Gate()
  readonly facts = new Facts()
  readonly time = { now_us: 1_000_000 }
  readonly tap: SessionTap
  #said = Buffer.alloc(0)

  private constructor(settings: object, startup: Readonly<Record<string, string>>) {
    const config = loadConfig({
      settings: { audit: { durability: 'ack', start_after: '1h' }, ...settings },
      env: {},
      flags: {},
    })
    const log = {
      info() {},
      warn() {},
      error(details: object) {
        throw details
      },
    }
    const auditor = new Auditor({
      config,
      facts: this.facts,
      catalog: new DatabaseCatalogSource({ refresh_ms: 0, log }),
      rules: compileRules(config, 'UTC'),
      trail: this.gate,
      clock: { nowMicroseconds: () => this.time.now_us },
      log,
      metrics: no_metrics,
      render: (record) => renderJson(record, 'test'),
      later: () => () => {},
      soon: (callback) => callback(),
    })
    this.tap = auditor.open({ address: '127.0.0.1', port: 1, local: true })
    this.tap.startup(new Map(Object.entries({ user: 'somebody', ...startup })), 'server')
    this.tap.loginMessage(message('R', int32(0)))
  }

  /** `texts`: what will be sent, for the parser. */
  static async of(
    texts: readonly string[],
    settings: object = {},
    startup: Readonly<Record<string, string>> = {},
  ): Promise<KeptSession> {
    const session = new KeptSession(settings, startup)
    await session.facts.learn(texts)
    return session
  }

  /** Past the login, with all its records safe; nothing more is, unless the test says so. */
  static async authorized(...given: Parameters<typeof KeptSession.of>): Promise<KeptSession> {
    const session = await KeptSession.of(...given)
    session.server(ready())
    session.#said = Buffer.alloc(0)
    session.#before = session.passed
    session.gate.keepNone()
    return session
  }

  #before = 0

  client(...messages: readonly Buffer[]): void {
    const bytes = Buffer.concat(messages)
    const taken = this.tap.fromClient(bytes, 0)
    if (taken !== bytes.length) throw new Error('the client was stopped')
  }

  server(...messages: readonly Buffer[]): void {
    const bytes = Buffer.concat(messages)
    this.#said = Buffer.concat([this.#said, bytes])
    const taken = this.tap.fromServer(bytes, 0)
    if (taken !== bytes.length) throw new Error('the server was stopped')
  }

  get passed(): number {
    return this.tap.answers?.passable ?? Number.NaN
  }

  /** Bytes since the login that the client has been shown. */
  get shown_bytes(): number {
    return this.passed - this.#before
  }

  /** Types of the messages that the client has been shown. */
  get shown(): string {
    const shown = this.#said.subarray(0, this.shown_bytes)
    let types = ''
    for (let at = 0; at < shown.length; ) {
      const end = at + 1 + (at + 5 <= this.#said.length ? this.#said.readInt32BE(at + 1) : 4)
      types += String.fromCharCode(shown[at] ?? 0) + (end > shown.length ? '?' : '')
      at = end
    }
    return types
  }

  /** Command, and what became of it, of each record of a statement. */
  get records(): string[] {
    return this.gate.records
      .filter((record) => record.class !== 'CONNECT')
      .map((record) => `${record.command} ${record.phase ?? record.outcome}`)
  }
}
