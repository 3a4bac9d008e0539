import type { FactsTicket, TextFacts } from './facts.js'

/** A ticket whose facts are set once, by whoever finds them out. */
export class PendingTicket implements FactsTicket {
  facts: TextFacts | undefined
  #callbacks: (() => void)[] = []

  when_ready(callback: () => void): void {
    if (this.facts === undefined) this.#callbacks.push(callback)
    else callback()
  }

  /** Sets the facts and calls everybody back, in order; the first time counts. */
  settle(facts: TextFacts): void {
    if (this.facts !== undefined) return
    this.facts = facts
    const callbacks = this.#callbacks
    this.#callbacks = []
    for (const callback of callbacks) callOne(callback)
  }
}

/** One caller's fault must not keep the others from their facts; it still ends as uncaught. */
function callOne(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** A ticket whose facts are there from the start. */
export function settledTicket(facts: TextFacts): FactsTicket {
  return { facts, when_ready: callNow }
}

function callNow(callback: () => void): void {
  callback()
}
