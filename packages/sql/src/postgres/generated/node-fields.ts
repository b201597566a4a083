// Made by scripts/generate-nodes.mjs from the node types of each grammar. Not for editing.

/** The node types of all grammars together. */
export type NodeType =
  | 'ATAlterConstraint'
  | 'A_ArrayExpr'
  | 'A_Const'
  | 'A_Expr'
  | 'A_Indices'
  | 'A_Indirection'
  | 'A_Star'
  | 'AccessPriv'
  | 'Aggref'
  | 'Alias'
  | 'AlterCollationStmt'
  | 'AlterDatabaseRefreshCollStmt'
  | 'AlterDatabaseSetStmt'
  | 'AlterDatabaseStmt'
  | 'AlterDefaultPrivilegesStmt'
  | 'AlterDomainStmt'
  | 'AlterEnumStmt'
  | 'AlterEventTrigStmt'
  | 'AlterExtensionContentsStmt'
  | 'AlterExtensionStmt'
  | 'AlterFdwStmt'
  | 'AlterForeignServerStmt'
  | 'AlterFunctionStmt'
  | 'AlterObjectDependsStmt'
  | 'AlterObjectSchemaStmt'
  | 'AlterOpFamilyStmt'
  | 'AlterOperatorStmt'
  | 'AlterOwnerStmt'
  | 'AlterPolicyStmt'
  | 'AlterPublicationStmt'
  | 'AlterRoleSetStmt'
  | 'AlterRoleStmt'
  | 'AlterSeqStmt'
  | 'AlterStatsStmt'
  | 'AlterSubscriptionStmt'
  | 'AlterSystemStmt'
  | 'AlterTSConfigurationStmt'
  | 'AlterTSDictionaryStmt'
  | 'AlterTableCmd'
  | 'AlterTableMoveAllStmt'
  | 'AlterTableSpaceOptionsStmt'
  | 'AlterTableStmt'
  | 'AlterTypeStmt'
  | 'AlterUserMappingStmt'
  | 'AlternativeSubPlan'
  | 'ArrayCoerceExpr'
  | 'ArrayExpr'
  | 'BitString'
  | 'BoolExpr'
  | 'Boolean'
  | 'BooleanTest'
  | 'CTECycleClause'
  | 'CTESearchClause'
  | 'CallContext'
  | 'CallStmt'
  | 'CaseExpr'
  | 'CaseTestExpr'
  | 'CaseWhen'
  | 'CheckPointStmt'
  | 'ClosePortalStmt'
  | 'ClusterStmt'
  | 'CoalesceExpr'
  | 'CoerceToDomain'
  | 'CoerceToDomainValue'
  | 'CoerceViaIO'
  | 'CollateClause'
  | 'CollateExpr'
  | 'ColumnDef'
  | 'ColumnRef'
  | 'CommentStmt'
  | 'CommonTableExpr'
  | 'CompositeTypeStmt'
  | 'Constraint'
  | 'ConstraintsSetStmt'
  | 'ConvertRowtypeExpr'
  | 'CopyStmt'
  | 'CreateAmStmt'
  | 'CreateCastStmt'
  | 'CreateConversionStmt'
  | 'CreateDomainStmt'
  | 'CreateEnumStmt'
  | 'CreateEventTrigStmt'
  | 'CreateExtensionStmt'
  | 'CreateFdwStmt'
  | 'CreateForeignServerStmt'
  | 'CreateForeignTableStmt'
  | 'CreateFunctionStmt'
  | 'CreateOpClassItem'
  | 'CreateOpClassStmt'
  | 'CreateOpFamilyStmt'
  | 'CreatePLangStmt'
  | 'CreatePolicyStmt'
  | 'CreatePublicationStmt'
  | 'CreateRangeStmt'
  | 'CreateRoleStmt'
  | 'CreateSchemaStmt'
  | 'CreateSeqStmt'
  | 'CreateStatsStmt'
  | 'CreateStmt'
  | 'CreateSubscriptionStmt'
  | 'CreateTableAsStmt'
  | 'CreateTableSpaceStmt'
  | 'CreateTransformStmt'
  | 'CreateTrigStmt'
  | 'CreateUserMappingStmt'
  | 'CreatedbStmt'
  | 'CurrentOfExpr'
  | 'DeallocateStmt'
  | 'DeclareCursorStmt'
  | 'DefElem'
  | 'DefineStmt'
  | 'DeleteStmt'
  | 'DiscardStmt'
  | 'DistinctExpr'
  | 'DoStmt'
  | 'DropOwnedStmt'
  | 'DropRoleStmt'
  | 'DropStmt'
  | 'DropSubscriptionStmt'
  | 'DropTableSpaceStmt'
  | 'DropUserMappingStmt'
  | 'DropdbStmt'
  | 'ExecuteStmt'
  | 'ExplainStmt'
  | 'FetchStmt'
  | 'FieldSelect'
  | 'FieldStore'
  | 'FilterColumn'
  | 'Float'
  | 'FromExpr'
  | 'FuncCall'
  | 'FuncExpr'
  | 'Function'
  | 'FunctionParameter'
  | 'GrantRoleStmt'
  | 'GrantStmt'
  | 'GroupingFunc'
  | 'GroupingSet'
  | 'ImportForeignSchemaStmt'
  | 'IndexElem'
  | 'IndexStmt'
  | 'InferClause'
  | 'InferenceElem'
  | 'InlineCodeBlock'
  | 'InsertStmt'
  | 'IntList'
  | 'Integer'
  | 'IntoClause'
  | 'JoinExpr'
  | 'JsonAggConstructor'
  | 'JsonArgument'
  | 'JsonArrayAgg'
  | 'JsonArrayConstructor'
  | 'JsonArrayQueryConstructor'
  | 'JsonBehavior'
  | 'JsonConstructorExpr'
  | 'JsonExpr'
  | 'JsonFormat'
  | 'JsonFuncExpr'
  | 'JsonIsPredicate'
  | 'JsonKeyValue'
  | 'JsonObjectAgg'
  | 'JsonObjectConstructor'
  | 'JsonOutput'
  | 'JsonParseExpr'
  | 'JsonReturning'
  | 'JsonScalarExpr'
  | 'JsonSerializeExpr'
  | 'JsonTable'
  | 'JsonTableColumn'
  | 'JsonTablePath'
  | 'JsonTablePathScan'
  | 'JsonTablePathSpec'
  | 'JsonTableSiblingJoin'
  | 'JsonValueExpr'
  | 'List'
  | 'ListenStmt'
  | 'LoadStmt'
  | 'LockStmt'
  | 'LockingClause'
  | 'MergeAction'
  | 'MergeStmt'
  | 'MergeSupportFunc'
  | 'MergeWhenClause'
  | 'MinMaxExpr'
  | 'MultiAssignRef'
  | 'NamedArgExpr'
  | 'NextValueExpr'
  | 'NotifyStmt'
  | 'NullIfExpr'
  | 'NullTest'
  | 'ObjectWithArgs'
  | 'OidList'
  | 'OnConflictClause'
  | 'OnConflictExpr'
  | 'OpExpr'
  | 'PLAssignStmt'
  | 'Param'
  | 'ParamRef'
  | 'ParseResult'
  | 'PartitionBoundSpec'
  | 'PartitionCmd'
  | 'PartitionElem'
  | 'PartitionRangeDatum'
  | 'PartitionSpec'
  | 'PrepareStmt'
  | 'PublicationObjSpec'
  | 'PublicationTable'
  | 'Query'
  | 'RTEPermissionInfo'
  | 'RangeFunction'
  | 'RangeSubselect'
  | 'RangeTableFunc'
  | 'RangeTableFuncCol'
  | 'RangeTableSample'
  | 'RangeTblEntry'
  | 'RangeTblFunction'
  | 'RangeTblRef'
  | 'RangeVar'
  | 'RawStmt'
  | 'ReassignOwnedStmt'
  | 'RefreshMatViewStmt'
  | 'ReindexStmt'
  | 'RelabelType'
  | 'RenameStmt'
  | 'ReplicaIdentityStmt'
  | 'ResTarget'
  | 'ReturnStmt'
  | 'ReturningClause'
  | 'ReturningExpr'
  | 'ReturningOption'
  | 'RoleSpec'
  | 'RowCompareExpr'
  | 'RowExpr'
  | 'RowMarkClause'
  | 'RuleStmt'
  | 'SQLValueFunction'
  | 'ScalarArrayOpExpr'
  | 'ScanResult'
  | 'ScanToken'
  | 'SecLabelStmt'
  | 'SelectStmt'
  | 'SetOperationStmt'
  | 'SetToDefault'
  | 'SinglePartitionSpec'
  | 'SortBy'
  | 'SortGroupClause'
  | 'StatsElem'
  | 'String'
  | 'SubLink'
  | 'SubPlan'
  | 'SubscriptingRef'
  | 'SummaryResult'
  | 'Table'
  | 'TableFunc'
  | 'TableLikeClause'
  | 'TableSampleClause'
  | 'TargetEntry'
  | 'TransactionStmt'
  | 'TriggerTransition'
  | 'TruncateStmt'
  | 'TypeCast'
  | 'TypeName'
  | 'UnlistenStmt'
  | 'UpdateStmt'
  | 'VacuumRelation'
  | 'VacuumStmt'
  | 'Var'
  | 'VariableSetStmt'
  | 'VariableShowStmt'
  | 'ViewStmt'
  | 'WindowClause'
  | 'WindowDef'
  | 'WindowFunc'
  | 'WindowFuncRunCondition'
  | 'WithCheckOption'
  | 'WithClause'
  | 'XmlExpr'
  | 'XmlSerialize'

