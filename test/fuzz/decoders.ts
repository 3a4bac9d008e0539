import { limits } from '../../src/lib/limits.js'
import {
  decodeAuthentication,
  decodeBackendKeyData,
  decodeCommandComplete,
  decodeErrorResponse,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeReadyForQuery,
} from '../../src/wire/backend-messages.js'
import { FramedViolation, type FrameHandler, Framer } from '../../src/wire/framer.js'
import {
  decodeBind,
  decodeExecute,
  decodeFunctionCall,
  decodeParse,
  decodeQuery,
  decodeTarget,
} from '../../src/wire/frontend-messages.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'
import { decodeStartupPacket, startupPacketLength } from '../../src/wire/startup-packet.js'
import { bind, execute, functionCall, parse, query } from '../support/messages.js'
import { startupPacket } from '../support/raw-client.js'
import { cutBytes } from './cutting.js'
import { InProcessTarget } from './in-process.js'
import { Random } from './random.js'
import type { Target } from './target.js'

type Decoder = (buffer: Buffer, start: number, end: number) => unknown

const decoders_by_name: Readonly<Record<string, Decoder>> = {
  query: decodeQuery,
  parse: decodeParse,
  bind: decodeBind,
  function_call: decodeFunctionCall,
  execute: decodeExecute,
  describe: (buffer, start, end) => decodeTarget(buffer, start, end, 'Describe'),
  authentication: decodeAuthentication,
  backend_key_data: decodeBackendKeyData,
  parameter_status: decodeParameterStatus,
  ready_for_query: decodeReadyForQuery,
  command_complete: decodeCommandComplete,
  error_response: decodeErrorResponse,
  parameter_description: decodeParameterDescription,
  startup: (buffer, start, end) => {
    const packet = buffer.subarray(start, end)
    return packet.length < 8 ? startupPacketLength(packet) : decodeStartupPacket(packet)
  },
}

/** What stands around a body: a decoder that reads it gives other values, or other lengths. */
const fences = [0x00, 0x41, 0xff]

/** Milliseconds that no decoder of a message of 64 KiB may take. */
const decoder_ms = 500

/** The value, or `violation`; throws what is neither. */
function outcomeOf(decode: Decoder, body: Buffer, fence: number): string {
  const buffer = Buffer.alloc(body.length + 32, fence)
  body.copy(buffer, 16)
  try {
    const value = decode(buffer, 16, 16 + body.length)
    return JSON.stringify(value, (_, part) =>
      part instanceof Map ? [...part] : part === undefined ? null : part,
    )
  } catch (error) {
    if (error instanceof ProtocolViolation) return 'violation'
    throw error
  }
}

/** Anything wrong with one decoder and one body. */
function decoderFaults(name: string, body: Buffer): string[] {
  const decode = decoders_by_name[name]
  if (decode === undefined) return [`there is no decoder ${name}`]
  const begun_ms = performance.now()
  let outcomes: string[]
  try {
    outcomes = fences.map((fence) => outcomeOf(decode, body, fence))
  } catch (error) {
    return [`throws ${String(error)}`]
  }
  const faults: string[] = []
  if (new Set(outcomes).size > 1) faults.push('reads what is not of the body')
  const taken_ms = performance.now() - begun_ms
  if (taken_ms > decoder_ms) faults.push(`took ${Math.round(taken_ms)} ms`)
  return faults
}

/** Writes down each message that it is given, collected or passed by its type. */
class Notes implements FrameHandler {
  readonly lines: string[] = []
  #pieces = Buffer.alloc(0)
  readonly stopped = false
  readonly wants_pieces = true

  header(type: number) {
    this.#pieces = Buffer.alloc(0)
    if (type === 0x3f) throw new ProtocolViolation('not a type')
    return type % 2 === 0 ? ('pass' as const) : ('collect' as const)
  }

  piece(buffer: Buffer, start: number, end: number): void {
    this.#pieces = Buffer.concat([this.#pieces, buffer.subarray(start, end)])
  }

  message(type: number, buffer: Buffer, start: number, end: number, length: number): void {
    const body = type % 2 === 0 ? this.#pieces : buffer.subarray(start, end)
    this.lines.push(`${type} ${length} ${body.toString('hex')}`)
  }
}

function framed(chunks: readonly Buffer[]): { readonly notes: string; readonly taken: number } {
  const notes = new Notes()
  const framer = new Framer(notes, 100_000)
  let taken = 0
  for (const chunk of chunks) {
    // The chunk is overwritten behind the framer, as a socket's buffer may be.
    const own = Buffer.from(chunk)
    try {
      taken += framer.feed(own, 0)
    } catch (error) {
      if (!(error instanceof FramedViolation)) throw error
      return { notes: [...notes.lines, error.message].join('\n'), taken: taken + error.offset }
    }
    own.fill(0xaa)
  }
  return { notes: notes.lines.join('\n'), taken }
}

/** However a stream is cut, the same messages come out of it. */
function framerFaults(stream: Buffer): string[] {
  try {
    const whole = framed([stream])
    for (let seed = 1; seed <= 4; seed++) {
      const cut = framed(cutBytes(stream, new Random(seed)))
      if (cut.notes !== whole.notes) return [`cut by ${seed} it is other messages`]
    }
    const bytes = framed(Array.from(stream, (byte) => Buffer.from([byte])))
    return bytes.notes === whole.notes ? [] : ['byte by byte it is other messages']
  } catch (error) {
    return [`throws ${String(error)}`]
  }
}

