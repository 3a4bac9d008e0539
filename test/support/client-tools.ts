import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The version line of an installed program; undefined where it is not installed. */
export function versionOf(program: string): string | undefined {
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

/** What a program left behind. */
export interface ToolOutput {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program of libpq to its end with what it is given to read; never throws for its status. */
export async function runTool(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
): Promise<ToolOutput> {
  const running = run(program, [...args], { env: { ...process.env, ...environment } })
  running.child.stdin?.end(input)
  try {
    return { code: 0, ...(await running) }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'number')) throw error
    const { stdout, stderr } = error as Error & { stdout?: unknown; stderr?: unknown }
    return { code: error.code, stdout: String(stdout), stderr: String(stderr) }
  }
}
