import type {
  DefElem,
  Node,
  ObjectType,
  PublicationObjSpec,
  RoleSpec,
  TypeName,
} from '@pgsql/types'
import { alters_it, creates_it, drops_it, names_it } from './definitions.js'
import type { Findings } from './findings.js'
import { meaningOfName } from './function-calls.js'
import { namedObject, objectOf, objectUsing, type Use } from './object-names.js'
import type { Readers } from './statement-reader.js'
import { bodiesOf, qualifiedName, relationName, roleName, stringsOf } from './tree.js'

/** Adds an object by its bare name; one that the statement makes is marked so. */
function addNamed(findings: Findings, type: ObjectType, name: string | undefined, use: Use): void {
  const object = namedObject(type, { name: name ?? '' }, use)
  findings.add(use.access === 'create' ? { ...object, creates: true } : object)
}

/** Adds an object that lives in a schema. */
function addQualified(
  findings: Findings,
  type: ObjectType,
  name: readonly Node[] | undefined,
  use: Use,
): void {
  const object = namedObject(type, qualifiedName(stringsOf(name)), use)
  findings.add(use.access === 'create' ? { ...object, creates: true } : object)
}

/** What a user mapping is called: it has no name of its own. */
function addMapping(
  findings: Findings,
  user: RoleSpec | undefined,
  server: string | undefined,
  use: Use,
): void {
  addNamed(findings, 'OBJECT_USER_MAPPING', `${roleName(user)} on server ${server ?? ''}`, use)
  const named = { class: use.class, access: 'reference' } as const
  addNamed(findings, 'OBJECT_FOREIGN_SERVER', server, named)
}

/** The tables and schemas that a publication is made of. */
function addPublished(findings: Findings, nodes: readonly Node[] | undefined): void {
  for (const item of bodiesOf(nodes, 'PublicationObjSpec') as readonly PublicationObjSpec[]) {
    const table = item.pubtable?.relation
    if (table !== undefined) {
      findings.add(namedObject('OBJECT_TABLE', relationName(table), names_it))
    } else if (item.name !== undefined) addNamed(findings, 'OBJECT_SCHEMA', item.name, names_it)
  }
}

function nodeOfType(type: TypeName | undefined): Node {
  return { TypeName: type ?? {} }
}

/** The schema into which CREATE EXTENSION puts things. */
function schemaOption(options: readonly DefElem[]): Node | undefined {
  return options.find((option) => option.defname === 'schema')?.arg
}

const mapping_use = { class: 'ROLE', access: 'alter' } as const satisfies Use

type GlobalKind =
  | 'AlterEventTrigStmt'
  | 'AlterFdwStmt'
  | 'AlterForeignServerStmt'
  | 'AlterPublicationStmt'
  | 'AlterSubscriptionStmt'
  | 'AlterTableSpaceOptionsStmt'
  | 'AlterUserMappingStmt'
  | 'CreateAmStmt'
  | 'CreateCastStmt'
  | 'CreateConversionStmt'
  | 'CreateEventTrigStmt'
  | 'CreateExtensionStmt'
  | 'CreateFdwStmt'
  | 'CreateForeignServerStmt'
  | 'CreateOpClassStmt'
  | 'CreateOpFamilyStmt'
  | 'CreatePLangStmt'
  | 'CreatePublicationStmt'
  | 'CreateSubscriptionStmt'
  | 'CreateTableSpaceStmt'
  | 'CreateTransformStmt'
  | 'CreateUserMappingStmt'
  | 'CreatedbStmt'
  | 'DropSubscriptionStmt'
  | 'DropTableSpaceStmt'
  | 'DropUserMappingStmt'
  | 'DropdbStmt'
  | 'ImportForeignSchemaStmt'

