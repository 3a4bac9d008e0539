import type { FactsSource, FactsTicket } from '../../src/sql/facts.js'
import { PendingTicket } from '../../src/sql/facts-ticket.js'

/** A parser that keeps what it finds in certain texts to itself until it is released. */
export class HeldFacts implements FactsSource {
  readonly #parser: FactsSource
  readonly #held: RegExp
  #waiting: (() => void)[] = []

  constructor(parser: FactsSource, held: RegExp) {
    this.#parser = parser
    this.#held = held
  }

  lookup(text: string, asker?: object): FactsTicket {
    const ticket = this.#parser.lookup(text, asker)
    if (!this.#held.test(text)) return ticket
    const late = new PendingTicket()
    this.#waiting.push(() => {
      ticket.when_ready(() => {
        if (ticket.facts !== undefined) late.settle(ticket.facts)
      })
    })
    return late
  }

  release(): void {
    for (const release of this.#waiting.splice(0)) release()
  }

  async close(): Promise<void> {
    await this.#parser.close()
  }
}
