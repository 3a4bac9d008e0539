import fs from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { TrailRecord } from '../support/proxy.js'
import type { Random } from '../support/random.js'

/** What clients do while the proxy before them is killed, and what the trail must have of it. */

/** Something that a client has seen: the end of a transaction, a row, an error. */
export interface Seen {
  readonly id: string
  readonly as: 'commit' | 'block' | 'row' | 'error'
  readonly at_ms: number
}

/** A table and a procedure for the load. */
export const load_schema = `
  CREATE TABLE kept (id text);
  CREATE PROCEDURE keep(id text) LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO kept VALUES (id); COMMIT; END $$;
`

const id_pattern = /\bk\d+_\d+_\d+b?\b/g

type Work = (
  client: pg.Client,
  id: string,
  saw: (id: string, as: Seen['as']) => void,
) => Promise<unknown>

const works: readonly Work[] = [
  async (client, id, saw) => {
    await client.query(`INSERT INTO kept VALUES ('${id}')`)
    saw(id, 'commit')
  },
  async (client, id, saw) => {
    await client.query({ text: 'INSERT INTO kept VALUES ($1)', values: [id] })
    saw(id, 'commit')
  },
  async (client, id, saw) => {
    await client.query('BEGIN')
    await client.query(`INSERT INTO kept VALUES ('${id}')`)
    await client.query('COMMIT')
    saw(id, 'block')
  },
  async (client, id, saw) => {
    await client.query(`INSERT INTO kept VALUES ('${id}'); INSERT INTO kept VALUES ('${id}b')`)
    saw(id, 'commit')
    saw(`${id}b`, 'commit')
  },
  async (client, id, saw) => {
    await client.query(`CALL keep('${id}')`)
    saw(id, 'commit')
  },
  (client, id, saw) => firstRow(client, `SELECT '${id}'`, () => saw(id, 'row')),
  (client, id, saw) => {
    // More than comes in one piece: its rows are seen before its end.
    const text = `SELECT '${id}', repeat('x', 500) FROM generate_series(1, 2000)`
    return firstRow(client, text, () => saw(id, 'row'))
  },
  async (client, id, saw) => {
    try {
      await client.query(`SELECT '${id}'::int`)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error
      if (error.message.includes(id)) saw(id, 'error')
    }
  },
]

function firstRow(client: pg.Client, text: string, saw: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = client.query(new pg.Query(text))
    query.once('row', saw)
    query.once('end', () => resolve())
    query.once('error', reject)
  })
}

/** Works through a connection until that is cut; tells of all that is seen at the moment of it. */
export async function work(
  client: pg.Client,
  prefix: string,
  random: Random,
  saw: (seen: Seen) => void,
): Promise<void> {
  try {
    for (let n = 1; ; n++) {
      const one = works[random(works.length)]
      await one?.(client, `${prefix}_${n}`, (id, as) => saw({ id, as, at_ms: performance.now() }))
    }
  } catch {
    // The proxy was killed.
  }
}

/** What the files of a trail tell of the ids that clients have sent. */
export class RecordedIds {
  readonly #of = new Map<string, TrailRecord[]>()
  readonly #committed = new Set<string>()

  /** Reads whole lines; the last one of a killed process may be torn. */
  constructor(directory: string, files: readonly string[]) {
    for (const file of files) {
      const text = fs.readFileSync(join(directory, file), 'utf8')
      const whole = text.slice(0, text.lastIndexOf('\n') + 1).trimEnd()
      for (const line of whole.split('\n')) this.#take(JSON.parse(line), line)
    }
  }

  /** True when the trail has what a client has seen as it must. */
  has({ id, as }: Pick<Seen, 'id' | 'as'>): boolean {
    const records = this.#of.get(id) ?? []
    if (as === 'row') return records.length > 0
    const outcome = as === 'error' ? 'failure' : 'success'
    const ended = records.filter((record) => record.outcome === outcome)
    return as === 'block'
      ? ended.some((one) => this.#committed.has(transactionOf(one)))
      : ended.length > 0
  }

  #take(record: TrailRecord, line: string): void {
    if (record.command === 'COMMIT' && record.outcome === 'success') {
      this.#committed.add(transactionOf(record))
    }
    for (const id of new Set(line.match(id_pattern))) {
      const records = this.#of.get(id)
      if (records === undefined) this.#of.set(id, [record])
      else records.push(record)
    }
  }
}

function transactionOf(record: TrailRecord): string {
  return `${record['epoch']} ${record.session?.['id']} ${record.transaction?.id}`
}
