import { type Clock, SystemClock } from '../lib/clock.js'

/** The clock of the writer: one for what people read, one for what is due. */
export interface WriterClock extends Clock {
  /** Milliseconds since some moment; corrections of the wall clock do not move it. */
  monotonicMilliseconds(): number
}

export class SystemWriterClock extends SystemClock implements WriterClock {
  monotonicMilliseconds(): number {
    return performance.now()
  }
}
