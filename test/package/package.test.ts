import { execFile, execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { npm_env as env, fetch_patience_ms, out_of_reach } from './npm.js'

/**
 * What would be published: packed from a copy of the sources as `npm publish` does, and installed
 * into an empty folder.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-package-'))
const tree = join(scratch, 'tree')
const run = promisify(execFile)

let tarball = ''
/** Paths within the package, with the mode as tar prints it. */
let files: ReadonlyMap<string, string> = new Map()

beforeAll(async () => {
  for (const name of [
    ...[
      '.dockerignore',
      '.gitignore',
      'Dockerfile',
      'LICENSE',
      'README.md',
      'biome.json',
      'config',
    ],
    ...[
      'docker-compose.yml',
      'docs',
      'package-lock.json',
      'package.json',
      'scripts',
      'src',
      'test',
    ],
    ...['tsconfig.build.json', 'tsconfig.json', 'vitest.config.ts'],
  ]) {
    cpSync(join(root, name), join(tree, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  // What an earlier build has left must not be published.
  mkdirSync(join(tree, 'dist'))
  writeFileSync(join(tree, 'dist/gone.js'), '')
  await run('npm', ['pack', '--pack-destination', scratch], { cwd: tree, env })
  const { version } = packageOf(tree)
  tarball = join(scratch, `pgwitness-${version}.tgz`)
  const listed = execFileSync('tar', ['-tvzf', tarball], { encoding: 'utf8' })
  files = new Map(
    listed
      .trimEnd()
      .split('\n')
      .map((line) => [/package\/(.*)$/.exec(line)?.[1] ?? line, line.slice(0, 10)]),
  )
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Package {
  readonly version: string
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

function packageOf(directory: string): Package {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
}

test('nothing of development is inside', () => {
  const top = new Set([...files.keys()].map((path) => path.split('/')[0]))
  expect([...top].sort()).toEqual([
    'LICENSE',
    'README.md',
    'config',
    'dist',
    'docs',
    'package.json',
  ])
  const compiled = [...files.keys()].filter((path) => path.startsWith('dist/'))
  expect(compiled.filter((path) => !/\.js$/.test(path))).toEqual([])
  expect(compiled).not.toContain('dist/gone.js')
  expect(compiled.filter((path) => /generate|render-(example|reference)/.test(path))).toEqual([])
  expect(compiled.length).toBeGreaterThan(250)
})

test('the command is executable and names its interpreter', () => {
  const { bin } = packageOf(tree)
  expect(bin).toEqual({ pgwitness: 'dist/main.js' })
  expect(files.get('dist/main.js')).toBe('-rwxr-xr-x')
  expect(readFileSync(join(tree, 'dist/main.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
})

test('what it imports is among its dependencies', () => {
  const { dependencies } = packageOf(tree)
  const imported = [...files.keys()]
    .filter((path) => path.endsWith('.js'))
    .flatMap((path) => {
      const text = readFileSync(join(tree, path), 'utf8')
      return [...text.matchAll(/(?:from |import\()'((?:@[\w-]+\/)?[\w:-][\w.:-]*)[/']/g)].map(
        ([, name = '']) => name,
      )
    })
  const foreign = new Set(imported.filter((name) => !name.startsWith('node:')))
  expect([...foreign].filter((name) => dependencies[name] === undefined)).toEqual([])
  expect(Object.keys(dependencies).filter((name) => !foreign.has(name))).toEqual([])
})

test(
  'installed into an empty folder, it runs (skips without a registry)',
  async ({ skip }) => {
    const home = join(scratch, 'empty')
    mkdirSync(home)
    const words = ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund']
    try {
      await run('npm', words, { cwd: home, env })
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      if (out_of_reach.test(said)) skip('no registry can be reached')
      throw error
    }
    const npx = async (...command: readonly string[]) =>
      await run('npx', ['--no-install', 'pgwitness', ...command], { cwd: home, env })
    const { version } = packageOf(tree)
    expect((await npx('--version')).stdout).toBe(`${version}\n`)
    const { stdout } = await npx(
      'demo',
      '--exit',
      '--port',
      '0',
      '--audit-dir',
      join(home, 'audit'),
    )
    expect(stdout).toContain('The records that it left:')
    const installed = join(home, 'node_modules/pgwitness')
    expect(
      (await npx('check', '--config', join(installed, 'config/pgwitness.example.yaml'))).stdout,
    ).toContain('listen:')
  },
  fetch_patience_ms,
)
