import type { Place } from '@querywarden/policy-core'
import type { Context } from './context.ts'
import { runRoutines } from './routines/find-routines.ts'

/**
 * Functions of the server, and its types by the names that casts have, that make JSON of a value of any type: by the cast of
 * that type to json where there is one (json_categorize_type in jsonfuncs.c). What a record is made of counts too.
 */
const MAKERS: ReadonlySet<string> = new Set([
  'array_to_json',
  'json',
  'json_agg',
  'json_agg_strict',
  'json_build_array',
  'json_build_object',
  'json_object_agg',
  'json_object_agg_strict',
  'json_object_agg_unique',
  'json_object_agg_unique_strict',
  'jsonb',
  'jsonb_agg',
  'jsonb_agg_strict',
  'jsonb_build_array',
  'jsonb_build_object',
  'jsonb_object_agg',
  'jsonb_object_agg_strict',
  'jsonb_object_agg_unique',
  'jsonb_object_agg_unique_strict',
  'row_to_json',
  'to_json',
  'to_jsonb',
])

/** Whether a function or a type of this name makes JSON. */
export const isJsonMaker = (name: string): boolean => MAKERS.has(name)

/** Notes the casts to JSON that the database has: which of them runs rests on types, which aren't known here. */
export function useJsonCasts(context: Context, place: Place): void {
  const { jsonCasts = [] } = context.catalog
  if (jsonCasts.length > 0) runRoutines(context, jsonCasts, place, { kind: 'cast', name: 'pg_catalog.json' })
}
