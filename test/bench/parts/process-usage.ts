import { readdirSync, readFileSync } from 'node:fs'

/** What processes have used, from Linux's /proc. */
export interface Usage {
  /** Processor time of all threads of the process and of its children. */
  readonly cpu_us: number
  /** That of the first thread of the process: in Node, the one that relays. */
  readonly main_cpu_us: number
}

/** Processor time of a process and all its descendants; undefined where /proc does not tell. */
export function usageOf(pid: number): Usage | undefined {
  try {
    let cpu_us = 0
    for (const each of family(pid))
      for (const thread of threadsOf(each)) cpu_us += threadTime(each, thread)
    return { cpu_us, main_cpu_us: threadTime(pid, `${pid}`) }
  } catch {
    return undefined
  }
}

/**
 * Processor time between two moments, for each of `count` things done. The first thread is told
 * apart where it is one of several, as in Node, and not the parent of processes that work.
 */
export function usageFor(
  pid: number,
  [before, after]: readonly [Usage | undefined, Usage | undefined],
  count: number,
): { readonly cpu_us?: number; readonly main_cpu_us?: number } {
  if (before === undefined || after === undefined || count === 0) return {}
  const cpu_us = (after.cpu_us - before.cpu_us) / count
  const main_cpu_us = (after.main_cpu_us - before.main_cpu_us) / count
  return threadsOf(pid).length > 1 ? { cpu_us, main_cpu_us } : { cpu_us }
}

/** Memory of a process and its descendants, what they share counted once (PSS), in bytes. */
export function memoryOf(pid: number): number | undefined {
  try {
    let bytes = 0
    for (const each of family(pid)) {
      const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'utf8')
      const [, kilobytes] = /^Pss: +(\d+) kB$/m.exec(rollup) ?? []
      bytes += Number(kilobytes) * 1024
    }
    return bytes
  } catch {
    return undefined
  }
}

/** Share of the processors' time that was used by anyone since the last call, from 0 to 1. */
export class MachineLoad {
  #last = readMachine()

  take(): number | undefined {
    const now = readMachine()
    const before = this.#last
    this.#last = now
    if (now === undefined || before === undefined || now.total === before.total) return undefined
    return (now.busy - before.busy) / (now.total - before.total)
  }
}

/** Source: proc(5), /proc/stat: user nice system idle iowait irq softirq steal. */
function readMachine(): { readonly busy: number; readonly total: number } | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
      line.split(/\s+/).slice(1).map(Number)
    const busy = user + nice + system + irq + softirq + steal
    return { busy, total: busy + idle + iowait }
  } catch {
    return undefined
  }
}

function family(pid: number): readonly number[] {
  const found = [pid]
  for (const each of found) {
    const children = readFileSync(`/proc/${each}/task/${each}/children`, 'utf8')
    for (const child of children.split(' ')) if (child.trim() !== '') found.push(Number(child))
  }
  return found
}

function threadsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`)
}

/** Source: Documentation/scheduler/sched-stats.rst: nanoseconds on a processor come first. */
function threadTime(pid: number, thread: string): number {
  const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
  return Number(nanoseconds) / 1000
}
