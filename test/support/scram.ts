import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

/** The client's side of SCRAM-SHA-256 without channel binding. Source: RFC 5802, RFC 7677. */
export class ScramClient {
  readonly #password: string
  readonly #first_bare: string
  readonly #nonce: string

  constructor(password: string, nonce: string) {
    this.#password = password
    this.#nonce = nonce
    this.#first_bare = `n=,r=${nonce}`
  }

  /** The body of SASLInitialResponse. */
  initial(mechanism = 'SCRAM-SHA-256'): Buffer {
    const first = Buffer.from(`n,,${this.#first_bare}`)
    const length = Buffer.alloc(4)
    length.writeInt32BE(first.length)
    return Buffer.concat([Buffer.from(`${mechanism}\0`), length, first])
  }

  /** The body of SASLResponse, after the data of AuthenticationSASLContinue. */
  final(server_first: string): Buffer {
    const [, nonce = '', salt = '', rounds = ''] =
      /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(server_first) ?? []
    if (!nonce.startsWith(this.#nonce)) throw new Error(`not an answer to us: ${server_first}`)
    const salted = pbkdf2Sync(
      this.#password,
      Buffer.from(salt, 'base64'),
      Number(rounds),
      32,
      'sha256',
    )
    const client_key = hmac(salted, 'Client Key')
    const stored_key = createHash('sha256').update(client_key).digest()
    const without_proof = `c=biws,r=${nonce}`
    const signature = hmac(stored_key, `${this.#first_bare},${server_first},${without_proof}`)
    const proof = client_key.map((byte, index) => byte ^ (signature[index] ?? 0))
    return Buffer.from(`${without_proof},p=${Buffer.from(proof).toString('base64')}`)
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** What a client answers to AuthenticationMD5Password. */
export function md5Password(user: string, password: string, salt: Buffer): string {
  const inner = createHash('md5').update(`${password}${user}`).digest('hex')
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`
}
