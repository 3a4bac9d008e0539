/** What the first answer of a client to AuthenticationSASL chooses. */
export interface SaslChoice {
  readonly mechanism: string
  /**
   * bound: the exchange is bound to the TLS connection. unoffered: the client could, but has seen
   * no offer. none: it does not want to, or the mechanism knows no such thing.
   */
  readonly binding: 'bound' | 'unoffered' | 'none'
}

/**
 * Reads the mechanism of a SASLInitialResponse and the flag with which its GS2 header begins;
 * undefined for what is not one. Nothing else of it is looked at.
 * Source: PostgreSQL documentation, "Message Formats"; RFC 5802, section 7.
 */
export function decodeSaslChoice(message: Buffer, start: number): SaslChoice | undefined {
  const end = message.indexOf(0, start)
  if (end < 0) return undefined
  const flag = message.toString('latin1', end + 5, end + 7)
  const binding = flag === 'p=' ? 'bound' : flag === 'y,' ? 'unoffered' : 'none'
  return { mechanism: message.toString('latin1', start, end), binding }
}
