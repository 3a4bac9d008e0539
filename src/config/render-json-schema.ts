import { z } from 'zod'
import { config_schema } from './schema.js'

/** The JSON Schema of the configuration file, for editors. */
export function renderJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(config_schema, { io: 'input' })
  return `${JSON.stringify({ $schema, title: 'pgwitness', ...schema }, null, 2)}\n`
}
