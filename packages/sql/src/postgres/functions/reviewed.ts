import type { Effect } from '@querywarden/policy-core'

/** What a built-in function does that isn't pure. */
export interface FunctionEffect {
  readonly effect: Effect
  readonly why: string
}

const table: [Effect, string, string][] = [
  ['write', 'moves a sequence', 'nextval setval'],
  [
    'write',
    'changes large objects',
    'lo_creat lo_create lo_from_bytea lo_put lo_truncate lo_truncate64 lo_unlink lowrite',
  ],
  [
    'unknown',
    'reads large objects past every mask',
    'lo_close lo_get lo_lseek lo_lseek64 lo_open lo_tell lo_tell64 loread',
  ],
  ['external', 'reads or writes files of the server', 'lo_export lo_import'],
  [
    'external',
    'reads files of the server',
    `pg_read_file pg_read_file_old pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir
     pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir
     pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings`,
  ],
  ['external', 'sends a message to other sessions', 'pg_notify'],
  ['external', 'writes to the log that replicas and decoders read', 'pg_logical_emit_message'],
  [
    'unknown',
    'runs SQL given as text',
    `query_to_xml query_to_xml_and_xmlschema query_to_xmlschema ts_stat ts_rewrite`,
  ],
  [
    'unknown',
    'reads relations named at run time',
    `table_to_xml table_to_xml_and_xmlschema table_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema
     schema_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema cursor_to_xml
     cursor_to_xmlschema currtid2`,
  ],
  [
    'session',
    'takes or gives up advisory locks',
    `pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
     pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
     pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared`,
  ],
  ['session', 'holds the session and what it has locked', 'pg_sleep pg_sleep_for pg_sleep_until'],
  [
    'session',
    'changes the state of the session',
    'setseed pg_export_snapshot pg_stat_clear_snapshot pg_stat_force_next_flush',
  ],
  ['transaction', 'assigns a transaction id', 'txid_current pg_current_xact_id'],
  [
    'maintenance',
    'controls the server or other sessions',
    `pg_cancel_backend pg_terminate_backend pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_promote
     pg_switch_wal pg_create_restore_point pg_backup_start pg_backup_stop pg_wal_replay_pause pg_wal_replay_resume
     pg_log_backend_memory_contexts pg_log_standby_snapshot gin_clean_pending_list brin_summarize_new_values
     brin_summarize_range brin_desummarize_range pg_stat_reset pg_stat_reset_backend_stats
     pg_stat_reset_replication_slot pg_stat_reset_shared pg_stat_reset_single_function_counters
     pg_stat_reset_single_table_counters pg_stat_reset_slru pg_stat_reset_subscription_stats
     pg_clear_attribute_stats pg_clear_relation_stats pg_restore_attribute_stats pg_restore_relation_stats
     pg_create_physical_replication_slot pg_create_logical_replication_slot pg_drop_replication_slot
     pg_copy_physical_replication_slot pg_copy_logical_replication_slot pg_replication_slot_advance
     pg_sync_replication_slots pg_replication_origin_advance pg_replication_origin_create
     pg_replication_origin_drop pg_replication_origin_session_reset pg_replication_origin_session_setup
     pg_replication_origin_xact_reset pg_replication_origin_xact_setup`,
  ],
  [
    'unknown',
    'reads changes of other sessions past every mask',
    `pg_logical_slot_get_binary_changes pg_logical_slot_get_changes pg_logical_slot_peek_binary_changes
     pg_logical_slot_peek_changes`,
  ],
  ['ddl', 'creates collations', 'pg_import_system_collations'],
  ['ddl', 'changes what an extension dumps', 'pg_extension_config_dump'],
  ['read', 'reads a sequence', 'currval lastval pg_sequence_last_value'],
  [
    'read',
    'reads the state of the server',
    `pg_blocking_pids pg_safe_snapshot_blocking_pids pg_current_wal_lsn pg_current_wal_insert_lsn
     pg_current_wal_flush_lsn pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
     pg_get_wal_replay_pause_state pg_is_wal_replay_paused pg_xact_status txid_status pg_xact_commit_timestamp`,
  ],
]

/** Built-in functions that do more than compute, reviewed one by one. A name here is never pure. */
export const REVIEWED_FUNCTIONS: ReadonlyMap<string, FunctionEffect> = new Map(
  table.flatMap(([effect, why, names]) => names.split(/\s+/).map(name => [name, { effect, why }] as const)),
)
