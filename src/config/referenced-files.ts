import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConfigIssue } from './config-error.js'
import { readSealKey } from './seal-key.js'
import { errorText, printable, readSecretFile } from './secrets.js'
import { type Tree, valueAt } from './tree.js'

/**
 * Looks at the files that TLS and the seals need, so that `check` finds what would fail at the
 * first handshake or at the start. The files are read again when they are used.
 */
export function referencedFileIssues(raw: Tree): readonly ConfigIssue[] {
  const fileAt = (...path: string[]): string | undefined => {
    const value = valueAt(raw, path)
    return typeof value === 'string' ? value : undefined
  }
  const tls_issues = ['listen', 'upstream'].flatMap((side) => {
    const authorities = side === 'listen' ? 'client_ca' : 'ca'
    return [
      ...pairIssues(`${side}.tls`, fileAt(side, 'tls', 'cert'), fileAt(side, 'tls', 'key')),
      ...certificateIssues(`${side}.tls.${authorities}`, fileAt(side, 'tls', authorities)),
    ]
  })
  return [...tls_issues, ...sealKeyIssues(fileAt('audit', 'seal', 'key'))]
}

function sealKeyIssues(file: string | undefined): readonly ConfigIssue[] {
  if (file === undefined) return []
  const key = readSealKey(file)
  return key.ok ? [] : [fileIssue('audit.seal.key', file, key.reason, key.hint)]
}

function fileIssue(path: string, file: string, reason: string, hint: string): ConfigIssue {
  const value = printable(file)
  return { code: 'config.invalid', path, ...(value === undefined ? {} : { value }), reason, hint }
}

function certificateIssues(path: string, file: string | undefined): readonly ConfigIssue[] {
  return file === undefined ? [] : readCertificate(path, file).issues
}

function readCertificate(
  path: string,
  file: string,
): { readonly certificate?: X509Certificate; readonly issues: readonly ConfigIssue[] } {
  let pem: Buffer
  try {
    pem = readFileSync(file)
  } catch (error) {
    const reason = `cannot be read: ${errorText(error)}`
    return { issues: [fileIssue(path, file, reason, 'Check the path and its permissions.')] }
  }
  try {
    return { certificate: new X509Certificate(pem), issues: [] }
  } catch (error) {
    const reason = `holds no certificate: ${errorText(error)}`
    return { issues: [fileIssue(path, file, reason, 'It must be PEM, the own certificate first.')] }
  }
}

function pairIssues(
  section: string,
  cert_file: string | undefined,
  key_file: string | undefined,
): readonly ConfigIssue[] {
  if (cert_file === undefined || key_file === undefined) return []
  const { certificate, issues } = readCertificate(`${section}.cert`, cert_file)
  const key_path = `${section}.key`
  const key_text = readSecretFile(key_file)
  if (!key_text.ok) {
    return [...issues, fileIssue(key_path, key_file, key_text.reason, key_text.hint)]
  }
  try {
    const key = createPrivateKey(key_text.value)
    if (certificate === undefined || certificate.checkPrivateKey(key)) return issues
    const hint = 'Certificate and key must be of one pair; the own certificate stands first.'
    return [fileIssue(key_path, key_file, `does not belong to ${cert_file}`, hint)]
  } catch (error) {
    const reason = `holds no usable private key: ${errorText(error)}`
    return [...issues, fileIssue(key_path, key_file, reason, 'It must be PEM without passphrase.')]
  }
}
