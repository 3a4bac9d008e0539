import { objectsOf, type Pair, type Verdict } from './compare.js'

/**
 * Every difference that is right, by a name under which docs/differences.md explains it. The first
 * cause that holds is counted; a difference without one is a defect, of the product or of the corpus.
 */
export interface Cause {
  readonly name: string
  readonly side: 'ours only' | 'pgaudit only' | 'both'
  holds(verdict: Verdict): boolean
}

const shared_types = /^(?:ROLE|DATABASE|TABLESPACE|PARAMETER) /
const row_lock = /\bFOR\s+(?:NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE)\b/i
const plain_explain = /^EXPLAIN (?!ANALYZE|\(ANALYZE\)|\(ANALYZE,)/i

function textOf({ record }: Pair): string {
  return record.statement?.text ?? ''
}

/** pgaudit's lines of definitions that name an object. */
function namesObjects({ top }: Pair): boolean {
  return top.some(
    (line) => (line.class === 'DDL' || line.class === 'ROLE') && line.object_name !== '',
  )
}

/** The last part of a name as a text would have it, without quotes. */
function lastPart(says: string): string {
  const name = says.replace(/^[A-Z -]+ (?=["a-z<+_])/, '').replace(/^for /, '')
  const [own = ''] = name.split(/ on (?=["a-z])|\(/)
  const parts = own.match(/"(?:[^"]|"")*"|[^."]+/g) ?? ['']
  return (parts.at(-1) ?? '').replaceAll('"', '')
}

/** `pg_temp_3.t` as records have it. */
function unnumbered(says: string): string {
  return says.replace(/\bpg_temp_\d+\./, 'pg_temp.')
}

function isFailed({ record }: Pair): boolean {
  return record.outcome !== 'success' && record.outcome !== 'suspended'
}

/** The text has the name, or that of the view through which it is reached. */
function isNamed(pair: Pair, says: string): boolean {
  const name = says.replace(/^select [A-Z ]+ (?=["a-z])/, '')
  const object = objectsOf(pair.record).find((one) => one.name === name)
  if (object === undefined) return false
  return (
    textOf(pair).includes(lastPart(object.via ?? object.name)) ||
    textOf(pair).includes(lastPart(name))
  )
}

/** Another object of the record hangs on the relation that is claimed. */
function carriesSubObject(pair: Pair, says: string): boolean {
  const name = says.slice(says.indexOf(' ') + 1)
  return objectsOf(pair.record).some(
    (object) =>
      object.name.endsWith(` on ${says.split(' ').at(-1)}`) || object.name.endsWith(` on ${name}`),
  )
}

/** Commands of which no event trigger tells an object (event_trigger.c, and pgaudit's list of drops). */
const unnamed_commands =
  /^(?:EXPLAIN|CLUSTER|ALTER EXTENSION|DROP (?:ACCESS METHOD|CAST|FOREIGN DATA WRAPPER|LANGUAGE|RULE|SERVER|SUBSCRIPTION|TRANSFORM|USER MAPPING))$/

/** Causes of a name that we could not place; with any other it is a defect that we could not. */
const causes_of_unplaced: ReadonlySet<string> = new Set([
  'nothing was done',
  'failed half way',
  'names that the server made up',
])

export const causes: readonly Cause[] = [
  {
    name: 'nested in functions',
    side: 'pgaudit only',
    holds: ({ claim }) => claim.about === 'statement' && claim.says.startsWith('nested '),
  },
  {
    name: 'failed before pgaudit looks',
    side: 'ours only',
    holds: ({ claim, pair }) => claim.about === 'statement' && isFailed(pair),
  },
  {
    name: 'end of a failed transaction',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'statement' &&
      pair.record.transaction?.state === 'failed' &&
      pair.record.command === 'ROLLBACK',
  },
  {
    name: 'explained, not run',
    side: 'both',
    holds: ({ claim, pair }) =>
      (claim.about === 'class' || claim.about === 'relation' || claim.about === 'audited') &&
      plain_explain.test(textOf(pair)),
  },
  {
    name: 'what a cursor reads',
    side: 'both',
    holds: ({ claim, pair }) =>
      claim.about !== 'command' && /^(?:FETCH|MOVE)$/.test(pair.record.command),
  },
  {
    name: 'merge',
    side: 'both',
    holds: ({ claim, pair, side }) =>
      (claim.about === 'class' ||
        claim.about === 'command' ||
        (claim.about === 'audited' && side === 'ours only')) &&
      /\bMERGE\b/i.test(textOf(pair)),
  },
  {
    name: 'copy by its relation',
    side: 'both',
    holds: ({ claim, pair }) =>
      claim.about === 'command' && pair.log_relation && pair.record.command === 'COPY',
  },
  {
    name: 'copy to a file or program',
    side: 'both',
    holds: ({ claim, pair }) =>
      claim.about === 'class' && /^COPY\b.*\bTO (?:PROGRAM )?'/.test(textOf(pair)),
  },
  {
    name: 'changes in a common table expression',
    side: 'both',
    holds: ({ claim, pair }) =>
      (claim.about === 'command' || claim.about === 'class') &&
      /^WITH\b/i.test(textOf(pair)) &&
      /\b(?:INSERT|UPDATE|DELETE)\b/i.test(textOf(pair)),
  },
  {
    name: 'what nobody asks of a common table expression',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      (claim.about === 'relation' || claim.about === 'audited') &&
      /^WITH unused\b/i.test(textOf(pair)),
  },
  {
    name: 'row locks',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'relation' && claim.says.startsWith('update ') && row_lock.test(textOf(pair)),
  },
  {
    name: 'the pseudo-relation excluded',
    side: 'pgaudit only',
    holds: ({ claim, pair }) =>
      claim.about === 'relation' &&
      claim.says.startsWith('select COMPOSITE TYPE ') &&
      /\bON CONFLICT\b/i.test(textOf(pair)),
  },
  {
    name: 'below the views of the server',
    side: 'pgaudit only',
    holds: ({ claim, pair }) =>
      claim.about === 'relation' &&
      / pg_catalog\.pg_/.test(claim.says) &&
      objectsOf(pair.record).some(
        ({ name, type }) => type === 'VIEW' && /^(?:pg_catalog|information_schema)\./.test(name),
      ),
  },
  {
    name: 'functions of the server',
    side: 'both',
    holds: ({ claim, pair, side }) =>
      (claim.about === 'function' &&
        side === 'ours only' &&
        claim.says.startsWith('pg_catalog.')) ||
      (claim.about === 'class' &&
        pair.record.class === 'FUNCTION' &&
        callsOnly(pair, /^pg_catalog\./)),
  },
  {
    name: 'calls that the planner does away with',
    side: 'both',
    holds: ({ claim, pair, side }) =>
      (claim.about === 'function' && side === 'ours only' && planned_away.test(claim.says)) ||
      (claim.about === 'class' &&
        pair.record.class === 'FUNCTION' &&
        callsOnly(pair, planned_away)),
  },
  {
    name: 'parts of an aggregate',
    side: 'pgaudit only',
    holds: ({ claim, pair }) =>
      claim.about === 'function' &&
      claim.says === 'app.plus' &&
      objectsOf(pair.record).some(
        ({ name, class: kind }) => kind === 'FUNCTION' && /sum_up|thing/i.test(name),
      ),
  },
  {
    name: 'calls are audited',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'audited' &&
      objectsOf(pair.record).some(
        ({ name, access }) => name === claim.says && access.includes('execute'),
      ),
  },
  {
    name: 'grants in doubt',
    side: 'ours only',
    holds: ({ claim, pair }) => claim.about === 'audited' && pair.grants_in_doubt,
  },
  {
    name: 'objects of the whole cluster',
    side: 'ours only',
    holds: ({ claim }) => claim.about === 'object' && shared_types.test(claim.says),
  },
  {
    name: 'grants name the kind alone',
    side: 'both',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      /^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|DROP OWNED)$/.test(pair.record.command),
  },
  {
    name: 'the new name of what is renamed or moved',
    side: 'both',
    holds: ({ claim, pair, side }) => {
      if (claim.about !== 'object') return false
      const [, , target] =
        /\b(RENAME|SET SCHEMA)\b(?:.*\bTO\b)?\s*("[^"]*"|\S+)$/s.exec(textOf(pair)) ?? []
      if (target === undefined) return false
      const plain = target.startsWith('"') ? target : target.toLowerCase()
      if (side === 'ours only')
        return pair.top.some(({ object_name }) => object_name.includes(plain))
      return claim.says.includes(plain)
    },
  },
  {
    name: 'temporary schemas',
    side: 'both',
    holds: ({ claim, pair, side }) =>
      (claim.about === 'relation' || claim.about === 'audited') &&
      (side === 'ours only'
        ? pair.top.some(
            ({ object_name }) =>
              unnumbered(object_name) === claim.says.slice(claim.says.indexOf('pg_temp.')),
          )
        : objectsOf(pair.record).some(
            ({ name }) => unnumbered(claim.says).endsWith(name) && name.startsWith('pg_temp.'),
          )),
  },
  {
    name: 'types as the text has them',
    side: 'both',
    holds: ({ claim, pair, side }) => {
      if (claim.about !== 'object' || !/^(?:FUNCTION|PROCEDURE|AGGREGATE) .*\(/.test(claim.says))
        return false
      const routine = claim.says.slice(0, claim.says.indexOf('('))
      const others =
        side === 'ours only'
          ? pair.top.map((line) => `${line.object_type} ${line.object_name}`)
          : objectsOf(pair.record).map(({ type, name }) => `${type} ${name}`)
      return others.some(
        (other) =>
          other.startsWith(`${routine}(`) &&
          other.split(',').length === claim.says.split(',').length,
      )
    },
  },
  {
    name: 'checks of a new foreign key',
    side: 'pgaudit only',
    holds: ({ claim, pair }) =>
      claim.about === 'relation' &&
      claim.says.startsWith('select ') &&
      /^ALTER TABLE\b.*\bFOREIGN KEY\b/.test(textOf(pair)),
  },
  {
    name: 'nothing was done',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      /\bIF (?:NOT )?EXISTS\b/i.test(textOf(pair)) &&
      !pair.top.some(
        ({ object_name }) => object_name !== '' && claim.says.endsWith(lastPart(object_name)),
      ),
  },
  {
    name: 'drops of which pgaudit names nothing',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      /^DROP (?:TYPE|DOMAIN|SCHEMA|EXTENSION)$/.test(pair.record.command) &&
      claim.says.startsWith(`${pair.record.command.slice(5)} `),
  },
  {
    name: 'members of an extension',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      /^ALTER EXTENSION \w+ (?:ADD|DROP)\b/.test(textOf(pair)) &&
      !claim.says.startsWith('EXTENSION '),
  },
  {
    name: 'members of a publication',
    side: 'both',
    holds: ({ claim, pair, side }) =>
      claim.about === 'object' &&
      / PUBLICATION\b/.test(pair.record.command) &&
      (side === 'ours only'
        ? claim.says.startsWith('PUBLICATION ')
        : /^PUBLICATION (?:RELATION|NAMESPACE) /.test(claim.says)),
  },
  {
    name: 'user mappings belong to roles',
    side: 'both',
    holds: ({ claim, pair }) =>
      claim.about === 'class' && /^(?:CREATE|ALTER) USER MAPPING$/.test(pair.record.command),
  },
  {
    name: 'operators by their own name',
    side: 'both',
    holds: ({ claim, pair, side }) =>
      objectsOf(pair.record).some(
        ({ type, class: kind }) => type === 'OPERATOR' && kind === 'FUNCTION',
      ) &&
      ((claim.about === 'function' &&
        (side === 'ours only' ? /\.[^a-z"]+$/.test(claim.says) : claim.says === 'app.plus')) ||
        claim.about === 'class'),
  },
  {
    name: 'grants inside of a schema',
    side: 'pgaudit only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' && pair.record.command === 'CREATE SCHEMA' && claim.says === 'TABLE',
  },
  {
    name: 'names that the server made up',
    side: 'both',
    holds: ({ claim, pair, side }) => {
      if (claim.about !== 'object' || !/_(?:idx|key|pkey|seq)$/.test(claim.says)) return false
      const name = claim.says.replace(/^.*[ .]/, '')
      const ours = objectsOf(pair.record).some(
        (object) => object.resolved === 'none' && object.name === name,
      )
      return (
        ours &&
        (side === 'pgaudit only' || pair.top.some((line) => line.object_name.endsWith(`.${name}`)))
      )
    },
  },
  {
    name: 'what the planner drops',
    side: 'both',
    holds: ({ claim, pair, side }) => {
      // In these sessions nothing that is named can be dropped.
      if (pair.session.startsWith('strict ') || !/\((?:SELECT|WITH)\b/.test(textOf(pair)))
        return false
      if (side === 'ours only' && (claim.about === 'relation' || claim.about === 'audited')) {
        return (
          isNamed(pair, claim.says) &&
          (claim.about === 'audited' || claim.says.startsWith('select '))
        )
      }
      if (claim.about === 'function') return side === 'ours only' && claim.says === 'app.counted'
      return (
        claim.about === 'class' &&
        pair.record.class === 'FUNCTION' &&
        callsOnly(pair, /^app\.counted$/)
      )
    },
  },
  {
    name: 'what is prepared',
    side: 'both',
    holds: ({ claim, pair }) =>
      claim.about === 'class' &&
      pair.record.command === 'PREPARE' &&
      pair.record.class === 'FUNCTION',
  },
  {
    name: 'names in doubt',
    side: 'both',
    holds: (verdict) =>
      verdict.pair.record['analysis'] === 'ambiguous' || isOfDoubtfulRoutine(verdict),
  },
  {
    name: 'functions inside of views',
    side: 'both',
    holds: ({ claim, pair, side }) => {
      const viewed = objectsOf(pair.record).some(
        (object) => object.via !== undefined || object.type === 'VIEW',
      )
      const calls = pair.top.some(
        (line) =>
          line.class === 'FUNCTION' &&
          !objectsOf(pair.record).some(({ name }) => name === line.object_name),
      )
      return (
        viewed &&
        calls &&
        (claim.about === 'class' || (claim.about === 'function' && side === 'pgaudit only'))
      )
    },
  },
  {
    name: 'drop owned',
    side: 'both',
    holds: ({ pair }) => pair.record.command === 'DROP OWNED',
  },
  {
    name: 'failed half way',
    side: 'both',
    holds: ({ claim, pair }) =>
      isFailed(pair) &&
      (claim.about === 'class' ||
        claim.about === 'command' ||
        claim.about === 'function' ||
        pair.record.command === 'COPY' ||
        pair.record.class === 'DDL'),
  },
  {
    name: 'the relation on which it hangs',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      /^(?:FOREIGN TABLE|TABLE|VIEW|MATERIALIZED VIEW) /.test(claim.says) &&
      (carriesSubObject(pair, claim.says) || pair.record.command === 'CREATE INDEX'),
  },
  {
    name: 'columns and constraints by their relation',
    side: 'both',
    holds: ({ claim, pair, side }) => {
      if (claim.about !== 'object') return false
      const part = / COLUMN | CONSTRAINT |^DEFAULT VALUE /
      if (side === 'pgaudit only') return part.test(claim.says)
      return (
        pair.record.command === 'COMMENT' &&
        pair.top.some((line) => part.test(`${line.object_type} `))
      )
    },
  },
  {
    name: 'made or dropped along with it',
    side: 'pgaudit only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      /^(?:CREATE|DROP|ALTER)\b/.test(textOf(pair)) &&
      (!textOf(pair).includes(lastPart(claim.says)) ||
        (claim.says.startsWith('OPERATOR FAMILY ') &&
          pair.record.command === 'CREATE OPERATOR CLASS')),
  },
  {
    name: 'along with what is dropped',
    side: 'pgaudit only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      pair.record.command.startsWith('DROP ') &&
      objectsOf(pair.record).some(
        ({ type, name }) => !claim.says.startsWith(`${type} `) || !claim.says.endsWith(name),
      ) &&
      namesObjects(pair) &&
      !claim.says.startsWith(`${pair.record.command.slice(5)} `),
  },
  {
    name: 'domains are types',
    side: 'both',
    holds: ({ claim, pair, side }) => {
      if (claim.about !== 'object') return false
      if (side === 'ours only') {
        const name = claim.says.replace(/^DOMAIN /, '')
        return (
          claim.says.startsWith('DOMAIN ') &&
          pair.top.some((line) => line.object_type === 'TYPE' && line.object_name === name)
        )
      }
      const name = claim.says.replace(/^TYPE /, '')
      return objectsOf(pair.record).some(
        (object) => object.type === 'DOMAIN' && object.name === name,
      )
    },
  },
  {
    name: 'pgaudit names nothing',
    side: 'ours only',
    holds: ({ claim, pair }) =>
      claim.about === 'object' &&
      !namesObjects(pair) &&
      (unnamed_commands.test(pair.record.command) || claim.says.startsWith('EVENT TRIGGER ')),
  },
]

/** Immutable or SQL functions of the model, whose calls with constants or without effect the planner does. */
const planned_away =
  /^(?:app\.(?:plus|inlined)|side\.hstore)$|^(?:app|side|"Odd Place")\.(?:thing|thing_\w+|"Thing of it")$/

/** The claim is of a routine that the text names without arguments, and of which there may be several. */
function isOfDoubtfulRoutine({ claim, pair, side }: Verdict): boolean {
  if (claim.about !== 'object') return false
  const doubtful = objectsOf(pair.record).filter(
    ({ type, name, resolved }) =>
      resolved === 'assumed' &&
      /^(?:FUNCTION|PROCEDURE|AGGREGATE|ROUTINE)$/.test(type) &&
      !name.includes('('),
  )
  if (side === 'ours only') {
    return doubtful.some(({ type, name }) => claim.says === `${type} ${name}`)
  }
  const told = /^(?:FUNCTION|PROCEDURE|AGGREGATE) (.*)$/.exec(claim.says)?.[1]
  return doubtful.some(({ name }) => told?.startsWith(`${name}(`) === true)
}

/** The record is a FUNCTION because of these calls, none of which pgaudit names. */
function callsOnly(pair: Pair, names: RegExp): boolean {
  return (
    objectsOf(pair.record).some(
      ({ class: kind, name }) => kind === 'FUNCTION' && names.test(name),
    ) && !pair.top.some((line) => line.class === 'FUNCTION')
  )
}

/** The claim is of an object that the record itself could not place. */
function isUnplaced({ claim, pair, side }: Verdict): boolean {
  if (side !== 'ours only' || (claim.about !== 'object' && claim.about !== 'relation')) return false
  return objectsOf(pair.record).some(
    (object) => object.resolved === 'none' && claim.says.endsWith(` ${object.name}`),
  )
}

/** The name of the first cause that explains a difference. */
export function causeOf(verdict: Verdict): string | undefined {
  const cause = causes.find(
    ({ side, holds }) => (side === 'both' || side === verdict.side) && holds(verdict),
  )
  if (cause === undefined || causes_of_unplaced.has(cause.name)) return cause?.name
  return isUnplaced(verdict) ? undefined : cause.name
}
