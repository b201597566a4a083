import { NODE_FIELDS } from './generated/node-fields.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Nodes that do nothing themselves: what they do is in their fields. */
export const PASSIVE_NODES: ReadonlySet<string> = words(`
  A_ArrayExpr A_Indices AlterTableCmd BoolExpr BooleanTest CTECycleClause CTESearchClause CaseWhen CoalesceExpr
  CollateClause ColumnDef CommonTableExpr Constraint CreateOpClassItem DefElem FunctionParameter GroupingFunc
  GroupingSet IndexElem JsonAggConstructor JsonArgument JsonArrayAgg JsonArrayConstructor JsonArrayQueryConstructor
  JsonBehavior JsonFuncExpr JsonIsPredicate JsonKeyValue JsonObjectAgg JsonObjectConstructor JsonOutput
  JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr JsonTableColumn JsonTablePathSpec JsonValueExpr List
  MergeWhenClause MinMaxExpr MultiAssignRef NamedArgExpr NullTest OnConflictClause PartitionBoundSpec PartitionCmd
  PartitionElem PartitionRangeDatum PartitionSpec PublicationObjSpec PublicationTable RangeTableFuncCol ResTarget
  ReturningClause RowExpr SinglePartitionSpec StatsElem TableLikeClause VacuumRelation WindowDef WithClause XmlExpr
  XmlSerialize
`)

/** Nodes that do nothing and hold nothing to walk: values, names, roles. */
export const LEAF_NODES: ReadonlySet<string> = words(`
  ATAlterConstraint A_Const A_Star AccessPriv Alias BitString Boolean CurrentOfExpr Float Integer JsonFormat
  JsonTablePath LockingClause MergeSupportFunc ObjectWithArgs ParamRef ReplicaIdentityStmt ReturningOption RoleSpec
  SQLValueFunction SetToDefault String TriggerTransition
`)

/** Nodes of analysed trees, plans and other interfaces of the library: a raw parse tree that has one is not understood. */
export const FOREIGN_NODES: ReadonlySet<string> = words(`
  Aggref AlternativeSubPlan ArrayCoerceExpr ArrayExpr CallContext CaseTestExpr CoerceToDomain CoerceToDomainValue
  CoerceViaIO CollateExpr ConvertRowtypeExpr DistinctExpr FieldSelect FieldStore FilterColumn FromExpr FuncExpr
  Function InferenceElem InlineCodeBlock IntList JsonConstructorExpr JsonExpr JsonTablePathScan
  JsonTableSiblingJoin MergeAction NextValueExpr NullIfExpr OidList OnConflictExpr OpExpr PLAssignStmt Param
  ParseResult Query RTEPermissionInfo RangeTblEntry RangeTblFunction RangeTblRef RawStmt RelabelType ReturningExpr
  RowCompareExpr RowMarkClause ScalarArrayOpExpr ScanResult ScanToken SetOperationStmt SortGroupClause SubPlan
  SubscriptingRef SummaryResult Table TableFunc TableSampleClause TargetEntry Var WindowClause WindowFunc
  WindowFuncRunCondition WithCheckOption
`)

const FIELDS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map(
  Object.entries(NODE_FIELDS).map(([type, { fields }]) => [
    type,
    new Map(fields.split(' ').map(field => [field.split(':')[0] ?? '', field.split(':')[1] ?? ''])),
  ]),
)

/** What the fields of a node type hold, by name; null for a type that no grammar has. */
export const fieldsOf = (type: string): ReadonlyMap<string, string> | null => FIELDS.get(type) ?? null
