/**
 * Loaded into a process that will be killed (`node --import`): tells how late its threads ran, in
 * files that survive it. A thread that other programs kept from running, or that a disk held up,
 * is late by no fault of its own, and only the process itself can tell how late.
 *
 * Each thread's file holds four numbers of 64 bits, in milliseconds of the clock that all
 * processes share: since when a sign of life is owed; the longest that one was owed for within this
 * period and within the one before it; and the last time that this thread called the writer (main
 * thread), or was called (the writer).
 */
import fs from 'node:fs'
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads'

const tick_ms = 5
/** What was late before has been made good since. */
const period_ms = 1_000
const fd = fs.openSync(`${process.env.LATE_WATCH_PREFIX}${threadId}`, 'w', 0o600)
const told = new Float64Array(4)
const told_bytes = new Uint8Array(told.buffer)
const called = isMainThread
  ? new Float64Array(new SharedArrayBuffer(8))
  : getEnvironmentData('called')

function now() {
  return Number(process.hrtime.bigint()) / 1e6
}

let period_from_ms = 0

function tell(owed_since_ms, late_ms, call_ms) {
  const now_ms = now()
  if (now_ms - period_from_ms > period_ms) {
    told[2] = now_ms - period_from_ms > 2 * period_ms ? 0 : told[1]
    told[1] = 0
    period_from_ms = now_ms
  }
  told[0] = owed_since_ms
  told[1] = Math.max(told[1], late_ms)
  told[3] = call_ms
  fs.writeSync(fd, told_bytes, 0, told_bytes.length, 0)
}

if (isMainThread) {
  setEnvironmentData('called', called)
  tell(now(), 0, 0)
  setInterval(() => {
    const now_ms = now()
    tell(now_ms + tick_ms, now_ms - told[0], called[0])
  }, tick_ms).unref()
  const notify = Atomics.notify
  Atomics.notify = (...values) => {
    called[0] = now()
    tell(told[0], 0, called[0])
    return notify(...values)
  }
} else {
  // The writer of the trail does all its waiting here: something is owed from when it should wake
  // until it waits again.
  const wait = Atomics.wait
  Atomics.wait = (array, index, value, timeout_ms = Infinity) => {
    const now_ms = now()
    const until_ms = now_ms + Math.min(timeout_ms, 1e12)
    tell(until_ms, told[0] === 0 ? 0 : now_ms - told[0], told[3])
    const answer = wait(array, index, value, timeout_ms)
    const due_ms = answer === 'timed-out' ? until_ms : Math.max(now_ms, called[0])
    tell(due_ms, 0, now())
    return answer
  }
}
