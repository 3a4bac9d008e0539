import { existsSync } from 'node:fs'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { startPostgres } from '../support/postgres.js'

test('a scratch server starts with its settings, restarts on the same port and cleans up', async () => {
  const server = await startPostgres({ settings: { work_mem: '5MB' } })
  const connect = async (host: string) => {
    const client = new Client({ ...server, user: server.superuser, database: 'postgres', host })
    await client.connect()
    const result = await client.query('select current_setting($1) as value', ['work_mem'])
    await client.end()
    return result.rows[0].value
  }
  const port = server.port
  expect(await connect(server.host)).toBe('5MB')
  await server.restart()
  expect(server.port).toBe(port)
  expect(await connect(server.socket_directory)).toBe('5MB')
  expect(server.log()).toContain('ready to accept connections')
  await server.stop()
  expect(existsSync(server.data_directory)).toBe(false)
})
