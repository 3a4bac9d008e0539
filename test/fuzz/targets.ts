import { decoders } from './decoders.js'
import { hostile } from './live/hostile.js'
import { liveTarget } from './live/live-target.js'
import { mutatedSession } from './live/mutations.js'
import { randomSession } from './live/sessions.js'
import { secrets } from './secrets-target.js'
import { session } from './session-target.js'
import { shape } from './shape-target.js'
import { sql } from './sql-target.js'
import type { Target } from './target.js'

/** What is fuzzed, in turn. */
export const targets: readonly Target[] = [
  liveTarget('executed', 60, randomSession),
  liveTarget('mutation', 20, mutatedSession),
  hostile,
  decoders,
  session,
  sql,
  shape,
  secrets,
]