/** The majors that have a node type, and its fields: `name` holds a value, `name:Type` a node. */
interface NodeFields {
  readonly majors: readonly number[]
  readonly fields: string
}

export const NODE_FIELDS: Readonly<Record<NodeType, NodeFields>> = {
  ATAlterConstraint: {
    majors: [18],
    fields:
      'conname alterEnforceability is_enforced alterDeferrability deferrable initdeferred alterInheritability noinherit',
  },
  A_ArrayExpr: { majors: [15, 16, 17, 18], fields: 'elements:Node location list_start list_end' },
  A_Const: {
    majors: [15, 16, 17, 18],
    fields: 'ival:Integer fval:Float boolval:Boolean sval:String bsval:BitString isnull location',
  },
  A_Expr: {
    majors: [15, 16, 17, 18],
    fields: 'kind name:Node lexpr:Node rexpr:Node location rexpr_list_start rexpr_list_end',
  },
  A_Indices: { majors: [15, 16, 17, 18], fields: 'is_slice lidx:Node uidx:Node' },
  A_Indirection: { majors: [15, 16, 17, 18], fields: 'arg:Node indirection:Node' },
  A_Star: { majors: [15, 16, 17, 18], fields: '' },
  AccessPriv: { majors: [15, 16, 17, 18], fields: 'priv_name cols:Node' },
  Aggref: {
    majors: [15, 16, 17, 18],
    fields:
      'xpr:Node aggfnoid aggtype aggcollid inputcollid aggtranstype aggargtypes:Node aggdirectargs:Node args:Node aggorder:Node aggdistinct:Node aggfilter:Node aggstar aggvariadic aggkind agglevelsup aggsplit aggno aggtransno location',
  },
  Alias: { majors: [15, 16, 17, 18], fields: 'aliasname colnames:Node' },
  AlterCollationStmt: { majors: [15, 16, 17, 18], fields: 'collname:Node' },
  AlterDatabaseRefreshCollStmt: { majors: [15, 16, 17, 18], fields: 'dbname' },
  AlterDatabaseSetStmt: { majors: [15, 16, 17, 18], fields: 'dbname setstmt:VariableSetStmt' },
  AlterDatabaseStmt: { majors: [15, 16, 17, 18], fields: 'dbname options:Node' },
  AlterDefaultPrivilegesStmt: { majors: [15, 16, 17, 18], fields: 'options:Node action:GrantStmt' },
  AlterDomainStmt: { majors: [15, 16, 17, 18], fields: 'subtype typeName:Node name def:Node behavior missing_ok' },
  AlterEnumStmt: {
    majors: [15, 16, 17, 18],
    fields: 'typeName:Node oldVal newVal newValNeighbor newValIsAfter skipIfNewValExists',
  },
  AlterEventTrigStmt: { majors: [15, 16, 17, 18], fields: 'trigname tgenabled' },
  AlterExtensionContentsStmt: { majors: [15, 16, 17, 18], fields: 'extname action objtype object:Node' },
  AlterExtensionStmt: { majors: [15, 16, 17, 18], fields: 'extname options:Node' },
  AlterFdwStmt: { majors: [15, 16, 17, 18], fields: 'fdwname func_options:Node options:Node' },
  AlterForeignServerStmt: { majors: [15, 16, 17, 18], fields: 'servername version options:Node has_version' },
  AlterFunctionStmt: { majors: [15, 16, 17, 18], fields: 'objtype func:ObjectWithArgs actions:Node' },
  AlterObjectDependsStmt: {
    majors: [15, 16, 17, 18],
    fields: 'objectType relation:RangeVar object:Node extname:String remove',
  },
  AlterObjectSchemaStmt: {
    majors: [15, 16, 17, 18],
    fields: 'objectType relation:RangeVar object:Node newschema missing_ok',
  },
  AlterOpFamilyStmt: { majors: [15, 16, 17, 18], fields: 'opfamilyname:Node amname isDrop items:Node' },
  AlterOperatorStmt: { majors: [15, 16, 17, 18], fields: 'opername:ObjectWithArgs options:Node' },
  AlterOwnerStmt: { majors: [15, 16, 17, 18], fields: 'objectType relation:RangeVar object:Node newowner:RoleSpec' },
  AlterPolicyStmt: {
    majors: [15, 16, 17, 18],
    fields: 'policy_name table:RangeVar roles:Node qual:Node with_check:Node',
  },
  AlterPublicationStmt: {
    majors: [15, 16, 17, 18],
    fields: 'pubname options:Node pubobjects:Node for_all_tables action',
  },
  AlterRoleSetStmt: { majors: [15, 16, 17, 18], fields: 'role:RoleSpec database setstmt:VariableSetStmt' },
  AlterRoleStmt: { majors: [15, 16, 17, 18], fields: 'role:RoleSpec options:Node action' },
  AlterSeqStmt: { majors: [15, 16, 17, 18], fields: 'sequence:RangeVar options:Node for_identity missing_ok' },
  AlterStatsStmt: { majors: [15, 16, 17, 18], fields: 'defnames:Node stxstattarget:Node missing_ok' },
  AlterSubscriptionStmt: { majors: [15, 16, 17, 18], fields: 'kind subname conninfo publication:Node options:Node' },
  AlterSystemStmt: { majors: [15, 16, 17, 18], fields: 'setstmt:VariableSetStmt' },
  AlterTSConfigurationStmt: {
    majors: [15, 16, 17, 18],
    fields: 'kind cfgname:Node tokentype:Node dicts:Node override replace missing_ok',
  },
  AlterTSDictionaryStmt: { majors: [15, 16, 17, 18], fields: 'dictname:Node options:Node' },
  AlterTableCmd: {
    majors: [15, 16, 17, 18],
    fields: 'subtype name num newowner:RoleSpec def:Node behavior missing_ok recurse',
  },
  AlterTableMoveAllStmt: {
    majors: [15, 16, 17, 18],
    fields: 'orig_tablespacename objtype roles:Node new_tablespacename nowait',
  },
  AlterTableSpaceOptionsStmt: { majors: [15, 16, 17, 18], fields: 'tablespacename options:Node isReset' },
  AlterTableStmt: { majors: [15, 16, 17, 18], fields: 'relation:RangeVar cmds:Node objtype missing_ok' },
  AlterTypeStmt: { majors: [15, 16, 17, 18], fields: 'typeName:Node options:Node' },
  AlterUserMappingStmt: { majors: [15, 16, 17, 18], fields: 'user:RoleSpec servername options:Node' },
  AlternativeSubPlan: { majors: [15, 16, 17, 18], fields: 'xpr:Node subplans:Node' },
  ArrayCoerceExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node arg:Node elemexpr:Node resulttype resulttypmod resultcollid coerceformat location',
  },
  ArrayExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node array_typeid array_collid element_typeid elements:Node multidims location list_start list_end',
  },
  BitString: { majors: [15, 16, 17, 18], fields: 'bsval' },
  BoolExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node boolop args:Node location' },
  Boolean: { majors: [15, 16, 17, 18], fields: 'boolval' },
  BooleanTest: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node booltesttype location' },
  CTECycleClause: {
    majors: [15, 16, 17, 18],
    fields:
      'cycle_col_list:Node cycle_mark_column cycle_mark_value:Node cycle_mark_default:Node cycle_path_column location cycle_mark_type cycle_mark_typmod cycle_mark_collation cycle_mark_neop',
  },
  CTESearchClause: {
    majors: [15, 16, 17, 18],
    fields: 'search_col_list:Node search_breadth_first search_seq_column location',
  },
  CallContext: { majors: [15, 16, 17, 18], fields: 'atomic' },
  CallStmt: { majors: [15, 16, 17, 18], fields: 'funccall:FuncCall funcexpr:FuncExpr outargs:Node' },
  CaseExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node casetype casecollid arg:Node args:Node defresult:Node location',
  },
  CaseTestExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node typeId typeMod collation' },
  CaseWhen: { majors: [15, 16, 17, 18], fields: 'xpr:Node expr:Node result:Node location' },
  CheckPointStmt: { majors: [15, 16, 17, 18], fields: '' },
  ClosePortalStmt: { majors: [15, 16, 17, 18], fields: 'portalname' },
  ClusterStmt: { majors: [15, 16, 17, 18], fields: 'relation:RangeVar indexname params:Node' },
  CoalesceExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node coalescetype coalescecollid args:Node location' },
  CoerceToDomain: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node arg:Node resulttype resulttypmod resultcollid coercionformat location',
  },
  CoerceToDomainValue: { majors: [15, 16, 17, 18], fields: 'xpr:Node typeId typeMod collation location' },
  CoerceViaIO: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node resulttype resultcollid coerceformat location' },
  CollateClause: { majors: [15, 16, 17, 18], fields: 'arg:Node collname:Node location' },
  CollateExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node collOid location' },
  ColumnDef: {
    majors: [15, 16, 17, 18],
    fields:
      'colname typeName:TypeName compression inhcount is_local is_not_null is_from_type storage raw_default:Node cooked_default:Node identity identitySequence:RangeVar generated collClause:CollateClause collOid constraints:Node fdwoptions:Node location storage_name',
  },
  ColumnRef: { majors: [15, 16, 17, 18], fields: 'fields:Node location' },
  CommentStmt: { majors: [15, 16, 17, 18], fields: 'objtype object:Node comment' },
  CommonTableExpr: {
    majors: [15, 16, 17, 18],
    fields:
      'ctename aliascolnames:Node ctematerialized ctequery:Node search_clause:CTESearchClause cycle_clause:CTECycleClause location cterecursive cterefcount ctecolnames:Node ctecoltypes:Node ctecoltypmods:Node ctecolcollations:Node',
  },
  CompositeTypeStmt: { majors: [15, 16, 17, 18], fields: 'typevar:RangeVar coldeflist:Node' },
  Constraint: {
    majors: [15, 16, 17, 18],
    fields:
      'contype conname deferrable initdeferred location is_no_inherit raw_expr:Node cooked_expr generated_when nulls_not_distinct keys:Node including:Node exclusions:Node options:Node indexname indexspace reset_default_tblspc access_method where_clause:Node pktable:RangeVar fk_attrs:Node pk_attrs:Node fk_matchtype fk_upd_action fk_del_action fk_del_set_cols:Node old_conpfeqop:Node old_pktable_oid skip_validation initially_valid inhcount is_enforced generated_kind without_overlaps fk_with_period pk_with_period',
  },
  ConstraintsSetStmt: { majors: [15, 16, 17, 18], fields: 'constraints:Node deferred' },
  ConvertRowtypeExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node resulttype convertformat location' },
  CopyStmt: {
    majors: [15, 16, 17, 18],
    fields: 'relation:RangeVar query:Node attlist:Node is_from is_program filename options:Node whereClause:Node',
  },
  CreateAmStmt: { majors: [15, 16, 17, 18], fields: 'amname handler_name:Node amtype' },
  CreateCastStmt: {
    majors: [15, 16, 17, 18],
    fields: 'sourcetype:TypeName targettype:TypeName func:ObjectWithArgs context inout',
  },
  CreateConversionStmt: {
    majors: [15, 16, 17, 18],
    fields: 'conversion_name:Node for_encoding_name to_encoding_name func_name:Node def',
  },
  CreateDomainStmt: {
    majors: [15, 16, 17, 18],
    fields: 'domainname:Node typeName:TypeName collClause:CollateClause constraints:Node',
  },
  CreateEnumStmt: { majors: [15, 16, 17, 18], fields: 'typeName:Node vals:Node' },
  CreateEventTrigStmt: { majors: [15, 16, 17, 18], fields: 'trigname eventname whenclause:Node funcname:Node' },
  CreateExtensionStmt: { majors: [15, 16, 17, 18], fields: 'extname if_not_exists options:Node' },
  CreateFdwStmt: { majors: [15, 16, 17, 18], fields: 'fdwname func_options:Node options:Node' },
  CreateForeignServerStmt: {
    majors: [15, 16, 17, 18],
    fields: 'servername servertype version fdwname if_not_exists options:Node',
  },
  CreateForeignTableStmt: { majors: [15, 16, 17, 18], fields: 'base:CreateStmt servername options:Node' },
  CreateFunctionStmt: {
    majors: [15, 16, 17, 18],
    fields: 'is_procedure replace funcname:Node parameters:Node returnType:TypeName options:Node sql_body:Node',
  },
  CreateOpClassItem: {
    majors: [15, 16, 17, 18],
    fields: 'itemtype name:ObjectWithArgs number order_family:Node class_args:Node storedtype:TypeName',
  },
  CreateOpClassStmt: {
    majors: [15, 16, 17, 18],
    fields: 'opclassname:Node opfamilyname:Node amname datatype:TypeName items:Node isDefault',
  },
  CreateOpFamilyStmt: { majors: [15, 16, 17, 18], fields: 'opfamilyname:Node amname' },
  CreatePLangStmt: {
    majors: [15, 16, 17, 18],
    fields: 'replace plname plhandler:Node plinline:Node plvalidator:Node pltrusted',
  },
  CreatePolicyStmt: {
    majors: [15, 16, 17, 18],
    fields: 'policy_name table:RangeVar cmd_name permissive roles:Node qual:Node with_check:Node',
  },
  CreatePublicationStmt: { majors: [15, 16, 17, 18], fields: 'pubname options:Node pubobjects:Node for_all_tables' },
  CreateRangeStmt: { majors: [15, 16, 17, 18], fields: 'typeName:Node params:Node' },
  CreateRoleStmt: { majors: [15, 16, 17, 18], fields: 'stmt_type role options:Node' },
  CreateSchemaStmt: { majors: [15, 16, 17, 18], fields: 'schemaname authrole:RoleSpec schemaElts:Node if_not_exists' },
  CreateSeqStmt: {
    majors: [15, 16, 17, 18],
    fields: 'sequence:RangeVar options:Node ownerId for_identity if_not_exists',
  },
  CreateStatsStmt: {
    majors: [15, 16, 17, 18],
    fields: 'defnames:Node stat_types:Node exprs:Node relations:Node stxcomment transformed if_not_exists',
  },
  CreateStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'relation:RangeVar tableElts:Node inhRelations:Node partbound:PartitionBoundSpec partspec:PartitionSpec ofTypename:TypeName constraints:Node options:Node oncommit tablespacename accessMethod if_not_exists nnconstraints:Node',
  },
  CreateSubscriptionStmt: { majors: [15, 16, 17, 18], fields: 'subname conninfo publication:Node options:Node' },
  CreateTableAsStmt: {
    majors: [15, 16, 17, 18],
    fields: 'query:Node into:IntoClause objtype is_select_into if_not_exists',
  },
  CreateTableSpaceStmt: { majors: [15, 16, 17, 18], fields: 'tablespacename owner:RoleSpec location options:Node' },
  CreateTransformStmt: {
    majors: [15, 16, 17, 18],
    fields: 'replace type_name:TypeName lang fromsql:ObjectWithArgs tosql:ObjectWithArgs',
  },
  CreateTrigStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'replace isconstraint trigname relation:RangeVar funcname:Node args:Node row timing events columns:Node whenClause:Node transitionRels:Node deferrable initdeferred constrrel:RangeVar',
  },
  CreateUserMappingStmt: { majors: [15, 16, 17, 18], fields: 'user:RoleSpec servername if_not_exists options:Node' },
  CreatedbStmt: { majors: [15, 16, 17, 18], fields: 'dbname options:Node' },
  CurrentOfExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node cvarno cursor_name cursor_param' },
  DeallocateStmt: { majors: [15, 16, 17, 18], fields: 'name isall location' },
  DeclareCursorStmt: { majors: [15, 16, 17, 18], fields: 'portalname options query:Node' },
  DefElem: { majors: [15, 16, 17, 18], fields: 'defnamespace defname arg:Node defaction location' },
  DefineStmt: {
    majors: [15, 16, 17, 18],
    fields: 'kind oldstyle defnames:Node args:Node definition:Node if_not_exists replace',
  },
  DeleteStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'relation:RangeVar usingClause:Node whereClause:Node returningList:Node withClause:WithClause returningClause:ReturningClause',
  },
  DiscardStmt: { majors: [15, 16, 17, 18], fields: 'target' },
  DistinctExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node opno opfuncid opresulttype opretset opcollid inputcollid args:Node location',
  },
  DoStmt: { majors: [15, 16, 17, 18], fields: 'args:Node' },
  DropOwnedStmt: { majors: [15, 16, 17, 18], fields: 'roles:Node behavior' },
  DropRoleStmt: { majors: [15, 16, 17, 18], fields: 'roles:Node missing_ok' },
  DropStmt: { majors: [15, 16, 17, 18], fields: 'objects:Node removeType behavior missing_ok concurrent' },
  DropSubscriptionStmt: { majors: [15, 16, 17, 18], fields: 'subname missing_ok behavior' },
  DropTableSpaceStmt: { majors: [15, 16, 17, 18], fields: 'tablespacename missing_ok' },
  DropUserMappingStmt: { majors: [15, 16, 17, 18], fields: 'user:RoleSpec servername missing_ok' },
  DropdbStmt: { majors: [15, 16, 17, 18], fields: 'dbname missing_ok options:Node' },
  ExecuteStmt: { majors: [15, 16, 17, 18], fields: 'name params:Node' },
  ExplainStmt: { majors: [15, 16, 17, 18], fields: 'query:Node options:Node' },
  FetchStmt: { majors: [15, 16, 17, 18], fields: 'direction howMany portalname ismove' },
  FieldSelect: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node fieldnum resulttype resulttypmod resultcollid' },
  FieldStore: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node newvals:Node fieldnums:Node resulttype' },
  FilterColumn: { majors: [18], fields: 'schemaName tableName column' },
  Float: { majors: [15, 16, 17, 18], fields: 'fval' },
  FromExpr: { majors: [15, 16, 17, 18], fields: 'fromlist:Node quals:Node' },
  FuncCall: {
    majors: [15, 16, 17, 18],
    fields:
      'funcname:Node args:Node agg_order:Node agg_filter:Node over:WindowDef agg_within_group agg_star agg_distinct func_variadic funcformat location',
  },
  FuncExpr: {
    majors: [15, 16, 17, 18],
    fields:
      'xpr:Node funcid funcresulttype funcretset funcvariadic funcformat funccollid inputcollid args:Node location',
  },
  Function: { majors: [18], fields: 'name functionName schemaName context' },
  FunctionParameter: { majors: [15, 16, 17, 18], fields: 'name argType:TypeName mode defexpr:Node location' },
  GrantRoleStmt: {
    majors: [15, 16, 17, 18],
    fields: 'granted_roles:Node grantee_roles:Node is_grant admin_opt grantor:RoleSpec behavior opt:Node',
  },
  GrantStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'is_grant targtype objtype objects:Node privileges:Node grantees:Node grant_option grantor:RoleSpec behavior',
  },
  GroupingFunc: { majors: [15, 16, 17, 18], fields: 'xpr:Node args:Node refs:Node cols:Node agglevelsup location' },
  GroupingSet: { majors: [15, 16, 17, 18], fields: 'kind content:Node location' },
  ImportForeignSchemaStmt: {
    majors: [15, 16, 17, 18],
    fields: 'server_name remote_schema local_schema list_type table_list:Node options:Node',
  },
  IndexElem: {
    majors: [15, 16, 17, 18],
    fields: 'name expr:Node indexcolname collation:Node opclass:Node opclassopts:Node ordering nulls_ordering',
  },
  IndexStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'idxname relation:RangeVar accessMethod tableSpace indexParams:Node indexIncludingParams:Node options:Node whereClause:Node excludeOpNames:Node idxcomment indexOid oldNode oldCreateSubid oldFirstRelfilenodeSubid unique nulls_not_distinct primary isconstraint deferrable initdeferred transformed concurrent if_not_exists reset_default_tblspc oldNumber oldFirstRelfilelocatorSubid iswithoutoverlaps',
  },
  InferClause: { majors: [15, 16, 17, 18], fields: 'indexElems:Node whereClause:Node conname location' },
  InferenceElem: { majors: [15, 16, 17, 18], fields: 'xpr:Node expr:Node infercollid inferopclass' },
  InlineCodeBlock: { majors: [15, 16, 17, 18], fields: 'source_text langOid langIsTrusted atomic' },
  InsertStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'relation:RangeVar cols:Node selectStmt:Node onConflictClause:OnConflictClause returningList:Node withClause:WithClause override returningClause:ReturningClause',
  },
  IntList: { majors: [15, 16, 17, 18], fields: 'items:Node' },
  Integer: { majors: [15, 16, 17, 18], fields: 'ival' },
  IntoClause: {
    majors: [15, 16, 17, 18],
    fields: 'rel:RangeVar colNames:Node accessMethod options:Node onCommit tableSpaceName viewQuery:Node skipData',
  },
  JoinExpr: {
    majors: [15, 16, 17, 18],
    fields:
      'jointype isNatural larg:Node rarg:Node usingClause:Node join_using_alias:Alias quals:Node alias:Alias rtindex',
  },
  JsonAggConstructor: {
    majors: [16, 17, 18],
    fields: 'output:JsonOutput agg_filter:Node agg_order:Node over:WindowDef location',
  },
  JsonArgument: { majors: [17, 18], fields: 'val:JsonValueExpr name' },
  JsonArrayAgg: { majors: [16, 17, 18], fields: 'constructor:JsonAggConstructor arg:JsonValueExpr absent_on_null' },
  JsonArrayConstructor: { majors: [16, 17, 18], fields: 'exprs:Node output:JsonOutput absent_on_null location' },
  JsonArrayQueryConstructor: {
    majors: [16, 17, 18],
    fields: 'query:Node output:JsonOutput format:JsonFormat absent_on_null location',
  },
  JsonBehavior: { majors: [17, 18], fields: 'btype expr:Node coerce location' },
  JsonConstructorExpr: {
    majors: [16, 17, 18],
    fields: 'xpr:Node type args:Node func:Node coercion:Node returning:JsonReturning absent_on_null unique location',
  },
  JsonExpr: {
    majors: [17, 18],
    fields:
      'xpr:Node op column_name formatted_expr:Node format:JsonFormat path_spec:Node returning:JsonReturning passing_names:Node passing_values:Node on_empty:JsonBehavior on_error:JsonBehavior use_io_coercion use_json_coercion wrapper omit_quotes collation location',
  },
  JsonFormat: { majors: [16, 17, 18], fields: 'format_type encoding location' },
  JsonFuncExpr: {
    majors: [17, 18],
    fields:
      'op column_name context_item:JsonValueExpr pathspec:Node passing:Node output:JsonOutput on_empty:JsonBehavior on_error:JsonBehavior wrapper quotes location',
  },
  JsonIsPredicate: { majors: [16, 17, 18], fields: 'expr:Node format:JsonFormat item_type unique_keys location' },
  JsonKeyValue: { majors: [16, 17, 18], fields: 'key:Node value:JsonValueExpr' },
  JsonObjectAgg: {
    majors: [16, 17, 18],
    fields: 'constructor:JsonAggConstructor arg:JsonKeyValue absent_on_null unique',
  },
  JsonObjectConstructor: {
    majors: [16, 17, 18],
    fields: 'exprs:Node output:JsonOutput absent_on_null unique location',
  },
  JsonOutput: { majors: [16, 17, 18], fields: 'typeName:TypeName returning:JsonReturning' },
  JsonParseExpr: { majors: [17, 18], fields: 'expr:JsonValueExpr output:JsonOutput unique_keys location' },
  JsonReturning: { majors: [16, 17, 18], fields: 'format:JsonFormat typid typmod' },
  JsonScalarExpr: { majors: [17, 18], fields: 'expr:Node output:JsonOutput location' },
  JsonSerializeExpr: { majors: [17, 18], fields: 'expr:JsonValueExpr output:JsonOutput location' },
  JsonTable: {
    majors: [17, 18],
    fields:
      'context_item:JsonValueExpr pathspec:JsonTablePathSpec passing:Node columns:Node on_error:JsonBehavior alias:Alias lateral location',
  },
  JsonTableColumn: {
    majors: [17, 18],
    fields:
      'coltype name typeName:TypeName pathspec:JsonTablePathSpec format:JsonFormat wrapper quotes columns:Node on_empty:JsonBehavior on_error:JsonBehavior location',
  },
  JsonTablePath: { majors: [17, 18], fields: 'name' },
  JsonTablePathScan: { majors: [17, 18], fields: 'plan:Node path:JsonTablePath errorOnError child:Node colMin colMax' },
  JsonTablePathSpec: { majors: [17, 18], fields: 'string:Node name name_location location' },
  JsonTableSiblingJoin: { majors: [17, 18], fields: 'plan:Node lplan:Node rplan:Node' },
  JsonValueExpr: { majors: [16, 17, 18], fields: 'raw_expr:Node formatted_expr:Node format:JsonFormat' },
  List: { majors: [15, 16, 17, 18], fields: 'items:Node' },
  ListenStmt: { majors: [15, 16, 17, 18], fields: 'conditionname' },
  LoadStmt: { majors: [15, 16, 17, 18], fields: 'filename' },
  LockStmt: { majors: [15, 16, 17, 18], fields: 'relations:Node mode nowait' },
  LockingClause: { majors: [15, 16, 17, 18], fields: 'lockedRels:Node strength waitPolicy' },
  MergeAction: {
    majors: [15, 16, 17, 18],
    fields: 'matched commandType override qual:Node targetList:Node updateColnos:Node matchKind',
  },
  MergeStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'relation:RangeVar sourceRelation:Node joinCondition:Node mergeWhenClauses:Node withClause:WithClause returningList:Node returningClause:ReturningClause',
  },
  MergeSupportFunc: { majors: [17, 18], fields: 'xpr:Node msftype msfcollid location' },
  MergeWhenClause: {
    majors: [15, 16, 17, 18],
    fields: 'matched commandType override condition:Node targetList:Node values:Node matchKind',
  },
  MinMaxExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node minmaxtype minmaxcollid inputcollid op args:Node location',
  },
  MultiAssignRef: { majors: [15, 16, 17, 18], fields: 'source:Node colno ncolumns' },
  NamedArgExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node name argnumber location' },
  NextValueExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node seqid typeId' },
  NotifyStmt: { majors: [15, 16, 17, 18], fields: 'conditionname payload' },
  NullIfExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node opno opfuncid opresulttype opretset opcollid inputcollid args:Node location',
  },
  NullTest: { majors: [15, 16, 17, 18], fields: 'xpr:Node arg:Node nulltesttype argisrow location' },
  ObjectWithArgs: { majors: [15, 16, 17, 18], fields: 'objname:Node objargs:Node objfuncargs:Node args_unspecified' },
  OidList: { majors: [15, 16, 17, 18], fields: 'items:Node' },
  OnConflictClause: {
    majors: [15, 16, 17, 18],
    fields: 'action infer:InferClause targetList:Node whereClause:Node location',
  },
  OnConflictExpr: {
    majors: [15, 16, 17, 18],
    fields:
      'action arbiterElems:Node arbiterWhere:Node constraint onConflictSet:Node onConflictWhere:Node exclRelIndex exclRelTlist:Node',
  },
  OpExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node opno opfuncid opresulttype opretset opcollid inputcollid args:Node location',
  },
  PLAssignStmt: { majors: [15, 16, 17, 18], fields: 'name indirection:Node nnames val:SelectStmt location' },
  Param: { majors: [15, 16, 17, 18], fields: 'xpr:Node paramkind paramid paramtype paramtypmod paramcollid location' },
  ParamRef: { majors: [15, 16, 17, 18], fields: 'number location' },
  ParseResult: { majors: [15, 16, 17, 18], fields: 'version stmts:RawStmt' },
  PartitionBoundSpec: {
    majors: [15, 16, 17, 18],
    fields: 'strategy is_default modulus remainder listdatums:Node lowerdatums:Node upperdatums:Node location',
  },
  PartitionCmd: { majors: [15, 16, 17, 18], fields: 'name:RangeVar bound:PartitionBoundSpec concurrent' },
  PartitionElem: { majors: [15, 16, 17, 18], fields: 'name expr:Node collation:Node opclass:Node location' },
  PartitionRangeDatum: { majors: [15, 16, 17, 18], fields: 'kind value:Node location' },
  PartitionSpec: { majors: [15, 16, 17, 18], fields: 'strategy partParams:Node location' },
  PrepareStmt: { majors: [15, 16, 17, 18], fields: 'name argtypes:Node query:Node' },
  PublicationObjSpec: { majors: [15, 16, 17, 18], fields: 'pubobjtype name pubtable:PublicationTable location' },
  PublicationTable: { majors: [15, 16, 17, 18], fields: 'relation:RangeVar whereClause:Node columns:Node' },
  Query: {
    majors: [15, 16, 17, 18],
    fields:
      'commandType querySource canSetTag utilityStmt:Node resultRelation hasAggs hasWindowFuncs hasTargetSRFs hasSubLinks hasDistinctOn hasRecursive hasModifyingCTE hasForUpdate hasRowSecurity isReturn cteList:Node rtable:Node jointree:FromExpr mergeActionList:Node mergeUseOuterJoin targetList:Node override onConflict:OnConflictExpr returningList:Node groupClause:Node groupDistinct groupingSets:Node havingQual:Node windowClause:Node distinctClause:Node sortClause:Node limitOffset:Node limitCount:Node limitOption rowMarks:Node setOperations:Node constraintDeps:Node withCheckOptions:Node stmt_location stmt_len rteperminfos:Node mergeTargetRelation mergeJoinCondition:Node hasGroupRTE returningOldAlias returningNewAlias',
  },
  RTEPermissionInfo: {
    majors: [16, 17, 18],
    fields: 'relid inh requiredPerms checkAsUser selectedCols insertedCols updatedCols',
  },
  RangeFunction: {
    majors: [15, 16, 17, 18],
    fields: 'lateral ordinality is_rowsfrom functions:Node alias:Alias coldeflist:Node',
  },
  RangeSubselect: { majors: [15, 16, 17, 18], fields: 'lateral subquery:Node alias:Alias' },
  RangeTableFunc: {
    majors: [15, 16, 17, 18],
    fields: 'lateral docexpr:Node rowexpr:Node namespaces:Node columns:Node alias:Alias location',
  },
  RangeTableFuncCol: {
    majors: [15, 16, 17, 18],
    fields: 'colname typeName:TypeName for_ordinality is_not_null colexpr:Node coldefexpr:Node location',
  },
  RangeTableSample: {
    majors: [15, 16, 17, 18],
    fields: 'relation:Node method:Node args:Node repeatable:Node location',
  },
  RangeTblEntry: {
    majors: [15, 16, 17, 18],
    fields:
      'rtekind relid relkind rellockmode tablesample:TableSampleClause subquery:Query security_barrier jointype joinmergedcols joinaliasvars:Node joinleftcols:Node joinrightcols:Node join_using_alias:Alias functions:Node funcordinality tablefunc:TableFunc values_lists:Node ctename ctelevelsup self_reference coltypes:Node coltypmods:Node colcollations:Node enrname enrtuples alias:Alias eref:Alias lateral inh inFromCl requiredPerms checkAsUser selectedCols insertedCols updatedCols extraUpdatedCols securityQuals:Node perminfoindex groupexprs:Node',
  },
  RangeTblFunction: {
    majors: [15, 16, 17, 18],
    fields:
      'funcexpr:Node funccolcount funccolnames:Node funccoltypes:Node funccoltypmods:Node funccolcollations:Node funcparams',
  },
  RangeTblRef: { majors: [15, 16, 17, 18], fields: 'rtindex' },
  RangeVar: {
    majors: [15, 16, 17, 18],
    fields: 'catalogname schemaname relname inh relpersistence alias:Alias location',
  },
  RawStmt: { majors: [15, 16, 17, 18], fields: 'stmt:Node stmt_location stmt_len' },
  ReassignOwnedStmt: { majors: [15, 16, 17, 18], fields: 'roles:Node newrole:RoleSpec' },
  RefreshMatViewStmt: { majors: [15, 16, 17, 18], fields: 'concurrent skipData relation:RangeVar' },
  ReindexStmt: { majors: [15, 16, 17, 18], fields: 'kind relation:RangeVar name params:Node' },
  RelabelType: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node arg:Node resulttype resulttypmod resultcollid relabelformat location',
  },
  RenameStmt: {
    majors: [15, 16, 17, 18],
    fields: 'renameType relationType relation:RangeVar object:Node subname newname behavior missing_ok',
  },
  ReplicaIdentityStmt: { majors: [15, 16, 17, 18], fields: 'identity_type name' },
  ResTarget: { majors: [15, 16, 17, 18], fields: 'name indirection:Node val:Node location' },
  ReturnStmt: { majors: [15, 16, 17, 18], fields: 'returnval:Node' },
  ReturningClause: { majors: [18], fields: 'options:Node exprs:Node' },
  ReturningExpr: { majors: [18], fields: 'xpr:Node retlevelsup retold retexpr:Node' },
  ReturningOption: { majors: [18], fields: 'option value location' },
  RoleSpec: { majors: [15, 16, 17, 18], fields: 'roletype rolename location' },
  RowCompareExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node rctype opnos:Node opfamilies:Node inputcollids:Node largs:Node rargs:Node cmptype',
  },
  RowExpr: { majors: [15, 16, 17, 18], fields: 'xpr:Node args:Node row_typeid row_format colnames:Node location' },
  RowMarkClause: { majors: [15, 16, 17, 18], fields: 'rti strength waitPolicy pushedDown' },
  RuleStmt: {
    majors: [15, 16, 17, 18],
    fields: 'relation:RangeVar rulename whereClause:Node event instead actions:Node replace',
  },
  SQLValueFunction: { majors: [15, 16, 17, 18], fields: 'xpr:Node op type typmod location' },
  ScalarArrayOpExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node opno opfuncid hashfuncid negfuncid useOr inputcollid args:Node location',
  },
  ScanResult: { majors: [15, 16, 17, 18], fields: 'version tokens:ScanToken' },
  ScanToken: { majors: [15, 16, 17, 18], fields: 'start end token keywordKind' },
  SecLabelStmt: { majors: [15, 16, 17, 18], fields: 'objtype object:Node provider label' },
  SelectStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'distinctClause:Node intoClause:IntoClause targetList:Node fromClause:Node whereClause:Node groupClause:Node groupDistinct havingClause:Node windowClause:Node valuesLists:Node sortClause:Node limitOffset:Node limitCount:Node limitOption lockingClause:Node withClause:WithClause op all larg:SelectStmt rarg:SelectStmt',
  },
  SetOperationStmt: {
    majors: [15, 16, 17, 18],
    fields: 'op all larg:Node rarg:Node colTypes:Node colTypmods:Node colCollations:Node groupClauses:Node',
  },
  SetToDefault: { majors: [15, 16, 17, 18], fields: 'xpr:Node typeId typeMod collation location' },
  SinglePartitionSpec: { majors: [17], fields: '' },
  SortBy: { majors: [15, 16, 17, 18], fields: 'node:Node sortby_dir sortby_nulls useOp:Node location' },
  SortGroupClause: {
    majors: [15, 16, 17, 18],
    fields: 'tleSortGroupRef eqop sortop nulls_first hashable reverse_sort',
  },
  StatsElem: { majors: [15, 16, 17, 18], fields: 'name expr:Node' },
  String: { majors: [15, 16, 17, 18], fields: 'sval' },
  SubLink: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node subLinkType subLinkId testexpr:Node operName:Node subselect:Node location',
  },
  SubPlan: {
    majors: [15, 16, 17, 18],
    fields:
      'xpr:Node subLinkType testexpr:Node paramIds:Node plan_id plan_name firstColType firstColTypmod firstColCollation useHashTable unknownEqFalse parallel_safe setParam:Node parParam:Node args:Node startup_cost per_call_cost',
  },
  SubscriptingRef: {
    majors: [15, 16, 17, 18],
    fields:
      'xpr:Node refcontainertype refelemtype refrestype reftypmod refcollid refupperindexpr:Node reflowerindexpr:Node refexpr:Node refassgnexpr:Node',
  },
  SummaryResult: {
    majors: [18],
    fields: 'tables:Table aliases cteNames functions:Function filterColumns:FilterColumn statementTypes truncatedQuery',
  },
  Table: { majors: [18], fields: 'name schemaName tableName context' },
  TableFunc: {
    majors: [15, 16, 17, 18],
    fields:
      'ns_uris:Node ns_names:Node docexpr:Node rowexpr:Node colnames:Node coltypes:Node coltypmods:Node colcollations:Node colexprs:Node coldefexprs:Node notnulls ordinalitycol location functype colvalexprs:Node passingvalexprs:Node plan:Node',
  },
  TableLikeClause: { majors: [15, 16, 17, 18], fields: 'relation:RangeVar options relationOid' },
  TableSampleClause: { majors: [15, 16, 17, 18], fields: 'tsmhandler args:Node repeatable:Node' },
  TargetEntry: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node expr:Node resno resname ressortgroupref resorigtbl resorigcol resjunk',
  },
  TransactionStmt: { majors: [15, 16, 17, 18], fields: 'kind options:Node savepoint_name gid chain location' },
  TriggerTransition: { majors: [15, 16, 17, 18], fields: 'name isNew isTable' },
  TruncateStmt: { majors: [15, 16, 17, 18], fields: 'relations:Node restart_seqs behavior' },
  TypeCast: { majors: [15, 16, 17, 18], fields: 'arg:Node typeName:TypeName location' },
  TypeName: {
    majors: [15, 16, 17, 18],
    fields: 'names:Node typeOid setof pct_type typmods:Node typemod arrayBounds:Node location',
  },
  UnlistenStmt: { majors: [15, 16, 17, 18], fields: 'conditionname' },
  UpdateStmt: {
    majors: [15, 16, 17, 18],
    fields:
      'relation:RangeVar targetList:Node whereClause:Node fromClause:Node returningList:Node withClause:WithClause returningClause:ReturningClause',
  },
  VacuumRelation: { majors: [15, 16, 17, 18], fields: 'relation:RangeVar oid va_cols:Node' },
  VacuumStmt: { majors: [15, 16, 17, 18], fields: 'options:Node rels:Node is_vacuumcmd' },
  Var: {
    majors: [15, 16, 17, 18],
    fields:
      'xpr:Node varno varattno vartype vartypmod varcollid varlevelsup varnosyn varattnosyn location varnullingrels varreturningtype',
  },
  VariableSetStmt: { majors: [15, 16, 17, 18], fields: 'kind name args:Node is_local jumble_args location' },
  VariableShowStmt: { majors: [15, 16, 17, 18], fields: 'name' },
  ViewStmt: {
    majors: [15, 16, 17, 18],
    fields: 'view:RangeVar aliases:Node query:Node replace options:Node withCheckOption',
  },
  WindowClause: {
    majors: [15, 16, 17, 18],
    fields:
      'name refname partitionClause:Node orderClause:Node frameOptions startOffset:Node endOffset:Node runCondition:Node startInRangeFunc endInRangeFunc inRangeColl inRangeAsc inRangeNullsFirst winref copiedOrder',
  },
  WindowDef: {
    majors: [15, 16, 17, 18],
    fields: 'name refname partitionClause:Node orderClause:Node frameOptions startOffset:Node endOffset:Node location',
  },
  WindowFunc: {
    majors: [15, 16, 17, 18],
    fields:
      'xpr:Node winfnoid wintype wincollid inputcollid args:Node aggfilter:Node winref winstar winagg location runCondition:Node',
  },
  WindowFuncRunCondition: { majors: [17, 18], fields: 'xpr:Node opno inputcollid wfunc_left arg:Node' },
  WithCheckOption: { majors: [15, 16, 17, 18], fields: 'kind relname polname qual:Node cascaded' },
  WithClause: { majors: [15, 16, 17, 18], fields: 'ctes:Node recursive location' },
  XmlExpr: {
    majors: [15, 16, 17, 18],
    fields: 'xpr:Node op name named_args:Node arg_names:Node args:Node xmloption type typmod location indent',
  },
  XmlSerialize: { majors: [15, 16, 17, 18], fields: 'xmloption expr:Node typeName:TypeName location indent' },
}
