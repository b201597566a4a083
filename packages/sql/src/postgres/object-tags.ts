/** Object types whose name in SQL isn't the name of their enum value. */
const NAMES: Readonly<Record<string, string>> = {
  MATVIEW: 'MATERIALIZED VIEW',
  FDW: 'FOREIGN DATA WRAPPER',
  FOREIGN_SERVER: 'SERVER',
  OPCLASS: 'OPERATOR CLASS',
  OPFAMILY: 'OPERATOR FAMILY',
  TSCONFIGURATION: 'TEXT SEARCH CONFIGURATION',
  TSDICTIONARY: 'TEXT SEARCH DICTIONARY',
  TSPARSER: 'TEXT SEARCH PARSER',
  TSTEMPLATE: 'TEXT SEARCH TEMPLATE',
  LARGEOBJECT: 'LARGE OBJECT',
  STATISTIC_EXT: 'STATISTICS',
  TABCONSTRAINT: 'TABLE',
  DOMCONSTRAINT: 'DOMAIN',
  ATTRIBUTE: 'TYPE',
  COLUMN: 'TABLE',
}

/** The words for an object type, as command tags have them: `OBJECT_MATVIEW` is `MATERIALIZED VIEW`. */
export function objectWords(objectType: string): string {
  const name = objectType.replace(/^OBJECT_/, '')
  return Object.hasOwn(NAMES, name) ? (NAMES[name] ?? name) : name.replaceAll('_', ' ')
}
