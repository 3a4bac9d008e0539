import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Paths of a self-made authority, a server certificate for localhost, and a client certificate. */
export interface TestCertificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly client_cert: string
  readonly client_key: string
  /** The same client, by the same authority, until yesterday. */
  readonly expired_cert: string
}

/** True when `openssl` is installed; tests of TLS are skipped with that reason otherwise. */
export function opensslInstalled(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Makes certificates with openssl, valid for a day, in a fresh directory. */
export function makeCertificates(): TestCertificates {
  const directory = mkdtempSync(join(tmpdir(), 'pgwitness-tls-'))
  const path = (name: string) => join(directory, name)
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' })
  const key_options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...key_options,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '1',
    '-subj',
    '/CN=test authority',
  )
  // Go and rustls look for a host's name here alone, no longer in the subject.
  writeFileSync(path('names.cnf'), 'subjectAltName=DNS:localhost\n')
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=postgres'],
  ] as const) {
    openssl(
      'req',
      ...key_options,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      subject,
    )
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      `${name}.pem`,
      '-days',
      '1',
      ...(name === 'server' ? ['-extfile', 'names.cnf'] : []),
    )
  }
  const validity = ['-days', '-1', '-out', 'expired.pem']
  openssl('x509', '-req', '-in', 'client.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', ...validity)
  return {
    ca: path('ca.pem'),
    cert: path('server.pem'),
    key: path('server.key'),
    client_cert: path('client.pem'),
    client_key: path('client.key'),
    expired_cert: path('expired.pem'),
  }
}

/** The content of a file, for drivers that take it rather than a path. */
export function contentOf(path: string): string {
  return readFileSync(path, 'utf8')
}
