import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { chainHash, keyFingerprint, readSeal, signSeal } from '../../../src/trail/seal.js'
import { filesOf, recordsOf, type SealedTrail, writeRecords } from './sealed-trail.js'

/** What is done to a copy of a trail, and what a verification must make of it. */
export interface Attack {
  readonly name: string
  readonly run: (directory: string, trail: SealedTrail) => void
  /** Verdict and a finding without an anchor. */
  readonly verdict: 0 | 1 | 2 | 3
  readonly finding?: RegExp
  /** The same with an anchor, where that differs. */
  readonly anchored?: { readonly verdict: 0 | 1 | 2 | 3; readonly finding: RegExp }
  /** Needs the JSON format. */
  readonly json_only?: true
}

const isSeal = (record: string): boolean => record.includes('audit.seal')

/** Changes the records of one file; the index counts from the end when it is negative. */
function change(index: number, edit: (records: string[]) => string[]): Attack['run'] {
  return (directory) => {
    const path = join(directory, filesOf(directory).at(index) ?? '')
    writeRecords(path, edit(recordsOf(path)))
  }
}

function remove(index: number): Attack['run'] {
  return (directory) => fs.unlinkSync(join(directory, filesOf(directory).at(index) ?? ''))
}

function swapFiles(directory: string): void {
  const [, one = '', two = ''] = filesOf(directory)
  fs.renameSync(join(directory, one), join(directory, 'held'))
  fs.renameSync(join(directory, two), join(directory, one))
  fs.renameSync(join(directory, 'held'), join(directory, two))
}

/** Cuts a file just behind a seal that is not its last. */
const cutBehindSeal = (records: string[]): string[] =>
  records.slice(0, records.findIndex(isSeal) + 1)

/** Where the records of users stand, behind the first seal. */
const middle = (records: readonly string[]): number => records.findIndex(isSeal) + 2

/** Writes the files from `first` on anew, with one statement changed and every hash made to fit. */
function reseal(first: number, key: KeyObject | undefined): Attack['run'] {
  return (directory) => {
    const signer =
      key === undefined ? undefined : { key, fingerprint: keyFingerprint(createPublicKey(key)) }
    let previous: string | undefined
    let before: { bytes: number; sha256: string } | undefined
    for (const [index, name] of filesOf(directory).entries()) {
      const path = join(directory, name)
      let bytes = ''
      let from = 0
      const changed = index >= first
      for (const record of recordsOf(path)) {
        const value = JSON.parse(record)
        const seal = isSeal(record) ? readSeal(value.detail) : undefined
        if (changed && seal !== undefined) {
          const { signature: _signature, key: _key, previous_hash: _previous, ...rest } = seal
          const range = createHash('sha256').update(bytes.slice(from)).digest()
          const link = previous === undefined ? {} : { previous_hash: previous }
          const hash = chainHash(previous, range)
          const statement = { ...rest, ...link, from, to: bytes.length, hash }
          // In the order of the schema, as the writer has it.
          value.detail = signSeal(readSeal(statement) ?? seal, signer)
          from = bytes.length
        } else if (changed && before !== undefined && value.detail?.previous !== undefined) {
          Object.assign(value.detail.previous, before)
        } else if (changed && value.statement?.id === 5) value.statement.text = 'select 0'
        previous = readSeal(value.detail)?.hash ?? previous
        bytes += changed ? `${JSON.stringify(value)}\n` : record
      }
      fs.writeFileSync(path, bytes)
      before = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    }
  }
}

const other_key = generateKeyPairSync('ed25519').privateKey

