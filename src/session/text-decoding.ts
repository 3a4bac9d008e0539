import { TextDecoder } from 'node:util'
import { limits } from '../lib/limits.js'

/**
 * Decodes texts by the client's encoding. `exact` is false when the bytes cannot be decoded with
 * certainty, so that the text is `ambiguous`: an encoding that we do not know might hide a quote
 * in the second byte of a character.
 */
export interface DecodedText {
  readonly text: string
  readonly exact: boolean
  /** What the server had last said of how it reads texts. */
  readonly mode: LexingMode
  /** The beginning of what was decoded, copied, where the text does not tell its bytes. */
  readonly bytes?: Buffer
}

/** How the server reads a text, as far as that can change within a session. Never changed in place. */
export interface LexingMode {
  /** `client_encoding` as the server reports it, in upper case. */
  readonly encoding: string
  /** False while backslashes escape in plain literals, which the grammar is not told of. */
  readonly standard_strings: boolean
}

/** Stands before the bytes of a name that the encoding cannot show; no decoded name begins so. */
export const undecoded_mark = '\ufffd'

/**
 * PostgreSQL's encoding names → WHATWG labels. Source: src/common/encnames.c. LATIN10 and others
 * that are not here have no decoder in Node: only their ASCII texts are certain.
 */
const labels: ReadonlyMap<string, string> = new Map([
  ['LATIN2', 'iso-8859-2'],
  ['LATIN3', 'iso-8859-3'],
  ['LATIN4', 'iso-8859-4'],
  ['LATIN6', 'iso-8859-10'],
  ['LATIN7', 'iso-8859-13'],
  ['LATIN8', 'iso-8859-14'],
  ['LATIN9', 'iso-8859-15'],
  ['ISO_8859_5', 'iso-8859-5'],
  ['ISO_8859_6', 'iso-8859-6'],
  ['ISO_8859_7', 'iso-8859-7'],
  ['ISO_8859_8', 'iso-8859-8'],
  ['WIN866', 'ibm866'],
  ['WIN874', 'windows-874'],
  ['WIN1250', 'windows-1250'],
  ['WIN1251', 'windows-1251'],
  ['WIN1253', 'windows-1253'],
  ['WIN1254', 'windows-1254'],
  ['WIN1255', 'windows-1255'],
  ['WIN1256', 'windows-1256'],
  ['WIN1257', 'windows-1257'],
  ['WIN1258', 'windows-1258'],
  ['KOI8R', 'koi8-r'],
  ['KOI8U', 'koi8-u'],
  ['EUC_JP', 'euc-jp'],
  ['EUC_KR', 'euc-kr'],
  ['EUC_CN', 'gbk'],
  ['GBK', 'gbk'],
  ['GB18030', 'gb18030'],
  ['BIG5', 'big5'],
  ['SJIS', 'shift_jis'],
  ['UHC', 'euc-kr'],
])

/** Decodes the texts of one session; the encoding changes when the server reports so. */
export class TextDecoding {
  #mode: LexingMode = { encoding: 'UTF8', standard_strings: true }
  #decoder: TextDecoder | undefined

  /** `name` is what the server reports as client_encoding. */
  setEncoding(name: string): void {
    const encoding = name.toUpperCase()
    this.#mode = { ...this.#mode, encoding }
    this.#decoder = decoderOf(encoding)
  }

  /** What the server has last said of how it reads texts. */
  get mode(): LexingMode {
    return this.#mode
  }

  /** The server reports a setting: two of them say how it reads texts. */
  parameterStatus(name: string, value: string): void {
    if (name === 'client_encoding') this.setEncoding(value)
    else if (name === 'standard_conforming_strings') {
      this.standard_conforming_strings = value === 'on'
    }
  }

  get standard_conforming_strings(): boolean {
    return this.#mode.standard_strings
  }

  set standard_conforming_strings(standard_strings: boolean) {
    this.#mode = { ...this.#mode, standard_strings }
  }

  decode(bytes: Buffer): DecodedText {
    const { text, exact } = this.#decodeBytes(bytes)
    const mode = this.#mode
    const certain = exact && (mode.standard_strings || !bytes.includes(0x5c))
    if (exact && (mode.encoding === 'UTF8' || isAscii(bytes))) {
      return { text, exact: certain, mode }
    }
    const kept = bytes.subarray(0, limits.redacted_here_chars + 1)
    return { text, exact: certain, mode, bytes: Buffer.from(kept) }
  }

  /**
   * The name of a statement or portal. Two names are one string only when the server takes them
   * for one name: bytes that the encoding does not have are kept one by one behind a mark, and no
   * more of them than the server compares.
   */
  name(bytes: Buffer): string {
    if (bytes.length === 0) return ''
    const { text, exact } = this.#decodeBytes(bytes)
    if (exact && !text.includes(undecoded_mark)) return text
    return undecoded_mark + bytes.toString('latin1', 0, limits.identifier_bytes)
  }

  /** A copy of a value in text format, in UTF-8: the encoding is the client's for values, too. */
  value(bytes: Buffer): Buffer {
    const { encoding } = this.#mode
    const as_it_is = encoding === 'UTF8' || encoding === 'SQL_ASCII' || isAscii(bytes)
    return Buffer.from(as_it_is ? bytes : this.#decodeBytes(bytes).text)
  }

  #decodeBytes(bytes: Buffer): Omit<DecodedText, 'mode' | 'bytes'> {
    switch (this.#mode.encoding) {
      case 'UTF8':
      case 'UNICODE':
        return decodeUtf8(bytes)
      case 'SQL_ASCII':
        // The server takes the bytes as they are: ASCII is certain, all else is only shown.
        return decodeUtf8(bytes)
      case 'LATIN1':
        return { text: bytes.toString('latin1'), exact: true }
      case 'WIN1252': {
        const text = bytes.toString('latin1').replace(c1_controls, win1252Character)
        return { text, exact: !doubtful_characters.test(text) }
      }
      default:
        break
    }
    if (this.#decoder !== undefined) {
      try {
        const text = this.#decoder.decode(bytes)
        return { text, exact: !doubtful_characters.test(text) }
      } catch (error) {
        // Bytes that the encoding does not have: shown byte for byte, and said to be in doubt.
        if (!(error instanceof TypeError)) throw error
      }
    }
    return { text: bytes.toString('latin1'), exact: isAscii(bytes) }
  }
}

/**
 * C1 controls and ICU's own private characters: what the decoder makes of a byte that the server
 * may take for the first half of a character.
 */
const doubtful_characters = /[\u0080-\u009f\uf8f0-\uf8ff]/

const c1_controls = /[\u0080-\u009f]/g

/** 0x80 to 0x9F of WIN1252, which TextDecoder takes for controls in some versions of Node. */
const win1252_characters = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'

function win1252Character(control: string): string {
  return win1252_characters.charAt(control.charCodeAt(0) - 0x80)
}

function decoderOf(encoding: string): TextDecoder | undefined {
  const label = labels.get(encoding)
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label, { fatal: true })
  } catch (error) {
    // A Node that was built without all of ICU: the encoding is as good as unknown.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function decodeUtf8(bytes: Buffer): Omit<DecodedText, 'mode' | 'bytes'> {
  const text = bytes.toString('utf8')
  // U+FFFD stands where bytes were invalid (or was sent as such, which is as good as harmless).
  return { text, exact: !text.includes('\ufffd') }
}

export function isAscii(bytes: Buffer): boolean {
  // An iterator would cost more than all the rest.
  for (let at = 0; at < bytes.length; at++) if ((bytes[at] ?? 0) > 0x7f) return false
  return true
}