/** Readers for objects of the database or the cluster: wrappers, extensions, publications, … */
export const global_readers: Readers<GlobalKind> = {
  AlterEventTrigStmt: ({ trigname }, findings) => {
    addNamed(findings, 'OBJECT_EVENT_TRIGGER', trigname, alters_it)
    return 'ALTER EVENT TRIGGER'
  },
  AlterFdwStmt: ({ fdwname }, findings) => {
    addNamed(findings, 'OBJECT_FDW', fdwname, alters_it)
    return 'ALTER FOREIGN DATA WRAPPER'
  },
  AlterForeignServerStmt: ({ servername }, findings) => {
    addNamed(findings, 'OBJECT_FOREIGN_SERVER', servername, alters_it)
    return 'ALTER SERVER'
  },
  AlterPublicationStmt: ({ pubname, pubobjects }, findings) => {
    addNamed(findings, 'OBJECT_PUBLICATION', pubname, alters_it)
    addPublished(findings, pubobjects)
    return 'ALTER PUBLICATION'
  },
  AlterSubscriptionStmt: ({ subname }, findings) => {
    addNamed(findings, 'OBJECT_SUBSCRIPTION', subname, alters_it)
    return 'ALTER SUBSCRIPTION'
  },
  AlterTableSpaceOptionsStmt: ({ tablespacename }, findings) => {
    addNamed(findings, 'OBJECT_TABLESPACE', tablespacename, alters_it)
    return 'ALTER TABLESPACE'
  },
  AlterUserMappingStmt: ({ user, servername }, findings) => {
    addMapping(findings, user, servername, mapping_use)
    return 'ALTER USER MAPPING'
  },
  CreateAmStmt: ({ amname }, findings) => {
    addNamed(findings, 'OBJECT_ACCESS_METHOD', amname, creates_it)
    return 'CREATE ACCESS METHOD'
  },
  CreateCastStmt: ({ sourcetype, targettype }, findings) => {
    const items = [nodeOfType(sourcetype), nodeOfType(targettype)]
    const cast = objectOf('OBJECT_CAST', { List: { items } }, creates_it)
    if (cast !== undefined) findings.add({ ...cast, creates: true })
    return 'CREATE CAST'
  },
  CreateConversionStmt: ({ conversion_name }, findings) => {
    addQualified(findings, 'OBJECT_CONVERSION', conversion_name, creates_it)
    return 'CREATE CONVERSION'
  },
  CreateEventTrigStmt: ({ trigname, funcname }, findings) => {
    addNamed(findings, 'OBJECT_EVENT_TRIGGER', trigname, creates_it)
    const { object } = meaningOfName(stringsOf(funcname), 0)
    if (object !== undefined) findings.add({ ...object, class: 'DDL', access: ['reference'] })
    return 'CREATE EVENT TRIGGER'
  },
  CreateExtensionStmt: ({ extname, options }, findings) => {
    addNamed(findings, 'OBJECT_EXTENSION', extname, creates_it)
    const schema = schemaOption(bodiesOf(options, 'DefElem'))
    const object = objectOf('OBJECT_SCHEMA', schema, names_it)
    if (object !== undefined) findings.add(object)
    findings.refresh('names')
    return 'CREATE EXTENSION'
  },
  CreateFdwStmt: ({ fdwname }, findings) => {
    addNamed(findings, 'OBJECT_FDW', fdwname, creates_it)
    return 'CREATE FOREIGN DATA WRAPPER'
  },
  CreateForeignServerStmt: ({ servername, fdwname }, findings) => {
    addNamed(findings, 'OBJECT_FOREIGN_SERVER', servername, creates_it)
    addNamed(findings, 'OBJECT_FDW', fdwname, names_it)
    return 'CREATE SERVER'
  },
  CreateOpClassStmt: ({ opclassname, amname }, findings) => {
    const name = qualifiedName(stringsOf(opclassname))
    findings.add({ ...objectUsing('OBJECT_OPCLASS', amname, name, creates_it), creates: true })
    return 'CREATE OPERATOR CLASS'
  },
  CreateOpFamilyStmt: ({ opfamilyname, amname }, findings) => {
    const name = qualifiedName(stringsOf(opfamilyname))
    findings.add({ ...objectUsing('OBJECT_OPFAMILY', amname, name, creates_it), creates: true })
    return 'CREATE OPERATOR FAMILY'
  },
  CreatePLangStmt: ({ plname }, findings) => {
    addNamed(findings, 'OBJECT_LANGUAGE', plname, creates_it)
    return 'CREATE LANGUAGE'
  },
  CreatePublicationStmt: ({ pubname, pubobjects }, findings) => {
    addNamed(findings, 'OBJECT_PUBLICATION', pubname, creates_it)
    addPublished(findings, pubobjects)
    return 'CREATE PUBLICATION'
  },
  CreateSubscriptionStmt: ({ subname }, findings) => {
    addNamed(findings, 'OBJECT_SUBSCRIPTION', subname, creates_it)
    return 'CREATE SUBSCRIPTION'
  },
  CreateTableSpaceStmt: ({ tablespacename }, findings) => {
    addNamed(findings, 'OBJECT_TABLESPACE', tablespacename, creates_it)
    return 'CREATE TABLESPACE'
  },
  CreateTransformStmt: ({ type_name, lang }, findings) => {
    const items = [nodeOfType(type_name), { String: { sval: lang ?? '' } }]
    const transform = objectOf('OBJECT_TRANSFORM', { List: { items } }, creates_it)
    if (transform !== undefined) findings.add({ ...transform, creates: true })
    return 'CREATE TRANSFORM'
  },
  CreateUserMappingStmt: ({ user, servername }, findings) => {
    addMapping(findings, user, servername, { class: 'ROLE', access: 'create' })
    return 'CREATE USER MAPPING'
  },
  CreatedbStmt: ({ dbname }, findings) => {
    addNamed(findings, 'OBJECT_DATABASE', dbname, creates_it)
    return 'CREATE DATABASE'
  },
  DropSubscriptionStmt: ({ subname }, findings) => {
    addNamed(findings, 'OBJECT_SUBSCRIPTION', subname, drops_it)
    return 'DROP SUBSCRIPTION'
  },
  DropTableSpaceStmt: ({ tablespacename }, findings) => {
    addNamed(findings, 'OBJECT_TABLESPACE', tablespacename, drops_it)
    return 'DROP TABLESPACE'
  },
  DropUserMappingStmt: ({ user, servername }, findings) => {
    addMapping(findings, user, servername, drops_it)
    return 'DROP USER MAPPING'
  },
  DropdbStmt: ({ dbname }, findings) => {
    addNamed(findings, 'OBJECT_DATABASE', dbname, drops_it)
    return 'DROP DATABASE'
  },
  ImportForeignSchemaStmt: ({ server_name, local_schema }, findings) => {
    addNamed(findings, 'OBJECT_SCHEMA', local_schema, alters_it)
    addNamed(findings, 'OBJECT_FOREIGN_SERVER', server_name, names_it)
    findings.refresh('names')
    return 'IMPORT FOREIGN SCHEMA'
  },
}
