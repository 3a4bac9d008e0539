import type { FactsTicket, TextFacts } from '../sql/facts.js'

/** An answer that is known beforehand: the text was not kept. */
export class KnownTicket implements FactsTicket {
  readonly facts: TextFacts

  constructor(facts: TextFacts) {
    this.facts = facts
  }

  when_ready(callback: () => void): void {
    callback()
  }
}

const long_text_facts: TextFacts = {
  status: 'unparsed',
  statements: [
    {
      start: 0,
      end: 0,
      text: '',
      node: '',
      class: 'WRITE',
      command: '',
      tags: ['*'],
      objects: [],
      effects: [{ kind: 'opaque', forgets: ['settings', 'role', 'temporary', 'prepared'] }],
      secret_parameters: true,
      reason: 'The text is longer than limits.analysed: it was relayed and hashed, not parsed.',
    },
  ],
  problem: 'longer than limits.analysed',
  weight: 0,
}
/** What is known of a text that was too long to be kept. */
export const long_text_ticket = new KnownTicket(long_text_facts)
