import { ACCESSES, EFFECTS, issuesOf, REFUSAL_CODES } from '@querywarden/policy-core'
import { formatIssues } from '@querywarden/policy-core/yaml'
import * as z from 'zod'
import type { Account } from './account.ts'
import type { Script } from './rehearse.ts'

/** What a line is known by, whatever it says. */
export type LineId = string | number | null

const TEXTS_MAX = 1_000
const Id = z.union([z.string(), z.number()])
const Texts = z.union([z.string(), z.array(z.string()).min(1).max(TEXTS_MAX)], {
  error: 'expected a text, or a list of texts',
})

/** One line of what `policy explain --batch` reads. Other keys are left alone. */
const Line = z
  .looseObject({
    id: Id.meta({ description: 'comes back with the answer' }),
    sql: Texts.meta({ description: 'a text as a client would send it, or several, one after the other' }),
    pre: Texts.optional().meta({ description: 'texts sent before in the same session: PREPARE, DECLARE, SET …' }),
  })
  .meta({ title: 'a line of querywarden policy explain --batch' })

/** One line of what it prints. */
const Answer = z
  .union([
    z.strictObject({
      id: Id,
      outcome: z.enum(['allow', 'approve', 'deny']),
      rules: z.array(z.string()).meta({ description: 'the rules that decided' }),
      effects: z.array(z.enum(EFFECTS)),
      relations: z.array(
        z.strictObject({ name: z.string(), access: z.array(z.enum(ACCESSES)), columns: z.array(z.string()) }),
      ),
      functions: z.array(z.string()),
      unbounded: z.boolean().meta({ description: 'a write says no rows' }),
      statements: z.int().min(0),
      masked: z.array(z.string()).meta({ description: 'schema.relation.column, shown through a mask' }),
      code: z.enum(REFUSAL_CODES).optional().meta({ description: 'of a denial' }),
      message: z.string().optional().meta({ description: 'of a denial' }),
    }),
    z.strictObject({ id: Id.nullable(), outcome: z.literal('error'), error: z.string() }),
  ])
  .meta({ title: 'an answer of querywarden policy explain --batch' })

export type BatchAnswer =
  | ({ readonly id: LineId } & Account)
  | { readonly id: LineId; readonly outcome: 'error'; readonly error: string }

/** The JSON Schema of a line. */
export const batchLineSchema = (): object => z.toJSONSchema(Line, { io: 'input' })
/** The JSON Schema of an answer. */
export const batchAnswerSchema = (): object => z.toJSONSchema(Answer)

/** What a line asks, or what is wrong with it. */
export type ReadLine =
  | { readonly kind: 'script'; readonly id: LineId; readonly script: Script }
  | { readonly kind: 'bad'; readonly id: LineId; readonly error: string }

/** Reads a line. Total: a batch goes on behind a bad one. */
export function readBatchLine(line: string, inTransaction: boolean): ReadLine {
  let given: unknown
  try {
    given = JSON.parse(line)
  } catch {
    return { kind: 'bad', id: null, error: 'the line is no JSON' }
  }
  const read = Line.safeParse(given)
  if (!read.success) return { kind: 'bad', id: idIn(given), error: formatIssues(issuesOf(read.error.issues, given)) }
  const { id, sql, pre } = read.data
  return { kind: 'script', id, script: { sql: listOf(sql), pre: pre === undefined ? [] : listOf(pre), inTransaction } }
}

const listOf = (texts: string | readonly string[]): readonly string[] => (typeof texts === 'string' ? [texts] : texts)

function idIn(given: unknown): LineId {
  if (typeof given !== 'object' || given === null || !('id' in given)) return null
  return typeof given.id === 'string' || typeof given.id === 'number' ? given.id : null
}
