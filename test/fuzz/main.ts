import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Corpus } from './corpus.js'
import { Runner } from './runner.js'
import { targets } from './targets.js'

const usage = `npm run fuzz -- [--minutes N] [--seed N] [--only NAME] [--case N] [--jobs N]

  --minutes N  how long, default 10; the targets take turns
  --seed N     what all cases follow from; default: another one each time, which is printed
  --only NAME  one target: ${targets.map(({ name }) => name).join(', ')}
  --case N     this one case of it, again
  --jobs N     sessions at the same time, default 4`

/** This file lies in .fuzz/test/fuzz; the built workers and package.json are looked for beside it. */
const compiled = fileURLToPath(new URL('../../', import.meta.url))
const root = join(compiled, '..')

function link(name: string): void {
  const path = join(compiled, name)
  if (!existsSync(path)) symlinkSync(join(root, name), path)
}

/** All that is temporary lies in one folder, which is gone whatever ends this process. */
function ownTemporaryFolder(): void {
  const folder = mkdtempSync(join(tmpdir(), 'pgwitness-fuzz-'))
  // The scratch server runs as another user and must reach its data.
  chmodSync(folder, 0o755)
  process.env['TMPDIR'] = folder
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
}

function numberOf(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isFinite(value)) throw new Error(`not a number: ${text}`)
  return value
}

async function main(): Promise<number> {
  const options = {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    case: { type: 'string' },
    jobs: { type: 'string' },
    help: { type: 'boolean' },
  } as const
  const { values } = parseArgs({ options })
  if (values.help === true) {
    console.log(usage)
    return 0
  }
  const chosen = targets.filter(({ name }) => values.only === undefined || values.only === name)
  if (chosen.length === 0) throw new Error(`no target ${values.only}\n${usage}`)
  if (values.case !== undefined && values.only === undefined) {
    throw new Error(`--case needs --only and --seed\n${usage}`)
  }
  link('dist')
  link('package.json')
  ownTemporaryFolder()
  const runner = new Runner({
    targets: chosen,
    seed: numberOf(values.seed, Math.floor(Math.random() * 2 ** 31)),
    jobs: numberOf(values.jobs, 4),
    corpus: new Corpus(join(root, 'test', 'fuzz', 'corpus')),
    say: (line) => console.log(line),
  })
  let asked = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      asked++
      // The second time is meant: the exit handlers clean up without waiting for anything.
      if (asked > 1) process.exit(130)
      console.log('stopping after what is being played; once more to stop at once')
      runner.stop()
    })
  }
  process.on('uncaughtException', (error) => runner.uncaught(error))
  process.on('unhandledRejection', (error) => runner.uncaught(error))
  if (values.case !== undefined) return await runner.once(numberOf(values.case, 0))
  return await runner.run(numberOf(values.minutes, 10) * 60_000)
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
