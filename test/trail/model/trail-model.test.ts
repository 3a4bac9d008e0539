import fc from 'fast-check'
import { describe, it } from 'vitest'
import { checkWorld } from './check-world.js'
import { type DeathMoment, fault_names } from './faulty-disk.js'
import { TrailWorld, type WorldSettings } from './trail-world.js'

/**
 * Anything that can happen to a trail, in any order; what is in its files and in the server log is
 * then what was given to it. The short run tells the same stories each time; a long one, with
 * `PGWITNESS_TRAIL_RUNS=20000`, tells new ones, those of `PGWITNESS_TRAIL_SEED` if it is set.
 */
const asked_runs = process.env['PGWITNESS_TRAIL_RUNS']
const asked_seed = process.env['PGWITNESS_TRAIL_SEED']
const runs = Number(asked_runs ?? 200)
const seed = asked_seed ?? (asked_runs === undefined ? 20_261_122 : Date.now() % 2 ** 31)

const hour_ms = 3_600_000

/** What happens next. */
type Event =
  | { readonly what: 'append'; readonly count: number; readonly length: number }
  | { readonly what: 'pass'; readonly ms: number }
  | { readonly what: 'flush' | 'restart' | 'repair' | 'delete' }
  | { readonly what: 'set_wall'; readonly ms: number }
  | { readonly what: 'fault'; readonly name: (typeof fault_names)[number]; readonly bytes: number }
  | {
      readonly what: 'die'
      readonly of: 'thread' | 'process' | 'machine'
      readonly survives: number
      /** System calls until then; undefined for at once. */
      readonly calls: number | undefined
      readonly moment: 'before' | 'within' | 'behind'
    }

const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.nat(300) },
  { weight: 2, arbitrary: fc.nat(4_000) },
  // More than a quarter of the ring, and all of it.
  { weight: 1, arbitrary: fc.integer({ min: 17_000, max: 65_000 }) },
)

const events: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 40 }),
      length: lengths,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('pass' as const),
      ms: fc.oneof(fc.constantFrom(50, 100, 1_000, 6_000, 61_000, hour_ms), fc.nat(3_000)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constantFrom('flush' as const, 'restart' as const, 'repair' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('set_wall' as const),
      ms: fc.integer({ min: -2 * hour_ms, max: 2 * hour_ms }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('fault' as const),
      name: fc.constantFrom(...fault_names),
      bytes: fc.nat(3_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('die' as const),
      of: fc.constantFrom('thread' as const, 'process' as const, 'machine' as const),
      survives: fc.double({ min: 0, max: 1, noNaN: true }),
      calls: fc.option(fc.nat(60), { nil: undefined }),
      moment: fc.constantFrom('before' as const, 'within' as const, 'behind' as const),
    }),
  },
)

const settings: fc.Arbitrary<WorldSettings> = fc.record({
  format: fc.constantFrom('json' as const, 'csv' as const),
  size_bytes: fc.constantFrom(0, 4_096, 30_000),
  age_ms: fc.constantFrom(0, hour_ms, 24 * hour_ms),
  files: fc.constantFrom(undefined, undefined, 3),
  seal_records: fc.constantFrom(7, 10_000),
  flush_bytes: fc.constantFrom(2_000, 64 * 1024),
})

function happen(world: TrailWorld, event: Event): void {
  switch (event.what) {
    case 'append':
      world.append(event.count, event.length)
      return
    case 'pass':
      world.pass(event.ms)
      return
    case 'flush':
      world.flush()
      return
    case 'restart':
      world.restart()
      return
    case 'repair':
      world.repair()
      return
    case 'delete':
      world.deleteCurrentFile()
      return
    case 'set_wall':
      world.setWall(event.ms)
      return
    case 'fault':
      world.disturbed = true
      world.disk.faults.add(event.name)
      world.disk.allowance = event.bytes
      return
    case 'die':
      if (event.calls === undefined) world.die(event.of, event.survives)
      else world.dieAfter(event.calls, event.moment, event.of, event.survives)
      return
    default:
      event satisfies never
  }
}

const plain: WorldSettings = {
  format: 'json',
  size_bytes: 0,
  age_ms: 0,
  files: undefined,
  seal_records: 7,
  flush_bytes: 2_000,
}
const csv: WorldSettings = { ...plain, format: 'csv' }
const append = (count: number, length: number): Event => ({ what: 'append', count, length })
const pass = (ms: number): Event => ({ what: 'pass', ms })
const full = (bytes: number): Event => ({ what: 'fault', name: 'full', bytes })
const die = (of: 'thread' | 'machine', calls?: number, moment: DeathMoment = 'before'): Event => {
  return { what: 'die', of, survives: 0, calls, moment }
}

/** Stories that have ended badly. */
const examples: [WorldSettings, Event[]][] = [
  // The queue wraps, and the same record is acknowledged twice before the next one comes.
  [plain, [append(1, 588), pass(51), append(1, 64_828), pass(976), { what: 'flush' }]],
  // The successor of a writer that dies while records are diverted cannot write a file either.
  [plain, [full(0), pass(61_000), die('thread'), pass(50)]],
  [csv, [full(0), pass(hour_ms), die('thread')]],
  // A writer dies within a line of the server log.
  [plain, [die('thread', 15, 'within'), full(912), pass(hour_ms), pass(0), full(0)]],
  // A successor vouches for bytes that a loss of power takes back.
  [plain, [append(1, 0), pass(51), die('thread'), die('machine'), full(0), pass(50)]],
  // A process dies before it has named what it diverted, and the next one diverts as well.
  [csv, [append(1, 17_000), full(0), pass(50), die('machine'), pass(50), full(0), pass(hour_ms)]],
  // A writer dies within the first record of a file.
  [
    { ...plain, size_bytes: 30_000 },
    [append(2, 2_824), append(1, 23_943), die('thread', 10, 'within'), pass(1), full(0)],
  ],
  // A writer's range is named by its successor, with its own behind it.
  [
    csv,
    [
      die('thread', 34),
      append(1, 17_000),
      { what: 'fault', name: 'sync_error', bytes: 0 },
      pass(6_000),
      die('thread'),
    ],
  ],
  // The record that closes a file is written again in a later one.
  [
    { ...plain, size_bytes: 4_096 },
    [
      { what: 'fault', name: 'log_sync_error', bytes: 0 },
      { what: 'fault', name: 'sync_error', bytes: 0 },
      append(21, 98),
      pass(201),
    ],
  ],
]

async function live(given: WorldSettings, story: readonly Event[]): Promise<void> {
  const world = new TrailWorld(given)
  try {
    world.start()
    for (const event of story) happen(world, event)
    world.finish()
    await checkWorld(world)
  } finally {
    world.remove()
  }
}

describe('a trail', () => {
  it(
    'holds what it was given, in its order, whatever happens to it',
    async () => {
      await fc.assert(
        fc.asyncProperty(settings, fc.array(events, { minLength: 3, maxLength: 40 }), live),
        { numRuns: runs, examples, seed: Number(seed) },
      )
    },
    Math.max(180_000, runs * 1_000),
  )
})
