import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  ask,
  bindComplete,
  complete,
  dataRow,
  failure,
  parseComplete,
  query,
  ready,
  rowDescription,
  sync,
} from '../support/messages.js'
import { KeptSession } from './kept-session.js'

/** A message of the server, and the statement whose record must be safe before any of it is seen. */
interface Said {
  readonly bytes: Buffer
  readonly of?: string
  /** The record of its end, not one of its beginning. */
  readonly ended?: boolean
}

interface Piece {
  readonly texts: readonly string[]
  readonly asks: readonly Buffer[]
  readonly says: readonly Said[]
}

const open: Said = { bytes: ready('T') }
const rowsOf = (of: string, count: number): Said[] => [
  { bytes: rowDescription('x') },
  ...Array.from({ length: count }, (_, n) => ({ bytes: dataRow(`value ${n}`), of })),
]
const end = (tag: string, of: string): Said => ({ bytes: complete(tag), of, ended: true })
const idle = (of: string): Said => ({ bytes: ready('I'), of, ended: true })

/** Conversations of one transaction each; `n` makes their texts unique. */
const pieces: readonly ((n: number) => Piece)[] = [
  (n) => {
    const text = `SELECT ${n}, 'simple'`
    return {
      texts: [text],
      asks: [query(text)],
      says: [...rowsOf(text, n % 4), end(`SELECT ${n % 4}`, text), idle(text)],
    }
  },
  (n) => {
    const text = `SELECT ${n}, 'extended'`
    const prepared = [{ bytes: parseComplete() }, { bytes: bindComplete() }]
    const [, ...rows] = rowsOf(text, 1 + (n % 3))
    return {
      texts: [text],
      asks: [ask(text), sync()],
      says: [...prepared, ...rows, end(`SELECT ${1 + (n % 3)}`, text), idle(text)],
    }
  },
  (n) => {
    const [insert, select] = [`INSERT INTO t VALUES (${n}, 'block')`, `SELECT ${n}, 'in block'`]
    const texts = ['BEGIN', insert, select, `COMMIT`]
    return {
      texts,
      asks: texts.map((text) => query(text)),
      says: [
        ...[{ bytes: complete('BEGIN') }, open, { bytes: complete('INSERT 0 1') }, open],
        ...[...rowsOf(select, 2), { bytes: complete('SELECT 2') }, open],
        // The records come in order: that of the COMMIT is behind those of the others.
        ...[end('COMMIT', insert), idle(insert)],
      ],
    }
  },
  (n) => {
    const own = [`INSERT INTO t VALUES (${n}, 'first')`, `SELECT ${n}, 'then'`, `DELETE FROM t${n}`]
    const [first = '', second = '', third = ''] = own
    const text = own.join('; ')
    return {
      texts: [text],
      asks: [query(text)],
      says: [
        end('INSERT 0 1', first),
        ...rowsOf(second, 2),
        ...[end('SELECT 2', second), end('DELETE 1', third), idle(third)],
      ],
    }
  },
  (n) => {
    const text = `SELECT ${n} / 0`
    const of = { of: text, ended: true }
    return {
      texts: [text],
      asks: [query(text)],
      says: [{ bytes: failure('22012'), ...of }, idle(text)],
    }
  },
]

/** What the client has been shown, in whole or in part, without the record that it needs. */
function shownTooSoon(session: KeptSession, said: readonly Said[]): string[] {
  const safe = session.gate.records.slice(0, session.gate.acknowledged_position)
  const wrong: string[] = []
  let at = 0
  for (const { bytes, of, ended } of said) {
    if (at >= session.shown_bytes) break
    at += bytes.length
    if (of === undefined) continue
    const own = safe.filter(({ statement }) => statement?.text === of)
    const covered = ended === true ? own.some(({ phase }) => phase === undefined) : own.length > 0
    if (!covered) wrong.push(`${bytes.toString('latin1', 0, 1)} of ${of}`)
  }
  return wrong
}

it('however the bytes are cut, and whenever records are safe, nothing is seen too soon', async () => {
  const piece = fc.nat(pieces.length - 1)
  const step = fc.record({
    cut: fc.integer({ min: 1, max: 120 }),
    keeps: fc.nat(3),
    facts: fc.constantFrom<'late' | 'come' | 'stay'>('late', 'come', 'stay', 'stay'),
  })
  const plan = fc.record({
    kinds: fc.array(piece, { minLength: 1, maxLength: 6 }),
    /** True when the client does not wait for the answers. */
    ahead: fc.boolean(),
    steps: fc.array(step, { minLength: 4, maxLength: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ kinds, ahead, steps }) => {
      const talk = kinds.flatMap((kind, n) => pieces[kind]?.(n) ?? [])
      const session = await KeptSession.authorized(talk.flatMap(({ texts }) => texts))
      const { gate, facts } = session
      const all = talk.flatMap(({ says }) => says)
      let kept = gate.records.length
      let turn = 0
      const next = () => steps[turn++ % steps.length]
      if (ahead) for (const { asks } of talk) session.client(...asks)
      for (const { asks, says } of talk) {
        if (!ahead) session.client(...asks)
        const bytes = Buffer.concat(says.map((one) => one.bytes))
        for (let at = 0; at < bytes.length; ) {
          const { cut = 1, keeps = 0, facts: parser = 'stay' } = next() ?? {}
          if (parser !== 'stay') facts.late = parser === 'late'
          if (parser === 'come') facts.come()
          session.server(bytes.subarray(at, at + cut))
          at += cut
          expect(shownTooSoon(session, all)).toEqual([])
          kept = Math.min(gate.records.length, kept + keeps)
          gate.keep(kept)
          expect(shownTooSoon(session, all)).toEqual([])
        }
      }
      facts.come()
      gate.keep()
      expect(session.shown_bytes).toBe(all.reduce((sum, { bytes }) => sum + bytes.length, 0))
    }),
    { numRuns: Number(process.env['PGWITNESS_RUNS'] ?? 150) },
  )
}, 180_000)
