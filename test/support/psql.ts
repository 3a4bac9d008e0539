import { execFile, execFileSync } from 'node:child_process'

/** True when psql is installed; tests that need it are skipped with that reason otherwise. */
export function psqlInstalled(): boolean {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** What one run of psql gave. */
export interface PsqlResult {
  readonly ok: boolean
  /** Rows, unaligned and without headings, or the errors. */
  readonly output: string
}

/** Runs one command by psql with this connection string, with nothing of the user's own settings. */
export function psql(
  connection: Readonly<Record<string, string | number>>,
  command: string,
): Promise<PsqlResult> {
  const conninfo = Object.entries(connection)
    .map(([name, value]) => `${name}='${String(value).replace(/['\\]/g, '\\$&')}'`)
    .join(' ')
  // Certificates and passwords that lie in the home directory would change what is tried.
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', LC_ALL: 'C' }
  return new Promise((resolve) => {
    execFile('psql', ['-XAtq', '-c', command, conninfo], { env }, (error, stdout, stderr) => {
      resolve({ ok: error === null, output: `${stdout}${stderr}`.trim() })
    })
  })
}
