import { WitnessError } from '../errors.js'

/** What a peer sent is not the protocol. The session ends with SQLSTATE 08P01 and a record. */
export class ProtocolViolation extends WitnessError {
  /** What the person at the client may do about it, where there is something. */
  readonly advice: string | undefined

  constructor(message: string, advice?: string) {
    super('protocol.violation', message)
    this.name = 'ProtocolViolation'
    this.advice = advice
  }
}
