import type { LogLine } from './log-reader.js'

/** What the server itself says that it did in one session, in order. */
export type Told =
  /** It ran a Query, an Execute or a FunctionCall. */
  | {
      readonly kind: 'run'
      readonly protocol: 'simple' | 'extended' | 'function'
      readonly text: string
      /** Of its error, `''` when there was none. */
      sqlstate: string
      /** False when neither its end nor an error was seen: the session died. */
      ended: boolean
      /** Tables and operations that triggers saw, and tags of DDL. */
      readonly effects: { readonly what: 'TOUCH' | 'DDL'; readonly detail: string }[]
    }
  /** An error outside of any of these: a Parse, a Bind, a Describe, the end of a transaction. */
  | {
      readonly kind: 'error'
      sqlstate: string
      readonly fatal: boolean
      readonly text: string
    }
  /** A Parse or Bind went well. */
  | { readonly kind: 'step'; readonly step: string; readonly text: string }

type Run = Extract<Told, { kind: 'run' }>

/** Reads the lines of one session. Source: src/backend/tcop/postgres.c, what it logs and when. */
export function toldBy(lines: readonly LogLine[]): Told[] {
  const told: Told[] = []
  let open: Run | undefined
  /** What the line before was an error of. */
  let failed: { sqlstate: string } | undefined
  /** A function call that has just ended: what it did is committed only behind its duration. */
  let ended_call: Run | undefined
  const begin = (protocol: Run['protocol'], text: string) => {
    open = { kind: 'run', protocol, text, sqlstate: '', ended: false, effects: [] }
    told.push(open)
  }
  for (const { severity, message, sqlstate, statement } of lines) {
    if (severity === 'ERROR' || severity === 'FATAL' || severity === 'PANIC') {
      const fatal = severity !== 'ERROR'
      // The words of an error that the client's encoding does not have: it hears of that instead.
      if (sqlstate === '22P05' && failed !== undefined) {
        failed.sqlstate = sqlstate
        failed = undefined
        continue
      }
      if (ended_call !== undefined && sqlstate === '57014' && !fatal) {
        ended_call.sqlstate = sqlstate
        failed = ended_call
      } else if (open !== undefined && open.sqlstate === '' && !fatal) {
        open.sqlstate = sqlstate
        open.ended = true
        failed = open
        open = undefined
      } else {
        const error = { kind: 'error' as const, sqlstate, fatal, text: statement }
        told.push(error)
        failed = error
        open = undefined
      }
      ended_call = undefined
      continue
    }
    if (severity !== 'LOG') continue
    ended_call = undefined
    failed = undefined
    const step = /^duration: [\d.]+ ms(?: {2}(parse|bind) [^:]*: ([\s\S]*))?$/.exec(message)
    const effect = /^(TOUCH|DDL)=([\s\S]*)$/.exec(message)
    if (step !== null) {
      if (step[1] !== undefined) told.push({ kind: 'step', step: step[1], text: step[2] ?? '' })
      else if (open !== undefined) {
        open.ended = true
        if (open.protocol === 'function') ended_call = open
        open = undefined
      }
    } else if (effect !== null) {
      const what = effect[1] === 'DDL' ? 'DDL' : 'TOUCH'
      open?.effects.push({ what, detail: effect[2] ?? '' })
    } else if (message.startsWith('statement: ')) {
      begin('simple', message.slice('statement: '.length))
    } else if (message.startsWith('fastpath function call: ')) {
      begin('function', message)
    } else if (message.startsWith('execute ')) {
      begin('extended', message.slice(message.indexOf(': ') + 2))
    }
  }
  return told
}
