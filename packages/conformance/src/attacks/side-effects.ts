import type { LeakCase } from './corpus-case.ts'

// Anything that changes data, schema, session or cluster, that more than one session takes part in, or whose time counts.
const SIDE_EFFECT =
  /insert|update|delete|merge|create|alter|drop|lo_|setval|nextval|slot|dblink|run_sql|vacuum|analyze|probe|origin|into|listen|notify|"DO|prepare|declare|begin|"conn"|reconnect|call|lock|comment on|grant|revoke|truncate|refresh|checkpoint/i

/** Whether a case can share the database with others at the same time. */
export const isHarmless = (leakCase: LeakCase): boolean =>
  leakCase.setup === undefined &&
  leakCase.cleanup === undefined &&
  leakCase.exclusive !== true &&
  !('control' in leakCase.detect && leakCase.detect.control === 'timing') &&
  !SIDE_EFFECT.test(JSON.stringify([leakCase.sql, leakCase.control ?? '']))
