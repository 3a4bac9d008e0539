import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const main_file = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** A running command and what it wrote so far. */
export interface SpawnedCli {
  readonly process: ChildProcessByStdio<null, Readable, Readable>
  stdout: string
  stderr: string
  /** Resolves at its end with the exit status; a signal's name when one ended it. */
  readonly ended: Promise<number | string>
}

/**
 * Starts the built command line in a process of its own, without PGWITNESS_* of ours; `before` is
 * a program, with arguments, that is to run it.
 */
export function spawnCli(
  command_line: readonly string[],
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
): SpawnedCli {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PGWITNESS_|PG)/.test(name))
  const [program = '', ...words] = [...before, process.execPath, main_file, ...command_line]
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...env },
  })
  const spawned: SpawnedCli = {
    process: child,
    stdout: '',
    stderr: '',
    ended: once(child, 'close').then(([code, signal]) => code ?? signal),
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    spawned.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    spawned.stderr += text
  })
  return spawned
}

/** Runs a command to its end. */
export async function runToEnd(
  command_line: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | string; readonly stdout: string; readonly stderr: string }> {
  const spawned = spawnCli(command_line, env)
  const status = await spawned.ended
  return { status, stdout: spawned.stdout, stderr: spawned.stderr }
}

/** Waits until the command has written what is asked for; it must not end before. */
export async function written(
  spawned: SpawnedCli,
  stream: 'stdout' | 'stderr',
  pattern: RegExp,
): Promise<RegExpExecArray> {
  for (;;) {
    const match = pattern.exec(spawned[stream])
    if (match !== null) return match
    const status = await Promise.race([spawned.ended, delay(20)])
    if (status !== undefined && !pattern.test(spawned[stream])) {
      throw new Error(`ended (${status}) without ${pattern}:\n${spawned.stdout}${spawned.stderr}`)
    }
  }
}
