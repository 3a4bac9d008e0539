import type { ObjectType } from '@pgsql/types'
import type { Lookup } from './facts.js'

/** What is known of a kind of object that DDL can name. */
export interface ObjectKind {
  /** pgaudit's object type: what getObjectTypeDescription says, in capitals. */
  readonly type: string
  /** The words that stand for it in a command tag (AlterObjectTypeCommandTag in utility.c). */
  readonly tag: string
  readonly lookup: Lookup
}

function kind(lookup: Lookup, type: string, tag = type): ObjectKind {
  return { type, tag, lookup }
}

/** Every kind of object in the grammar of PostgreSQL 18. */
export const object_kinds = {
  OBJECT_ACCESS_METHOD: kind('global', 'ACCESS METHOD'),
  OBJECT_AGGREGATE: kind('function', 'AGGREGATE'),
  OBJECT_AMOP: kind('schema_object', 'OPERATOR OF ACCESS METHOD', 'OPERATOR FAMILY'),
  OBJECT_AMPROC: kind('schema_object', 'FUNCTION OF ACCESS METHOD', 'OPERATOR FAMILY'),
  OBJECT_ATTRIBUTE: kind('type', 'COMPOSITE TYPE', 'TYPE'),
  OBJECT_CAST: kind('global', 'CAST'),
  OBJECT_COLUMN: kind('relation', 'TABLE'),
  OBJECT_COLLATION: kind('schema_object', 'COLLATION'),
  OBJECT_CONVERSION: kind('schema_object', 'CONVERSION'),
  OBJECT_DATABASE: kind('global', 'DATABASE'),
  OBJECT_DEFAULT: kind('relation', 'TABLE'),
  OBJECT_DEFACL: kind('global', 'DEFAULT ACL', 'DEFAULT PRIVILEGES'),
  OBJECT_DOMAIN: kind('type', 'DOMAIN'),
  OBJECT_DOMCONSTRAINT: kind('type', 'DOMAIN'),
  OBJECT_EVENT_TRIGGER: kind('global', 'EVENT TRIGGER'),
  OBJECT_EXTENSION: kind('global', 'EXTENSION'),
  OBJECT_FDW: kind('global', 'FOREIGN-DATA WRAPPER', 'FOREIGN DATA WRAPPER'),
  OBJECT_FOREIGN_SERVER: kind('global', 'SERVER'),
  OBJECT_FOREIGN_TABLE: kind('relation', 'FOREIGN TABLE'),
  OBJECT_FUNCTION: kind('function', 'FUNCTION'),
  OBJECT_INDEX: kind('relation', 'INDEX'),
  OBJECT_LANGUAGE: kind('global', 'LANGUAGE'),
  OBJECT_LARGEOBJECT: kind('global', 'LARGE OBJECT'),
  OBJECT_MATVIEW: kind('relation', 'MATERIALIZED VIEW'),
  OBJECT_OPCLASS: kind('schema_object', 'OPERATOR CLASS'),
  OBJECT_OPERATOR: kind('schema_object', 'OPERATOR'),
  OBJECT_OPFAMILY: kind('schema_object', 'OPERATOR FAMILY'),
  OBJECT_PARAMETER_ACL: kind('global', 'PARAMETER'),
  OBJECT_POLICY: kind('schema_object', 'POLICY'),
  OBJECT_PROCEDURE: kind('function', 'PROCEDURE'),
  OBJECT_PUBLICATION: kind('global', 'PUBLICATION'),
  OBJECT_PUBLICATION_NAMESPACE: kind('global', 'PUBLICATION NAMESPACE', 'PUBLICATION'),
  OBJECT_PUBLICATION_REL: kind('relation', 'PUBLICATION RELATION', 'PUBLICATION'),
  OBJECT_ROLE: kind('global', 'ROLE'),
  OBJECT_ROUTINE: kind('function', 'ROUTINE'),
  OBJECT_RULE: kind('schema_object', 'RULE'),
  OBJECT_SCHEMA: kind('global', 'SCHEMA'),
  OBJECT_SEQUENCE: kind('relation', 'SEQUENCE'),
  OBJECT_SUBSCRIPTION: kind('global', 'SUBSCRIPTION'),
  OBJECT_STATISTIC_EXT: kind('schema_object', 'STATISTICS OBJECT', 'STATISTICS'),
  OBJECT_TABCONSTRAINT: kind('schema_object', 'TABLE CONSTRAINT', 'TABLE'),
  OBJECT_TABLE: kind('relation', 'TABLE'),
  OBJECT_TABLESPACE: kind('global', 'TABLESPACE'),
  OBJECT_TRANSFORM: kind('global', 'TRANSFORM'),
  OBJECT_TRIGGER: kind('schema_object', 'TRIGGER'),
  OBJECT_TSCONFIGURATION: kind('schema_object', 'TEXT SEARCH CONFIGURATION'),
  OBJECT_TSDICTIONARY: kind('schema_object', 'TEXT SEARCH DICTIONARY'),
  OBJECT_TSPARSER: kind('schema_object', 'TEXT SEARCH PARSER'),
  OBJECT_TSTEMPLATE: kind('schema_object', 'TEXT SEARCH TEMPLATE'),
  OBJECT_TYPE: kind('type', 'TYPE'),
  OBJECT_USER_MAPPING: kind('global', 'USER MAPPING'),
  OBJECT_VIEW: kind('relation', 'VIEW'),
} as const satisfies Record<ObjectType, ObjectKind>

/** The kind of an object; a table when the parser leaves it open. */
export function objectKind(type: ObjectType | undefined): ObjectKind {
  return object_kinds[type ?? 'OBJECT_TABLE']
}
