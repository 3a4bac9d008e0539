import { z } from 'zod'

const bytes = z.int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const text = z.string()

/** A file of the trail as its successor names it. */
const predecessor = z.strictObject({
  file: text.describe('name of the file before this one'),
  bytes: bytes.describe('bytes of its whole records'),
  sha256: sha256.optional().describe('SHA-256 of those bytes; absent if it cannot be read'),
  torn_bytes: bytes.optional().describe('bytes of a record that was cut short behind them'),
})

const diverted = z.strictObject({
  from_seq: z.int().describe('first number of the records in the server log'),
  to_seq: z.int().describe('last number'),
  records: bytes.describe('how many there are'),
  sha256: sha256.describe('SHA-256 of their lines, each with its newline'),
})

const water_mark = z
  .int()
  .describe('the water mark that counts now: 75, 90 or 98 percent, 0 below all')
const disk_use = {
  used_percent: z.number().describe('how full it is, as df counts'),
  available_bytes: bytes.describe('what may still be written'),
  scarce: z.enum(['bytes', 'files']).describe('what is scarcest: room, or files that may be made'),
} as const

/** Where a load balancer named the client, the record's own address is what it named. */
const via = {
  via: text.optional().describe('address of the load balancer whose PROXY header named the client'),
  via_port: z.int().optional().describe('its port'),
} as const

const previous = predecessor.optional().describe('the file before this one')
/** A writer that died during a diversion takes its running hash with it. */
const unfinished_fallback = diverted
  .extend({ sha256: diverted.shape.sha256.optional() })
  .optional()
  .describe('records that were sent to the server log and not yet accounted for')

/**
 * The `detail` of each event, by the record's `command`. What a record carries in other keys
 * (address, user, SQLSTATE, duration) is not repeated. `docs/records.md` is made from this.
 */
