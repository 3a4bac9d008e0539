import { readFileSync } from 'node:fs'

/** The version in the package's own package.json, two levels above this file in source and build. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version }: { readonly version: string } = JSON.parse(text)
  return version
}
