import { chownSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestCertificates } from '../../support/certificates.js'
import type { ScratchPostgres } from '../../support/postgres.js'
import { serverIdentity } from '../../support/server-identity.js'
import { unprivilegedDirectory } from '../parts/scratch.js'
import { freePort, Service } from '../parts/service.js'

/** Starts pgbouncer with session pooling: what it does then is to relay, without any audit. */
export async function startPgbouncer(
  program: string,
  server: ScratchPostgres,
  connections: number,
  certificates?: TestCertificates,
): Promise<Service> {
  const name = certificates === undefined ? 'pgbouncer' : 'pgbouncer+tls'
  const directory = unprivilegedDirectory(name)
  const port = await freePort()
  const users = join(directory, 'users.txt')
  writeFileSync(users, '"postgres" ""\n')
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: users,
    pool_mode: 'session',
    max_client_conn: connections,
    default_pool_size: connections,
    // Its connections are the server's, who has room for those of one variant at a time.
    server_idle_timeout: 1,
    ignore_startup_parameters: 'extra_float_digits',
    log_connections: 0,
    log_disconnections: 0,
    ...(certificates === undefined ? {} : tlsSettings(directory, certificates)),
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`)
  const databases = `[databases]\n* = host=${server.host} port=${server.port}\n`
  const file = join(directory, 'pgbouncer.ini')
  writeFileSync(file, `${databases}[pgbouncer]\n${lines.join('\n')}\n`)
  return await Service.start(name, port, program, [file], {
    identity: serverIdentity(),
    cwd: directory,
  })
}

function tlsSettings(directory: string, { cert, key }: TestCertificates) {
  const own = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') }
  copyReadable(cert, own.cert)
  copyReadable(key, own.key)
  return {
    client_tls_sslmode: 'require',
    client_tls_cert_file: own.cert,
    client_tls_key_file: own.key,
    server_tls_sslmode: 'require',
  }
}

function copyReadable(from: string, to: string): void {
  const identity = serverIdentity()
  copyFileSync(from, to)
  if (identity !== undefined) chownSync(to, identity.uid, identity.gid)
}
