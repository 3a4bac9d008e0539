import { WitnessError } from '../errors.js'

/** What a peer sent is not the protocol. The session ends with SQLSTATE 08P01 and a record. */
export class ProtocolViolation extends WitnessError {
  constructor(message: string) {
    super('protocol.violation', message)
    this.name = 'ProtocolViolation'
  }
}
