import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtFile } from '../../src/lib/built-file.js'
import { DirectoryLock } from '../../src/trail/directory-lock.js'
import { removeDirectory, scratchDirectory } from './trail-fixture.js'

let directory: string
let holder: ChildProcess | undefined

beforeEach(() => {
  directory = scratchDirectory()
})

afterEach(() => {
  holder?.kill('SIGKILL')
  holder = undefined
  removeDirectory(directory)
})

/** Another process that holds the lock until it is killed. */
async function startHolder(): Promise<ChildProcess> {
  const module = builtFile('trail/directory-lock.js').href
  const script = `
    const { DirectoryLock } = await import(${JSON.stringify(module)})
    await DirectoryLock.take(${JSON.stringify(directory)})
    process.stdout.write('held')
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  holder = child
  await once(child.stdout, 'data')
  return child
}

describe('directory lock', () => {
  it('is given to one at a time, and again after its release', async () => {
    const lock = await DirectoryLock.take(directory)
    await expect(DirectoryLock.take(directory)).rejects.toMatchObject({ code: 'trail.locked' })
    expect(lock.in_place).toBe(true)
    await lock.release()
    expect(fs.readdirSync(directory)).toEqual([])
    await (await DirectoryLock.take(directory)).release()
  })

  it('is refused while another process holds it, and taken over when that was killed', async () => {
    const child = await startHolder()
    await expect(DirectoryLock.take(directory)).rejects.toMatchObject({
      code: 'trail.locked',
      message: expect.stringContaining(`process ${child.pid} on `),
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(fs.readdirSync(directory)).toEqual(['.lock.sock'])
    const lock = await DirectoryLock.take(directory)
    expect(lock.in_place).toBe(true)
    await lock.release()
  })

  it('goes to one of many that find a dead holder at once', async () => {
    const child = await startHolder()
    child.kill('SIGKILL')
    await once(child, 'exit')
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => DirectoryLock.take(directory)),
    )
    const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(locks).toHaveLength(1)
    await locks[0]?.release()
  })

  it.skipIf(process.platform !== 'linux')(
    'works where the path is longer than a socket takes',
    async () => {
      const deep = join(directory, 'd'.repeat(120), 'e'.repeat(120))
      fs.mkdirSync(deep, { recursive: true })
      const lock = await DirectoryLock.take(deep)
      await expect(DirectoryLock.take(deep)).rejects.toMatchObject({ code: 'trail.locked' })
      await lock.release()
    },
  )

  it('says when the directory does not show it any more', async () => {
    const lock = await DirectoryLock.take(directory)
    removeDirectory(directory)
    expect(lock.in_place).toBe(false)
    fs.mkdirSync(directory)
    const second = await DirectoryLock.take(directory)
    await lock.release()
    expect(second.in_place).toBe(true)
    await second.release()
  })

  it('is refused with its reason where there is no directory', async () => {
    await expect(DirectoryLock.take(join(directory, 'missing'))).rejects.toMatchObject({
      code: 'trail.directory',
    })
  })
})
