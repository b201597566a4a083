/**
 * Undefined table, column, function or object: nothing was cleared that names what isn't there
 * (https://www.postgresql.org/docs/18/errcodes-appendix.html).
 */
export const MISMATCHES: ReadonlySet<string> = new Set(['42P01', '42703', '42883', '42704'])
