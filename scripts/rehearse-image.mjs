// Does what `docker build` would do with our Dockerfile, in directories instead of an image: reads its
// steps, copies what .dockerignore lets through, runs its commands, each stage in a folder of its own.
// For machines without a container engine: `node scripts/rehearse-image.mjs [--into DIRECTORY]`.
// What it leaves out is printed: the base image (this machine's Node and libraries stand in for it),
// its user `node` (this user, or `nobody` for root), and all isolation.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, posix, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const context = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({ options: { into: { type: 'string' } } })
const into = values.into ?? mkdtempSync(join(tmpdir(), 'pgwitness-image-'))

/** The account that stands in for the image's user. */
const stand_in = process.getuid?.() === 0 ? 'nobody' : undefined

const ignored = readIgnored()
const stages = []
for (const [word, rest] of instructions(readFileSync(join(context, 'Dockerfile'), 'utf8'))) {
  perform(word, rest)
}
const { root, env, workdir, entrypoint, cmd, user, healthcheck, volumes } = stages.at(-1)
const said = { root, env, workdir, user, volumes, command: [...entrypoint, ...cmd], healthcheck }
console.error(
  '\nNot rehearsed: the base image, its user and libraries, isolation, the read-only root.',
)
console.log(JSON.stringify(said, undefined, 2))

/** Instructions of a Dockerfile without comments, continued lines joined. */
function instructions(text) {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
  return lines
    .map((line) => /^([A-Z]+)\s+(.*)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, word, rest]) => [word, rest])
}

function perform(word, rest) {
  console.error(`${word} ${rest}`)
  const stage = stages.at(-1)
  if (word === 'FROM') begin(rest)
  else if (word === 'WORKDIR') enter(stage, rest)
  else if (word === 'ENV')
    stage.env[rest.slice(0, rest.indexOf('='))] = rest.slice(rest.indexOf('=') + 1)
  else if (word === 'COPY') copy(stage, rest.split(/\s+/))
  else if (word === 'RUN') run(stage, rest)
  else if (word === 'USER') stage.user = rest
  else if (word === 'VOLUME') stage.volumes.push(rest)
  else if (word === 'ENTRYPOINT') stage.entrypoint = JSON.parse(rest)
  else if (word === 'CMD') stage.cmd = JSON.parse(rest)
  else if (word === 'HEALTHCHECK') stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('[')))
  else if (word !== 'EXPOSE') throw new Error(`no rehearsal of ${word} ${rest}`)
}

function begin(rest) {
  const [, name = `${stages.length}`] = / AS (\S+)$/.exec(rest) ?? []
  const root = join(into, name)
  if (existsSync(root)) throw new Error(`${root} is there already`)
  mkdirSync(root, { recursive: true })
  stages.push({ name, root, env: {}, workdir: '/', volumes: [], entrypoint: [], cmd: [] })
}

function enter(stage, path) {
  stage.workdir = path
  mkdirSync(inside(stage, path), { recursive: true })
}

/** Where a path of the image lies here. */
function inside(stage, path) {
  return join(stage.root, posix.resolve(stage.workdir, path))
}

function copy(stage, words) {
  const from = /^--from=(\S+)$/.exec(words[0] ?? '')?.[1]
  const [target, ...sources] = words.slice(from === undefined ? 0 : 1).reverse()
  const source_stage = from === undefined ? undefined : stages.find(({ name }) => name === from)
  for (const source of sources) {
    const path = source_stage === undefined ? join(context, source) : inside(source_stage, source)
    if (source_stage === undefined && ignored(source))
      throw new Error(`.dockerignore hides ${source}`)
    const goes_into =
      target.endsWith('/') && sources.length > 1 ? join(target, basename(source)) : target
    const place = target === './' ? join(target, basename(source)) : goes_into
    cpSync(path, inside(stage, place), { recursive: true, verbatimSymlinks: true })
  }
}

/** Our .dockerignore hides everything and lets names of the top level through. */
function readIgnored() {
  const [all, ...shown] = readFileSync(join(context, '.dockerignore'), 'utf8').trim().split('\n')
  if (all !== '*' || shown.some((line) => !/^![\w.-]+$/.test(line))) {
    throw new Error('.dockerignore has lines that are not understood here')
  }
  const top = new Set(shown.map((line) => line.slice(1)))
  const missing = [...top].filter((name) => !readdirSync(context).includes(name))
  if (missing.length > 0) throw new Error(`.dockerignore names what is not there: ${missing}`)
  return (source) => !top.has(posix.normalize(source).split('/')[0])
}

function run(stage, command) {
  // Below / alone would be this machine's own; the account of the image is not on it.
  const here = command
    .replaceAll(/ -([og]) node\b/g, (_, flag) =>
      stand_in === undefined ? '' : ` -${flag} ${ids()[flag]}`,
    )
    .replaceAll(/(?<=\s)\/(?=[\w.-]+\/)/g, `${stage.root}/`)
  const { status } = spawnSync('/bin/sh', ['-ec', here], {
    cwd: inside(stage, '.'),
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...stage.env },
  })
  if (status !== 0) throw new Error(`failed with status ${status}: ${here}`)
}

function ids() {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${stand_in}:`))
  const [, , uid, gid] = (line ?? '').split(':')
  return { o: uid, g: gid }
}
