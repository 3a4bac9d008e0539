import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Disk, real_disk } from '../../src/trail/disk.js'
import { openTrail } from '../../src/trail/file-trail.js'
import { log, verifyDirectory } from './tampering/sealed-trail.js'
import {
  body,
  fileNames,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
  WriterHarness,
} from './trail-fixture.js'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const seal = { key: privateKey, every_ms: 10_000, records: 10_000 }
const keys = [publicKey]

let directory: string
let server_log: string

beforeEach(() => {
  directory = scratchDirectory()
  server_log = `${directory}.server.log`
})

afterEach(() => {
  removeDirectory(directory)
  fs.rmSync(server_log, { force: true })
})

async function sealCount(): Promise<number> {
  return (await storedLines(directory)).filter(({ record }) => record.command === 'audit.seal')
    .length
}

/** A disk whose audit files fail when told to; the server log goes on. */
function faultyDisk(): { readonly disk: Disk; fault: 'write' | 'sync' | undefined } {
  const audit = new Set<number>()
  const state: { disk: Disk; fault: 'write' | 'sync' | undefined } = {
    fault: undefined,
    disk: {
      ...real_disk,
      openSync: (path, flags, mode) => {
        const fd = fs.openSync(path, flags, mode)
        if (/audit-[^/]*\.log$/.test(String(path))) audit.add(fd)
        else audit.delete(fd)
        return fd
      },
      writeSync: (fd, bytes, from, length) => {
        if (state.fault === 'write' && audit.has(fd)) throw ioError()
        return fs.writeSync(fd, bytes, from, length)
      },
      fsyncSync: (fd) => {
        if (state.fault === 'sync' && audit.has(fd)) throw ioError()
        fs.fsyncSync(fd)
      },
    },
  }
  return state
}

function ioError(): Error {
  return Object.assign(new Error('EIO: test'), { code: 'EIO' })
}

describe('a seal is written', () => {
  it('when the time is over and there is something to seal, and each minute when not', async () => {
    const harness = new WriterHarness(trailOptions(directory, { seal })).start()
    harness.append(1, 5)
    harness.pass(9_000, 1_000)
    expect(await sealCount()).toBe(0)
    harness.pass(2_000, 1_000)
    expect(await sealCount()).toBe(1)
    harness.pass(50_000, 1_000)
    expect(await sealCount()).toBe(1)
    harness.pass(11_000, 1_000)
    expect(await sealCount()).toBe(2)
    harness.close()
    expect(await sealCount()).toBe(3)
    expect(await verifyDirectory(directory, { keys })).toEqual({ verdict: 0, findings: [] })
  })

  it('before it would cover more records than it may', async () => {
    const options = trailOptions(directory, { seal: { ...seal, records: 7 } })
    const harness = new WriterHarness(options).start()
    harness.append(1, 100)
    harness.close()
    const records = (await storedLines(directory))
      .filter(({ record }) => record.command === 'audit.seal')
      .map(({ record }) => Number(record.detail?.['records']))
    expect(records.length).toBeGreaterThan(100 / 7)
    expect(Math.max(...records)).toBeLessThanOrEqual(7)
  })

  it('and chained over files and starts, from whichever file has the last one', async () => {
    for (const restart of [1, 2, 3]) {
      const harness = new WriterHarness(trailOptions(directory, { seal })).start()
      harness.append(1, restart)
      if (restart === 2) harness.flush()
      else harness.close()
    }
    const told = await verifyDirectory(directory, { keys })
    expect(told.verdict).toBe(2)
    // The second start was killed, as it were, before its first seal.
    expect(told.findings).toEqual([
      expect.stringMatching(/^gap: .*-0002\.log: the end of the file is not sealed/),
    ])
  })
})

