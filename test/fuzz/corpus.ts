import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The corpus: a folder for each target, a file for each case. */
export class Corpus {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Names and contents of the cases of a target. */
  cases(target: string): readonly { readonly name: string; readonly text: string }[] {
    const folder = join(this.#folder, target)
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith('.txt'))
      .sort()
      .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
  }

  /** Keeps a case, with remarks at its beginning; gives its path. */
  save(target: string, name: string, remarks: readonly string[], text: string): string {
    const folder = join(this.#folder, target)
    mkdirSync(folder, { recursive: true })
    const path = join(folder, `${name}.txt`)
    writeFileSync(path, `${remarks.map((remark) => `# ${remark}\n`).join('')}${text}`)
    return path
  }
}
