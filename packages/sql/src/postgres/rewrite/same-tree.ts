/** Fields that say where something was written. All others say what it is. */
const PLACES: ReadonlySet<string> = new Set([
  'location',
  'name_location',
  'stmt_location',
  'stmt_len',
  'list_start',
  'list_end',
  'rexpr_list_start',
  'rexpr_list_end',
])

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether two parse trees are the same but for places. Absent fields are not the same as present ones. */
export function isSameTree(one: unknown, other: unknown): boolean {
  const pending: [unknown, unknown][] = [[one, other]]
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [a, b] = pair
    if (Array.isArray(a) && Array.isArray(b)) {
      if (a.length !== b.length) return false
      for (let at = 0; at < a.length; at++) pending.push([a[at], b[at]])
    } else if (isObject(a) && isObject(b)) {
      const [fields, others] = [whatFields(a), whatFields(b)]
      if (fields.length !== others.length) return false
      for (const field of fields) {
        if (!Object.hasOwn(b, field)) return false
        pending.push([a[field], b[field]])
      }
    } else if (!Object.is(a, b)) return false
  }
  return true
}

const whatFields = (node: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(node).filter(field => !PLACES.has(field))
