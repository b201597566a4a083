/**
 * The schemas of a routine's own `search_path`, as a catalog has them: without pg_catalog, which is always first, and
 * pg_temp, always last. Null where the path isn't of that kind, or depends on who runs it.
 */
export function ownSearchPath(value: string): readonly string[] | null {
  const schemas: string[] = []
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(?:,|$)/y
  while (pattern.lastIndex < value.length) {
    const match = pattern.exec(value)
    if (match === null) return null
    const [, quoted, bare = ''] = match
    const schema = quoted === undefined ? bare.toLowerCase() : quoted.replaceAll('""', '"')
    if (schema === '$user') return null
    schemas.push(schema)
  }
  const rest = schemas.filter((schema, at) => !(schema === 'pg_catalog' && at === 0) && schema !== '')
  if (rest.includes('pg_catalog')) return null
  const at = rest.indexOf('pg_temp')
  if (at >= 0 && at < rest.length - 1) return null
  return rest.filter(schema => schema !== 'pg_temp')
}
