import { readFileSync } from 'node:fs'

/** A fenced block of a page. */
export interface Block {
  /** The word behind the fence: `sql`, `sh`, `yaml`, … */
  readonly language: string
  readonly text: string
  /** The nearest `## ` heading above it. */
  readonly heading: string
}

/** The fenced blocks of a page of the repository, in order. */
export function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
  let heading = ''
  const blocks: Block[] = []
  for (const match of text.matchAll(/^## ([^\n]+)$|^```(\w*)\n(.*?)^```$/gms)) {
    const [, title, language = '', block = ''] = match
    if (title === undefined) blocks.push({ language, text: block, heading })
    else heading = title
  }
  return blocks
}
