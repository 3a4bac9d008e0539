import { describe, expect, it } from 'vitest'
import { client, Dialogue, expectReports, type Show, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  complete,
  done,
  execute,
  failure,
  parse,
  parseComplete,
  query,
  ready,
  setting,
  sync,
} from '../support/messages.js'

const path: Show = ({ context }) =>
  `${context.search_path}${context.search_path_doubted ? ' doubted' : ''}`
const who: Show = ({ context }) => `${context.session_user} as ${context.current_user}`

describe('search_path', () => {
  it('follows SET, from the next statement on', async () => {
    await expectReports(
      [
        client(query('SET search_path = a, "B"; SELECT 1')),
        server(complete('SET'), complete('SELECT 1'), ready()),
        client(query('RESET search_path'), query('SELECT 2')),
        server(complete('RESET'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SET - 0 "SET search_path = a, \\"B\\"" tx 1/idle $user,public
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle a,B
       3 3 simple success RESET - 0 "RESET search_path" tx 2/idle a,B
       4 4 simple success SELECT 1 - 1 "SELECT 2" tx 3/idle $user,public`,
      { show: path },
    )
  })

  it('is not set by what failed, nor by what failed later in the same Query (corner 21)', async () => {
    await expectReports(
      [
        client(query('SET search_path = a; SELECT boom'), query('SET search_path TO DEFAULT x')),
        client(query('SELECT 1')),
        server(complete('SET'), failure('42703'), ready(), failure('42601'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SET - 0 "SET search_path = a" tx 1/idle $user,public
       2 2 simple failure - 42703 0 "SELECT boom" tx 1/idle a
       transaction end: rolled back, error in the same transaction, 42703, tx 1/idle, 1 recorded
       3 3 simple failure - 42601 0 "SET search_path TO DEFAULT x" tx 2/idle $user,public
       4 4 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle $user,public`,
      { show: path },
    )
  })

  it('follows ROLLBACK, SET LOCAL and savepoints', async () => {
    const steps = [
      ['BEGIN', 'BEGIN', 'T'],
      ['SET search_path = a', 'SET', 'T'],
      ['SAVEPOINT s', 'SAVEPOINT', 'T'],
      ['SET LOCAL search_path = b', 'SET', 'T'],
      ['SELECT 1', 'SELECT 1', 'T'],
      ['ROLLBACK TO s', 'ROLLBACK', 'T'],
      ['SET LOCAL search_path = c', 'SET', 'T'],
      ['COMMIT', 'COMMIT', 'I'],
      ['SELECT 2', 'SELECT 1', 'I'],
      ['BEGIN; SET search_path = d; ROLLBACK', '', 'I'],
      ['SELECT 3', 'SELECT 1', 'I'],
    ] as const
    await expectReports(
      steps.flatMap(([text, tag, status]) => [
        client(query(text)),
        tag === ''
          ? server(complete('BEGIN'), complete('SET'), complete('ROLLBACK'), ready(status))
          : server(complete(tag), ready(status)),
      ]),
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle $user,public
       2 2 simple success SET - 0 "SET search_path = a" tx 1/open $user,public
       3 3 simple success SAVEPOINT - 0 "SAVEPOINT s" tx 1/open a
       4 4 simple success SET - 0 "SET LOCAL search_path = b" tx 1/open a
       5 5 simple success SELECT 1 - 1 "SELECT 1" tx 1/open b
       6 6 simple success ROLLBACK - 0 "ROLLBACK TO s" tx 1/open b
       7 7 simple success SET - 0 "SET LOCAL search_path = c" tx 1/open a
       8 8 simple success COMMIT - 0 "COMMIT" tx 1/open c
       9 9 simple success SELECT 1 - 1 "SELECT 2" tx 2/idle a
       10 10 simple success BEGIN - 0 "BEGIN" tx 3/idle a
       11 11 simple success SET - 0 "SET search_path = d" tx 3/open a
       12 12 simple success ROLLBACK - 0 "ROLLBACK" tx 3/open d
       13 13 simple success SELECT 1 - 1 "SELECT 3" tx 4/idle a`,
      { show: path },
    )
  })

  it('ends a SET LOCAL with the implicit transaction', async () => {
    await expectReports(
      [
        client(query('SET LOCAL search_path = a; SELECT 1'), query('SELECT 2')),
        server(complete('SET'), complete('SELECT 1'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SET - 0 "SET LOCAL search_path = a" tx 1/idle $user,public
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle a
       3 3 simple success SELECT 1 - 1 "SELECT 2" tx 2/idle $user,public`,
      { show: path },
    )
  })

  it('of a portal is that of its Bind (corner 11)', async () => {
    await expectReports(
      [
        client(parse('s', 'SELECT * FROM t'), bind('p', 's'), ask('SET search_path = a')),
        client(execute('p'), bind('q', 's'), execute('q'), sync()),
        server(parseComplete(), bindComplete(), done('SET'), complete('SELECT 0')),
        server(bindComplete(), complete('SELECT 0'), ready()),
      ],
      `1 1 extended success SET - 0 "SET search_path = a" tx 1/idle $user,public
       2 2 extended success SELECT 0 - 0 "SELECT * FROM t" tx 1/idle $user,public
       3 3 extended success SELECT 0 - 0 "SELECT * FROM t" tx 1/idle a`,
      { show: path },
    )
  })

  it('is in doubt after code that nobody sees, until it is set again or undone', async () => {
    await expectReports(
      [
        client(query('DO $$ begin end $$'), query('SELECT 1')),
        server(complete('DO'), ready(), complete('SELECT 1'), ready()),
        client(query('SET search_path = a'), query('SET ROLE bob'), query('SELECT 2')),
        server(complete('SET'), ready(), complete('SET'), ready(), complete('SELECT 1'), ready()),
        client(query('BEGIN; DO $$ begin end $$; SELECT 3; ROLLBACK'), query('SELECT 4')),
        server(complete('BEGIN'), complete('DO'), complete('SELECT 1'), complete('ROLLBACK')),
        server(ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success DO - 0 "DO $$ begin end $$" tx 1/idle $user,public
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle $user,public doubted
       3 3 simple success SET - 0 "SET search_path = a" tx 3/idle $user,public doubted
       4 4 simple success SET - 0 "SET ROLE bob" tx 4/idle a doubted
       5 5 simple success SELECT 1 - 1 "SELECT 2" tx 5/idle a
       6 6 simple success BEGIN - 0 "BEGIN" tx 6/idle a
       7 7 simple success DO - 0 "DO $$ begin end $$" tx 6/open a
       8 8 simple success SELECT 1 - 1 "SELECT 3" tx 6/open a doubted
       9 9 simple success ROLLBACK - 0 "ROLLBACK" tx 6/open a doubted
       10 10 simple success SELECT 1 - 1 "SELECT 4" tx 7/idle a`,
      { show: path },
    )
  })

  it('is in doubt after a procedure that failed, because it may have committed inside', async () => {
    await expectReports(
      [
        client(query('CALL p()'), query('SELECT 1')),
        server(failure('P0001'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple failure - P0001 0 "CALL p()" tx 1/idle $user,public
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle $user,public doubted`,
      { show: path },
    )
  })

  // PostgreSQL 18 reports it, just before ReadyForQuery.
  it('is what the server reports, for what comes after the report', async () => {
    await expectReports(
      [
        server(setting('search_path', '"$user", public')),
        client(query('SELECT 1; DO $$ begin end $$')),
        server(
          complete('SELECT 1'),
          complete('DO'),
          setting('search_path', 'hidden, "X y"'),
          ready(),
        ),
        client(ask('SELECT 2'), ask('SELECT 3'), sync()),
        server(done('SELECT 1'), done('SELECT 1'), setting('search_path', 'other'), ready()),
        client(query('SELECT 4')),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle $user,public
       2 2 simple success DO - 0 "DO $$ begin end $$" tx 1/idle $user,public
       3 3 extended success SELECT 1 - 1 "SELECT 2" tx 2/idle hidden,X y
       4 4 extended success SELECT 1 - 1 "SELECT 3" tx 2/idle hidden,X y
       5 5 simple success SELECT 1 - 1 "SELECT 4" tx 3/idle other`,
      { show: ({ context }) => String(context.search_path) },
    )
  })

  it('is reset to what the server reported at the login', async () => {
    await expectReports(
      [
        client(query('SET search_path = a'), query('RESET search_path'), query('SELECT 1')),
        server(complete('SET'), setting('search_path', 'a'), ready()),
        server(complete('RESET'), setting('search_path', 'of_the_role'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SET - 0 "SET search_path = a" tx 1/idle of_the_role
       2 2 simple success RESET - 0 "RESET search_path" tx 2/idle a
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle of_the_role`,
      { show: path, login: [setting('search_path', 'of_the_role')] },
    )
    const dialogue = await new Dialogue({ login: [setting('search_path', 'of_the_role')] }).playAll(
      [
        client(query('SET search_path = a; RESET search_path; SELECT 1')),
        server(complete('SET'), complete('RESET'), complete('SELECT 1'), ready()),
      ],
    )
    const paths = dialogue.reports.map(
      (report) => report.kind === 'execution' && String(report.context.search_path),
    )
    expect(paths).toEqual(['of_the_role', 'a', 'of_the_role'])
  })

  it('is in doubt after an EXECUTE or FETCH of what nobody saw being made', async () => {
    await expectReports(
      [
        client(query('EXECUTE unseen'), query('SELECT 1')),
        server(complete('SELECT 1'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SELECT 1 - 1 "EXECUTE unseen" tx 1/idle $user,public
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle $user,public doubted`,
      { show: path },
    )
  })

  it('survives PREPARE TRANSACTION and is reset by DISCARD ALL', async () => {
    await expectReports(
      [
        client(query("BEGIN; SET search_path = a; PREPARE TRANSACTION 'x'"), query('DISCARD ALL')),
        client(query('SELECT 1')),
        server(complete('BEGIN'), complete('SET'), complete('PREPARE TRANSACTION'), ready()),
        server(complete('DISCARD ALL'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle $user,public
       2 2 simple success SET - 0 "SET search_path = a" tx 1/open $user,public
       3 3 simple success PREPARE TRANSACTION - 0 "PREPARE TRANSACTION 'x'" tx 1/open a
       4 4 simple success DISCARD ALL - 0 "DISCARD ALL" tx 2/idle a
       5 5 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle $user,public`,
      { show: path },
    )
  })
})

describe('who a session is', () => {
  it('follows SET ROLE and SET SESSION AUTHORIZATION', async () => {
    const texts = [
      'SET ROLE bob',
      'SELECT 1',
      'SET SESSION AUTHORIZATION carol',
      'SELECT 2',
      'SET ROLE dave',
      'RESET ROLE',
      'SET SESSION AUTHORIZATION DEFAULT',
      'SELECT 3',
      'SET ROLE bob',
      'RESET ALL',
      'SET ROLE NONE',
      'SELECT 4',
    ]
    const tag = (text: string) =>
      text.startsWith('SELECT') ? 'SELECT 1' : text.startsWith('RESET') ? 'RESET' : 'SET'
    await expectReports(
      texts.flatMap((text) => [client(query(text)), server(complete(tag(text)), ready())]),
      `1 1 simple success SET - 0 "SET ROLE bob" tx 1/idle alice as alice
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle alice as bob
       3 3 simple success SET - 0 "SET SESSION AUTHORIZATION carol" tx 3/idle alice as bob
       4 4 simple success SELECT 1 - 1 "SELECT 2" tx 4/idle carol as carol
       5 5 simple success SET - 0 "SET ROLE dave" tx 5/idle carol as carol
       6 6 simple success RESET - 0 "RESET ROLE" tx 6/idle carol as dave
       7 7 simple success SET - 0 "SET SESSION AUTHORIZATION DEFAULT" tx 7/idle carol as carol
       8 8 simple success SELECT 1 - 1 "SELECT 3" tx 8/idle alice as alice
       9 9 simple success SET - 0 "SET ROLE bob" tx 9/idle alice as alice
       10 10 simple success RESET - 0 "RESET ALL" tx 10/idle alice as bob
       11 11 simple success SET - 0 "SET ROLE NONE" tx 11/idle alice as bob
       12 12 simple success SELECT 1 - 1 "SELECT 4" tx 12/idle alice as alice`,
      { show: who },
    )
  })

  it('is what the server reports', async () => {
    await expectReports(
      [
        server(setting('session_authorization', 'alice')),
        client(query('DO $$ begin end $$')),
        server(complete('DO'), setting('session_authorization', 'Eve'), ready()),
        client(query('SELECT 1')),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success DO - 0 "DO $$ begin end $$" tx 1/idle alice as alice
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle Eve as Eve`,
      { show: who },
    )
  })
})

describe('how texts are read', () => {
  const ambiguous: Show = (execution) => (execution.ambiguous ? 'ambiguous' : 'clear')
  const escaped = "SELECT '\\'"

  it('is in doubt for a backslash after standard_conforming_strings went off (corner 20)', async () => {
    await expectReports(
      [
        server(setting('standard_conforming_strings', 'on')),
        // All three at once: the report of the first comes after the third has arrived.
        client(query('SET standard_conforming_strings = off'), query(escaped), query('SELECT 1')),
        server(complete('SET'), setting('standard_conforming_strings', 'off'), ready()),
        server(complete('SELECT 1'), ready(), complete('SELECT 1'), ready()),
        client(query(escaped)),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SET - 0 "SET standard_conforming_strings = off" tx 1/idle clear
       2 2 simple success SELECT 1 - 1 "SELECT '\\\\'" tx 2/idle ambiguous
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle clear
       4 4 simple success SELECT 1 - 1 "SELECT '\\\\'" tx 4/idle ambiguous`,
      { show: ambiguous },
    )
  })

  it('is in doubt within a pipeline that changes it unseen, until ReadyForQuery', async () => {
    await expectReports(
      [
        server(setting('standard_conforming_strings', 'on')),
        client(ask(escaped), ask('SELECT f()'), ask(escaped), sync(), ask(escaped), sync()),
        server(done('SELECT 1'), done('SELECT 1'), done('SELECT 1'), ready()),
        server(done('SELECT 1'), ready()),
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT '\\\\'" tx 1/idle clear
       2 2 extended success SELECT 1 - 1 "SELECT f()" tx 1/idle clear
       3 3 extended success SELECT 1 - 1 "SELECT '\\\\'" tx 1/idle ambiguous
       4 4 extended success SELECT 1 - 1 "SELECT '\\\\'" tx 2/idle clear`,
      { show: ambiguous },
    )
  })

  it('is in doubt for other letters while the encoding changes', async () => {
    await expectReports(
      [
        server(setting('client_encoding', 'UTF8')),
        client(query('SET client_encoding = sjis'), query("SELECT 'é'"), query("SELECT 'e'")),
        server(complete('SET'), setting('client_encoding', 'SJIS'), ready()),
        server(complete('SELECT 1'), ready(), complete('SELECT 1'), ready()),
        client(query(Buffer.from([...Buffer.from("SELECT '"), 0x83, 0x5c, 0x27]))),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SET - 0 "SET client_encoding = sjis" tx 1/idle clear
       2 2 simple success SELECT 1 - 1 "SELECT 'é'" tx 2/idle ambiguous
       3 3 simple success SELECT 1 - 1 "SELECT 'e'" tx 3/idle clear
       4 4 simple success SELECT 1 - 1 "SELECT 'ソ'" tx 4/idle clear`,
      { show: ambiguous },
    )
  })

  it('is in doubt where bytes are no characters', async () => {
    await expectReports(
      [
        client(query(Buffer.from([...Buffer.from("SELECT '"), 0xff, 0x27]))),
        server(failure('22021'), ready()),
      ],
      `1 1 simple failure - 22021 0 "SELECT '\ufffd'" tx 1/idle ambiguous`,
      { show: ambiguous },
    )
  })
})