describe('a trail verifies', () => {
  it('while it is written, until its last seal is too old', async () => {
    const trail = await openTrail(trailOptions(directory, { seal }), log)
    try {
      for (let n = 1; n <= 50; n++) trail.append(body(n))
      await trail.flush()
      expect(await verifyDirectory(directory, { unsigned: true })).toMatchObject({
        verdict: 3,
        findings: [expect.stringContaining('the trail holds no seal')],
      })
    } finally {
      await trail.close('test')
    }
    const again = await openTrail(trailOptions(directory, { seal }), log)
    try {
      again.append(body(1))
      await again.flush()
      expect(await verifyDirectory(directory, { keys })).toEqual({ verdict: 0, findings: [] })
      const later = await verifyDirectory(directory, { keys, later_ms: 600_000 })
      expect(later.verdict).toBe(2)
      expect(later.findings[0]).toMatch(/-0002\.log: the end of the file is not sealed/)
    } finally {
      await again.close('test')
    }
  })

  it('after retention has removed files, but not when others are removed as well', async () => {
    const options = trailOptions(directory, {
      seal,
      retain: { files: 3 },
      rotate: { age_ms: 3_600_000, size_bytes: 0 },
    })
    const harness = new WriterHarness(options).start()
    harness.append(1, 10)
    harness.pass(6 * 3_600_000, 60_000)
    harness.close()
    const names = fileNames(directory)
    expect(names[0]).not.toContain('0001')
    expect(await verifyDirectory(directory, { keys })).toEqual({ verdict: 0, findings: [] })
    fs.unlinkSync(join(directory, names[0] ?? ''))
    const told = await verifyDirectory(directory, { keys })
    expect(told.verdict).toBe(1)
    expect(told.findings).toEqual([`altered: ${names[0]}: ${missingText(names[1])}`])
  })

  it('with the server log, where records went there', async () => {
    const state = faultyDisk()
    const options = trailOptions(directory, { seal, server_log: { path: server_log } })
    const harness = new WriterHarness(options, { disk: state.disk }).start()
    harness.append(1, 20)
    harness.pass(100)
    state.fault = 'write'
    harness.append(21, 40)
    harness.pass(12_000, 100)
    state.fault = undefined
    harness.pass(6_000, 100)
    harness.append(41, 60)
    harness.close()
    const without = await verifyDirectory(directory, { keys })
    expect(without.verdict).toBe(2)
    expect(without.findings.join('\n')).toMatch(/went to the server log, which was not shown/)
    const shown = await verifyDirectory(directory, { keys, server_log })
    expect(shown.findings.join('\n')).not.toContain('server log')
    expect(shown.findings.join('\n')).not.toContain('missing')
    const text = fs.readFileSync(server_log, 'utf8')
    fs.writeFileSync(server_log, text.replace('"n":30', '"n":31'))
    expect((await verifyDirectory(directory, { keys, server_log })).verdict).toBe(1)
    fs.writeFileSync(server_log, '')
    expect((await verifyDirectory(directory, { keys, server_log })).verdict).toBe(2)
  })

  it.each(['write', 'sync'] as const)(
    'without a sign of alteration when the %s of a seal fails',
    async (fault) => {
      const state = faultyDisk()
      const options = trailOptions(directory, { seal, server_log: { path: server_log } })
      const harness = new WriterHarness(options, { disk: state.disk }).start()
      harness.append(1, 20)
      harness.pass(9_900)
      state.fault = fault
      harness.pass(300)
      state.fault = undefined
      harness.pass(20_000, 100)
      harness.close()
      expect(fileNames(directory)).toHaveLength(2)
      const told = await verifyDirectory(directory, { keys, server_log })
      expect(told.findings.filter((finding) => !finding.startsWith('gap'))).toEqual([])
    },
  )

  it('without a sign of alteration after the writer died and was replaced', async () => {
    const options = trailOptions(directory, { seal: { ...seal, records: 10 } })
    const trail = await openTrail(options, log)
    try {
      for (let round = 0; round < 5; round++) {
        for (let n = 1; n <= 200; n++) trail.append(body(n))
        if (round < 3) await trail.killWriter()
        await trail.flush()
      }
    } finally {
      await trail.close('test')
    }
    expect(fileNames(directory).length).toBeGreaterThan(3)
    const told = await verifyDirectory(directory, { keys })
    expect(told.findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
  })
})

function missingText(by: string | undefined): string {
  return `the file is missing; ${by} follows it, and no sealed audit.expire record tells of its removal`
}

describe('the anchor', () => {
  it('that cannot be written stops nothing, and is told of', async () => {
    const warnings: object[] = []
    const copy = join(directory, 'no', 'such', 'anchor')
    const trail = await openTrail(trailOptions(directory, { seal: { ...seal, copy } }), {
      ...log,
      warn: (object) => warnings.push(object),
    })
    trail.append(body(1))
    await trail.close('test')
    expect(trail.state.uncopied_seals).toBe(1)
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'seal.copy', errno: 'ENOENT' }))
    expect((await verifyDirectory(directory, { keys })).verdict).toBe(0)
  })
})