/** Attacks on what stands in the files. */
const on_records: readonly Attack[] = [
  {
    name: 'edits a statement',
    run: change(1, (records) =>
      records.map((record, n) =>
        n === middle(records) ? record.replace('select', 'sElect') : record,
      ),
    ),
    verdict: 1,
    finding: /these bytes are not the ones that were sealed/,
  },
  {
    name: 'inserts a record',
    run: change(1, (records) => records.toSpliced(middle(records), 0, records.at(3) ?? '')),
    verdict: 1,
    finding: /bytes or seals were inserted or removed/,
  },
  {
    name: 'deletes a record',
    run: change(1, (records) => records.toSpliced(middle(records), 1)),
    verdict: 1,
    finding: /bytes or seals were inserted or removed/,
  },
  {
    name: 'swaps two records',
    run: change(1, (records) => {
      const at = middle(records)
      return records.toSpliced(at, 2, records[at + 1] ?? '', records[at] ?? '')
    }),
    verdict: 1,
    finding: /these bytes are not the ones that were sealed/,
  },
  {
    name: 'removes a seal',
    run: change(1, (records) => records.toSpliced(records.findIndex(isSeal), 1)),
    verdict: 1,
    finding: /does not follow the one before it/,
  },
  {
    name: 'removes all seals of a file',
    run: change(1, (records) => records.filter((record) => !isSeal(record))),
    verdict: 1,
    finding: /does not follow the one before it/,
  },
  {
    name: 'edits the hash in a seal',
    run: change(1, (records) =>
      records.map((record) =>
        isSeal(record)
          ? record.replace(/(hash"+:"+)(.)/, (_, head, digit) => head + (digit === 'a' ? 'b' : 'a'))
          : record,
      ),
    ),
    verdict: 1,
    finding: /its signature does not fit/,
  },
  {
    name: 'edits the time in the last seal of all',
    run: change(-1, (records) =>
      records.with(-1, (records.at(-1) ?? '').replace(/(hash.*time"+:"+)2\d/, '$129')),
    ),
    verdict: 1,
    finding: /its signature does not fit/,
  },
  {
    name: 'edits the line around the last seal of all',
    run: change(-1, (records) =>
      records.with(
        -1,
        (records.at(-1) ?? '')
          .replace('audit.seal,', 'audit.seal,00000')
          .replace('"test"', '"tost"'),
      ),
    ),
    verdict: 1,
    finding: /the line of a seal is not as it was written/,
  },
  {
    name: 'moves a seal to another file',
    run: (directory) => {
      const [one = '', two = ''] = filesOf(directory).map((name) => join(directory, name))
      const seal = recordsOf(one).find(isSeal) ?? ''
      writeRecords(two, recordsOf(two).toSpliced(middle(recordsOf(two)), 0, seal))
    },
    verdict: 1,
    finding: /a seal of .* stands here/,
  },
  {
    name: 'writes bytes that are no record',
    run: change(0, (records) => records.toSpliced(2, 0, '{"x":1}\n')),
    verdict: 1,
    finding: /these bytes are no record/,
    json_only: true,
  },
  {
    name: 'appends a record to the closed end',
    run: change(-1, (records) => [...records, records.at(2) ?? '']),
    verdict: 1,
    finding: /records stand behind the seal that closed the file/,
  },
]

/** Attacks on the ends of files, and on files as a whole. */
const on_files: readonly Attack[] = [
  {
    name: 'cuts the tail in the middle of a record',
    run: change(-1, (records) => records.with(-1, (records.at(-1) ?? '').slice(0, 40))),
    verdict: 2,
    finding: /a torn end of 40 bytes/,
    anchored: { verdict: 1, finding: /the anchor knows 1 seals behind the end/ },
  },
  {
    name: 'cuts the tail just behind a seal',
    run: change(-1, cutBehindSeal),
    verdict: 2,
    finding: /it ends at a seal, behind which more may have been cut off/,
    anchored: { verdict: 1, finding: /the anchor knows \d+ seals behind the end/ },
  },
  {
    name: 'cuts the tail behind a record',
    run: change(-1, (records) => records.slice(0, middle(records) + 1)),
    verdict: 2,
    finding: /the end of the file is not sealed/,
    anchored: { verdict: 1, finding: /the anchor knows \d+ seals behind the end/ },
  },
  {
    name: 'cuts an older file just behind a seal',
    run: change(1, cutBehindSeal),
    verdict: 1,
    finding: /its end was cut off/,
  },
  {
    name: 'empties an older file',
    run: change(1, () => []),
    verdict: 1,
    finding: /the file before it, is empty now/,
  },
  {
    name: 'removes a file in the middle',
    run: remove(1),
    verdict: 1,
    finding: /0002\.log: the file is missing/,
  },
  {
    name: 'removes the oldest file',
    run: remove(0),
    verdict: 1,
    finding: /0001\.log: the file is missing/,
  },
  {
    name: 'removes the newest files, behind one that was rotated',
    run: (directory, trail) => {
      remove(-1)(directory, trail)
      remove(-1)(directory, trail)
    },
    verdict: 1,
    finding: /the file is missing: .* was closed for it/,
    anchored: { verdict: 1, finding: /the anchor knows \d+ seals behind the end/ },
  },
  { name: 'swaps two files', run: swapFiles, verdict: 1, finding: /renamed, swapped or put in/ },
  {
    name: 'sets the directory back to the end of an earlier start',
    run: (directory, { earlier }) => {
      fs.rmSync(directory, { recursive: true })
      fs.cpSync(earlier, directory, { recursive: true })
    },
    verdict: 0,
    anchored: { verdict: 1, finding: /the anchor knows \d+ seals behind the end/ },
  },
  {
    name: 'seals the newest files again with another key',
    run: reseal(3, other_key),
    verdict: 1,
    finding: /a part of the trail was sealed again/,
    json_only: true,
  },
  {
    name: 'seals everything again with another key',
    run: reseal(0, other_key),
    verdict: 3,
    finding: /the wrong key, or the whole trail was sealed again/,
    anchored: { verdict: 1, finding: /seals that the anchor knows are not in the trail/ },
    json_only: true,
  },
  {
    name: 'seals everything again without a key',
    run: reseal(0, undefined),
    verdict: 3,
    finding: /seals have no signature/,
    anchored: { verdict: 1, finding: /seals that the anchor knows are not in the trail/ },
    json_only: true,
  },
  {
    name: 'seals the newest files again without a key',
    run: reseal(3, undefined),
    verdict: 1,
    finding: /a seal has no signature, though earlier ones have/,
    json_only: true,
  },
]

export const attacks: readonly Attack[] = [...on_records, ...on_files]
