/**
 * The image's health check: asks /healthz where the admin pages are on by environment, otherwise
 * connects to the port that applications use. A connection that says nothing leaves no record.
 */
import { connect } from 'node:net'
import { env, exit } from 'node:process'

const timeout_ms = 4_000

/** Nobody connects to "any address". */
function reachable(host) {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

async function askAdmin(host, port) {
  const name = host.includes(':') ? `[${host}]` : host
  const url = `http://${name}:${port}/healthz`
  const response = await fetch(url, { signal: AbortSignal.timeout(timeout_ms) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
}

function tryListener(host, port) {
  const where = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
  return new Promise((resolve, reject) => {
    const socket = connect({ ...where, timeout: timeout_ms })
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => socket.destroy(new Error(`no answer in ${timeout_ms} ms`)))
    socket.once('error', reject)
  })
}

try {
  const admin_host = env['PGWITNESS_ADMIN_HOST']
  const admin_port = env['PGWITNESS_ADMIN_PORT']
  if (admin_host !== undefined || admin_port !== undefined) {
    await askAdmin(reachable(admin_host ?? '127.0.0.1'), Number(admin_port ?? 9188))
  } else {
    const host = env['PGWITNESS_LISTEN_HOST'] ?? '127.0.0.1'
    await tryListener(reachable(host), Number(env['PGWITNESS_LISTEN_PORT'] ?? 7432))
  }
} catch (error) {
  process.stderr.write(`unhealthy: ${error instanceof Error ? error.message : String(error)}\n`)
  exit(1)
}
