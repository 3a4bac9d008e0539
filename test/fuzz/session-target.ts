import type { SessionEvent } from '../../src/session/requests.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'
import { closed, Dialogue } from '../support/dialogue.js'
import { randomCutting } from '../support/feed.js'
import { InProcessTarget } from './in-process.js'
import { mutate } from './live/mutations.js'
import type { Random } from './random.js'
import { bytesOf, parseScript, printScript, type Script } from './script.js'
import type { Target } from './target.js'
import { interleave, ToyServer } from './toy-server.js'

/** What a conversation that keeps to the protocol must have given, as one line of its file. */
interface Expected {
  readonly ran: readonly string[]
  readonly errors: number
}

const expect_line = /^expect (.*)\n/m

function generate(random: Random): string {
  const server = new ToyServer(random)
  server.play(1 + random.below(30))
  const lines = interleave(server.exchanges, random)
  const script = { startup: {}, cut: random.once(3) ? 0 : 1 + random.seed(), lines }
  if (random.once(2)) return printScript({ ...script, lines: mutate(lines, random) })
  const expected: Expected = { ran: server.ran, errors: server.errors }
  return `expect ${JSON.stringify(expected)}\n${printScript(script)}`
}

/** Plays the lines in their order; a violation ends the session as the relay would end it. */
async function play(dialogue: Dialogue, script: Script): Promise<void> {
  for (const line of script.lines) {
    if (line.kind === 'act') continue
    const from = line.side === '>' ? 'client' : 'server'
    try {
      await dialogue.play({ from, bytes: bytesOf(line) })
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      break
    }
  }
  await dialogue.playAll([closed])
}

/** Requests that ended, each of which may end once. */
function watchEnds(dialogue: Dialogue): { readonly twice: string[] } {
  const { events } = dialogue.conversation
  const ended = new Set<SessionEvent>()
  const twice: string[] = []
  const push = events.push.bind(events)
  events.push = (event: SessionEvent) => {
    if (ended.has(event)) twice.push(event.kind)
    ended.add(event)
    push(event)
  }
  return { twice }
}

async function faultsOf(file: string): Promise<readonly string[]> {
  const [, line] = expect_line.exec(file) ?? []
  const script = parseScript(file.replace(expect_line, ''))
  const cutting = script.cut === 0 ? {} : { cutting: randomCutting(script.cut) }
  const dialogue = new Dialogue(cutting)
  const { twice } = watchEnds(dialogue)
  try {
    await play(dialogue, script)
  } catch (error) {
    return [`throws ${error instanceof Error ? error.stack : String(error)}`]
  }
  const faults: string[] = []
  const { conversation, reports } = dialogue
  if (twice.length > 0) faults.push(`ended twice: ${twice.join()}`)
  if (conversation.owed.length > 0) faults.push(`${conversation.owed.length} still owed`)
  if (conversation.owed_bytes !== 0) faults.push(`${conversation.owed_bytes} bytes still owed`)
  if (conversation.events.length > 0) faults.push(`${conversation.events.length} events left`)
  if (line === undefined) return faults
  const expected: Expected = JSON.parse(line)
  const executions = reports.filter((report) => report.kind === 'execution')
  const failed = executions.filter(
    ({ outcome }) => outcome === 'failure' || outcome === 'cancelled',
  )
  if (failed.length !== expected.errors) {
    faults.push(`${failed.length} failures of ${expected.errors} errors`)
  }
  const ran = executions
    .filter(({ step, protocol }) => step === undefined || protocol === 'function')
    .filter(({ outcome }) => outcome !== 'skipped' && outcome !== 'prepared')
    .map(({ text, outcome }) => `${text} ${outcome}`)
  const at = ran.findIndex((each, index) => each !== expected.ran[index])
  if (ran.length !== expected.ran.length || at >= 0) {
    faults.push(`ran otherwise: ${JSON.stringify(ran)} not ${JSON.stringify(expected.ran)}`)
  }
  const disagreements = reports.filter(({ kind }) => kind === 'disagreement')
  if (disagreements.length > 0) faults.push(`disagreement: ${JSON.stringify(disagreements[0])}`)
  return faults
}

/** Conversations of a toy server, in order and spoilt, through everything but the sockets. */
export const session: Target = {
  name: 'session',
  open: async (options) =>
    new InProcessTarget('session', options, {
      batch: 200,
      generate,
      faultsOf,
      // What must have run is known of the whole alone; what was spoilt may be made smaller.
      pieces: (file) => (expect_line.test(file) ? [] : file.trimEnd().split('\n')),
      whole: (lines) => `${lines.join('\n')}\n`,
    }),
}
