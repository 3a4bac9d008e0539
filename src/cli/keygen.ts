import { generateKeyPairSync } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { WitnessError } from '../errors.js'
import { keyFingerprint } from '../trail/seal.js'

/**
 * Makes a key pair for the seals: `X.key` (mode 0600) stays with pgwitness, `X.pub` goes to whoever
 * verifies. Nothing that is there already is overwritten. Throws `keygen.failed`.
 */
export function keygen(out: string): number {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key_file = `${out}.key`
  const public_file = `${out}.pub`
  const private_text = privateKey.export({ type: 'pkcs8', format: 'pem' })
  writeNew(key_file, private_text.toString(), 0o600)
  try {
    writeNew(public_file, publicKey.export({ type: 'spki', format: 'pem' }).toString(), 0o644)
  } catch (error) {
    // Half a pair is of no use, and would stand in the way of the next attempt.
    unlinkSync(key_file)
    throw error
  }
  process.stdout.write(
    `${key_file}: the private key, for audit.seal.key; keep it from whoever must not sign\n` +
      `${public_file}: the public key, for pgwitness verify --key\n` +
      `fingerprint (SHA-256): ${keyFingerprint(publicKey)}\n`,
  )
  return 0
}

function writeNew(path: string, text: string, mode: number): void {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode)
    // The umask may have taken bits from the mode.
    fchmodSync(descriptor, mode)
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } catch (cause) {
    if (descriptor !== undefined) unlinkSync(path)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new WitnessError('keygen.failed', `${path} cannot be written: ${reason}`, { cause })
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
