/** The part of pino-roll that is used; the package brings no types of its own. */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events'
  import type { DestinationStream } from 'pino'

  /** A SonicBoom; emits `ready` once its file is open. */
  export interface RollStream extends DestinationStream, EventEmitter {
    end(): void
    once(event: 'close' | 'error' | 'ready', listener: (error?: Error) => void): this
    on(event: 'error', listener: (error: Error) => void): this
  }

  interface RollOptions {
    readonly file: string
    /** `daily`, or milliseconds. */
    readonly frequency?: 'daily' | number
    /** Keeps a symbolic link `current.log` beside the files. */
    readonly symlink?: boolean
    /** Mode of a file that is made, less the umask. */
    readonly mode?: number
  }

  // biome-ignore lint/style/noDefaultExport: the package exports its one function so.
  export default function build(options: RollOptions): Promise<RollStream>
}
