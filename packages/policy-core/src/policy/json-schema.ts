import * as z from 'zod'
import { PolicySchema } from './parse.ts'

/**
 * The JSON Schema (draft 2020-12) of a policy, for editors. It can't say everything that `parsePolicy` checks.
 *
 * @example
 * writeFileSync('policy.schema.json', JSON.stringify(policySchema(), null, 2))
 */
export const policySchema = (): Readonly<Record<string, unknown>> => ({
  title: 'policy.yaml',
  ...z.toJSONSchema(PolicySchema, { io: 'input' }),
})
