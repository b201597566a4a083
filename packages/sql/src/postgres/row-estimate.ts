const DEPTH_MAX = 200

/**
 * The rows that a plan gives to the client or changes, as the planner expects it: the largest of what its top node gives and
 * what each of its ModifyTable nodes takes in. Null where it isn't what `EXPLAIN (FORMAT JSON)` of one statement gives
 * (PostgreSQL's manual, "Using EXPLAIN"; ModifyTable itself counts the rows of RETURNING only).
 *
 * @param explained the one value of the one row of EXPLAIN, parsed from JSON
 * @example
 * const { rows } = await client.query({ text: `explain (format json) ${text}`, values })
 * const estimate = readRowEstimate(rows[0]['QUERY PLAN'])
 */
export function readRowEstimate(explained: unknown): number | null {
  if (!Array.isArray(explained) || explained.length !== 1) return null
  const plan = memberOf(explained[0], 'Plan')
  const given = rowsOf(plan)
  const changed = changedBy(plan, 0)
  return given === null || changed === null ? null : Math.max(given, changed)
}

/** Null where some part of the plan can't be read. */
function changedBy(plan: unknown, depth: number): number | null {
  if (depth > DEPTH_MAX) return null
  const parts = memberOf(plan, 'Plans') ?? []
  if (!Array.isArray(parts)) return null
  let most = 0
  for (const part of parts) {
    const within = changedBy(part, depth + 1)
    const rows = memberOf(plan, 'Node Type') === 'ModifyTable' ? rowsOf(part) : 0
    if (within === null || rows === null) return null
    most = Math.max(most, within, rows)
  }
  return most
}

function rowsOf(plan: unknown): number | null {
  const rows = memberOf(plan, 'Plan Rows')
  return typeof rows === 'number' && rows >= 0 && Number.isFinite(rows) ? rows : null
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
