import { Cursor } from './cursor.js'
import { ProtocolViolation } from './protocol-violation.js'

/** Decoders of what a client sends. Each is total: any bytes give a message or a ProtocolViolation. */

export interface ParseMessage {
  /** Names are bytes in the client's encoding, like the text: a view that dies with the chunk. */
  readonly name: Buffer
  /** View of the statement's bytes in the client's encoding; dies with the chunk. */
  readonly text: Buffer
  readonly parameter_types: readonly number[]
}

export interface BindMessage {
  readonly portal: Buffer
  readonly statement: Buffer
  readonly formats: readonly number[]
  /** Views of the values, null for NULL; they die with the chunk. */
  readonly values: readonly (Buffer | null)[]
}

export interface FunctionCallMessage {
  readonly oid: number
  readonly formats: readonly number[]
  readonly values: readonly (Buffer | null)[]
}

/** Describe and Close name a prepared statement (`S`) or a portal (`P`). */
export interface TargetMessage {
  readonly target: 'statement' | 'portal'
  readonly name: Buffer
}

const cursor = new Cursor()
const no_numbers: readonly number[] = []

/** The text of a Query message: a view that dies with the chunk. */
export function decodeQuery(buffer: Buffer, start: number, end: number): Buffer {
  cursor.reset(buffer, start, end)
  const text = cursor.cstringBytes('query text')
  cursor.finish('Query')
  return text
}

export function decodeParse(buffer: Buffer, start: number, end: number): ParseMessage {
  cursor.reset(buffer, start, end)
  const name = cursor.cstringBytes('statement name')
  const text = cursor.cstringBytes('statement text')
  const count = cursor.uint16('parameter type count')
  let parameter_types = no_numbers
  if (count > 0) {
    const types: number[] = []
    for (let index = 0; index < count; index++) types.push(cursor.uint32('parameter type'))
    parameter_types = types
  }
  cursor.finish('Parse')
  return { name, text, parameter_types }
}

export function decodeBind(buffer: Buffer, start: number, end: number): BindMessage {
  cursor.reset(buffer, start, end)
  const portal = cursor.cstringBytes('portal name')
  const statement = cursor.cstringBytes('statement name')
  const formats = decodeFormats('Bind')
  const values = decodeValues('Bind')
  decodeFormats('Bind result')
  cursor.finish('Bind')
  return { portal, statement, formats, values }
}

export function decodeFunctionCall(
  buffer: Buffer,
  start: number,
  end: number,
): FunctionCallMessage {
  cursor.reset(buffer, start, end)
  const oid = cursor.uint32('function OID')
  const formats = decodeFormats('FunctionCall')
  const values = decodeValues('FunctionCall')
  cursor.uint16('result format')
  cursor.finish('FunctionCall')
  return { oid, formats, values }
}

export function decodeTarget(
  buffer: Buffer,
  start: number,
  end: number,
  message: string,
): TargetMessage {
  cursor.reset(buffer, start, end)
  const kind = cursor.byte(`${message} target`)
  const name = cursor.cstringBytes('name')
  cursor.finish(message)
  if (kind === 0x53) return { target: 'statement', name }
  if (kind === 0x50) return { target: 'portal', name }
  throw new ProtocolViolation(`invalid ${message} target ${kind}`)
}

export function decodeExecute(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly portal: Buffer; readonly max_rows: number } {
  cursor.reset(buffer, start, end)
  const portal = cursor.cstringBytes('portal name')
  const max_rows = cursor.int32('row limit')
  cursor.finish('Execute')
  return { portal, max_rows }
}

function decodeFormats(message: string): readonly number[] {
  const count = cursor.uint16(`${message} format count`)
  if (count === 0) return no_numbers
  const formats: number[] = []
  for (let index = 0; index < count; index++) formats.push(cursor.int16(`${message} format`))
  return formats
}

function decodeValues(message: string): readonly (Buffer | null)[] {
  const count = cursor.uint16(`${message} value count`)
  const values: (Buffer | null)[] = []
  for (let index = 0; index < count; index++) {
    const length = cursor.int32(`${message} value length`)
    values.push(length === -1 ? null : cursor.bytes(length, `${message} value`))
  }
  return values
}
