/** The part of pino-roll that is used; the package brings no types of its own. */
declare module 'pino-roll' {
  import type { DestinationStream } from 'pino'

  interface RollStream extends DestinationStream {
    end(): void
    once(event: 'close' | 'error', listener: (error?: Error) => void): this
    on(event: 'error', listener: (error: Error) => void): this
  }

  interface RollOptions {
    readonly file: string
    /** `daily`, or milliseconds. */
    readonly frequency?: 'daily' | number
    /** Keeps a symbolic link `current.log` beside the files. */
    readonly symlink?: boolean
    readonly mkdir?: boolean
  }

  // biome-ignore lint/style/noDefaultExport: the package exports its one function so.
  export default function build(options: RollOptions): Promise<RollStream>
}
