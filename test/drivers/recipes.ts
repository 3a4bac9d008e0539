import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where a driver's program lies, and where what is installed for it goes. */
export interface Places {
  /** The driver's folder below test/drivers: its program and its manifest with pinned versions. */
  readonly source: string
  /** Its folder below .drivers, which git ignores. */
  readonly cache: string
}

/** A program to run, with its arguments. */
export type Command = readonly [program: string, ...args: string[]]

/** How to get a driver and to run its program. */
export interface Recipe {
  readonly name: string
  /** Programs without which the driver cannot be tried, and how a person gets them. */
  readonly needs: readonly string[]
  readonly hint: string
  /**
   * Run one after the other in the driver's cache, after a change of its folder alone. Where one
   * fails (no registry, no right to it), the driver is not tried.
   */
  fetch(places: Places): readonly Command[]
  /** As `fetch`, but a failure is one of ours. */
  build?(places: Places): readonly Command[]
  command(places: Places): Command
  environment?(places: Places): Readonly<Record<string, string>>
}

/** A driver of Python: a virtual environment, and what its requirements.txt pins. */
function pythonRecipe(name: string): Recipe {
  const python = ({ cache }: Places) => join(cache, 'venv', 'bin', 'python')
  return {
    name,
    needs: ['python3'],
    hint: 'Python 3.10 or newer with venv',
    fetch: (places) => [
      ['python3', '-m', 'venv', join(places.cache, 'venv')],
      [
        ...([python(places), '-m', 'pip', '--disable-pip-version-check'] as const),
        ...(['install', '--quiet', '-r', join(places.source, 'requirements.txt')] as const),
      ],
    ],
    command: (places) => [python(places), join(places.source, 'main.py')],
  }
}

const jdbc: Recipe = {
  name: 'jdbc',
  needs: ['java', 'javac', 'mvn'],
  hint: 'a JDK 17 or newer and Maven',
  fetch: ({ source, cache }) => [
    [
      ...(['mvn', '-q', '-B', '-f', join(source, 'pom.xml')] as const),
      ...(['dependency:copy-dependencies', `-DoutputDirectory=${join(cache, 'jars')}`] as const),
    ],
  ],
  build: ({ source, cache }) => [
    [
      ...(['javac', '-cp', join(cache, 'jars', '*'), '-d', join(cache, 'classes')] as const),
      join(source, 'Main.java'),
    ],
  ],
  command: ({ cache }) => [
    ...(['java', '-cp', `${join(cache, 'classes')}:${join(cache, 'jars')}/*`, 'Main'] as const),
  ],
}

const pgx: Recipe = {
  name: 'pgx',
  needs: ['go'],
  hint: 'Go 1.25 or newer',
  fetch: ({ source }) => [['go', 'mod', 'download', '-C', source]],
  build: ({ source, cache }) => [['go', 'build', '-C', source, '-o', join(cache, 'pgx'), '.']],
  command: ({ cache }) => [join(cache, 'pgx')],
}

const tokio_postgres: Recipe = {
  name: 'tokio-postgres',
  needs: ['cargo', 'cc'],
  hint: 'Rust 1.85 or newer and a C compiler',
  fetch: ({ source }) => [
    ['cargo', 'fetch', '--quiet', '--manifest-path', join(source, 'Cargo.toml')],
  ],
  build: ({ source, cache }) => [
    [
      ...(['cargo', 'build', '--quiet', '--manifest-path', join(source, 'Cargo.toml')] as const),
      ...(['--target-dir', join(cache, 'target')] as const),
    ],
  ],
  command: ({ cache }) => [join(cache, 'target', 'debug', 'pgwitness-tokio-postgres')],
}

/** DBD::Pg as Debian packs it, unpacked beside the system where it is not installed. */
const dbd_pg: Recipe = {
  name: 'dbd-pg',
  needs: ['perl'],
  hint: 'Perl with DBD::Pg; Debian: libdbd-pg-perl',
  fetch: ({ cache }) => {
    if (succeeds('perl', '-MDBD::Pg', '-e', '1')) return []
    const unpack = 'for package in *.deb; do dpkg-deb -x "$package" root; done'
    return [
      ['apt-get', 'download', 'libdbi-perl', 'libdbd-pg-perl'],
      ['sh', '-c', `cd '${cache}' && ${unpack}`],
    ]
  },
  command: ({ source }) => ['perl', join(source, 'main.pl')],
  environment: ({ cache }): Readonly<Record<string, string>> => {
    const root = join(cache, 'root', 'usr', 'lib')
    if (!existsSync(root)) return {}
    const modules = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('/DBI.pm') || path.endsWith('/DBD/Pg.pm'))
      .map((path) => join(root, path.replace(/\/(DBI|DBD\/Pg)\.pm$/, '')))
    return { PERL5LIB: [...new Set(modules)].join(':') }
  },
}

const libpq: Recipe = {
  name: 'libpq',
  needs: ['cc', 'pg_config'],
  hint: 'a C compiler and libpq; Debian: libpq-dev',
  fetch: () => [],
  build: ({ source, cache }) => [
    [
      'sh',
      '-c',
      'cc -Wall -Wextra -Werror -I"$(pg_config --includedir)" -o "$1" "$2" -L"$(pg_config --libdir)" -lpq',
      'sh',
      join(cache, 'libpq'),
      join(source, 'main.c'),
    ],
  ],
  command: ({ cache }) => [join(cache, 'libpq')],
}

/** All drivers of the matrix, in the order of its table. */
export const recipes: readonly Recipe[] = [
  libpq,
  pythonRecipe('psycopg'),
  pythonRecipe('asyncpg'),
  pythonRecipe('sqlalchemy'),
  jdbc,
  pgx,
  tokio_postgres,
  dbd_pg,
]

/** Whether a program runs and ends well. */
export function succeeds(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
