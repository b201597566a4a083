import type { EventTrigger } from '@querywarden/policy-core'
import { SqlError } from '../sql-error.ts'
import type { Routines } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

/** What runs when the schema is changed. */
export const eventTriggersOf = (snapshot: Snapshot, routines: Routines): readonly EventTrigger[] =>
  snapshot.eventTriggers.map(([name = '', event = '', tags = '', oid = '']) => {
    const routine = routines.byOid(oid)
    if (routine === null)
      throw new SqlError('MALFORMED_CATALOG', `the function \`${oid}\` of an event trigger is not known`)
    return { name, event, tags: tags === '' ? [] : tags.split('\n'), routine }
  })
