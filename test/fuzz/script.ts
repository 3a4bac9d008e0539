/**
 * A conversation as a small file that people read and edit: one line for each message, in order.
 *
 *     # what this case showed
 *     startup {"user":"postgres"}
 *     cut 17
 *     > Q "SELECT 1\u0000"
 *     > raw "\u0051\u0000"
 *     > wait
 *     < C "SELECT 1\u0000"
 *
 * `>` is the client, `<` the server. A message is its letter and its body; bytes are written as a
 * JSON string in which each character is one byte. The length field is made; `raw` bytes have none.
 */

/** What a client does besides sending. */
export const acts = ['wait', 'cancel', 'half-close', 'drop'] as const
export type Act = (typeof acts)[number]

export type Line =
  | {
      readonly kind: 'message'
      readonly side: '>' | '<'
      readonly letter: string
      readonly body: Buffer
    }
  | { readonly kind: 'raw'; readonly side: '>' | '<'; readonly bytes: Buffer }
  | { readonly kind: 'act'; readonly act: Act }

export interface Script {
  readonly startup: Readonly<Record<string, string>>
  /** Seed of the places where both streams are cut; 0 for whole messages. */
  readonly cut: number
  readonly lines: readonly Line[]
}

/** The lines of messages that follow each other in a buffer; what is left over is raw. */
export function linesOf(side: '>' | '<', bytes: Buffer): Line[] {
  const lines: Line[] = []
  let at = 0
  while (at + 5 <= bytes.length) {
    const length = bytes.readInt32BE(at + 1)
    const letter = String.fromCharCode(bytes.readUInt8(at))
    if (length < 4 || at + 1 + length > bytes.length || !/[A-Za-z0-9]/.test(letter)) break
    const body = Buffer.from(bytes.subarray(at + 5, at + 1 + length))
    lines.push({ kind: 'message', side, letter, body })
    at += 1 + length
  }
  if (at < bytes.length) lines.push({ kind: 'raw', side, bytes: Buffer.from(bytes.subarray(at)) })
  return lines
}

/** What a line puts on the wire; nothing for an act. */
export function bytesOf(line: Line): Buffer {
  if (line.kind === 'act') return Buffer.alloc(0)
  if (line.kind === 'raw') return line.bytes
  const header = Buffer.alloc(5)
  header.write(line.letter, 0, 'latin1')
  header.writeInt32BE(line.body.length + 4, 1)
  return Buffer.concat([header, line.body])
}

export function act(name: Act): Line {
  return { kind: 'act', act: name }
}

function quoted(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1')).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export function printScript(script: Script, remarks: readonly string[] = []): string {
  const lines = script.lines.map((line) => {
    if (line.kind === 'act') return `> ${line.act}`
    if (line.kind === 'raw') return `${line.side} raw ${quoted(line.bytes)}`
    return `${line.side} ${line.letter} ${quoted(line.body)}`
  })
  const head = [`startup ${JSON.stringify(script.startup)}`, `cut ${script.cut}`]
  return `${[...remarks.map((remark) => `# ${remark}`), ...head, ...lines].join('\n')}\n`
}

/** @throws Error naming the line that is none. */
export function parseScript(text: string): Script {
  let startup: Record<string, string> = {}
  let cut = 0
  const lines: Line[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, first = '', second = '', rest = ''] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? []
    if (first === 'startup') startup = JSON.parse(line.slice('startup '.length))
    else if (first === 'cut') cut = Number(second)
    else if (first === '>' || first === '<') lines.push(parseLine(first, second, rest))
    else throw new Error(`line ${index + 1} is not of a conversation: ${line}`)
  }
  return { startup, cut, lines }
}

function parseLine(side: '>' | '<', word: string, rest: string): Line {
  const name = acts.find((each) => each === word)
  if (name !== undefined) return act(name)
  const bytes = Buffer.from(JSON.parse(rest), 'latin1')
  if (word === 'raw') return { kind: 'raw', side, bytes }
  if (word.length !== 1) throw new Error(`neither a message nor an act: ${word}`)
  return { kind: 'message', side, letter: word, body: bytes }
}
