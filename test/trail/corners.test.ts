import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTrail } from '../../src/trail/file-trail.js'
import { log, verifyDirectory } from './tampering/sealed-trail.js'
import {
  body,
  fileNames,
  findFaults,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
  WriterHarness,
} from './trail-fixture.js'

const seal = { every_ms: 10_000, records: 10 }
const is_root = process.getuid?.() === 0
const trail_module = new URL('../../dist/trail/file-trail.js', import.meta.url).href

let directory: string

beforeEach(() => {
  directory = scratchDirectory()
})

afterEach(() => {
  removeDirectory(directory)
  fs.rmSync(`${directory}.server.log`, { force: true })
  fs.rmSync(`${directory}.mjs`, { force: true })
})

/** Writes a trail in a process of its own, with these changes of the options; gives what it said. */
function writeElsewhere(changes: object, uid?: number): string {
  const options = { ...trailOptions(directory, { rotate: { age_ms: 0, size_bytes: 4_096 }, seal }) }
  const program = `
    import { openTrail } from ${JSON.stringify(trail_module)}
    const say = (object, message) => console.log(message, object.errno ?? '')
    const options = ${JSON.stringify({ ...options, ...changes })}
    const trail = await openTrail(options, { info() {}, warn: say, error: say })
    for (let n = 1; n <= 100; n++) trail.append('"instance":"test","n":' + n + ',"padding":""}')
    await trail.close('test')
    console.log(trail.state.uncopied_seals, 'seals are missing')
    process.exit(0)`
  const file = `${directory}.mjs`
  fs.writeFileSync(file, program)
  return execFileSync(process.execPath, [file], {
    encoding: 'utf8',
    timeout: 60_000,
    ...(uid !== undefined && { uid, gid: uid }),
  })
}

describe('an anchor', () => {
  it('that is a pipe which nobody reads holds up nothing, the end of the process least of all', () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    const said = writeElsewhere({ seal: { ...seal, copy: pipe } })
    expect(said).toContain('a seal could not be copied to the anchor ENXIO')
    expect(Number(/(\d+) seals are missing/.exec(said)?.[1])).toBeGreaterThan(9)
  })

  it.skipIf(!is_root)(
    'that was full for a while has whole lines again behind a cut one',
    async () => {
      const small = fs.mkdtempSync(join(tmpdir(), 'pgwitness-anchor-'))
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', small])
      try {
        const anchor = join(small, 'seals')
        const filler = join(small, 'filler')
        const trail = await openTrail(
          trailOptions(directory, { seal: { ...seal, copy: anchor } }),
          log,
        )
        const appendMore = async () => {
          for (let n = 1; n <= 50; n++) trail.append(body(n))
          await trail.flush()
        }
        await appendMore()
        fs.writeFileSync(filler, Buffer.alloc(8_192))
        while (trail.state.uncopied_seals === 0) await appendMore()
        fs.rmSync(filler)
        fs.truncateSync(anchor, Math.floor(fs.statSync(anchor).size * 0.9))
        await appendMore()
        await trail.close('test')
        const lines = fs.readFileSync(anchor, 'utf8').split('\n')
        expect(() => JSON.parse(lines.at(-2) ?? '')).not.toThrow()
        const told = await verifyDirectory(directory, { unsigned: true, anchor })
        expect(told.findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
      } finally {
        execFileSync('umount', ['-l', small])
        fs.rmdirSync(small)
      }
    },
  )
})

