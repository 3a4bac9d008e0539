import { z } from 'zod'
import { type DetailCommand, detail_schemas } from '../../src/record/detail.js'

/** What this page needs of a JSON Schema. */
interface Described {
  readonly type?: string
  readonly description?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Described[]
  readonly items?: Described
  readonly properties?: Readonly<Record<string, Described>>
  readonly required?: readonly string[]
}

function typeOf(schema: Described): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${String(word)}\``).join(', ')
  if (schema.type === 'array') return `list of ${schema.items?.type ?? 'values'}s`
  if (schema.type === 'integer') return 'number'
  return schema.type ?? 'any'
}

/** The rows of one object's members; those of objects within follow their own. */
function rows(schema: Described, path: string): string[] {
  const lines: string[] = []
  for (const variant of schema.anyOf ?? [schema]) {
    for (const [key, member] of Object.entries(variant.properties ?? {})) {
      const name = `${path}${key}`
      const optional = variant.required?.includes(key) === true ? '' : ', may be absent'
      lines.push(`| \`${name}\` | ${typeOf(member)}${optional} | ${member.description ?? ''} |`)
      lines.push(...rows(member, `${name}.`))
    }
  }
  return lines
}

/** The Markdown of all details, for `docs/records.md`: a heading and a table for each command. */
export function describeDetails(): string {
  const commands = Object.keys(detail_schemas) as DetailCommand[]
  return commands
    .map((command) => {
      const schema = z.toJSONSchema(detail_schemas[command]) as Described
      const head = `#### \`${command}\`\n\n| key | value | meaning |\n|---|---|---|`
      return `${head}\n${rows(schema, '').join('\n')}`
    })
    .join('\n\n')
}
