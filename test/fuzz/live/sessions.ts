import {
  bind,
  closePortal,
  closeStatement,
  copyData,
  copyDone,
  copyFail,
  describePortal,
  describeStatement,
  execute,
  flush,
  functionCall,
  parse,
  query,
  sync,
  terminate,
} from '../../support/messages.js'
import type { Random } from '../random.js'
import { act, type Line, linesOf, type Script } from '../script.js'
import { parameterised, statement } from './statements.js'

/** Statements are given one byte to a character. */
const bytes = (text: string) => Buffer.from(text, 'latin1')

const long_name = 'n'.repeat(70)

function name(random: Random): string {
  return random.pick(['', '', '', 'a', 'b', 'c d', long_name, `${long_name}x`])
}

/**
 * Not the unnamed portal: PostgreSQL 18.4 crashes when it is executed after a Query has failed in a
 * transaction block, which has left it behind.
 */
function named(random: Random): string {
  return random.pick(['a', 'b', 'c d', long_name, `${long_name}x`])
}

function copied(random: Random): Buffer[] {
  const rows = Array.from({ length: random.below(4) }, () =>
    copyData(random.pick(['5\n', '6\n7\n', 'x\n', '8', '\\.\n', '\n', '9\t9\n'])),
  )
  return [...rows, random.once(5) ? copyFail('no') : copyDone()]
}

function run(random: Random): Buffer[] {
  const [prepared, portal] = [name(random), name(random)]
  const { text, count } = parameterised(random)
  const value = random.pick([null, '1', '6', '0', 'x'])
  const values = random.once(12) ? ['1', '2'] : Array.from({ length: count }, () => value)
  const messages = [parse(prepared, bytes(text)), bind(portal, prepared, values)]
  if (random.once(3)) messages.push(describePortal(portal))
  for (let times = 1 + random.below(random.once(4) ? 3 : 1); times > 0; times--) {
    messages.push(execute(portal, random.once(3) ? 1 + random.below(2) : 0))
  }
  return messages
}

/**
 * A pipeline that a cancel meets anywhere. A Sync follows: where a message is logged, the cancel may
 * hit after its completion was sent, and a Query that came next would be skipped unanswered.
 */
function cancelled(random: Random): readonly (Buffer | Line)[] {
  const sleeping = [parse('', 'SELECT pg_sleep(0.02)'), bind('', ''), execute('')]
  return [sync(), act('wait'), ...run(random), ...sleeping, act('cancel'), sync(), act('wait')]
}

type Step = (random: Random) => readonly (Buffer | Line)[]

const steps: readonly Step[] = [
  (random) => [query(bytes(statement(random)))],
  (random) => [query(bytes(statement(random)))],
  (random) => [query(bytes(statement(random))), act('wait')],
  (random) => [
    query(bytes(Array.from({ length: 2 + random.below(3) }, () => statement(random)).join('; '))),
  ],
  (random) => run(random),
  (random) => [...run(random), sync()],
  (random) => [...run(random), ...run(random), sync(), act('wait')],
  (random) => [parse(name(random), bytes(parameterised(random).text))],
  (random) => [bind(name(random), name(random))],
  (random) => [execute(named(random), random.below(3))],
  (random) => [random.once(2) ? describePortal(named(random)) : describeStatement(name(random))],
  (random) => [random.once(2) ? closePortal(name(random)) : closeStatement(name(random))],
  () => [sync()],
  () => [flush()],
  () => [act('wait')],
  (random) => [query('COPY t FROM STDIN'), ...copied(random)],
  (random) => [query('COPY w (words) FROM STDIN'), act('wait'), ...copied(random)],
  (random) => [
    ...[parse('', 'COPY t FROM STDIN'), bind('', ''), execute()],
    ...(random.once(2) ? [sync()] : [flush(), act('wait')]),
    ...copied(random),
    sync(),
  ],
  (random) => copied(random),
  // int4pl, lo_creat, pg_backend_pid, one that is not there
  (random) => [functionCall(random.pick([177, 957, 2026, 1]), random.once(2) ? ['1', '2'] : [])],
  () => [sync(), act('wait'), query('SELECT pg_sleep(0.05)'), act('cancel'), act('wait')],
  cancelled,
]

/** Most sessions are let go as clients do, some are cut off anywhere. */
function goodbye(random: Random): readonly (Buffer | Line)[] {
  switch (random.below(8)) {
    case 0:
      return [act('drop')]
    case 1: {
      const last = Buffer.concat([query(bytes(statement(random))), sync()])
      const part = last.subarray(0, random.below(last.length))
      return [{ kind: 'raw', side: '>', bytes: part }, act(random.once(2) ? 'drop' : 'half-close')]
    }
    case 2:
      return [act('half-close')]
    case 3:
      return [copyDone(), sync(), act('wait'), terminate(), act('drop')]
    default:
      return [copyDone(), sync(), terminate()]
  }
}

function startup(random: Random): Record<string, string> {
  const more = random.pick<Record<string, string>>([
    ...[{}, {}, {}, {}],
    { client_encoding: 'LATIN1' },
    { client_encoding: 'SJIS' },
    { options: '-c standard_conforming_strings=off' },
    { options: '-c search_path=other,public' },
    { options: '-c default_transaction_read_only=on' },
  ])
  return { user: random.once(8) ? 'fuzz_reader' : 'postgres', ...more }
}

/** A random session, all of which follows from `random`. */
export function randomSession(random: Random): Script {
  const lines: Line[] = random.once(2) ? [act('wait')] : []
  const add = (parts: readonly (Buffer | Line)[]) => {
    for (const part of parts) lines.push(...(Buffer.isBuffer(part) ? linesOf('>', part) : [part]))
  }
  for (let left = 2 + random.below(random.once(6) ? 60 : 14); left > 0; left--) {
    add(random.pick(steps)(random))
    if (random.once(3)) add([sync()])
  }
  add(goodbye(random))
  return { startup: startup(random), cut: random.once(4) ? 0 : 1 + random.seed(), lines }
}
