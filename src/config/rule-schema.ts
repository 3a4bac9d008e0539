import { z } from 'zod'
import { patterns, textField } from './field-kinds.js'
import { field_registry, section } from './fields.js'
import {
  parseClass,
  parseClient,
  parseObjectType,
  parseOutcome,
  parsePattern,
  parseRuleName,
  parseSqlstate,
  parseTimeWindow,
  rule_classes,
  rule_outcomes,
} from './rule-values.js'

const condition_shape = {
  class: patterns(
    parseClass,
    `Class of the record: ${rule_classes.join(', ')}. ERROR matches every failure.`,
    'classes',
    ['WRITE', 'DDL'],
  ).exactOptional(),
  command: patterns(
    parsePattern,
    'Command tag, such as INSERT or CREATE TABLE; for logins `connection authorized` and the like.',
    'globs',
    ['INSERT', 'CREATE *'],
  ).exactOptional(),
  user: patterns(parsePattern, 'The user that logged in.', 'globs', ['app_*']).exactOptional(),
  database: patterns(parsePattern, 'The database of the session.', 'globs', [
    'ledger',
  ]).exactOptional(),
  application: patterns(parsePattern, 'The application_name of the session.', 'globs', [
    'psql',
  ]).exactOptional(),
  client: patterns(
    parseClient,
    'Address or network of the client; "[local]" for Unix sockets.',
    'addresses or networks',
    ['10.0.0.0/8', '[local]'],
  ).exactOptional(),
  object: patterns(parsePattern, 'Name of an object as schema.name; * stops at the dot.', 'globs', [
    'finance.*',
    '!finance.scratch_*',
  ]).exactOptional(),
  object_type: patterns(
    parseObjectType,
    'Type of an object in the words of pgaudit: TABLE, VIEW, INDEX, SEQUENCE, FUNCTION …',
    'types',
    ['TABLE'],
  ).exactOptional(),
  time: patterns(
    parseTimeWindow,
    'Daily windows in audit.time_zone; one that ends before it begins goes over midnight.',
    'windows',
    ['22:00-06:00'],
  ).exactOptional(),
  outcome: patterns(
    parseOutcome,
    `Outcome of the statement: ${rule_outcomes.join(', ')}.`,
    'outcomes',
    ['failure'],
  ).exactOptional(),
  sqlstate: patterns(
    parseSqlstate,
    'SQLSTATE of the answer; 28* is every refused login, 00000 is success.',
    'codes or globs on them',
    ['28*', '42501'],
  ).exactOptional(),
}

/** The keys that a rule and an entry of `except` share. */
export const condition_schema = section(
  'What must hold: any item of each list, and every key.',
  condition_shape,
)

function exceptShape(): Readonly<Record<string, unknown>> {
  const { $schema: _, ...one } = z.toJSONSchema(condition_schema, { io: 'input' })
  return { anyOf: [one, { type: 'array', items: one }] }
}

const except_description =
  'A map of the same keys, or a list of such maps: what any of them matches, the rule does not match.'

// One map stands for a list of one; the reader of issues takes the index out of the path again.
const except_schema = z
  .unknown()
  .transform((input): unknown => (Array.isArray(input) ? input : [input]))
  .pipe(z.array(condition_schema))
  .meta({ description: except_description, ...exceptShape() })

field_registry.add(except_schema, {
  description: except_description,
  kind: 'yaml',
  accepts: 'map or list of maps',
  example: { user: ['nightly_etl'], client: ['10.0.0.0/8'] },
})

/** One rule. */
export const rule_schema = section('A rule: a name, and what must hold for a record.', {
  name: textField(parseRuleName, 'Name of the rule, unique; records name the rules they matched.', {
    example: 'finance-writes',
  }),
  ...condition_shape,
  except: except_schema.exactOptional(),
})

const rules_description =
  'Which records are written. Without this key: all. With an empty list: those of object_audit alone. ' +
  'Within a list of patterns any may hold, all keys of a rule must, any rule suffices; a pattern with ! ' +
  'in front excludes. AUDIT records are written whatever the rules.'

/** The list of rules. */
export const rules_schema = z.array(rule_schema).meta({ description: rules_description })

field_registry.add(rules_schema, {
  description: rules_description,
  kind: 'yaml',
  accepts: 'list of rules',
  example: [
    {
      name: 'finance-writes',
      class: ['WRITE', 'DDL'],
      object: ['finance.*', '!finance.scratch_*'],
      except: { user: ['nightly_etl'], client: ['10.0.0.0/8'] },
    },
    { name: 'failures', class: 'ERROR' },
  ],
})
