import { readHead } from './sequence-check.js'

/** `2026-11-22T09:04:02.158960Z` */
const time_bytes = 27
/** Beyond, a number is not exact any more, and none of the trail's. */
const seq_digits = 15
const digit_0 = 0x30
const digit_9 = 0x39

const before_class = Buffer.from('","class":"')
const audit_class = Buffer.from('AUDIT"')
const csv_audit = Buffer.from('AUDIT: SESSION,AUDIT,')
/** Bytes of a line in which its class stands, unless the name of the instance is very long. */
const class_bytes = 1_024

const instance_pattern = /^,"instance":"(?:[^"\\]|\\.)*","time":"/

/**
 * Reads the heads of records, millions of them. All JSON records of one start begin with the same
 * bytes, save number and time; those are compared, and only a head that differs is read as text.
 */
export class HeadReader {
  /** Of the last JSON record that was read. */
  epoch = 0
  seq = 0
  /** Up to the number, and from behind it to the time. */
  #prefix: Buffer | undefined
  #instance: Buffer | undefined
  #is_audit = false

  /**
   * Reads the head of a JSON record, the bytes of a line without its end; false when it is none.
   * `epoch`, `seq` and `may_be_audit` are valid after it answered true.
   */
  readJson(bytes: Uint8Array, from: number, to: number): boolean {
    return this.#readKnown(bytes, from, to) || this.#readUnknown(bytes, from, to)
  }

  /** Whether the JSON record may be of class AUDIT; one that is none can still be said to be. */
  get may_be_audit(): boolean {
    return this.#is_audit
  }

  /** The same of a CSV record. */
  static mayBeAuditCsv(bytes: Uint8Array, from: number, to: number): boolean {
    return startsWith(bytes, from, to, csv_audit)
  }

  #readKnown(bytes: Uint8Array, from: number, to: number): boolean {
    const prefix = this.#prefix
    const instance = this.#instance
    if (prefix === undefined || instance === undefined) return false
    if (!startsWith(bytes, from, to, prefix)) return false
    const seq_from = from + prefix.length
    let at = seq_from
    let seq = 0
    for (; at < to && at - seq_from < seq_digits; at++) {
      const byte = bytes[at] ?? 0
      if (byte < digit_0 || byte > digit_9) break
      seq = seq * 10 + byte - digit_0
    }
    if (at === seq_from || !startsWith(bytes, at, to, instance)) return false
    const class_from = at + instance.length + time_bytes
    if (!startsWith(bytes, class_from, to, before_class)) return false
    this.seq = seq
    this.#is_audit = startsWith(bytes, class_from + before_class.length, to, audit_class)
    return true
  }

  #readUnknown(bytes: Uint8Array, from: number, to: number): boolean {
    const line = Buffer.from(
      bytes.buffer,
      bytes.byteOffset + from,
      Math.min(to - from, class_bytes),
    )
    const head = readHead(line)
    if (head === undefined) return false
    this.epoch = head.epoch
    this.seq = head.seq
    const text = line.toString('latin1')
    this.#is_audit = text.includes('"class":"AUDIT"')
    const behind_seq = text.indexOf(',', text.indexOf('"seq":'))
    const instance = instance_pattern.exec(text.slice(behind_seq))?.[0]
    this.#prefix = Buffer.from(text.slice(0, text.indexOf('"seq":') + '"seq":'.length), 'latin1')
    this.#instance = instance === undefined ? undefined : Buffer.from(instance, 'latin1')
    return true
  }
}

function startsWith(bytes: Uint8Array, from: number, to: number, expected: Uint8Array): boolean {
  if (to - from < expected.length) return false
  for (let at = 0; at < expected.length; at++) {
    if (bytes[from + at] !== expected[at]) return false
  }
  return true
}