/** A body that is nearly one of the decoder's own. */
function body(name: string, random: Random): Buffer {
  const words = () => Buffer.from(random.pick(['', 'a', 'search_path', '\u00e9', 'x'.repeat(80)]))
  const valid: Readonly<Record<string, () => Buffer>> = {
    query: () => query(words()).subarray(5),
    parse: () => parse(words(), words(), [23, 25]).subarray(5),
    bind: () => bind(words(), words(), [words(), null], [0, 1]).subarray(5),
    function_call: () => functionCall(random.below(3000), [words(), null]).subarray(5),
    execute: () => execute(words(), random.below(5)).subarray(5),
    startup: () => startupPacket({ user: words().toString(), database: 'b' }),
    startup_cancel: () =>
      Buffer.concat([Buffer.from('00000010' + '04d2162e', 'hex'), random.bytes(8)]),
    describe: () =>
      Buffer.concat([Buffer.from(random.pick(['S', 'P', 'x'])), words(), Buffer.alloc(1)]),
    authentication: () =>
      Buffer.concat([Buffer.from('0000000a', 'hex'), Buffer.from('SCRAM-SHA-256\0\0')]),
    error_response: () => Buffer.from('SERROR\0VERROR\0C42601\0Mno\0\0'),
    parameter_status: () => Buffer.concat([words(), Buffer.alloc(1), words(), Buffer.alloc(1)]),
    parameter_description: () => Buffer.from('000200000017ffffffff', 'hex'),
  }
  const made = Buffer.from(
    random.once(5)
      ? random.bytes(random.below(40))
      : (valid[name === 'startup' && random.once(3) ? 'startup_cancel' : name]?.() ??
          random.bytes(random.below(12))),
  )
  for (let left = random.below(4); left > 0 && made.length > 0; left--) {
    const at = random.below(made.length)
    if (random.once(2) || made.length < 4)
      made.writeUInt8(random.pick([0, 1, 255, random.below(256)]), at)
    else made.writeInt16BE(random.pick([0, 1, -1, 32_767, -32_768]), Math.min(at, made.length - 2))
  }
  return made.subarray(0, random.once(4) ? random.below(made.length + 1) : made.length)
}

/** A stream of messages, most of them well-formed. */
function stream(random: Random): Buffer {
  const parts = Array.from({ length: 1 + random.below(12) }, () => {
    const payload = random.bytes(random.once(6) ? random.below(5000) : random.below(20))
    const header = Buffer.alloc(5)
    header.writeUInt8(random.once(40) ? 0x3f : 0x41 + random.below(20), 0)
    header.writeInt32BE(random.once(25) ? random.pick([0, 3, -1, 200_000]) : payload.length + 4, 1)
    return Buffer.concat([header, payload])
  })
  const all = Buffer.concat(parts)
  return random.once(5) ? all.subarray(0, random.below(all.length + 1)) : all
}

/** What a decoder reads is what was encoded, for messages that are in order. */
function roundTripFaults(random: Random): string[] {
  const name = random.bytes(random.below(80)).map((byte) => byte || 1)
  const text = random.bytes(random.below(200)).map((byte) => byte || 1)
  const values = Array.from({ length: random.below(5) }, () =>
    random.once(3) ? null : random.bytes(random.below(30)),
  )
  const faults: string[] = []
  const parsed = parse(Buffer.from(name), Buffer.from(text), [23, 0, 4_294_967_295])
  const read = decodeParse(parsed, 5, parsed.length)
  if (!read.name.equals(name) || !read.text.equals(text)) faults.push('Parse comes back otherwise')
  if (read.parameter_types.join() !== '23,0,4294967295') faults.push('types come back otherwise')
  const bound = bind(Buffer.from(name), Buffer.from(text), values, [1, 0])
  const back = decodeBind(bound, 5, bound.length)
  const same = back.values.every((value, index) => {
    const sent = values[index] ?? null
    return value === null ? sent === null : sent !== null && value.equals(sent)
  })
  if (!same || back.values.length !== values.length) faults.push('values come back otherwise')
  if (!back.portal.equals(name) || !back.statement.equals(text))
    faults.push('names come back otherwise')
  return faults
}

const names = Object.keys(decoders_by_name)

/** A case is one line: `frame` or the name of a decoder, and the bytes in hex; or `round` and a seed. */
function faultsOf(line: string): readonly string[] {
  const [name = '', rest = ''] = line.trim().split(' ')
  if (name === 'frame') return framerFaults(Buffer.from(rest, 'hex'))
  if (name === 'round') return roundTripFaults(new Random(Number(rest)))
  return decoderFaults(name, Buffer.from(rest, 'hex'))
}

function generate(random: Random): string {
  switch (random.below(8)) {
    case 0:
      return `round ${random.seed()}`
    case 1:
    case 2:
      return `frame ${stream(random).toString('hex')}`
    default: {
      const name = random.pick(names)
      const long = random.once(400) ? random.bytes(limits.collected_body_bytes) : undefined
      return `${name} ${(long ?? body(name, random)).toString('hex')}`
    }
  }
}

/** Every decoder is total, and the framer cuts the same messages out of any chunks. */
export const decoders: Target = {
  name: 'decoders',
  open: async (options) =>
    new InProcessTarget('decoders', options, {
      batch: 2000,
      generate,
      faultsOf: async (file) => faultsOf(file),
      pieces: (file) => {
        const [name = '', rest = ''] = file.trim().split(' ')
        return name === 'round' ? [] : [name, ...(rest.match(/../g) ?? [])]
      },
      whole: ([name = '', ...bytes]) => `${name} ${bytes.join('')}`,
    }),
}
