import { Cursor } from './cursor.js'
import { ProtocolViolation } from './protocol-violation.js'

/** Decoders of what a server sends, for the dozen messages whose bodies matter to the record. */

const cursor = new Cursor()

/** The fields of an ErrorResponse that a record needs. */
export interface ErrorFields {
  /** Not localised: ERROR, FATAL or PANIC; absent before PostgreSQL 9.6. */
  readonly severity: string
  readonly sqlstate: string
  readonly message: string
}

/** True for an error after which the server closes the connection. */
export function endsSession({ severity }: ErrorFields): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

/** Authentication requests by their code, as the record's `session.auth` names them. */
const authentication_names: ReadonlyMap<number, string> = new Map([
  [2, 'kerberos'],
  [3, 'password'],
  [5, 'md5'],
  [7, 'gss'],
  [9, 'sspi'],
  [10, 'scram-sha-256'],
])

export type AuthenticationMessage =
  | { readonly kind: 'ok' }
  /** A challenge that opens an exchange; `mechanisms` for SASL only. */
  | { readonly kind: 'request'; readonly method: string; readonly mechanisms: readonly string[] }
  /** A continuation of an exchange that was opened before. */
  | { readonly kind: 'continue' }

export function decodeAuthentication(
  buffer: Buffer,
  start: number,
  end: number,
): AuthenticationMessage {
  cursor.reset(buffer, start, end)
  const code = cursor.int32('authentication code')
  if (code === 0) return { kind: 'ok' }
  if (code === 8 || code === 11 || code === 12) return { kind: 'continue' }
  const mechanisms: string[] = []
  if (code === 10) {
    for (;;) {
      const mechanism = cursor.cstring('SASL mechanism')
      if (mechanism === '') break
      mechanisms.push(mechanism)
    }
  }
  return { kind: 'request', method: authentication_names.get(code) ?? `code ${code}`, mechanisms }
}

export function decodeBackendKeyData(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly pid: number; readonly key: Buffer } {
  cursor.reset(buffer, start, end)
  const pid = cursor.int32('process id')
  return { pid, key: Buffer.from(cursor.bytes(cursor.remaining, 'cancel key')) }
}

export function decodeParameterStatus(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly name: string; readonly value: string } {
  cursor.reset(buffer, start, end)
  return { name: cursor.cstring('parameter name'), value: cursor.cstring('parameter value') }
}

/** The transaction status byte of ReadyForQuery. */
export function decodeReadyForQuery(buffer: Buffer, start: number, end: number): 'I' | 'T' | 'E' {
  cursor.reset(buffer, start, end)
  const status = cursor.byte('transaction status')
  if (status === 0x49) return 'I'
  if (status === 0x54) return 'T'
  if (status === 0x45) return 'E'
  throw new ProtocolViolation(`invalid transaction status ${status}`)
}

export function decodeCommandComplete(buffer: Buffer, start: number, end: number): string {
  // The tag is ASCII and ends with a NUL; latin1 is the cheapest decoding of that.
  if (end <= start || buffer.readUInt8(end - 1) !== 0) {
    throw new ProtocolViolation('unterminated command tag')
  }
  return buffer.toString('latin1', start, end - 1)
}

/** What a record takes for the SQLSTATE of an error that has none: old poolers send such. */
const internal_error = 'XX000'

/** ErrorResponse, and NoticeResponse, which has the same fields. */
export function decodeErrorResponse(buffer: Buffer, start: number, end: number): ErrorFields {
  cursor.reset(buffer, start, end)
  let severity = ''
  let sqlstate = ''
  let message = ''
  // A body without its terminator is taken as it is: old servers and poolers send such.
  while (cursor.remaining > 0) {
    const field = cursor.byte('error field')
    if (field === 0) break
    const value = cursor.cstring('error field value')
    if (field === 0x56) severity = value
    else if (field === 0x53 && severity === '') severity = value
    else if (field === 0x43) sqlstate = value
    else if (field === 0x4d) message = value
  }
  return { severity, sqlstate: /^[0-9A-Z]{5}$/.test(sqlstate) ? sqlstate : internal_error, message }
}

export function decodeParameterDescription(
  buffer: Buffer,
  start: number,
  end: number,
): readonly number[] {
  cursor.reset(buffer, start, end)
  const count = cursor.uint16('parameter count')
  const types: number[] = []
  for (let index = 0; index < count; index++) types.push(cursor.uint32('parameter type'))
  return types
}
