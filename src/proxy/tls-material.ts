import { constants, createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Config, ListenTlsConfig, UpstreamTlsConfig } from '../config/config.js'
import { WitnessError } from '../errors.js'

/** What the two legs need for TLS, read from the files once. */
export interface TlsMaterial {
  /** Undefined when `listen.tls.mode` is `disable`, and on a Unix socket. */
  readonly listen:
    | {
        readonly context: SecureContext
        /** True when nobody is served without. */
        readonly required: boolean
        readonly ask_certificate: boolean
        /** The certificate that clients are shown, as DER. */
        readonly certificate: Buffer
      }
    | undefined
  readonly upstream: {
    readonly ca: Buffer | undefined
    readonly cert: Buffer | undefined
    readonly key: Buffer | undefined
  }
  /** SHA-256 of what the files of certificates hold, by option; of no private key. */
  readonly fingerprints: Readonly<Record<string, string>>
}

/** The files as they were read last: who asks for a connection gets what counts for it. */
export class ReloadableTls implements TlsMaterial {
  readonly upstream: TlsMaterial['upstream']
  #current: TlsMaterial

  constructor(first: TlsMaterial) {
    this.#current = first
    const upstream = () => this.#current.upstream
    this.upstream = {
      get ca() {
        return upstream().ca
      },
      get cert() {
        return upstream().cert
      },
      get key() {
        return upstream().key
      },
    }
  }

  get listen(): TlsMaterial['listen'] {
    return this.#current.listen
  }

  get fingerprints(): TlsMaterial['fingerprints'] {
    return this.#current.fingerprints
  }

  /** Connections that are there go on with what they were made with. */
  replace(next: TlsMaterial): void {
    this.#current = next
  }
}

/**
 * Reads the files; throws WitnessError `config.invalid` that names the file and the option. As with
 * PostgreSQL there is no TLS on Unix sockets: libpq never asks for it there, so whoever required it
 * would serve nobody.
 */
export function loadTlsMaterial(
  listen: Pick<Config['listen'], 'host' | 'tls'>,
  upstream: UpstreamTlsConfig,
): TlsMaterial {
  const without = listen.tls.mode === 'disable' || listen.host.startsWith('/')
  const fingerprints: Record<string, string> = {}
  const read: ReadFile = (option, path) => {
    const content = contentOf(option, path)
    if (content === undefined || option.endsWith('.key')) return content
    fingerprints[option] = createHash('sha256').update(content).digest('hex')
    return content
  }
  return {
    listen: without ? undefined : listenMaterial(listen.tls, read),
    upstream: {
      ca: read('upstream.tls.ca', upstream.ca),
      cert: read('upstream.tls.cert', upstream.cert),
      key: read('upstream.tls.key', upstream.key),
    },
    fingerprints,
  }
}

type ReadFile = (option: string, path: string | undefined) => Buffer | undefined

function listenMaterial(
  listen: ListenTlsConfig,
  read: ReadFile,
): NonNullable<TlsMaterial['listen']> {
  const cert = read('listen.tls.cert', listen.cert)
  const key = read('listen.tls.key', listen.key)
  const ca = read('listen.tls.client_ca', listen.client_ca)
  try {
    const context = createSecureContext({
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ca === undefined ? {} : { ca }),
      minVersion: 'TLSv1.2',
      // Neither does PostgreSQL resume sessions (be-secure-openssl.c): each handshake verifies the
      // client anew. OpenSSL would refuse those that ask for one where certificates are verified.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET,
    })
    // The first of the file is the server's own, as in PostgreSQL's ssl_cert_file.
    const certificate = new X509Certificate(cert ?? '').raw
    return {
      context,
      required: listen.mode === 'require',
      ask_certificate: ca !== undefined,
      certificate,
    }
  } catch (cause) {
    throw new WitnessError(
      'config.invalid',
      `listen.tls: certificate and key cannot be used: ${String(cause)}`,
      { cause },
    )
  }
}

function contentOf(option: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new WitnessError('config.invalid', `${option}: cannot read ${path}: ${String(cause)}`, {
      cause,
    })
  }
}
