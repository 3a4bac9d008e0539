import { setTimeout as delay } from 'node:timers/promises'
import * as messages from '../../support/messages.js'
import { message } from '../../support/messages.js'
import type { ProxyUnderTest } from '../../support/proxy.js'
import { Talk } from '../talk.js'

/** One client request of the corpus. */
export interface Step {
  readonly text: string
  /** Values of an extended query, in text format. */
  readonly values?: readonly (string | null)[]
  /** Through the simple protocol whatever the run. */
  readonly simple?: boolean
}

/** What one session does, in order. */
export interface Scenario {
  readonly name: string
  readonly user: string
  readonly database?: string
  /** Options of the startup packet, such as `search_path`. */
  readonly settings?: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
}

export type Protocol = 'simple' | 'extended'

const copies_in = /^\s*COPY\b[\s\S]*\bFROM\s+STDIN\b/i

/**
 * Plays a scenario through the proxy and gives the number of its server process. The next step comes
 * when the last one is recorded: a record that waits for the catalog would else see a later one.
 */
export async function play(
  { app, port }: ProxyUnderTest,
  scenario: Scenario,
  protocol: Protocol,
): Promise<number> {
  const talk = await Talk.open(port)
  const { user, database = 'audited', settings = {} } = scenario
  await talk.login({ user, database, application_name: scenario.name, ...settings })
  for (const step of scenario.steps) {
    const before = app.trail.state.appended_records
    await talk.exchange(requestOf(step, protocol))
    while (app.trail.state.appended_records === before) await delay(1)
  }
  const key = talk.answers.find(({ letter }) => letter === 'K')
  await talk.finish()
  if (key === undefined) throw new Error(`the server let nobody in: ${talk.raw.text}`)
  return key.body.readUInt32BE(0)
}

function requestOf({ text, values, simple }: Step, protocol: Protocol): Buffer[] {
  // The server throws away the data of a COPY that has failed.
  const copied = copies_in.test(text) ? [messages.copyData('1\tone\n'), messages.copyDone()] : []
  if (values === undefined && (simple === true || protocol === 'simple')) {
    return [messages.query(text), ...copied]
  }
  const asked = [
    messages.parse('', text),
    messages.bind('', '', values ?? []),
    messages.describePortal(''),
    messages.execute(),
  ]
  return [...asked, ...copied, message('S')]
}
