import type { FuncCall } from '@pgsql/types'
import { catalog_functions } from './catalog-functions.js'
import type { ObjectReference } from './facts.js'
import { type Forgets, forgets_everything } from './findings.js'
import { constantOf, qualifiedName, stringsOf } from './tree.js'

/** Why a function of pg_catalog is an audited object although it is built in. */
type Reason = 'runs_sql' | 'writes' | 'large_object' | 'file' | 'session' | 'replication'

/**
 * The functions of pg_catalog that do more than compute: pgaudit reports them as a mere SELECT.
 * Overloads cannot be told apart without types, so a name stands for all of its overloads.
 */
const notable_by_reason: Readonly<Record<Reason, string>> = {
  // They run SQL or read tables that are named in strings.
  runs_sql: `
    query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
    table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
    schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema
    database_to_xml_and_xmlschema ts_stat ts_rewrite`,
  // They change sequences, catalogs, statistics or indexes.
  writes: `
    nextval setval pg_nextoid pg_import_system_collations pg_restore_relation_stats
    pg_restore_attribute_stats pg_clear_relation_stats pg_clear_attribute_stats
    brin_summarize_new_values brin_summarize_range brin_desummarize_range gin_clean_pending_list
    pg_stat_reset pg_stat_reset_shared pg_stat_reset_single_table_counters
    pg_stat_reset_single_function_counters pg_stat_reset_slru pg_stat_reset_replication_slot
    pg_stat_reset_subscription_stats pg_stat_reset_backend_stats`,
  large_object: `
    lo_import lo_export lo_creat lo_create lo_from_bytea lo_get lo_put lo_unlink lo_open lo_close
    lo_lseek lo_lseek64 lo_tell lo_tell64 lo_truncate lo_truncate64 loread lowrite`,
  // They read files of the server; the configuration files count.
  file: `
    pg_read_file pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir
    pg_ls_archive_statusdir pg_ls_summariesdir pg_ls_replslotdir pg_ls_logicalsnapdir
    pg_ls_logicalmapdir pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings`,
  // They act on this session's settings, on other sessions or on the whole server.
  session: `
    set_config pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_notify
    pg_log_backend_memory_contexts pg_promote pg_switch_wal pg_create_restore_point
    pg_backup_start pg_backup_stop pg_wal_replay_pause pg_wal_replay_resume
    pg_log_standby_snapshot`,
  // They make, move or drain replication slots and origins: a slot's changes are table contents.
  replication: `
    pg_create_physical_replication_slot pg_create_logical_replication_slot
    pg_copy_physical_replication_slot pg_copy_logical_replication_slot pg_drop_replication_slot
    pg_replication_slot_advance pg_sync_replication_slots pg_logical_slot_get_changes
    pg_logical_slot_get_binary_changes pg_logical_slot_peek_changes
    pg_logical_slot_peek_binary_changes pg_logical_emit_message pg_replication_origin_create
    pg_replication_origin_drop pg_replication_origin_advance pg_replication_origin_session_setup
    pg_replication_origin_session_reset pg_replication_origin_xact_setup
    pg_replication_origin_xact_reset`,
}

function readTable(table: Readonly<Record<string, string>>): ReadonlyMap<string, Reason> {
  const names = new Map<string, Reason>()
  for (const [reason, list] of Object.entries(table)) {
    for (const name of list.trim().split(/\s+/)) names.set(name, reason as Reason)
  }
  return names
}

/** The notable functions of pg_catalog with the reason for which each is an object. */
export const notable_catalog_functions = readTable(notable_by_reason)

/** These run SQL that is given as text, so that anything may happen in it. */
const runs_given_text = /^(?:query|cursor)_to_xml|^ts_stat$/

/** What a call means: the object that it is, if any, and what it may have changed. */
export interface CallMeaning {
  readonly object?: ObjectReference
  /** A name without schema that is taken for one of pg_catalog. */
  readonly built_in?: string
  readonly forgets: readonly Forgets[]
}

const harmless: CallMeaning = { forgets: [] }

function functionObject(catalog: string | undefined, schema: string | undefined, name: string) {
  return {
    lookup: 'function',
    ...(catalog === undefined ? {} : { catalog }),
    ...(schema === undefined ? {} : { schema }),
    name,
    type: 'FUNCTION',
    class: 'FUNCTION',
    access: ['execute'],
  } as const satisfies ObjectReference
}

/** True for a call that reaches pg_catalog's set_config. */
export function isSetConfig(call: FuncCall): boolean {
  const { schema, name } = qualifiedName(stringsOf(call.funcname))
  return name === 'set_config' && (schema === undefined || schema === 'pg_catalog')
}

/**
 * What a set_config whose effect is not certain may have changed: the role when it names one, the
 * settings otherwise, and nothing that matters to names for a setting of an extension (`a.b`).
 */
function setConfigForgets(call: FuncCall): readonly Forgets[] {
  const name = constantOf(call.args?.[0])?.toLowerCase()
  if (name === undefined) return ['settings', 'role']
  if (name === 'role' || name === 'session_authorization') return ['role']
  return name.includes('.') ? [] : ['settings']
}

/**
 * Decides what a function that is called by this name is. Functions outside pg_catalog are
 * objects, and since their code is not seen they may have changed anything in the session.
 * Names of pg_catalog are objects only when the table above lists them.
 */
export function meaningOfName(parts: readonly string[], argument_count: number): CallMeaning {
  const { catalog, schema, name } = qualifiedName(parts)
  if (schema === undefined || schema === 'pg_catalog') {
    // Three arguments to ts_rewrite are plain values; with two the second one is a query.
    const pure = name === 'ts_rewrite' && argument_count !== 2
    if (notable_catalog_functions.has(name) && !pure) {
      const runs_text = runs_given_text.test(name) || name === 'ts_rewrite'
      return {
        object: functionObject(catalog, 'pg_catalog', name),
        ...(schema === undefined ? { built_in: name } : {}),
        forgets: runs_text ? forgets_everything : [],
      }
    }
    if (catalog_functions.has(name)) {
      return schema === undefined ? { built_in: name, forgets: [] } : harmless
    }
  }
  return { object: functionObject(catalog, schema, name), forgets: forgets_everything }
}

/** Decides what a call means, its arguments included. */
export function meaningOfCall(call: FuncCall): CallMeaning {
  const meaning = meaningOfName(stringsOf(call.funcname), call.args?.length ?? 0)
  return isSetConfig(call) ? { ...meaning, forgets: setConfigForgets(call) } : meaning
}
