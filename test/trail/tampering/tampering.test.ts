import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attacks } from './attacks.js'
import {
  filesOf,
  isCopied,
  makeSealedTrail,
  type SealedTrail,
  verifyDirectory,
} from './sealed-trail.js'

describe.each(['json', 'csv'] as const)('a sealed trail (%s)', (format) => {
  let trail: SealedTrail

  beforeAll(async () => {
    trail = await makeSealedTrail(format)
  })

  afterAll(() => fs.rmSync(trail.scratch, { recursive: true, force: true }))

  it('is intact as it was written, and has many files and seals', async () => {
    const { directory, key, anchor } = trail
    expect(filesOf(directory).length).toBeGreaterThanOrEqual(3)
    expect(fs.statSync(anchor).mode & 0o777).toBe(0o600)
    const told = await verifyDirectory(directory, { keys: [key], anchor })
    expect(told).toEqual({ verdict: 0, findings: [] })
    expect((await verifyDirectory(directory, { unsigned: true })).verdict).toBe(0)
  })

  it('is not verified without a key, or by a wrong one', async () => {
    const { directory, key } = trail
    const wrong = generateKeyPairSync('ed25519').publicKey
    expect(await verifyDirectory(directory, {})).toMatchObject({
      verdict: 3,
      findings: [expect.stringContaining('no key was given')],
    })
    expect(await verifyDirectory(directory, { keys: [wrong] })).toMatchObject({
      verdict: 3,
      findings: [expect.stringContaining('it is the wrong key')],
    })
    expect((await verifyDirectory(directory, { keys: [wrong, key] })).verdict).toBe(0)
  })

  const chosen = attacks.filter(({ json_only }) => format === 'json' || json_only !== true)
  it.each(chosen)('shows who $name', async (attack) => {
    const { run, verdict, finding, anchored } = attack
    const copy = join(trail.scratch, 'copy')
    fs.rmSync(copy, { recursive: true, force: true })
    fs.cpSync(trail.directory, copy, { recursive: true, filter: isCopied })
    run(copy, trail)
    const keys = [trail.key]
    const told = await verifyDirectory(copy, { keys })
    expect(told.verdict, told.findings.join('\n')).toBe(verdict)
    if (finding === undefined) expect(told.findings).toEqual([])
    else expect(told.findings.join('\n')).toMatch(finding)
    const by_anchor = await verifyDirectory(copy, { keys, anchor: trail.anchor })
    expect(by_anchor.verdict, by_anchor.findings.join('\n')).toBe(anchored?.verdict ?? verdict)
    if (anchored !== undefined) expect(by_anchor.findings.join('\n')).toMatch(anchored.finding)
  })
})
