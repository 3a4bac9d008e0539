import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import { ssl_request } from '../wire/originate.js'
import { reusedReads } from './reused-reads.js'
import type { TlsMaterial } from './tls-material.js'

/** A connection to the server, TLS negotiated as `upstream.tls.mode` asks. */
export interface UpstreamConnection {
  readonly socket: Socket
  readonly tls: boolean
}

/** Characters of an odd answer that are shown: enough to tell what sent it. */
const answer_chars = 40

/** `host:port`, or the path of the socket. */
export function upstreamName(upstream: Config['upstream']): string {
  return upstream.host.startsWith('/')
    ? `${upstream.host}/.s.PGSQL.${upstream.port}`
    : `${upstream.host}:${upstream.port}`
}

/**
 * Connects to the server, the first way that `upstream.tls.mode` asks for. Rejects with
 * WitnessError `upstream.unreachable`, whose message names the address and the cause. `opened` is
 * told of each socket as it is made: who destroys it ends the attempt.
 */
export async function connectUpstream(
  upstream: Config['upstream'],
  material: TlsMaterial['upstream'],
  opened: (socket: Socket) => void,
): Promise<UpstreamConnection> {
  const options = upstreamTlsOptions(upstream, material)
  if (options === undefined || upstream.tls.mode === 'allow') return await plain(upstream, opened)
  try {
    return await openTls(upstream, options, opened)
  } catch (error) {
    // libpq's `prefer` goes on without TLS when the handshake fails.
    if (upstream.tls.mode !== 'prefer' || !(error instanceof HandshakeError)) throw error
    return await plain(upstream, opened)
  }
}

/**
 * The other way to connect when the server has refused a client that came with TLS, or without:
 * undefined where there is none. It resolves with undefined when the server has no TLS to offer.
 */
export function otherTry(
  upstream: Config['upstream'],
  material: TlsMaterial['upstream'],
  tls: boolean,
): ((opened: (socket: Socket) => void) => Promise<UpstreamConnection | undefined>) | undefined {
  const options = upstreamTlsOptions(upstream, material)
  if (options === undefined) return undefined
  if (upstream.tls.mode === 'prefer' && tls) return (opened) => plain(upstream, opened)
  if (upstream.tls.mode !== 'allow' || tls) return undefined
  return async (opened) => {
    const connection = await openTls(upstream, options, opened)
    if (connection.tls) return connection
    connection.socket.destroy()
    return undefined
  }
}

async function plain(
  upstream: Config['upstream'],
  opened: (socket: Socket) => void,
): Promise<UpstreamConnection> {
  return { socket: await open(upstream, opened), tls: false }
}

class HandshakeError extends WitnessError {}

function open(upstream: Config['upstream'], opened: (socket: Socket) => void): Promise<Socket> {
  const { promise, resolve, reject } = settled<Socket>()
  const path = upstreamName(upstream)
  const { onread, of } = reusedReads()
  const socket = upstream.host.startsWith('/')
    ? connectTcp({ path, allowHalfOpen: true, onread })
    : connectTcp({
        onread,
        host: upstream.host,
        port: upstream.port,
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: limits.keepalive_ms,
      })
  of(socket)
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no answer within ${limits.connect_timeout_ms} ms`))
  }, limits.connect_timeout_ms)
  socket.once('connect', () => {
    clearTimeout(timer)
    socket.removeListener('error', failed)
    socket.removeListener('close', closed)
    resolve(socket)
  })
  function failed(cause: Error): void {
    clearTimeout(timer)
    reject(unreachable(upstream, reasonOf(cause), cause))
  }
  const closed = () => failed(new Error('the attempt was ended'))
  socket.once('error', failed)
  socket.once('close', closed)
  opened(socket)
  return promise
}

async function openTls(
  upstream: Config['upstream'],
  options: ConnectionOptions,
  opened: (socket: Socket) => void,
): Promise<UpstreamConnection> {
  const socket = await open(upstream, opened)
  // Once TLS is on top of it, its errors are those of the upper socket.
  socket.on('error', () => {})
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no TLS within ${limits.connect_timeout_ms} ms`))
  }, limits.connect_timeout_ms)
  try {
    return await negotiateTls(socket, upstream, options)
  } finally {
    clearTimeout(timer)
  }
}

