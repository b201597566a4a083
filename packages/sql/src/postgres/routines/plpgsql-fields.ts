/**
 * What a part of PL/pgSQL code is.
 * - `expression`, `condition`: without SELECT. A condition says only which way the code goes on.
 * - `result`: the expression of RETURN.
 * - `query`: a whole statement.
 * - `assignment`: `target := expression`.
 * - `dynamic`: an expression whose value is run as a statement.
 * - `shown`: an expression whose value is shown in a message.
 */
export type PartRole = 'expression' | 'condition' | 'result' | 'query' | 'assignment' | 'dynamic' | 'shown'

/** What a field of a node of the parser's holds: one part, or nodes to go on with, or nothing that runs. */
export type FieldRole = PartRole | 'nodes' | 'nothing'

const fields = (text: string): ReadonlyMap<string, FieldRole> =>
  new Map(
    text
      .trim()
      .split(/\s+/)
      .map(entry => {
        const [name = '', role = 'nothing'] = entry.split(':')
        return [name, roleOf(role)] as const
      }),
  )

const ROLES: readonly FieldRole[] = [
  ...(['expression', 'condition', 'result', 'query', 'assignment', 'dynamic', 'shown'] as const),
  ...(['nodes', 'nothing'] as const),
]

function roleOf(text: string): FieldRole {
  const role = ROLES.find(known => known === text)
  if (role === undefined) throw new Error(`\`${text}\` is no role of a field`)
  return role
}

/**
 * Every node of PL/pgSQL code with every field that it can have (pg_query_json_plpgsql.c, plpgsql.h). A node or a field
 * that isn't here makes the code one that can't be followed.
 */
export const PLPGSQL_FIELDS: ReadonlyMap<string, ReadonlyMap<string, FieldRole>> = new Map(
  Object.entries({
    PLpgSQL_stmt_block: 'lineno label body:nodes exceptions:nodes',
    PLpgSQL_exception_block: 'exc_list:nodes',
    PLpgSQL_exception: 'lineno conditions action:nodes',
    PLpgSQL_stmt_assign: 'lineno varno expr:assignment',
    PLpgSQL_stmt_perform: 'lineno expr:query',
    PLpgSQL_stmt_call: 'lineno is_call target expr:query',
    PLpgSQL_stmt_execsql: 'lineno into strict target sqlstmt:query',
    PLpgSQL_stmt_dynexecute: 'lineno into strict target query:dynamic params:expression',
    PLpgSQL_stmt_if: 'lineno cond:condition then_body:nodes elsif_list:nodes else_body:nodes',
    PLpgSQL_if_elsif: 'lineno cond:condition stmts:nodes',
    PLpgSQL_stmt_case: 'lineno t_expr:condition t_varno case_when_list:nodes have_else else_stmts:nodes',
    PLpgSQL_case_when: 'lineno expr:condition stmts:nodes',
    PLpgSQL_stmt_loop: 'lineno label body:nodes',
    PLpgSQL_stmt_while: 'lineno label cond:condition body:nodes',
    PLpgSQL_stmt_fori: 'lineno label var lower:expression upper:expression step:expression reverse body:nodes',
    PLpgSQL_stmt_fors: 'lineno label var query:query body:nodes',
    PLpgSQL_stmt_forc: 'lineno label var curvar argquery:expression body:nodes',
    PLpgSQL_stmt_dynfors: 'lineno label var query:dynamic params:expression body:nodes',
    PLpgSQL_stmt_foreach_a: 'lineno label varno slice expr:expression body:nodes',
    PLpgSQL_stmt_exit: 'lineno is_exit label cond:condition',
    PLpgSQL_stmt_return: 'lineno expr:result retvarno',
    PLpgSQL_stmt_return_next: 'lineno expr:expression retvarno',
    PLpgSQL_stmt_return_query: 'lineno query:query dynquery:dynamic params:expression',
    PLpgSQL_stmt_raise: 'lineno elog_level condname message params:shown options:nodes',
    PLpgSQL_raise_option: 'opt_type expr:shown',
    PLpgSQL_stmt_assert: 'lineno cond:condition message:shown',
    PLpgSQL_stmt_getdiag: 'lineno is_stacked diag_items',
    PLpgSQL_stmt_open:
      'lineno curvar cursor_options argquery:expression query:query dynquery:dynamic params:expression',
    PLpgSQL_stmt_fetch: 'lineno target curvar direction how_many expr:expression is_move returns_multiple_rows',
    PLpgSQL_stmt_close: 'lineno curvar',
    PLpgSQL_stmt_commit: 'lineno chain',
    PLpgSQL_stmt_rollback: 'lineno chain',
    PLpgSQL_var:
      'refname lineno datatype isconst notnull default_val:expression cursor_explicit_expr:query cursor_explicit_argrow cursor_options',
    PLpgSQL_rec: 'refname dno lineno datatype',
    PLpgSQL_row: 'refname lineno fields',
    PLpgSQL_recfield: 'fieldname recparentno',
  }).map(([type, text]) => [type, fields(text)]),
)

/** What statements do besides what their parts do. */
export const PLPGSQL_EFFECTS: ReadonlyMap<string, readonly ['session' | 'transaction', string]> = new Map([
  ['PLpgSQL_stmt_open', ['session', 'opens a cursor']],
  ['PLpgSQL_stmt_commit', ['transaction', 'ends the transaction']],
  ['PLpgSQL_stmt_rollback', ['transaction', 'ends the transaction']],
])
