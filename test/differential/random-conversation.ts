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
} from '../support/messages.js'
import { type Random, randomOf } from '../support/random.js'

/** Texts whose answers follow from what came before in the same conversations, and from that alone. */
const texts: readonly string[] = [
  'SELECT 1 AS one',
  'SELECT n, $$text$$ AS t FROM generate_series(1, 5) AS n',
  'INSERT INTO item VALUES (1), (2) RETURNING n',
  'INSERT INTO deferred VALUES (1), (1)',
  'SELECT $1::int + 1',
  'SELECT 1/0',
  'SELEC 1',
  'SELECT notices(2)',
  'COPY item TO STDOUT',
  'COPY (SELECT * FROM generate_series(1, 300)) TO STDOUT',
  'SELECT count(*) FROM item',
  'WITH x AS (DELETE FROM item RETURNING n) SELECT count(*) FROM x',
  'EXPLAIN (COSTS off) SELECT * FROM item',
  "SELECT repeat('x', 9000)",
  ...['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'ROLLBACK TO s', 'DISCARD ALL', '', ';'],
  'PREPARE a AS SELECT 3',
  'PREPARE b (int) AS INSERT INTO item VALUES ($1)',
  'DECLARE a CURSOR WITH HOLD FOR SELECT * FROM generate_series(1, 9)',
  ...['EXECUTE a', 'EXECUTE b (4)', 'FETCH 2 FROM a', 'MOVE b', 'CLOSE a', 'DEALLOCATE a'],
  ...["SET application_name = 'x'", 'SET TIME ZONE 3', 'SET standard_conforming_strings = off'],
  ...["SET client_encoding = 'LATIN1'", 'RESET ALL', 'LISTEN c', "NOTIFY c, 'x'", 'VACUUM item'],
  ...['COPY item FROM STDIN', 'CREATE TEMP TABLE made (n int)', 'TABLE made', 'DROP TABLE made'],
]

/** The messages of one conversation behind its login, Terminate left out. */
export function randomConversation(seed: number): readonly Buffer[] {
  const random = randomOf(seed)
  const steps = Array.from({ length: 3 + random(30) }, () => step(random))
  // The first is for what might still be copied: anything else would end the session in its place.
  return [...steps.flat(), copyDone(), sync()]
}

function step(random: Random): readonly Buffer[] {
  const name = () => ['', '', 'a', 'b'][random(4)] ?? ''
  const text = () => texts[random(random(2) === 0 ? 10 : texts.length)] ?? ''
  const values = () => (random(3) === 0 ? ['7'] : [])
  const [prepared, portal] = [name(), name()]
  const run = [
    parse(prepared, text()),
    bind(portal, prepared, values()),
    execute(portal, random(3)),
  ]
  const copied = [copyData('5\n'), copyData(random(5) === 0 ? 'x\n' : '6\n')]
  const steps: readonly (() => readonly Buffer[])[] = [
    () => [query(text())],
    () => [query([text(), text(), text()].join('; '))],
    () => run,
    () => [...run, sync()],
    () => [...run, describePortal(portal), execute(portal), sync()],
    () => [parse(name(), text())],
    () => [bind(name(), name(), values())],
    () => [execute(name(), random(3))],
    () => [random(2) === 0 ? describePortal(name()) : describeStatement(name())],
    () => [random(2) === 0 ? closePortal(name()) : closeStatement(name())],
    () => [sync()],
    () => [flush()],
    () => [query('COPY item FROM STDIN'), ...copied, random(3) === 0 ? copyFail('no') : copyDone()],
    () => [...copied, copyDone()],
    // 1317 is length(text).
    () => [functionCall(1317, [random(2) === 0 ? 'four' : null])],
  ]
  return steps[random(steps.length)]?.() ?? []
}
