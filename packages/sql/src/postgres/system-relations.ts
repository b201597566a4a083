import type { UsedRelation } from '@querywarden/policy-core'
import { SYSTEM_RELATIONS } from './generated/built-ins.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/**
 * System relations that describe the schema and show no values of rows: what psql's \d and drivers read. Left out are
 * statistics (pg_stats holds sampled values), activity and prepared statements (they hold statement texts), large
 * objects, and all that may hold secrets (pg_authid, user mappings, subscriptions, settings of roles, files).
 */
const SCHEMA_ONLY: Readonly<Record<string, ReadonlySet<string>>> = {
  pg_catalog: words(`
    pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_available_extension_versions
    pg_available_extensions pg_cast pg_class pg_collation pg_constraint pg_conversion pg_database pg_default_acl
    pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper pg_foreign_server
    pg_foreign_table pg_group pg_index pg_indexes pg_inherits pg_init_privs pg_language pg_largeobject_metadata pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily
    pg_parameter_acl pg_partitioned_table pg_policies pg_policy pg_proc pg_publication pg_publication_namespace
    pg_publication_rel pg_publication_tables pg_range pg_rewrite pg_roles pg_rules pg_seclabel pg_seclabels
    pg_sequence pg_sequences pg_settings pg_shdepend pg_shdescription pg_shseclabel pg_statistic_ext pg_subscription pg_tables pg_tablespace
    pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict
    pg_ts_parser pg_ts_template pg_type pg_user pg_views`),
  information_schema: words(`
    administrable_role_authorizations applicable_roles attributes character_sets check_constraint_routine_usage
    check_constraints collation_character_set_applicability collations column_column_usage column_domain_usage
    column_privileges column_udt_usage columns constraint_column_usage constraint_table_usage data_type_privileges
    domain_constraints domain_udt_usage domains element_types enabled_roles foreign_tables
    information_schema_catalog_name key_column_usage parameters referential_constraints role_column_grants
    role_routine_grants role_table_grants role_udt_grants role_usage_grants routine_column_usage routine_privileges
    routine_routine_usage routine_sequence_usage routine_table_usage routines schemata sequences sql_features
    sql_implementation_info sql_parts sql_sizing table_constraints table_privileges tables transforms
    triggered_update_columns triggers udt_privileges usage_privileges user_defined_types view_column_usage
    view_routine_usage view_table_usage views`),
}

/**
 * Columns of these relations that hold more: settings of roles, a value that all rows of a table have had, numbers given
 * out, how other servers are reached.
 */
const VALUE_COLUMNS: ReadonlyMap<string, string> = new Map([
  ['pg_roles', 'rolconfig'],
  ['pg_user', 'useconfig'],
  ['pg_attribute', 'attmissingval'],
  ['pg_sequences', 'last_value'],
  ['pg_foreign_data_wrapper', 'fdwoptions'],
  ['pg_foreign_server', 'srvoptions'],
  ['pg_subscription', 'subconninfo'],
])

/** The column of a system relation that shows more than the schema, or null. */
export const valueColumn = ({ schema, name }: { readonly schema: string; readonly name: string }): string | null =>
  schema === 'pg_catalog' ? (VALUE_COLUMNS.get(name) ?? null) : null

/** Whether a relation belongs to the server itself. */
export const isSystemRelation = (schema: string, name: string): boolean => SYSTEM_RELATIONS.has(`${schema}.${name}`)

/** The server's own schemas: what is in them is never in a catalog snapshot. */
export const isSystemSchema = (schema: string): boolean =>
  schema === 'pg_catalog' || schema === 'information_schema' || schema === 'pg_toast'

/** A system relation that shows the schema only, or null. */
export function schemaRelation(schema: string, name: string): UsedRelation | null {
  const known = Object.hasOwn(SCHEMA_ONLY, schema) && SCHEMA_ONLY[schema]?.has(name) === true
  return known ? { schema, name, oid: 0, kind: 'catalog', columns: [] } : null
}
