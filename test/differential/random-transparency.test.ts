import { afterAll, beforeAll, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy } from '../support/proxy.js'
import { randomOf } from '../support/random.js'
import { comparable } from './comparable.js'
import { expectSame } from './expect-same.js'
import { randomConversation } from './random-conversation.js'
import { makeModel, renewDatabase } from './scratch-talk.js'
import { Talk } from './talk.js'

/** PGWITNESS_SEEDS tries others, or more: `7000-7999`. */
const [first = 7_000, last = 7_149] = (process.env['PGWITNESS_SEEDS'] ?? '').match(/\d+/g) ?? []
const seeds = Array.from({ length: Number(last) - Number(first) + 1 }, (_, n) => Number(first) + n)

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
  await makeModel(postgres)
})

afterAll(async () => {
  await postgres.stop()
})

/** Sends all without ever waiting for an answer, in packets of random length. */
async function hold(seed: number, port: number): Promise<readonly string[]> {
  const talk = await Talk.open(port)
  try {
    await talk.login()
    const random = randomOf(seed + 1)
    const bytes = Buffer.concat(randomConversation(seed))
    for (let at = 0, length = 0; at < bytes.length; at += length) {
      length = 1 + random(random(3) === 0 ? 20 : 2_000)
      talk.send(bytes.subarray(at, at + length))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await talk.finish()
    return comparable(talk)
  } finally {
    talk.raw.end()
  }
}

async function holdAll(port: number): Promise<Map<number, readonly string[]>> {
  const answers = new Map<number, readonly string[]>()
  for (const seed of seeds) answers.set(seed, await hold(seed, port))
  return answers
}

it('random pipelines are answered by the same bytes as by the server', async () => {
  await renewDatabase(postgres)
  const straight = await holdAll(postgres.port)
  await renewDatabase(postgres)
  const proxy = await startProxy(postgres)
  try {
    const through = await holdAll(proxy.port)
    for (const seed of seeds) {
      expectSame(through.get(seed), straight.get(seed), `seed ${seed}`)
    }
  } finally {
    await proxy.stop()
  }
}, 300_000)
