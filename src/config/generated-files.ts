import { renderExample } from './render-example.js'
import { renderJsonSchema } from './render-json-schema.js'
import { renderReference } from './render-reference.js'

/** The files that follow from the schema: paths below the package's root, and how to make them. */
export const generated_files = {
  'config/pgwitness.example.yaml': renderExample,
  'config/pgwitness.schema.json': renderJsonSchema,
  'docs/configuration.md': renderReference,
} as const satisfies Readonly<Record<string, () => string>>
