import type { AuditDirectory } from './audit-directory.js'
import type { Backlog } from './backlog.js'
import type { ControlWords } from './control-words.js'
import type { Diversion } from './diversion.js'
import type { Legacy } from './predecessor.js'
import type { Reserve } from './reserve.js'
import type { Sealer } from './sealer.js'
import type { TrailIdentity, TrailOptions } from './trail-options.js'
import type { WriterClock } from './writer-clock.js'
import type { WriterMessage } from './writer-messages.js'

/** What an outlet is made of. */
export interface OutletParts {
  readonly options: TrailOptions
  readonly identity: TrailIdentity
  readonly backlog: Backlog
  readonly control: ControlWords
  readonly directory: AuditDirectory
  readonly diversion: Diversion
  readonly sealer: Sealer
  readonly reserve: Reserve
  readonly clock: WriterClock
  readonly report: (message: WriterMessage) => void
  /**
   * Takes over the directory as a former writer left it, when a file is first to be opened: what
   * works may be the server log alone. Throws the system's error.
   */
  readonly inherit: () => Legacy
}