export const detail_schemas = {
  'connection received': z.strictObject(via),
  'connection authorized': z.strictObject({
    replication: z
      .enum(['physical', 'logical'])
      .optional()
      .describe(
        'of a replication connection: `physical` (of no database, without SQL) or `logical`',
      ),
  }),
  'authentication failed': z.strictObject({
    cause: z
      .literal('channel binding')
      .optional()
      .describe(
        'given where the client’s exchange was bound to its TLS connection, or it said that it ' +
          'was offered none, and that cannot fit the server’s',
      ),
  }),
  disconnection: z.strictObject({
    session_time_us: bytes.describe('microseconds since the connection was accepted'),
    reason: text.describe(
      'how it ended: `terminate` (the client said so), `server` (a FATAL error, which is in ' +
        '`sqlstate` and `message`), or what the proxy saw',
    ),
  }),
  'cancel request': z.strictObject({
    pid: z.int().describe('the server process that was to be interrupted'),
    ...via,
  }),
  'transaction end': z.strictObject({
    fate: z
      .enum(['rolled back', 'unknown'])
      .describe('what became of the transaction, as far as the server’s answers tell'),
    reason: text.describe('what ended it'),
    recorded: bytes.describe('statements of it that are in the trail as successful'),
  }),
  'audit.start': z.strictObject({
    version: text.optional().describe('version of pgwitness'),
    node: text.optional().describe('version of Node'),
    configuration: z
      .record(text, z.unknown())
      .optional()
      .describe('the effective configuration, secrets left out'),
    previous,
    last_record: z
      .strictObject({ epoch: bytes.describe('its start'), seq: bytes.describe('its number') })
      .optional()
      .describe('the last record that was found (JSON alone)'),
    empty_files: z.array(text).optional().describe('files behind it that hold nothing'),
    previous_unreadable: text.optional().describe('why the file before could not be read'),
    warning: text.optional().describe('what is wrong with the directory, such as others may write'),
    identity: text.optional().describe('where the id of the trail comes from'),
    disk: z
      .strictObject({ mark: water_mark, ...disk_use })
      .optional()
      .describe('how full the file system is, as in `audit.disk`; absent below 75 percent'),
  }),
  'audit.rotate': z.union([
    z.strictObject({
      event: z.literal('closed').describe('`closed`: the last record of a file'),
      next: text.describe('name of the next file'),
      bytes: bytes.describe('bytes before this record'),
      records: bytes.describe('records before this one'),
    }),
    z.strictObject({
      event: z.literal('opened').describe('`opened`: the first record of a file'),
      reason: text.describe('why a new file was begun'),
      previous: predecessor.describe('the file before this one'),
    }),
  ]),
  'audit.fallback': z.strictObject({
    reason: text.describe('why the file could not be written'),
    errno: text.optional().describe('the system’s name for the error, such as ENOSPC'),
    file: text.optional().describe('the file that failed'),
    unfinished_fallback,
  }),
  'audit.resume': z.strictObject({
    from_seq: z.int().optional().describe('first number of the records in the server log'),
    to_seq: z.int().optional().describe('last number'),
    records: bytes.describe('how many there are'),
    sha256: sha256.optional().describe('SHA-256 of their lines, each with its newline'),
    previous,
  }),
  'audit.recovered': z.strictObject({
    reason: text.describe('what was recovered from'),
    of: text.optional().describe('the file whose end was cut short'),
    file: text.optional().describe('the file that the cut end was moved to'),
    bytes: bytes.optional().describe('its bytes'),
    sha256: sha256.optional().describe('its SHA-256'),
    errno: text.optional().describe('the system’s name for the error'),
    previous,
    unfinished_fallback,
  }),
  'audit.gap': z.strictObject({
    records: bytes.describe(
      'records that are missing here: they could be kept nowhere, and `audit.on_failure` is `continue`',
    ),
    bytes: bytes.describe('their bytes'),
    from: text.describe('when the first of them was to be kept, UTC'),
    to: text.describe('when the last of them was'),
  }),
  'audit.disk': z.strictObject({
    mark: water_mark,
    ...disk_use,
  }),
  'audit.expire': z.strictObject({
    file: text.describe('the file that was removed'),
    bytes: bytes.describe('its bytes'),
    reason: z.enum(['age', 'files', 'size']).describe('the limit of `retain` that it was over'),
  }),
  'audit.seal': z.strictObject({
    trail: text.describe('id of the trail'),
    epoch: bytes.describe('number of the start'),
    instance: text.describe('name of the proxy that wrote it'),
    file: text.describe(
      'the file that is sealed; in another one the record is a repeat without effect',
    ),
    from: bytes.describe(
      'first byte of the file that is covered: where the seal before it stands, or 0',
    ),
    to: bytes.describe('end of what is covered: where this record begins'),
    records: bytes.describe('how many records that are'),
    previous_hash: sha256
      .optional()
      .describe('hash of the seal before, also over files; absent in the first'),
    hash: sha256.describe(
      'SHA-256 of that hash (or 32 zero bytes) and of the SHA-256 of these bytes',
    ),
    time: text.describe('time of the seal, UTC'),
    next_ms: bytes.describe(
      'the next seal comes within this many milliseconds, while pgwitness runs',
    ),
    closing: z
      .literal(true)
      .optional()
      .describe('the last record of a file that was closed in order'),
    key: sha256.optional().describe('SHA-256 of the public key (DER) that checks the signature'),
    signature: text.optional().describe('Ed25519, base64; absent without `audit.seal.key`'),
  }),
  'audit.config': z.strictObject({
    changes: z
      .array(
        z.strictObject({
          key: text.describe('the key, in the words of the configuration file'),
          old: z
            .unknown()
            .optional()
            .describe('its effective value before; absent: there was none'),
          new: z.unknown().optional().describe('its effective value now; absent: there is none'),
        }),
      )
      .describe(
        'what SIGHUP has changed, secrets by their key alone; `….sha256` is that of the contents of a ' +
          'file with certificates',
      ),
  }),
  'audit.stop': z.strictObject({
    reason: text.describe('why pgwitness stopped'),
  }),
} as const satisfies Record<string, z.ZodType>

/** The commands whose records have a detail. */
export type DetailCommand = keyof typeof detail_schemas

/** The detail of one command's records. */
export type Detail<Command extends DetailCommand> = z.output<(typeof detail_schemas)[Command]>

/** True for a command whose records have a detail of their own. */
export function isDetailCommand(command: string): command is DetailCommand {
  return Object.hasOwn(detail_schemas, command)
}
