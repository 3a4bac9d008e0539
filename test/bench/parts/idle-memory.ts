import { setTimeout as sleep } from 'node:timers/promises'
import { memoryOf } from './process-usage.js'
import { openRawSession, type RawSession } from './raw-session.js'
import type { IdleMemory } from './results.js'
import type { Service } from './service.js'

const settle_ms = 1_500

/** Sessions before those that count. */
const first_sessions = 100

/** How many sessions are open at a time, at most. */
export function idleSessionsMax(sessions: number): number {
  return first_sessions + sessions
}

/**
 * What sessions take that have logged in, run one statement, and wait: memory with them less
 * memory before, both after a pause. As many as are opened before them load the code, make the heap
 * as large as its garbage needs, and stay: what is measured is growth.
 */
export async function measureIdle(
  { name, service }: { readonly name: string; readonly service: Service },
  sessions: number,
): Promise<IdleMemory | undefined> {
  const open: RawSession[] = []
  try {
    await openMany(open, service.port, first_sessions)
    await sleep(settle_ms)
    const before = memoryOf(service.pid)
    await openMany(open, service.port, sessions)
    await sleep(settle_ms)
    const after = memoryOf(service.pid)
    service.assertAlive()
    if (before === undefined || after === undefined) return undefined
    return { variant: name, sessions, bytes_per_session: (after - before) / sessions }
  } finally {
    for (const session of open) session.end()
  }
}

/** A moment with so many sessions. */
export interface GrowthPoint {
  readonly sessions: number
  readonly bytes: number
  /** For each session since the point before. */
  readonly each_bytes: number | undefined
}

/** Memory with more and more idle sessions. */
export async function measureGrowth(
  service: Service,
  counts: readonly number[],
): Promise<readonly GrowthPoint[]> {
  const open: RawSession[] = []
  const points: GrowthPoint[] = []
  try {
    for (const sessions of counts) {
      await openMany(open, service.port, sessions - open.length)
      await sleep(settle_ms)
      service.assertAlive()
      const bytes = memoryOf(service.pid)
      if (bytes === undefined) break
      const last = points.at(-1)
      const each_bytes =
        last === undefined ? undefined : (bytes - last.bytes) / (sessions - last.sessions)
      points.push({ sessions, bytes, each_bytes })
    }
    return points
  } finally {
    for (const session of open) session.end()
  }
}

async function openMany(open: RawSession[], port: number, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const session = await openRawSession(port)
    open.push(session)
    await session.query('SELECT 1')
  }
}
