import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestCertificates } from '../../support/certificates.js'
import { scratchDirectory } from '../parts/scratch.js'
import { freePort, Service } from '../parts/service.js'

/** The build beside which the benchmark lies: `dist` of the same checkout. */
export const own_build = fileURLToPath(new URL('../../../../dist', import.meta.url))

/** How pgwitness runs in a variant. */
export interface PgwitnessWishes {
  readonly name: string
  /** Directory of the build: its `main.js`. */
  readonly build: string
  readonly upstream: { readonly host: string; readonly port: number }
  readonly connections: number
  /** False: `rules: []`, with which nothing but the trail's own records is written. */
  readonly records: boolean
  readonly durability: 'async' | 'ack'
  readonly certificates?: TestCertificates | undefined
  /** Reads the catalog; a server that only plays one has none. */
  readonly catalog?: boolean
  readonly profile?: string | undefined
}

/** pgwitness as users run it, in a process of its own. */
export interface RunningPgwitness {
  readonly service: Service
  readonly audit_directory: string
}

/** Starts it with a trail of its own. */
export async function startPgwitness(wishes: PgwitnessWishes): Promise<RunningPgwitness> {
  const directory = scratchDirectory(wishes.name)
  const audit_directory = join(directory, 'audit')
  const port = await freePort()
  const file = writeConfig(wishes, directory, port)
  const profiling =
    wishes.profile === undefined
      ? []
      : [
          '--cpu-prof',
          `--cpu-prof-dir=${wishes.profile}`,
          `--cpu-prof-name=${wishes.name}.cpuprofile`,
        ]
  const line = [...profiling, join(wishes.build, 'main.js'), 'run', '--config', file]
  const service = await Service.start(wishes.name, port, process.execPath, line, { cwd: directory })
  return { service, audit_directory }
}

/** Why this build does not take such a configuration; undefined when it does. */
export function refusalOf(
  wishes: Pick<PgwitnessWishes, 'build' | 'durability'>,
): string | undefined {
  const file = join(scratchDirectory(`check-${wishes.durability}`), 'config.yaml')
  writeFileSync(file, JSON.stringify({ audit: { durability: wishes.durability } }))
  try {
    execFileSync(process.execPath, [join(wishes.build, 'main.js'), 'check', '--config', file], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return undefined
  } catch (error) {
    if (!(error instanceof Error && 'stderr' in error)) throw error
    return String(error.stderr).trim()
  }
}

/** JSON is YAML. */
function writeConfig(wishes: PgwitnessWishes, directory: string, port: number): string {
  const { certificates } = wishes
  const config = {
    instance: 'bench',
    listen: {
      host: '127.0.0.1',
      port,
      ...(certificates === undefined
        ? {}
        : { tls: { mode: 'require', cert: certificates.cert, key: certificates.key } }),
    },
    upstream: {
      ...wishes.upstream,
      tls: { mode: certificates === undefined ? 'disable' : 'require' },
    },
    ...(wishes.catalog === false ? {} : { catalog: { user: 'postgres' } }),
    audit: { directory: join(directory, 'audit'), durability: wishes.durability },
    ...(wishes.records ? {} : { rules: [] }),
    server_log: { level: 'warn', file: join(directory, 'server.log') },
    limits: { connections: wishes.connections },
  }
  const file = join(directory, 'config.yaml')
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  return file
}
