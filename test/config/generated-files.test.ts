import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { type FieldEntry, fieldsOf } from '../../src/config/fields.js'
import { generated_files } from '../../src/config/generated-files.js'
import { loadConfig } from '../../src/config/load.js'
import { config_schema } from '../../src/config/schema.js'
import { setAt, type Tree } from '../../src/config/tree.js'

function rootPath(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url))
}

test.each(Object.entries(generated_files))('%s is as generated', (name, render) => {
  expect(existsSync(rootPath(name)), 'run `npm run generate`').toBe(true)
  expect(readFileSync(rootPath(name), 'utf8'), 'run `npm run generate`').toBe(render())
})

test('the example loads and says nothing but the defaults', () => {
  expect(loadConfig({ file: rootPath('config/pgwitness.example.yaml') })).toEqual(loadConfig({}))
})

test('every key of the example stands there, as it is or commented out', () => {
  const text = readFileSync(rootPath('config/pgwitness.example.yaml'), 'utf8')
  for (const { path } of fieldsOf(config_schema)) {
    expect(text).toMatch(new RegExp(`^[# ]*${path.at(-1)}:`, 'm'))
  }
})

function exampleTree(fields: readonly FieldEntry[]): Tree {
  const tree: Tree = {}
  for (const { path, info, default: value } of fields) {
    setAt(tree, path, value ?? info.example)
  }
  return tree
}

test('every example of a value is a good value', () => {
  const result = config_schema.safeParse(exampleTree(fieldsOf(config_schema)))
  expect(result.error?.issues ?? []).toEqual([])
})

test('every field says what it is, and has a default or an example', () => {
  for (const { path, info, default: value } of fieldsOf(config_schema)) {
    expect(info.description, path.join('.')).toMatch(/\.$/)
    expect(value ?? info.example, path.join('.')).toBeDefined()
  }
})

test('the schema for editors describes every key', () => {
  const schema: unknown = parse(generated_files['config/pgwitness.schema.json']())
  for (const { path } of fieldsOf(config_schema)) {
    const described = path.reduce<unknown>(
      (node, key) => Reflect.get(Object(Reflect.get(Object(node), 'properties')), key),
      schema,
    )
    expect(described, path.join('.')).toHaveProperty('description')
  }
})
