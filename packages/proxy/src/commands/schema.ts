import { policySchema } from '@querywarden/policy-core'
import { configSchema } from '../config/json-schema.ts'
import { policyTestSchema } from '../policy-test/test-file.ts'
import { batchAnswerSchema, batchLineSchema } from '../rehearsal/batch-line.ts'
import { EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** What there are JSON Schemas (draft 2020-12) of, and the files that they are published in, under `schema/`. */
export const SCHEMAS: Readonly<Record<string, { readonly file: string; readonly make: () => object }>> = {
  config: { file: 'querywarden.schema.json', make: configSchema },
  policy: { file: 'policy.schema.json', make: policySchema },
  'policy-test': { file: 'policy-test.schema.json', make: policyTestSchema },
  'batch-line': { file: 'batch-line.schema.json', make: batchLineSchema },
  'batch-answer': { file: 'batch-answer.schema.json', make: batchAnswerSchema },
}

/** Prints a schema, for editors. */
export function schema(terminal: Terminal, name: string): number {
  terminal.out(JSON.stringify(SCHEMAS[name]?.make() ?? {}, null, 2))
  return EXIT.ok
}
