/**
 * Messages of both sides, written by hand from the PostgreSQL documentation, "Message Formats".
 * Names and texts may be given as bytes, for what no driver would send.
 */
type Text = string | Buffer

/** A message of any type around any body. */
export function message(letter: string, ...body: readonly Text[]): Buffer {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part as Buffer)))
  const header = Buffer.alloc(5)
  header.write(letter, 0, 'latin1')
  header.writeInt32BE(bytes.length + 4, 1)
  return Buffer.concat([header, bytes])
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value & 0xffff)
  return bytes
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

const nul = Buffer.alloc(1)

// ---- the client

export const query = (text: Text) => message('Q', text, nul)

export function parse(name: Text, text: Text, types: readonly number[] = []): Buffer {
  return message('P', name, nul, text, nul, int16(types.length), ...types.map(int32))
}

export function bind(
  portal: Text,
  statement: Text,
  values: readonly (Text | null)[] = [],
  formats: readonly number[] = [],
): Buffer {
  return message(
    'B',
    portal,
    nul,
    statement,
    nul,
    int16(formats.length),
    ...formats.map(int16),
    int16(values.length),
    ...values.flatMap((value) => {
      if (value === null) return [int32(-1)]
      const bytes = Buffer.from(value as Buffer)
      return [int32(bytes.length), bytes]
    }),
    int16(0),
  )
}

export const describePortal = (name: Text) => message('D', 'P', name, nul)
export const describeStatement = (name: Text) => message('D', 'S', name, nul)
export const execute = (portal: Text = '', rows = 0) => message('E', portal, nul, int32(rows))
export const closePortal = (name: Text) => message('C', 'P', name, nul)
export const closeStatement = (name: Text) => message('C', 'S', name, nul)
export const sync = () => message('S')
export const flush = () => message('H')
export const terminate = () => message('X')
export const copyData = (data: Text) => message('d', data)
export const copyDone = () => message('c')
export const copyFail = (reason: string) => message('f', reason, nul)

export function functionCall(oid: number, values: readonly (Text | null)[] = []): Buffer {
  return message(
    'F',
    int32(oid),
    int16(0),
    int16(values.length),
    ...values.flatMap((value) => {
      if (value === null) return [int32(-1)]
      const bytes = Buffer.from(value as Buffer)
      return [int32(bytes.length), bytes]
    }),
    int16(0),
  )
}

/** Parse, Bind and Execute of the unnamed statement and portal. */
export function ask(text: Text, values: readonly (Text | null)[] = []): Buffer {
  return Buffer.concat([parse('', text), bind('', '', values), execute()])
}

// ---- the server

export const parseComplete = () => message('1')
export const bindComplete = () => message('2')
export const closeComplete = () => message('3')
export const complete = (tag: string) => message('C', tag, nul)
export const empty = () => message('I')
export const suspended = () => message('s')
export const noData = () => message('n')
export const ready = (status: 'I' | 'T' | 'E' = 'I') => message('Z', status)
export const copyInResponse = () => message('G', Buffer.from([0]), int16(0))
export const copyOutResponse = () => message('H', Buffer.from([0]), int16(0))
export const copyBothResponse = () => message('W', Buffer.from([0]), int16(0))
export const functionResult = (value: Text) =>
  message('V', int32(Buffer.from(value as Buffer).length), value)
export const setting = (name: string, value: string) => message('S', name, nul, value, nul)
export const notice = (text: string) => message('N', 'SNOTICE', nul, `M${text}`, nul, nul)
export const warning = (sqlstate: string, text: string) =>
  message('N', 'SWARNING', nul, 'VWARNING', nul, `C${sqlstate}`, nul, `M${text}`, nul, nul)
export const notification = (channel: string) => message('A', int32(7), channel, nul, nul)

export function rowDescription(...columns: readonly string[]): Buffer {
  return message(
    'T',
    int16(columns.length),
    ...columns.flatMap((name) => [
      name,
      nul,
      int32(0),
      int16(0),
      int32(25),
      int16(-1),
      int32(-1),
      int16(0),
    ]),
  )
}

export function dataRow(...values: readonly string[]): Buffer {
  return message(
    'D',
    int16(values.length),
    ...values.flatMap((value) => [int32(Buffer.byteLength(value)), value]),
  )
}

export const parameterDescription = (...types: readonly number[]) =>
  message('t', int16(types.length), ...types.map(int32))

export function failure(
  sqlstate: string,
  text = 'refused',
  severity: 'ERROR' | 'FATAL' | 'PANIC' = 'ERROR',
): Buffer {
  return message(
    'E',
    `S${severity}`,
    nul,
    `V${severity}`,
    nul,
    `C${sqlstate}`,
    nul,
    `M${text}`,
    nul,
    nul,
  )
}

/** The answers to Parse, Bind and Execute. */
export const done = (tag: string) => Buffer.concat([parseComplete(), bindComplete(), complete(tag)])
