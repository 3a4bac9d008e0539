import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf } from '../support/proxy.js'

/** The example of the founding document, as an application would run it. */
const create_account = 'CREATE TABLE account (id int, name text, password text, description text)'
const insert_account = "INSERT INTO account VALUES (1, 'user1', 'HASH1', 'blah, blah')"
const select_account = 'SELECT * FROM account'

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres()
})

afterAll(async () => {
  await postgres.stop()
})

describe('the founding story', () => {
  it('records INSERT and SELECT on myschema.account for READ and WRITE, and not CREATE TABLE', async () => {
    const proxy = await startProxy(postgres, {
      rules: [{ name: 'data', class: ['READ', 'WRITE'] }],
    })
    await proxy.catalogKnown()
    const client = await proxy.client({ application_name: 'story' })
    await client.query('CREATE SCHEMA myschema')
    await client.query('SET search_path TO myschema, public')
    await client.query(create_account)
    await client.query(insert_account)
    await client.query(select_account)
    await client.query('DROP SCHEMA myschema CASCADE')
    const records = statementsOf(await proxy.finish()).filter(
      (record) => record.session?.['application'] === 'story',
    )
    expect(records.map((record) => [record.class, record.command, record.statement?.text])).toEqual(
      [
        ['WRITE', 'INSERT', insert_account],
        ['READ', 'SELECT', select_account],
      ],
    )
    for (const record of records) {
      expect(record.objects).toMatchObject([
        { name: 'myschema.account', type: 'TABLE', resolved: 'catalog' },
      ])
      expect(record.rules).toEqual(['data'])
      expect(record.outcome).toBe('success')
      expect(record.rows).toBe(1)
      expect(record.sqlstate).toBe('00000')
    }
  })

  it('adds logins, refused logins and failures for CONNECT and ERROR', async () => {
    const proxy = await startProxy(postgres, {
      rules: [{ name: 'all', class: ['READ', 'WRITE', 'CONNECT', 'ERROR'] }],
    })
    const client = await proxy.client({ application_name: 'story' })
    await expect(proxy.client({ password: 'wrong' })).rejects.toThrow(/password authentication/)
    await expect(client.query('SELECT secret FROM nowhere')).rejects.toThrow(/nowhere/)
    await client.end()
    const records = await proxy.finish()
    const connects = records.filter((record) => record.class === 'CONNECT')
    expect(connects.map((record) => record.command)).toEqual([
      'connection received',
      'connection authorized',
      'connection received',
      'authentication failed',
      'disconnection',
    ])
    expect(connects[3]).toMatchObject({ outcome: 'failure', sqlstate: '28P01' })
    expect(connects[3]?.message).toContain('password authentication failed')
    expect(connects[1]?.session).toMatchObject({
      user: 'postgres',
      database: 'postgres',
      application: 'story',
      client_ip: '127.0.0.1',
      auth: 'scram-sha-256',
    })
    expect(statementsOf(records)).toMatchObject([
      {
        class: 'READ',
        command: 'SELECT',
        outcome: 'failure',
        sqlstate: '42P01',
        message: 'relation "nowhere" does not exist',
        statement: { text: 'SELECT secret FROM nowhere' },
      },
    ])
  })
})