async function negotiateTls(
  socket: Socket,
  upstream: Config['upstream'],
  options: ConnectionOptions,
): Promise<UpstreamConnection> {
  const answer = await askForTls(socket, upstream)
  if (answer === 'N') {
    if (upstream.tls.mode === 'prefer' || upstream.tls.mode === 'allow') {
      return { socket, tls: false }
    }
    socket.destroy()
    const reason = `the server has no TLS, but upstream.tls.mode is ${upstream.tls.mode}`
    throw new WitnessError('upstream.tls', told(upstream, reason))
  }
  const { promise, resolve, reject } = settled<UpstreamConnection>()
  const secure = connectTls({ socket, ...options })
  secure.once('error', (cause) => {
    socket.destroy()
    const message = `TLS with the server at ${upstreamName(upstream)}: ${cause.message}`
    reject(new HandshakeError('upstream.tls', message, { cause }))
  })
  const closed = () => {
    reject(unreachable(upstream, 'the connection was closed during the TLS handshake'))
  }
  secure.once('close', closed)
  secure.once('secureConnect', () => {
    secure.removeAllListeners('error')
    secure.removeListener('close', closed)
    resolve({ socket: secure, tls: true })
  })
  return promise
}

/**
 * How TLS with the server is made, for sessions and for the catalog's own connection alike;
 * undefined where none is asked for. libpq: `require` with a CA verifies it as `verify-ca` does;
 * only `verify-full` checks the name.
 */
export function upstreamTlsOptions(
  upstream: Config['upstream'],
  material: TlsMaterial['upstream'],
): ConnectionOptions | undefined {
  const { mode } = upstream.tls
  if (mode === 'disable' || upstream.host.startsWith('/')) return undefined
  const verify =
    mode === 'verify-ca' ||
    mode === 'verify-full' ||
    (mode === 'require' && material.ca !== undefined)
  return {
    ALPNProtocols: ['postgresql'],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: verify,
    ...(isIP(upstream.host) === 0 ? { servername: upstream.host } : {}),
    ...(mode === 'verify-full'
      ? { host: upstream.host }
      : { checkServerIdentity: () => undefined }),
    ...(material.ca === undefined ? {} : { ca: material.ca }),
    ...(material.cert === undefined ? {} : { cert: material.cert }),
    ...(material.key === undefined ? {} : { key: material.key }),
  }
}

/** Asks whether the server has TLS, which every PostgreSQL answers with one letter. */
export function askForTls(socket: Socket, upstream: Config['upstream']): Promise<'S' | 'N'> {
  const { promise, resolve, reject } = settled<'S' | 'N'>()
  const settle = (chunk: Buffer) => {
    socket.pause()
    socket.removeListener('error', failed)
    socket.removeListener('end', ended)
    socket.removeListener('close', ended)
    const letter = chunk.toString('latin1')
    // More than one byte here was not protected by TLS: somebody put it there.
    if (letter === 'S' || letter === 'N') resolve(letter)
    else {
      socket.destroy()
      reject(new WitnessError('upstream.not_postgresql', told(upstream, oddAnswer(letter))))
    }
  }
  function failed(cause: Error): void {
    reject(unreachable(upstream, cause.message, cause))
  }
  function ended(): void {
    socket.destroy()
    reject(unreachable(upstream, 'the server closed the connection at the request for TLS'))
  }
  socket.once('data', settle)
  socket.once('error', failed)
  socket.once('end', ended)
  socket.once('close', ended)
  socket.write(ssl_request)
  return promise
}

/** What answers, by the beginning of its words: a web server, a mail server, another database. */
function oddAnswer(text: string): string {
  const shown = text.slice(0, answer_chars).replaceAll(/[^ -~]+/g, '…')
  return `unexpected answer to the request for TLS: ${JSON.stringify(shown)}`
}

function told(upstream: Config['upstream'], reason: string): string {
  return `cannot connect to the server at ${upstreamName(upstream)}: ${reason}`
}

/** A name of several addresses fails with an error for each, and no words of its own. */
function reasonOf(cause: Error): string {
  const each = cause instanceof AggregateError ? cause.errors : [cause]
  return each.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')
}

/** The error of every attempt that did not lead to a server. */
export function unreachable(
  upstream: Config['upstream'],
  reason: string,
  cause?: unknown,
): WitnessError {
  return new WitnessError('upstream.unreachable', told(upstream, reason), { cause })
}

function settled<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: Error) => void
} {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((res, rej) => {
    resolve = res
    reject = rej
  })
  return { promise, resolve, reject }
}
