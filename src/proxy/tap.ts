/**
 * What the relay tells and asks of whoever audits it. The proxy owns this interface; `app.ts`
 * wires the auditor to it. All calls are synchronous and cheap; none keeps a chunk.
 */

/** The client's side of a connection, as far as the socket tells. */
export interface ClientEndpoint {
  /** `[local]` for a Unix socket. */
  readonly address: string
  readonly port: number | undefined
  /** True for loopback addresses and Unix sockets, never for what a load balancer passed on. */
  readonly local: boolean
  /** The load balancer whose PROXY header named the client. */
  readonly via?: { readonly address: string; readonly port: number | undefined }
}

/** What to do with one whole message of the server during the login. */
export type LoginVerdict =
  | { readonly action: 'relay' }
  /** The client gets this instead: the one message that is ever rewritten. */
  | { readonly action: 'replace'; readonly message: Buffer }
  /** AuthenticationOk, to be relayed: from here on chunks go through the streams. */
  | { readonly action: 'admit' }
  /** The session ends with this FATAL error. */
  | {
      readonly action: 'refuse'
      readonly sqlstate: string
      readonly message: string
      readonly hint: string
    }

/**
 * Why the session is to end with a FATAL error: 08P01, a peer is not talking the protocol; 58030
 * or 57P01, what it asks for cannot be recorded; XX000, an error of our own. What was forwarded by
 * then is answered first, unless the tap holds the answers.
 */
export interface TapViolation {
  readonly sqlstate: string
  readonly message: string
  readonly hint?: string
  /** What was forwarded may take its time to be answered. */
  readonly patient?: true
}

/** Answers that the client must not see before the trail has their records. */
export interface KeptAnswers {
  /** How many bytes of the server since the login may pass to the client. */
  readonly passable: number
  /** True when some wait for records, or for the trail to have them. */
  readonly holds: boolean
}

/** One session's tap. */
export interface SessionTap {
  /** TLS with the client is up. `certificate` is true for a verified client certificate. */
  secured(protocol: string, certificate: boolean): void
  /** TLS with the server is up. `same_certificate`: it shows the one that we show to clients. */
  upstreamSecured(same_certificate: boolean): void
  startup(parameters: ReadonlyMap<string, string>, server: string): void
  /** One whole message of the server before and including AuthenticationOk. */
  loginMessage(message: Buffer): LoginVerdict
  /** One whole message of the client that answers a challenge of the server. */
  loginAnswer(message: Buffer): void
  /**
   * Bytes of the client after its login, from offset `from`. Returns the offset up to which they
   * may be forwarded; less than the chunk's length when the client must wait ({@link holdsClient})
   * or when {@link violation} is set.
   */
  fromClient(chunk: Buffer, from: number): number
  /** Bytes of the server after AuthenticationOk. Returns as `fromClient` does. */
  fromServer(chunk: Buffer, from: number): number
  readonly violation: TapViolation | undefined
  /** True while the client's bytes must wait. */
  readonly holdsClient: boolean
  /** True while the server's bytes must wait too. */
  readonly holdsServer: boolean
  /**
   * True when this is the session of that server process, whose client's bytes wait though the
   * server has nothing to do: a cancel request that overtook them would find nothing to cancel.
   */
  holdsBack(pid: number): boolean
  /** Where answers wait for their records; undefined, for good, where they do not. */
  readonly answers: KeptAnswers | undefined
  /** The server says nothing more: what it owes will never be answered. */
  serverEnded(): void
  /** Called when a hold may have ended, or more may pass. */
  onRelease: (() => void) | undefined
  /** True from the first ReadyForQuery on: the login has succeeded. */
  readonly authorized: boolean
  /** True when nothing is owed to the client and no transaction is open. */
  readonly idle: boolean
  /** True when what has passed to the client ends with a message, so that one of ours may follow. */
  readonly serverAtBoundary: boolean
  /** The same of the client: a message of ours would become part of one that is not whole. */
  readonly clientAtBoundary: boolean
  /** The proxy refused or ended the session on its own account. */
  refused(sqlstate: string, message: string): void
  /** Both sides are closed; `reason` is one of a few words for the disconnection record. */
  closed(reason: string): void
}

/** Makes taps, and is told of what belongs to no session. */
export interface TapFactory {
  open(client: ClientEndpoint): SessionTap
  /**
   * Taps and records that are kept: sessions that last, and whatever waits for room in the trail.
   * Who accepts connections bounds it.
   */
  readonly unsettled: number
  /** Why no login is taken now; undefined when they are. */
  readonly refusal: TapViolation | undefined
  /** A connection was closed unheard, since as many as there may be are kept. */
  turnedAway(client: ClientEndpoint): void
  /** A client asked to cancel; `pid` is the server process it named. */
  cancelRequest(client: ClientEndpoint, pid: number, key: Buffer): void
  /** The server could not be reached, or can be again. */
  upstreamState(reachable: boolean, message: string): void
  /**
   * Both legs have TLS: do they show the same certificate? Where they do not, channel binding
   * cannot succeed.
   */
  upstreamCertificate(same: boolean): void
}
