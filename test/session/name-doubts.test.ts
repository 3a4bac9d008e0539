import { describe, it } from 'vitest'
import { client, closed, expectReports, type Show, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  closeComplete,
  closeStatement,
  complete,
  done,
  execute,
  failure,
  functionCall,
  functionResult,
  parse,
  parseComplete,
  query,
  ready,
  sync,
} from '../support/messages.js'

const doubt: Show = ({ doubted, context }) =>
  `${doubted ? 'doubted' : 'certain'}${context.search_path_doubted ? ', path too' : ''}`

/** A Query that is answered by one tag. */
const run = (text: string, tag: string) => [client(query(text)), server(complete(tag), ready())]
const hidden = 'DO $$ begin end $$'
/** Parse of a named statement, and an execution of it. */
const prepare = [client(parse('s', 'SELECT 1'), sync()), server(parseComplete(), ready())] as const
const again = [
  client(bind('', 's'), execute(), sync()),
  server(bindComplete(), complete('SELECT 1'), ready()),
] as const

describe('a name whose statement may have been exchanged by code that nobody saw (corner 5)', () => {
  it('is in doubt after DO, whoever made it, until it is made again', async () => {
    await expectReports(
      [
        ...prepare,
        ...run('PREPARE p AS SELECT 2', 'PREPARE'),
        ...run(hidden, 'DO'),
        ...run('SET search_path = a', 'SET'),
        ...run('SET ROLE bob', 'SET'),
        ...again,
        ...run('EXECUTE p', 'SELECT 1'),
        client(closeStatement('s'), parse('s', 'SELECT 1'), sync(), query('DEALLOCATE p')),
        server(closeComplete(), parseComplete(), ready(), complete('DEALLOCATE'), ready()),
        ...run('PREPARE p AS SELECT 2', 'PREPARE'),
        ...again,
        ...run('EXECUTE p', 'SELECT 1'),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p AS SELECT 2" tx 1/idle certain
       2 2 simple success DO - 0 "DO $$ begin end $$" tx 2/idle certain
       3 3 simple success SET - 0 "SET search_path = a" tx 3/idle certain, path too
       4 4 simple success SET - 0 "SET ROLE bob" tx 4/idle certain, path too
       5 5 extended success SELECT 1 - 1 "SELECT 1" tx 5/idle doubted
       6 6 simple success SELECT 1 - 1 "EXECUTE p" tx 6/idle doubted, path too
       7 7 simple success DEALLOCATE - 0 "DEALLOCATE p" tx 7/idle certain, path too
       8 8 simple success PREPARE - 0 "PREPARE p AS SELECT 2" tx 8/idle certain, path too
       9 9 extended success SELECT 1 - 1 "SELECT 1" tx 9/idle certain, path too
       10 10 simple success SELECT 1 - 1 "EXECUTE p" tx 10/idle certain, path too`,
      { show: doubt },
    )
  })

  it.each([
    ['a function', query('SELECT spy()'), complete('SELECT 1')],
    ['a procedure', query('CALL spy()'), complete('CALL')],
    ['a FunctionCall', functionCall(4711), functionResult('')],
  ])(
    'is in doubt after %s only where SQL made it: drivers prepare by the protocol',
    async (...one) => {
      const [, asked, answer] = one
      await expectReports(
        [
          ...prepare,
          client(query('PREPARE p AS SELECT 2'), asked),
          server(complete('PREPARE'), ready(), answer, ready()),
          ...again,
          ...run('EXECUTE p', 'SELECT 1'),
        ].concat(client(closeStatement('s'), sync()), server(closeComplete(), ready())),
        `1 1 simple success PREPARE - 0 "PREPARE p AS SELECT 2" tx 1/idle certain
       2 2 ${asked.toString('latin1', 0, 1) === 'F' ? 'function/FunctionCall success -' : `simple success ${answer.toString('latin1', 5, answer.length - 1)}`} - ${answer.includes('SELECT') ? 1 : 0} "${asked.toString('latin1', 0, 1) === 'F' ? '' : asked.toString('latin1', 5, asked.length - 1)}" tx 2/idle certain
       3 3 extended success SELECT 1 - 1 "SELECT 1" tx 3/idle certain, path too
       4 4 simple success SELECT 1 - 1 "EXECUTE p" tx 4/idle doubted, path too`,
        { show: doubt },
      )
    },
  )

  it('is in doubt even when that code failed, or was undone: no rollback undoes a PREPARE', async () => {
    await expectReports(
      [
        ...run('PREPARE p AS SELECT 2', 'PREPARE'),
        client(query(hidden)),
        server(failure('P0001'), ready()),
        ...run('EXECUTE p', 'SELECT 1'),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p AS SELECT 2" tx 1/idle certain
       2 2 simple failure - P0001 0 "DO $$ begin end $$" tx 2/idle certain
       3 3 simple success SELECT 1 - 1 "EXECUTE p" tx 3/idle doubted, path too`,
      { show: doubt },
    )
  })

  it('is in doubt after a text that our grammar refuses, unless its tag tells what it was', async () => {
    const steps = (tag: string) => [...prepare, ...run('FROBNICATE', tag), ...again]
    const told = (tag: string, state: string) =>
      `1 1 simple success ${tag} - ${tag.endsWith('3') ? 3 : 0} "FROBNICATE" tx 1/idle certain
       2 2 extended success SELECT 1 - 1 "SELECT 1" tx 2/idle ${state}, path too`
    await expectReports(steps('DO'), told('DO', 'doubted'), { show: doubt })
    await expectReports(steps('PREPARE'), told('PREPARE', 'doubted'), { show: doubt })
    await expectReports(steps('UPDATE 3'), told('UPDATE 3', 'certain'), { show: doubt })
  })

  it('is not in doubt after what the server did not run', async () => {
    await expectReports(
      [
        ...prepare,
        client(query('SELEKT 1'), query('EXECUTE nosuch'), query('FETCH nosuch')),
        server(failure('42601'), ready(), failure('26000'), ready(), failure('34000'), ready()),
        client(parse('', 'SELECT boom'), query(hidden), sync()),
        server(failure('42703'), ready()),
        ...again,
      ],
      `1 1 simple failure - 42601 0 "SELEKT 1" tx 1/idle certain
       2 2 simple failure - 26000 0 "EXECUTE nosuch" tx 2/idle certain
       3 3 simple failure - 34000 0 "FETCH nosuch" tx 3/idle certain
       4 4 extended/Parse failure - 42703 0 "SELECT boom" tx 4/idle certain
       5 5 simple skipped - - 0 "DO $$ begin end $$" tx 4/idle certain
       6 6 extended success SELECT 1 - 1 "SELECT 1" tx 5/idle certain`,
      { show: doubt },
    )
  })

  it('is never the unnamed one, which SQL cannot reach', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT 1'), bind('', ''), parse('h', hidden), bind('h', 'h')),
        client(execute('h'), execute(), bind('', ''), execute(), sync()),
        server(parseComplete(), bindComplete(), parseComplete(), bindComplete(), complete('DO')),
        server(complete('SELECT 1'), bindComplete(), complete('SELECT 1'), ready()),
      ],
      `1 1 extended success DO - 0 "DO $$ begin end $$" tx 1/idle certain
       2 2 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle certain
       3 3 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle certain, path too`,
      { show: doubt },
    )
  })

  it('passes its doubt on to the portals bound to it, and keeps it from those bound before', async () => {
    await expectReports(
      [
        client(parse('s', 'SELECT 1'), bind('', 's'), parse('h', hidden), bind('h', 'h')),
        client(execute('h'), execute(), bind('', 's'), execute(), sync()),
        server(parseComplete(), bindComplete(), parseComplete(), bindComplete(), complete('DO')),
        server(complete('SELECT 1'), bindComplete(), complete('SELECT 1'), ready()),
      ],
      `1 1 extended success DO - 0 "DO $$ begin end $$" tx 1/idle certain
       2 2 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle certain
       3 3 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle doubted, path too`,
      { show: doubt },
    )
  })

  it('is a cursor or portal as well', async () => {
    await expectReports(
      [
        client(query('BEGIN; DECLARE c CURSOR FOR SELECT 1'), parse('', 'SELECT 2'), bind('p', '')),
        client(sync()),
        server(complete('BEGIN'), complete('DECLARE CURSOR'), ready('T'), parseComplete()),
        server(bindComplete(), ready('T')),
        client(query('SELECT spy(); FETCH c; FETCH p'), query(`${hidden}; FETCH p; MOVE c`)),
        server(complete('SELECT 1'), complete('FETCH 1'), complete('FETCH 1'), ready('T')),
        server(complete('DO'), complete('FETCH 1'), complete('MOVE 1'), ready('T')),
        closed,
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle certain
       2 2 simple success DECLARE CURSOR - 0 "DECLARE c CURSOR FOR SELECT 1" tx 1/open certain
       3 3 simple success SELECT 1 - 1 "SELECT spy()" tx 1/open certain
       4 4 simple success FETCH 1 - 1 "FETCH c" tx 1/open doubted, path too
       5 5 simple success FETCH 1 - 1 "FETCH p" tx 1/open certain, path too
       6 6 simple success DO - 0 "DO $$ begin end $$" tx 1/open certain, path too
       7 7 simple success FETCH 1 - 1 "FETCH p" tx 1/open doubted, path too
       8 8 simple success MOVE 1 - 1 "MOVE c" tx 1/open doubted, path too
       transaction end: rolled back, connection ended, -, tx 1/open, 8 recorded`,
      { show: doubt },
    )
  })

  it('may have done anything to settings when it ran', async () => {
    await expectReports(
      [
        ...run('PREPARE p AS SELECT 2', 'PREPARE'),
        ...run(hidden, 'DO'),
        ...run('SET search_path = a', 'SET'),
        ...run('SET ROLE bob', 'SET'),
        client(parse('x', 'EXECUTE p'), bind('', 'x'), execute(), sync(), ask('SELECT 3'), sync()),
        server(done('SELECT 1'), ready(), done('SELECT 1'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p AS SELECT 2" tx 1/idle certain
       2 2 simple success DO - 0 "DO $$ begin end $$" tx 2/idle certain
       3 3 simple success SET - 0 "SET search_path = a" tx 3/idle certain, path too
       4 4 simple success SET - 0 "SET ROLE bob" tx 4/idle certain, path too
       5 5 extended success SELECT 1 - 1 "EXECUTE p" tx 5/idle doubted
       6 6 extended success SELECT 1 - 1 "SELECT 3" tx 6/idle certain, path too`,
      { show: doubt },
    )
  })
})
