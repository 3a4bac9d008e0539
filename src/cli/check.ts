import { stringify } from 'yaml'
import { certificateNotices } from '../config/certificate-dates.js'
import { effectiveConfig } from '../config/effective-config.js'
import { loadConfig } from '../config/load.js'

/** Prints the effective configuration as YAML. Throws ConfigError with all that is wrong. */
export async function check(file: string | undefined): Promise<number> {
  const config = loadConfig({ ...(file === undefined ? {} : { file }), env: process.env })
  const { compileRules } = await import('../rules/compile-rules.js')
  // Patterns on names have a grammar of their own, which only the rules know.
  compileRules(config, config.audit.time_zone)
  for (const { code, message, hint } of certificateNotices(config, Date.now())) {
    process.stderr.write(`pgwitness: ${code}: ${message}\n  hint: ${hint}\n`)
  }
  process.stdout.write(stringify(effectiveConfig(config), { lineWidth: 0 }))
  return 0
}
