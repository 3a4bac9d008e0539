import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextDecoding } from '../../src/session/text-decoding.js'

function decoding(encoding: string): TextDecoding {
  const result = new TextDecoding()
  result.setEncoding(encoding)
  return result
}

const decode = (encoding: string, ...bytes: readonly number[]) => {
  const { text, exact } = decoding(encoding).decode(Buffer.from(bytes))
  return `${text} ${exact ? 'exact' : 'in doubt'}`
}

describe('texts', () => {
  it('are UTF-8 unless the server says otherwise', () => {
    expect(new TextDecoding().decode(Buffer.from('é'))).toMatchObject({ text: 'é', exact: true })
    expect(decode('UTF8', 0xc3, 0xa9)).toBe('é exact')
    expect(decode('utf8', 0xc3, 0xa9)).toBe('é exact')
    expect(decode('UTF8', 0xe9)).toBe('\ufffd in doubt')
    // An overlong quote is no character.
    expect(decode('UTF8', 0xc0, 0xa7)).toContain('in doubt')
  })

  it.each([
    ['LATIN1', [0xe9], 'é'],
    ['LATIN2', [0xb1], 'ą'],
    ['LATIN9', [0xa4], '€'],
    ['WIN1252', [0x80], '€'],
    ['WIN1251', [0xe6], 'ж'],
    ['KOI8R', [0xd6], 'ж'],
    ['WIN866', [0xa6], 'ж'],
    ['EUC_JP', [0xa5, 0xbd], 'ソ'],
    ['EUC_KR', [0xb0, 0xa1], '가'],
    ['EUC_CN', [0xd6, 0xd0], '中'],
    ['SQL_ASCII', [0x61], 'a'],
    // The second byte of each of these is a backslash.
    ['SJIS', [0x83, 0x5c], 'ソ'],
    ['BIG5', [0xa5, 0x5c], '功'],
    ['GBK', [0x81, 0x5c], '乗'],
    ['GB18030', [0x81, 0x5c], '乗'],
  ])('%s has its own characters', (encoding, bytes, text) => {
    expect(decode(encoding, ...bytes)).toBe(`${text} exact`)
  })

  it.each([
    ['a quote after half a character of SJIS', 'SJIS', [0x83, 0x27]],
    ['a quote after half a character of BIG5', 'BIG5', [0x81, 0x27]],
    ['half a character at the end', 'GBK', [0x81]],
    ['a byte that the decoder takes for a control character', 'UHC', [0x81, 0x41]],
    ['an encoding that Node does not have', 'LATIN10', [0xaa]],
    ['an encoding of nobody', 'JOHAB', [0x88, 0x61]],
    ['MULE_INTERNAL', 'MULE_INTERNAL', [0x81, 0xe9]],
  ])('are in doubt for %s', (_name, encoding, bytes) => {
    expect(decode(encoding, ...bytes)).toContain('in doubt')
  })

  it('of ASCII are certain in any encoding, known or not', () => {
    const all = Buffer.from(Array.from({ length: 0x5f }, (_, index) => 0x20 + index))
    for (const encoding of [
      'UTF8',
      'SQL_ASCII',
      'SJIS',
      'BIG5',
      'WIN866',
      'LATIN10',
      'JOHAB',
      '',
    ]) {
      expect(decoding(encoding).decode(all), encoding).toMatchObject({
        text: all.toString('latin1'),
        exact: true,
      })
    }
  })

  it('with a backslash are in doubt while backslashes escape', () => {
    const both = decoding('UTF8')
    both.standard_conforming_strings = false
    expect(both.decode(Buffer.from("SELECT '\\'")).exact).toBe(false)
    expect(both.decode(Buffer.from("SELECT 'x'")).exact).toBe(true)
    both.standard_conforming_strings = true
    expect(both.decode(Buffer.from("SELECT '\\'")).exact).toBe(true)
  })

  it('remember the mode that they were decoded in', () => {
    const changing = new TextDecoding()
    const before = changing.decode(Buffer.from('x')).mode
    changing.setEncoding('sjis')
    changing.standard_conforming_strings = false
    expect(before).toEqual({ encoding: 'UTF8', standard_strings: true })
    expect(changing.decode(Buffer.from('x')).mode).toEqual({
      encoding: 'SJIS',
      standard_strings: false,
    })
  })

  it('never throw, whatever the encoding and the bytes (property)', () => {
    const encodings = fc.constantFrom(
      'UTF8',
      'SJIS',
      'BIG5',
      'EUC_JP',
      'UHC',
      'GB18030',
      'WIN1253',
      'LATIN8',
      'X',
    )
    fc.assert(
      fc.property(encodings, fc.uint8Array({ maxLength: 40 }), (encoding, bytes) => {
        const both = decoding(encoding)
        expect(typeof both.decode(Buffer.from(bytes)).text).toBe('string')
        expect(typeof both.name(Buffer.from(bytes))).toBe('string')
      }),
    )
  })
})

describe('names', () => {
  it('that differ in their first 63 bytes stay different, valid or not (property)', () => {
    const bytes = fc
      .array(fc.constantFrom(0x61, 0xc3, 0xa9, 0xe9, 0xef, 0xbf, 0xbd, 0xff), {
        minLength: 1,
        maxLength: 63,
      })
      .map((items) => Buffer.from(items))
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        const utf8 = decoding('UTF8')
        expect(utf8.name(one) === utf8.name(other)).toBe(one.equals(other))
      }),
      { numRuns: 1000 },
    )
  })

  it('are shown as they are where they can be', () => {
    expect(decoding('LATIN1').name(Buffer.from([0xe9]))).toBe('é')
    expect(decoding('UTF8').name(Buffer.from('été'))).toBe('été')
    expect(decoding('UTF8').name(Buffer.alloc(0))).toBe('')
    expect(decoding('UTF8').name(Buffer.alloc(200, 0xff)).length).toBe(64)
  })
})
