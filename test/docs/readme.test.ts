import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.js'
import { renderJson } from '../../src/record/json-format.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import { sample_records } from '../record/sample-records.js'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'
import { blocksOf } from './page-blocks.js'

const [yaml] = blocksOf('README.md').filter(({ language }) => language === 'yaml')
const [record] = blocksOf('README.md').filter(({ language }) => language === 'json')

test.skipIf(!opensslInstalled())(
  'the configuration of the README loads (skips without openssl)',
  () => {
    const { ca, cert, key } = makeCertificates()
    const directory = dirname(cert)
    const password_file = join(directory, 'catalog-password')
    writeFileSync(password_file, 'secret\n', { mode: 0o600 })
    // The README names files of a working directory that is not this one.
    const named = { 'server.crt': cert, 'server.key': key, 'ca.crt': ca }
    const files = { ...named, 'catalog-password': password_file }
    let text = yaml?.text ?? ''
    for (const [name, path] of Object.entries(files)) {
      expect(text).toContain(`: ${name}`)
      text = text.replace(`: ${name}`, `: ${path}`)
    }
    const file = join(directory, 'pgwitness.yaml')
    writeFileSync(file, text)
    const config = loadConfig({ file, env: {} })
    rmSync(directory, { recursive: true })
    const rules = config.rules?.map(({ name }) => name)
    expect(rules).toEqual(['finance-writes', 'logins-and-failures'])
    expect(config.catalog?.password).toBe('secret')
    expect(() => compileRules(config, config.audit.time_zone)).not.toThrow()
  },
)

test('the record of the README is what the program writes', () => {
  const shown: unknown = JSON.parse(record?.text ?? '')
  const rendered = renderJson(sample_records['a read'], 'core-db-1')
  const head = '{"v":1,"trail":"5f2c","epoch":1,"seq":1,'
  expect(shown).toEqual(JSON.parse(head + rendered))
})

interface Package {
  readonly version: string
  readonly scripts: Readonly<Record<string, string>>
}

test('commands of the README and of the pages exist', () => {
  const { version, scripts }: Package = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  // What `npm pack` makes is tried in test/package.
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`npm install --global pgwitness-${version}.tgz`)
  const blocks = ['README.md', 'docs/developing.md', 'docs/benchmarks.md'].flatMap((page) =>
    blocksOf(page),
  )
  const text = blocks.map((block) => block.text).join('\n')
  const named = [...text.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name]) => name ?? '')
  expect(named).toContain('generate')
  expect(named.filter((name) => name !== 'ci' && scripts[name] === undefined)).toEqual([])
})
