import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import type { z } from 'zod'
import { type Detail, detail_schemas } from '../record/detail.js'

/** The detail of an `audit.seal` record; a line of an anchor is the same object. */
export type Seal = Detail<'audit.seal'>

/** What a seal states, before it is signed. */
export type SealStatement = Omit<Seal, 'signature' | 'key'>

/** What stands before the first seal of a trail. */
const genesis = Buffer.alloc(32)

/** Hash of a seal: SHA-256 of the seal before it (or 32 zero bytes) and of the bytes since it. */
export function chainHash(previous: string | undefined, range_sha256: Buffer): string {
  const before = previous === undefined ? genesis : Buffer.from(previous, 'hex')
  return createHash('sha256').update(before).update(range_sha256).digest('hex')
}

/**
 * The bytes that are signed: every field of the statement on a line of its own, in this order, so
 * that no two seals have the same ones and nothing depends on how JSON is written.
 */
function signedBytes(seal: SealStatement): Buffer {
  const lines = [
    'pgwitness seal v1',
    seal.trail,
    seal.epoch,
    // A name may hold anything: as JSON it is one line.
    JSON.stringify(seal.instance),
    seal.file,
    seal.from,
    seal.to,
    seal.records,
    seal.previous_hash ?? 'none',
    seal.hash,
    seal.time,
    seal.next_ms,
    seal.closing === true ? 'closing' : 'open',
  ]
  return Buffer.from(`${lines.join('\n')}\n`)
}

/** Completes a seal; without a key it is a link of the chain that anybody could have made. */
export function signSeal(statement: SealStatement, signer: SealSigner | undefined): Seal {
  if (signer === undefined) return statement
  const signature = sign(null, signedBytes(statement), signer.key).toString('base64')
  return { ...statement, key: signer.fingerprint, signature }
}

/** True when the holder of the private key made this very seal. */
export function isSignedBy(seal: Seal, key: KeyObject): boolean {
  const { signature, key: _fingerprint, ...statement } = seal
  if (signature === undefined) return false
  return verify(null, signedBytes(statement), key, Buffer.from(signature, 'base64'))
}

export interface SealSigner {
  readonly key: KeyObject
  readonly fingerprint: string
}

/** SHA-256 of a public key (DER), hex: names the key in each seal that it checks. */
export function keyFingerprint(public_key: KeyObject): string {
  const der = public_key.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex')
}

const seal_schema: z.ZodType<Seal> = detail_schemas['audit.seal']

/** The value as a seal; undefined for anything else. */
export function readSeal(value: unknown): Seal | undefined {
  const read = seal_schema.safeParse(value)
  return read.success ? read.data : undefined
}
