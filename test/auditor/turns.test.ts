import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import type { SessionTap } from '../../src/proxy/tap.js'
import { handFedAuditor } from '../support/hand-fed-auditor.js'
import { complete, query, ready } from '../support/messages.js'

/** A session asks for many statements, and the server has answered them all. */
function ask(session: SessionTap, text: string, count: number): void {
  const asked = query(text)
  expect(session.fromClient(asked, 0)).toBe(asked.length)
  const answers = Buffer.concat([...Array(count).fill(complete('SELECT 1')), ready()])
  expect(session.fromServer(answers, 0)).toBe(answers.length)
}

function passTurns(turns: (() => void)[]): number {
  let passed = 0
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    turn()
    passed++
  }
  return passed
}

const many = limits.reports_per_turn * 3 + 10
const one_by_one = Array(many).fill('select 1').join(';')

describe('a Query of more statements than one turn of the loop may record', () => {
  it('is recorded a piece a turn, and its session waits meanwhile', async () => {
    const { session, state, turns } = await handFedAuditor([one_by_one])
    const asking = session()
    const begun = state.lines.length
    ask(asking, one_by_one, many)
    const pieces = [state.lines.length - begun]
    while (turns.length > 0) {
      expect([asking.holdsClient, asking.holdsServer, asking.idle]).toEqual([true, true, false])
      turns.shift()?.()
      pieces.push(state.lines.length - begun)
    }
    const piece = limits.reports_per_turn
    expect(pieces).toEqual([piece, piece * 2, piece * 3, many])
    expect([asking.holdsClient, asking.holdsServer, asking.idle]).toEqual([false, false, true])
  })

  it('takes turns with those of other sessions, and lets a short statement pass', async () => {
    const { session, turns, records } = await handFedAuditor([one_by_one, 'select 2'])
    const [first, second, third] = [session(), session(), session()]
    ask(first, one_by_one, many)
    ask(second, one_by_one, many)
    ask(third, 'select 2', 1)
    const order = () =>
      records()
        .filter(({ class: kind }) => kind === 'READ')
        .map((record) => record.session.id)
        .filter((id, index, all) => id !== all[index - 1])
    expect(order()).toEqual([1, 2, 3])
    expect(passTurns(turns)).toBe(6)
    expect(order()).toEqual([1, 2, 3, 1, 2, 1, 2, 1, 2])
    const ids = records().filter(({ session: part }) => part?.id === 2)
    const counted = ids.flatMap(({ statement }) => statement?.id ?? [])
    expect(counted).toEqual(Array.from({ length: many }, (_, index) => index + 1))
  })

  it('is recorded to its end when the connection is lost, the disconnection last', async () => {
    const { auditor, session, turns, records } = await handFedAuditor([one_by_one])
    const lost = session()
    ask(lost, one_by_one, many)
    lost.closed('client')
    expect(auditor.unsettled).toBe(1)
    passTurns(turns)
    expect(auditor.unsettled).toBe(0)
    expect(records().filter(({ class: kind }) => kind === 'READ')).toHaveLength(many)
    expect(records().at(-1)?.command).toBe('disconnection')
  })

  it('makes no more of a turn of long records', async () => {
    const long = `select '${'x'.repeat(limits.record_chars_per_turn / 2)}'`
    const text = Array(10).fill(long).join(';')
    const { session, state, turns } = await handFedAuditor([text])
    const asking = session()
    const begun = state.lines.length
    ask(asking, text, 10)
    expect(state.lines.length - begun).toBe(2)
    expect(passTurns(turns)).toBe(5)
    expect(state.lines.length - begun).toBe(10)
  })
})

describe('a text that each of its records shows whole', () => {
  it('is repeated to a bound, and told by its hash behind that', async () => {
    const filler = 'y'.repeat(limits.repeated_text_chars / 4)
    // No grammar takes it; the server may have read it otherwise.
    const text = `select 1 /* ${filler} */ ;; nobody knows`
    const { session, turns, records } = await handFedAuditor([text])
    ask(session(), text, 7)
    passTurns(turns)
    const shown = records().filter(({ statement }) => statement !== undefined)
    const lengths = shown.map(({ statement }) => statement.text.length)
    const beginning = limits.repeated_beginning_bytes
    const whole = text.length
    expect(lengths).toEqual([whole, whole, whole, whole, beginning, beginning, beginning])
    const told = shown.map(({ statement }) => [statement.length, statement.sha256?.length])
    expect(told.slice(4)).toEqual(Array(3).fill([whole, 64]))
    expect(new Set(shown.slice(4).map(({ statement }) => statement.sha256)).size).toBe(1)
  })
})
