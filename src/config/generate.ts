/** Entry of `npm run generate`: writes the files that follow from the configuration's schema. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { generated_files } from './generated-files.js'

for (const [name, render] of Object.entries(generated_files)) {
  writeFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), render())
  process.stdout.write(`wrote ${name}\n`)
}
