import type { FunctionClass } from '@querywarden/policy-core'

/** What a built-in function does. */
export interface ReviewedFunction {
  readonly class: FunctionClass
  readonly why: string
}

const table: [FunctionClass, string, string][] = [
  [
    'pure',
    'computes from its arguments alone: it is not immutable for how it prints, parses or compares them',
    `anytextcat textanycat array_sample array_shuffle array_to_json array_to_string concat concat_ws convert
     convert_from convert_to format length money numeric quote_literal quote_nullable xml xml_is_well_formed
     enum_first enum_last enum_range json_agg json_agg_strict json_build_array json_build_object
     json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
     json_populate_record json_populate_recordset json_to_record json_to_recordset json_to_tsvector jsonb_agg
     jsonb_agg_strict jsonb_build_array jsonb_build_object jsonb_path_exists_tz jsonb_path_match_tz
     jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
     jsonb_populate_record_valid jsonb_populate_recordset jsonb_to_record jsonb_to_recordset jsonb_to_tsvector
     row_to_json to_json to_jsonb get_current_ts_config phraseto_tsquery plainto_tsquery to_tsquery
     to_tsvector ts_debug ts_headline ts_match_tq ts_match_tt ts_parse ts_token_type websearch_to_tsquery
     anyarray_send anycompatiblearray_send array_send bpcharsend brin_bloom_summary_send
     brin_minmax_multi_summary_send enum_send multirange_send namesend pg_dependencies_send pg_mcv_list_send
     pg_ndistinct_send pg_node_tree_send range_send record_send textsend varcharsend xml_send
     pg_column_compression pg_column_size pg_column_toast_chunk_id pg_typeof pg_collation_for pg_basetype
     pg_split_walfile_name`,
  ],
  [
    'reads-context',
    'shows or computes with the time or the time zone',
    `age clock_timestamp date date_add date_part date_subtract date_trunc extract generate_series in_range
     interval_pl_timestamptz make_timestamptz now overlaps statement_timestamp time timeofday timestamp
     timestamptz timetz timezone to_char to_date to_number to_timestamp transaction_timestamp
     date_cmp_timestamptz date_eq_timestamptz date_ge_timestamptz date_gt_timestamptz date_le_timestamptz
     date_lt_timestamptz date_ne_timestamptz timestamp_cmp_timestamptz timestamp_eq_timestamptz
     timestamp_ge_timestamptz timestamp_gt_timestamptz timestamp_le_timestamptz timestamp_lt_timestamptz
     timestamp_ne_timestamptz timestamptz_cmp_date timestamptz_cmp_timestamp timestamptz_eq_date
     timestamptz_eq_timestamp timestamptz_ge_date timestamptz_ge_timestamp timestamptz_gt_date
     timestamptz_gt_timestamp timestamptz_le_date timestamptz_le_timestamp timestamptz_lt_date
     timestamptz_lt_timestamp timestamptz_mi_interval timestamptz_ne_date timestamptz_ne_timestamp
     timestamptz_pl_interval`,
  ],
  ['reads-context', 'makes something up', `gen_random_uuid random random_normal uuidv4 uuidv7`],
  [
    'reads-context',
    'shows the session, its settings or the server that it is on',
    `pg_show_all_settings current_database current_schema current_schemas current_user getdatabaseencoding
     getpgusername inet_client_addr inet_client_port inet_server_addr inet_server_port pg_backend_pid
     pg_char_to_encoding pg_client_encoding pg_conf_load_time pg_encoding_to_char pg_is_in_recovery
     pg_is_other_temp_schema pg_jit_available pg_my_temp_schema pg_postmaster_start_time pg_trigger_depth
     session_user system_user version pg_current_snapshot pg_current_xact_id_if_assigned
     txid_current_if_assigned txid_current_snapshot mxid_age current_setting pg_listening_channels
     pg_numa_available pg_get_wait_events pg_get_wal_resource_managers`,
  ],
  [
    'reads-context',
    'shows rights',
    `has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
     has_function_privilege has_language_privilege has_largeobject_privilege has_parameter_privilege
     has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
     has_tablespace_privilege has_type_privilege pg_has_role row_security_active`,
  ],
  [
    'reads-context',
    'shows definitions of the schema',
    `aclexplode col_description format_type obj_description shobj_description oidvectortypes
     pg_collation_is_visible pg_conversion_is_visible pg_function_is_visible pg_opclass_is_visible
     pg_operator_is_visible pg_opfamily_is_visible pg_statistics_obj_is_visible pg_table_is_visible
     pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible
     pg_type_is_visible pg_column_is_updatable pg_relation_is_updatable pg_relation_is_publishable
     pg_available_extension_versions pg_available_extensions pg_extension_update_paths pg_describe_object
     pg_get_acl pg_get_catalog_foreign_keys pg_get_constraintdef pg_get_expr pg_get_function_arg_default
     pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
     pg_get_function_sqlbody pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_object_address
     pg_get_partition_constraintdef pg_get_partkeydef pg_get_publication_tables pg_get_replica_identity_index
     pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns
     pg_get_statisticsobjdef_expressions pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_identify_object
     pg_identify_object_as_address pg_index_column_has_property pg_index_has_property pg_indexam_has_property
     pg_options_to_table pg_partition_ancestors pg_partition_tree pg_sequence_parameters pg_settings_get_flags
     pg_tablespace_databases pg_tablespace_location pg_timezone_names pg_timezone_abbrevs
     pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone pg_collation_actual_version
     pg_database_collation_actual_version regclass to_regclass to_regcollation to_regnamespace to_regoper
     to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_regtypemod amvalidate
     pg_event_trigger_ddl_commands pg_event_trigger_dropped_objects pg_event_trigger_table_rewrite_oid
     pg_event_trigger_table_rewrite_reason`,
  ],
  ['reads-state', 'reads a sequence', `currval lastval pg_sequence_last_value pg_get_sequence_data`],
  [
    'reads-state',
    'reads how much room rows take',
    `pg_database_size pg_indexes_size pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size`,
  ],
  [
    'reads-state',
    'reads where files of the server are',
    `pg_config pg_relation_filenode pg_relation_filepath pg_filenode_relation pg_get_loaded_modules`,
  ],
  [
    'reads-state',
    'reads the state of the server',
    `pg_blocking_pids pg_safe_snapshot_blocking_pids pg_current_wal_lsn pg_current_wal_insert_lsn
     pg_current_wal_flush_lsn pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
     pg_get_wal_replay_pause_state pg_is_wal_replay_paused pg_xact_status txid_status pg_xact_commit_timestamp
     pg_xact_commit_timestamp_origin pg_last_committed_xact pg_get_multixact_members pg_lock_status
     pg_isolation_test_session_is_blocked pg_notification_queue_usage pg_control_checkpoint pg_control_init
     pg_control_recovery pg_control_system pg_get_replication_slots pg_replication_origin_oid
     pg_replication_origin_progress pg_replication_origin_session_is_setup
     pg_replication_origin_session_progress pg_show_replication_origin_status pg_get_wal_summarizer_state
     pg_get_aios pg_get_shmem_allocations pg_get_shmem_allocations_numa`,
  ],
  [
    'reads-state',
    'reads counters of the server',
    `pg_stat_have_stats pg_stat_get_progress_info pg_stat_get_subscription pg_stat_get_analyze_count
     pg_stat_get_archiver pg_stat_get_autoanalyze_count pg_stat_get_autovacuum_count
     pg_stat_get_backend_activity_start pg_stat_get_backend_client_addr pg_stat_get_backend_client_port
     pg_stat_get_backend_dbid pg_stat_get_backend_idset pg_stat_get_backend_io pg_stat_get_backend_pid
     pg_stat_get_backend_start pg_stat_get_backend_subxact pg_stat_get_backend_userid
     pg_stat_get_backend_wait_event pg_stat_get_backend_wait_event_type pg_stat_get_backend_wal
     pg_stat_get_backend_xact_start pg_stat_get_bgwriter_buf_written_checkpoints
     pg_stat_get_bgwriter_buf_written_clean pg_stat_get_bgwriter_maxwritten_clean
     pg_stat_get_bgwriter_requested_checkpoints pg_stat_get_bgwriter_stat_reset_time
     pg_stat_get_bgwriter_timed_checkpoints pg_stat_get_blocks_fetched pg_stat_get_blocks_hit
     pg_stat_get_buf_alloc pg_stat_get_buf_fsync_backend pg_stat_get_buf_written_backend
     pg_stat_get_checkpoint_sync_time pg_stat_get_checkpoint_write_time
     pg_stat_get_checkpointer_buffers_written pg_stat_get_checkpointer_num_performed
     pg_stat_get_checkpointer_num_requested pg_stat_get_checkpointer_num_timed
     pg_stat_get_checkpointer_restartpoints_performed pg_stat_get_checkpointer_restartpoints_requested
     pg_stat_get_checkpointer_restartpoints_timed pg_stat_get_checkpointer_slru_written
     pg_stat_get_checkpointer_stat_reset_time pg_stat_get_checkpointer_sync_time
     pg_stat_get_checkpointer_write_time pg_stat_get_db_active_time pg_stat_get_db_blk_read_time
     pg_stat_get_db_blk_write_time pg_stat_get_db_blocks_fetched pg_stat_get_db_blocks_hit
     pg_stat_get_db_checksum_failures pg_stat_get_db_checksum_last_failure pg_stat_get_db_conflict_all
     pg_stat_get_db_conflict_bufferpin pg_stat_get_db_conflict_lock pg_stat_get_db_conflict_logicalslot
     pg_stat_get_db_conflict_snapshot pg_stat_get_db_conflict_startup_deadlock
     pg_stat_get_db_conflict_tablespace pg_stat_get_db_deadlocks pg_stat_get_db_idle_in_transaction_time
     pg_stat_get_db_numbackends pg_stat_get_db_parallel_workers_launched
     pg_stat_get_db_parallel_workers_to_launch pg_stat_get_db_session_time pg_stat_get_db_sessions
     pg_stat_get_db_sessions_abandoned pg_stat_get_db_sessions_fatal pg_stat_get_db_sessions_killed
     pg_stat_get_db_stat_reset_time pg_stat_get_db_temp_bytes pg_stat_get_db_temp_files
     pg_stat_get_db_tuples_deleted pg_stat_get_db_tuples_fetched pg_stat_get_db_tuples_inserted
     pg_stat_get_db_tuples_returned pg_stat_get_db_tuples_updated pg_stat_get_db_xact_commit
     pg_stat_get_db_xact_rollback pg_stat_get_dead_tuples pg_stat_get_function_calls
     pg_stat_get_function_self_time pg_stat_get_function_total_time pg_stat_get_ins_since_vacuum
     pg_stat_get_io pg_stat_get_last_analyze_time pg_stat_get_last_autoanalyze_time
     pg_stat_get_last_autovacuum_time pg_stat_get_last_vacuum_time pg_stat_get_lastscan
     pg_stat_get_live_tuples pg_stat_get_mod_since_analyze pg_stat_get_numscans pg_stat_get_recovery_prefetch
     pg_stat_get_replication_slot pg_stat_get_slru pg_stat_get_snapshot_timestamp
     pg_stat_get_subscription_stats pg_stat_get_total_analyze_time pg_stat_get_total_autoanalyze_time
     pg_stat_get_total_autovacuum_time pg_stat_get_total_vacuum_time pg_stat_get_tuples_deleted
     pg_stat_get_tuples_fetched pg_stat_get_tuples_hot_updated pg_stat_get_tuples_inserted
     pg_stat_get_tuples_newpage_updated pg_stat_get_tuples_returned pg_stat_get_tuples_updated
     pg_stat_get_vacuum_count pg_stat_get_wal pg_stat_get_wal_senders pg_stat_get_xact_blocks_fetched
     pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time
     pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted
     pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted
     pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated`,
  ],
  [
    'reads-rows',
    'shows texts of statements: those of other sessions, and of this one with the masks in it',
    `current_query pg_stat_get_activity pg_stat_get_backend_activity pg_cursor pg_prepared_statement
     pg_prepared_xact pg_get_backend_memory_contexts`,
  ],
  ['reads-rows', 'shows values that the statistics of a relation hold', `pg_mcv_list_items`],
  [
    'reads-rows',
    'reads large objects past every mask',
    `lo_close lo_get lo_lseek lo_lseek64 lo_open lo_tell lo_tell64 loread`,
  ],
  [
    'reads-rows',
    'reads relations named at run time',
    `table_to_xml table_to_xml_and_xmlschema table_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema
     schema_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema cursor_to_xml
     cursor_to_xmlschema currtid2`,
  ],
  [
    'reads-rows',
    'reads changes of other sessions past every mask',
    `pg_logical_slot_get_binary_changes pg_logical_slot_get_changes pg_logical_slot_peek_binary_changes
     pg_logical_slot_peek_changes`,
  ],
  [
    'runs-sql',
    'runs SQL given as text',
    `query_to_xml query_to_xml_and_xmlschema query_to_xmlschema ts_stat ts_rewrite`,
  ],
  ['runs-sql', 'runs the input function of a type named at run time', `pg_input_is_valid pg_input_error_info`],
  ['settings', 'changes a setting', `set_config`],
  [
    'settings',
    'changes the state of the session',
    `setseed pg_export_snapshot pg_stat_clear_snapshot pg_stat_force_next_flush`,
  ],
  ['transaction', 'assigns a transaction id', `txid_current pg_current_xact_id`],
  [
    'locks',
    'takes or gives up advisory locks',
    `pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
     pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock
     pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared`,
  ],
  ['locks', 'holds the session and what it has locked', `pg_sleep pg_sleep_for pg_sleep_until`],
  ['write', 'moves a sequence', `nextval setval`],
  [
    'write',
    'changes large objects',
    `lo_creat lo_create lo_from_bytea lo_put lo_truncate lo_truncate64 lo_unlink lowrite`,
  ],
  ['external', 'reads or writes files of the server', `lo_export lo_import`],
  [
    'external',
    'reads files of the server',
    `pg_read_file pg_read_file_old pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir
     pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir
     pg_ls_summariesdir pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings
     pg_available_wal_summaries pg_wal_summary_contents`,
  ],
  ['notifies', 'sends a message to other sessions', `pg_notify`],
  ['notifies', 'writes to the log that replicas and decoders read', `pg_logical_emit_message`],
  [
    'controls-server',
    'controls the server or other sessions',
    `pg_cancel_backend pg_terminate_backend pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_promote
     pg_switch_wal pg_create_restore_point pg_backup_start pg_backup_stop pg_wal_replay_pause
     pg_wal_replay_resume pg_log_backend_memory_contexts pg_log_standby_snapshot gin_clean_pending_list
     brin_summarize_new_values brin_summarize_range brin_desummarize_range pg_stat_reset
     pg_stat_reset_backend_stats pg_stat_reset_replication_slot pg_stat_reset_shared
     pg_stat_reset_single_function_counters pg_stat_reset_single_table_counters pg_stat_reset_slru
     pg_stat_reset_subscription_stats pg_clear_attribute_stats pg_clear_relation_stats
     pg_restore_attribute_stats pg_restore_relation_stats pg_create_physical_replication_slot
     pg_create_logical_replication_slot pg_drop_replication_slot pg_copy_physical_replication_slot
     pg_copy_logical_replication_slot pg_replication_slot_advance pg_sync_replication_slots
     pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop
     pg_replication_origin_session_reset pg_replication_origin_session_setup pg_replication_origin_xact_reset
     pg_replication_origin_xact_setup`,
  ],
  [
    'controls-server',
    "is for the server's own upgrade",
    `binary_upgrade_add_sub_rel_state binary_upgrade_create_empty_extension
     binary_upgrade_logical_slot_has_caught_up binary_upgrade_replorigin_advance
     binary_upgrade_set_missing_value binary_upgrade_set_next_array_pg_type_oid
     binary_upgrade_set_next_heap_pg_class_oid binary_upgrade_set_next_heap_relfilenode
     binary_upgrade_set_next_index_pg_class_oid binary_upgrade_set_next_index_relfilenode
     binary_upgrade_set_next_multirange_array_pg_type_oid binary_upgrade_set_next_multirange_pg_type_oid
     binary_upgrade_set_next_pg_authid_oid binary_upgrade_set_next_pg_enum_oid
     binary_upgrade_set_next_pg_tablespace_oid binary_upgrade_set_next_pg_type_oid
     binary_upgrade_set_next_toast_pg_class_oid binary_upgrade_set_next_toast_relfilenode
     binary_upgrade_set_record_init_privs pg_stop_making_pinned_objects pg_nextoid`,
  ],
  ['ddl', 'creates collations', `pg_import_system_collations`],
  ['ddl', 'changes what an extension dumps', `pg_extension_config_dump`],
  ['unknown', 'shows how the server reaches another', `pg_stat_get_wal_receiver`],
  [
    'unknown',
    'compiles a function named at run time',
    `fmgr_c_validator fmgr_internal_validator fmgr_sql_validator plpgsql_validator`,
  ],
]

/**
 * Every function of pg_catalog, in any supported major, that SQL can call and that isn't immutable in all its overloads:
 * reviewed one by one, with an attacker's eye. Those that spend time or memory without end on few bytes (`repeat`, regular
 * expressions, `generate_series`) are pure or nearly so: what bounds them is the time limit of a statement.
 */
export const REVIEWED_FUNCTIONS: ReadonlyMap<string, ReviewedFunction> = new Map(
  table.flatMap(([kind, why, names]) => {
    const reviewed = { class: kind, why }
    return names.split(/\s+/).map(name => [name, reviewed] as const)
  }),
)
