import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { TextDigest } from '../../src/session/text-digest.js'
import { client, Dialogue, server } from '../support/dialogue.js'
import { forEveryCut } from '../support/feed.js'
import {
  bind,
  bindComplete,
  complete,
  execute,
  failure,
  functionCall,
  int16,
  parse,
  parseComplete,
  query,
  ready,
  sync,
} from '../support/messages.js'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const text = Buffer.from(`SELECT '${'äöü€'.repeat(200)}'`)

describe('the digest of a text', () => {
  it('ends at its NUL, wherever the pieces are cut', async () => {
    for (const name of ['', 'name', 'näme'.repeat(30)]) {
      const body = Buffer.concat([Buffer.from(`${name}\0`), text, Buffer.from('\0'), int16(0)])
      await forEveryCut((cutting) => {
        const digest = new TextDigest(true)
        for (const piece of cutting.cut(body)) {
          // A piece lies somewhere in its chunk.
          const chunk = Buffer.concat([Buffer.from('\0x'), piece, Buffer.from('\0')])
          digest.update(chunk, 2, 2 + piece.length)
        }
        expect(digest.name.toString()).toBe(name)
        expect(digest.length).toBe(text.length)
        expect(digest.sha256()).toBe(sha256(text))
      })
    }
  })

  it('of nothing is that of nothing', () => {
    const digest = new TextDigest(false)
    digest.update(Buffer.from('\0after'), 0, 6)
    expect([digest.length, digest.sha256()]).toEqual([0, sha256(Buffer.alloc(0))])
  })
})

describe('a text beyond limits.analysed', () => {
  const name = `${'é'.repeat(31)}-longer than the server compares`

  it('is hashed, relayed, and recorded as not understood', async () => {
    await forEveryCut(async (cutting) => {
      const dialogue = await new Dialogue({ analysed_bytes: 100, cutting }).playAll([
        client(query(text), parse(name, text), bind('', name, ['x']), execute(), sync()),
        server(complete('SELECT 1'), ready(), parseComplete(), bindComplete()),
        server(complete('SELECT 1'), ready()),
      ])
      const seen = dialogue.reports.map((report) =>
        report.kind !== 'execution'
          ? report
          : {
              protocol: report.protocol,
              text: report.text,
              length: report.length,
              sha256: report.sha256,
              status: report.status,
              class: report.statement?.class,
            },
      )
      const expected = {
        text: '',
        length: text.length,
        sha256: sha256(text),
        status: 'unparsed',
        class: 'WRITE',
      }
      expect(seen).toEqual([
        { protocol: 'simple', ...expected },
        { protocol: 'extended', ...expected },
      ])
    })
  })

  it('in a Bind or FunctionCall leaves its names and OID', async () => {
    const long = 'v'.repeat(300)
    await forEveryCut(async (cutting) => {
      const dialogue = await new Dialogue({ analysed_bytes: 100, cutting }).playAll([
        client(parse('s', 'SELECT $1'), bind('p', 's', [long]), execute('p'), sync()),
        server(parseComplete(), bindComplete(), complete('SELECT 1'), ready()),
        client(functionCall(954, [long])),
        server(failure('42883'), ready()),
      ])
      const seen = dialogue.reports.map((report) =>
        report.kind === 'execution'
          ? [report.text, report.name, report.function_oid, report.bound]
          : report,
      )
      const cut = { formats: [], values: [], cut: true }
      expect(seen).toEqual([
        ['SELECT $1', 'p', undefined, cut],
        ['', undefined, 954, cut],
      ])
    })
  })
})
