import type { Context } from '../context.ts'
import { runRoutines } from '../routines/find-routines.ts'

/** Commands on what belongs to no database, or to event triggers themselves, set none off (manual, 38.1). */
const WITHOUT = /^(CREATE|ALTER|DROP) (DATABASE|ROLE|TABLESPACE|EVENT TRIGGER)$|^(GRANT|REVOKE) ROLE$|^ALTER SYSTEM$/

/** The commands in which something may be dropped, and with it sql_drop set off; those in which a table may be rewritten. */
const ONLY_BY: Readonly<Record<string, RegExp>> = {
  sql_drop: /^(ALTER|DROP|REASSIGN|REVOKE|CREATE EXTENSION|CREATE SCHEMA|IMPORT)/,
  table_rewrite: /^(ALTER|CREATE EXTENSION)/,
}

/** The scripts of extensions are commands of any kind. */
const ANY_COMMAND = /^(CREATE|ALTER) EXTENSION$/

/** Notes the event triggers that a command sets off, by its tag. */
export function runEventTriggers(context: Context, tag: string): void {
  if (WITHOUT.test(tag)) return
  for (const { name, event, tags, routine } of context.catalog.eventTriggers ?? []) {
    const isMeant = tags.length === 0 || tags.includes(tag) || ANY_COMMAND.test(tag)
    if (event === 'login' || !isMeant || ONLY_BY[event]?.test(tag) === false) continue
    runRoutines(context, [routine], context.places.whole, { kind: 'event-trigger', name })
  }
}
