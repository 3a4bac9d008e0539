import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FormerReadings } from '../../src/catalog/former-readings.js'
import { Layer } from '../../src/catalog/layer.js'
import { limits } from '../../src/lib/limits.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  brief,
  connect,
  context,
  creation,
  openSource,
  reference,
  relation,
  resolve,
  resolveOne,
} from './fixtures.js'

/** Names of records that wait while the catalog is read again. */

let server: ScratchPostgres
let client: Client

beforeAll(async () => {
  server = await startPostgres()
  client = await connect(server)
  await client.query('create schema a; create schema b')
})

afterAll(async () => {
  await client.end()
  await server.stop()
})

/** A clock that a test sets. */
class StillClock {
  now_us = 1_000
  nowMicroseconds(): number {
    return this.now_us
  }
}

const path = () => context({ search_path: ['a', 'b'] })

test('a statement that was answered before a reading has the names of before', async () => {
  await client.query('create table a.gone (); create table b.gone ()')
  const clock = new StillClock()
  const source = await openSource(server, { clock })
  const names = source.open('postgres')
  await source.refresh('postgres')
  names.setLagging(true)
  names.setMoment(clock.now_us)
  clock.now_us += 1
  await client.query('drop table a.gone; create table a.come ()')
  await source.refresh('postgres')
  const drop = relation('gone', { class: 'DDL', access: ['drop'] })
  expect(brief(resolveOne(names, drop, path()))).toBe('a.gone (catalog)')
  // What it does not have may have been made just before the statement.
  expect(brief(resolveOne(names, relation('come'), path()))).toBe('a.come (catalog)')
  expect(resolve(names, relation('nowhere'), path()).missing).toBe(true)
  names.apply({ change: 'drop', object: drop, missing_ok: true }, path())
  names.commit()
  expect(brief(resolveOne(names, relation('gone'), path()))).toBe('b.gone (catalog)')
  // A statement that was answered behind the reading has the names of now.
  names.setMoment(clock.now_us + 1)
  expect(brief(resolveOne(names, relation('gone'), path()))).toBe('b.gone (catalog)')
  names.setLagging(false)
  names.setMoment(0)
  expect(brief(resolveOne(names, relation('gone'), path()))).toBe('b.gone (catalog)')
  await source.close()
})

test('what sessions did since is over the names of before, however often was read', async () => {
  const clock = new StillClock()
  const source = await openSource(server, { clock })
  const [names, other] = [source.open('postgres'), source.open('postgres')]
  await source.refresh('postgres')
  names.setLagging(true)
  names.setMoment(clock.now_us)
  for (const name of ['first', 'second']) {
    clock.now_us += 1
    other.apply(creation(relation(`a.${name}`)), path())
    other.commit()
    await source.refresh('postgres')
    expect(brief(resolveOne(names, relation(name), path()))).toBe(`a.${name} (catalog)`)
  }
  // The server knows of neither: so says whoever does not lag.
  expect(brief(resolveOne(other, relation('first'), path()))).toBe('first (none)')
  await source.close()
})

test('a role that has come since has its rights', async () => {
  const clock = new StillClock()
  const source = await openSource(server, { clock })
  const names = source.open('postgres')
  await source.refresh('postgres')
  names.setLagging(true)
  names.setMoment(clock.now_us)
  clock.now_us += 1
  await client.query(
    'create role newcomer; create table b.its (); grant usage on schema b to newcomer',
  )
  await source.refresh('postgres')
  const its = context({ search_path: ['a', 'b'], current_user: 'newcomer' })
  expect(resolve(names, relation('its'), its)).toMatchObject({
    missing: false,
    objects: [{ name: 'b.its', resolved: 'catalog' }],
  })
  await source.close()
})

test('what is made again is there, though a former reading has it and the present one not', async () => {
  await client.query(`create table a.again (); create function a.anew(int) returns int
    language plpgsql as 'begin end'`)
  const clock = new StillClock()
  const source = await openSource(server, { clock })
  const names = source.open('postgres')
  await source.refresh('postgres')
  names.setLagging(true)
  names.setMoment(clock.now_us)
  clock.now_us += 1
  await client.query('drop table a.again; drop function a.anew')
  await source.refresh('postgres')
  const anew = reference('function', 'anew', { type: 'FUNCTION', arguments: '(integer)' })
  names.apply(creation(anew), path())
  names.apply(creation(relation('again'), { if_not_exists: true }), path())
  names.commit()
  names.setLagging(false)
  expect(brief(resolveOne(names, relation('again'), path()))).toBe('a.again (catalog)')
  const called = reference('function', 'anew', { access: ['execute'] })
  expect(brief(resolveOne(names, called, path()))).toBe('a.anew (catalog)')
  await source.close()
})

test('readings are kept for those alone who wait since before, and few of them', () => {
  const readings = new FormerReadings()
  const [one, other] = [{}, {}]
  const reading = () => ({ snapshot: {} as never, settled: new Layer(), doubts: 0 })
  readings.replaced(reading(), 10)
  expect(readings.at(0)).toBeUndefined()
  readings.lag(one, 20)
  const second = reading()
  readings.replaced(second, 30)
  readings.lag(other, 40)
  const third = reading()
  readings.replaced(third, 50)
  expect(readings.at(25)).toMatchObject(second)
  expect(readings.at(30)).toMatchObject(third)
  expect(readings.at(50)).toBeUndefined()
  readings.caughtUp(one)
  expect(readings.at(25)).toMatchObject(third)
  for (let at_us = 60; at_us < 60 + limits.former_readings; at_us += 1) {
    readings.replaced(reading(), at_us)
  }
  expect(readings.at(45)?.settled).not.toBe(third.settled)
  readings.caughtUp(other)
  expect(readings.at(45)).toBeUndefined()
})
