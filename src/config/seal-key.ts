import { createPrivateKey, type KeyObject } from 'node:crypto'
import { WitnessError } from '../errors.js'
import { accepted, type Parsed, refused } from './parsed.js'
import { errorText, readSecretFile } from './secrets.js'

const hint = 'It must be an Ed25519 key as `pgwitness keygen` writes it (PEM, without passphrase).'

/** Reads the private key that signs the seals; others may not read its file. */
export function readSealKey(path: string): Parsed<KeyObject> {
  const text = readSecretFile(path)
  if (!text.ok) return text
  let key: KeyObject
  try {
    key = createPrivateKey(text.value)
  } catch (error) {
    return refused(`holds no usable private key: ${errorText(error)}`, hint)
  }
  if (key.asymmetricKeyType === 'ed25519') return accepted(key)
  return refused(`holds a key of type ${key.asymmetricKeyType ?? 'unknown'}`, hint)
}

/** The key for a start: a trail that was to be signed is never written without signatures. */
export function loadSealKey(path: string): KeyObject {
  const key = readSealKey(path)
  if (key.ok) return key.value
  throw new WitnessError('config.invalid', `audit.seal.key: ${path} ${key.reason}. ${key.hint}`)
}
