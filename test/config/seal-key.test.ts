import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.js'
import { loadSealKey } from '../../src/config/seal-key.js'

const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-seal-key-'))
const key = join(scratch, 'seal.key')

afterAll(() => rmSync(scratch, { recursive: true }))

function write(pem: string | Buffer, mode: number): void {
  writeFileSync(key, pem)
  chmodSync(key, mode)
}

test('a key of the right kind that others may not read is taken, and no other', () => {
  const settings = { audit: { seal: { key } } }
  const options = { type: 'pkcs8', format: 'pem' } as const
  write(generateKeyPairSync('ed25519').privateKey.export(options), 0o600)
  expect(loadConfig({ settings }).audit.seal.key).toBe(key)
  expect(loadSealKey(key).asymmetricKeyType).toBe('ed25519')
  chmodSync(key, 0o644)
  expect(() => loadConfig({ settings })).toThrow(/audit\.seal\.key/)
  expect(() => loadSealKey(key)).toThrow(/audit\.seal\.key/)
  write(generateKeyPairSync('x25519').privateKey.export(options), 0o600)
  expect(() => loadConfig({ settings })).toThrow(/holds a key of type x25519/)
  write('nothing', 0o600)
  expect(() => loadConfig({ settings })).toThrow(/holds no usable private key/)
})