describe('verify', () => {
  it('finds a torn end that was altered or removed after it was moved away', async () => {
    const first = new WriterHarness(trailOptions(directory, { seal })).start()
    first.append(1, 30)
    first.flush()
    const torn = `${join(directory, first.currentFile)}.torn`
    fs.appendFileSync(join(directory, first.currentFile), '{"v":1,"tra')
    new WriterHarness(trailOptions(directory, { seal })).start().close()
    const told = await verifyDirectory(directory, { unsigned: true })
    expect(told.findings.join()).toContain('cut short by a crash (11 bytes)')
    fs.writeFileSync(torn, '{"v":1,"trA')
    const altered = await verifyDirectory(directory, { unsigned: true })
    expect(altered.verdict).toBe(1)
    expect(altered.findings.join('\n')).toMatch(/altered: .*\.torn: the torn end of .* was altered/)
    fs.rmSync(torn)
    const removed = await verifyDirectory(directory, { unsigned: true })
    expect(removed.findings.join('\n')).toMatch(/altered: .*\.torn: .* is missing/)
  })

  it('takes a trail whose key was changed with both keys, and not with one', async () => {
    const pairs = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
    for (const { privateKey } of pairs) {
      const options = trailOptions(directory, { seal: { ...seal, key: privateKey } })
      const harness = new WriterHarness(options).start()
      harness.append(1, 30)
      harness.close()
    }
    const keys = pairs.map(({ publicKey }) => publicKey)
    expect(await verifyDirectory(directory, { keys })).toEqual({ verdict: 0, findings: [] })
    for (const key of keys) {
      const { verdict, findings } = await verifyDirectory(directory, { keys: [key] })
      expect(verdict).toBe(1)
      expect(findings.join()).toContain('or the key was changed: give both')
    }
  })

  it('says that the clock went back, which is no alteration', async () => {
    const harness = new WriterHarness(trailOptions(directory, { seal })).start()
    harness.append(1, 30)
    harness.flush()
    harness.clock.setWall(-3_600_000)
    harness.append(31, 60)
    harness.close()
    const { verdict, findings } = await verifyDirectory(directory, { unsigned: true })
    expect(verdict).toBe(0)
    expect(findings.join()).toContain('note: ')
    expect(findings.join()).toContain('the clock went back')
  })
})

describe.skipIf(!is_root)(
  'as a user whom modes bind (skips without root, who may be another)',
  () => {
    it('files of mode 0000 are written, rotated and followed, though never read again', async () => {
      fs.chownSync(directory, 65_534, 65_534)
      const server_log = { path: join(directory, 'server.log') }
      for (let start = 0; start < 2; start++) writeElsewhere({ file_mode: 0, server_log }, 65_534)
      const names = fileNames(directory)
      expect(names.length).toBeGreaterThan(4)
      for (const name of names) {
        expect(fs.statSync(join(directory, name)).mode & 0o7777).toBe(0)
      }
      const lines = await storedLines(directory)
      for (const epoch of [1, 2]) {
        const texts = lines.filter(({ record }) => record.epoch === epoch).map(({ text }) => text)
        expect(texts.length).toBeGreaterThan(100)
        expect(findFaults(texts)).toEqual([])
      }
      const { verdict, findings } = await verifyDirectory(directory, { unsigned: true })
      expect(verdict, findings.join('\n')).toBe(2)
      expect(findings.join('\n')).toContain('which could not be read when it was begun')
      expect(findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
    })
  },
)

describe('a symbolic link to the directory', () => {
  it('leads to the same lock, so that two instances do not meet there', async () => {
    const link = `${directory}.link`
    fs.symlinkSync(directory, link)
    const trail = await openTrail(trailOptions(directory, { seal }), log)
    try {
      const other = openTrail(trailOptions(link, { seal }), log)
      await expect(other).rejects.toMatchObject({ code: 'trail.locked' })
    } finally {
      await trail.close('test')
      fs.rmSync(link)
    }
  })

  it.skipIf(!is_root)('and so does another mount of it', async () => {
    const other_path = fs.mkdtempSync(join(tmpdir(), 'pgwitness-bound-'))
    execFileSync('mount', ['--bind', directory, other_path])
    const trail = await openTrail(trailOptions(directory, { seal }), log)
    try {
      const other = openTrail(trailOptions(other_path, { seal }), log)
      await expect(other).rejects.toMatchObject({ code: 'trail.locked' })
    } finally {
      await trail.close('test')
      execFileSync('umount', ['-l', other_path])
      fs.rmdirSync(other_path)
    }
  })
})
