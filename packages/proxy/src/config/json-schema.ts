import * as z from 'zod'
import { ConfigDocument } from './document.ts'

/**
 * The JSON Schema (draft 2020-12) of `querywarden.yaml`, for editors. It can't say everything that `parseConfig` checks.
 *
 * @example
 * writeFileSync('querywarden.schema.json', JSON.stringify(configSchema(), null, 2))
 */
export const configSchema = (): Readonly<Record<string, unknown>> => ({
  title: 'querywarden.yaml',
  ...z.toJSONSchema(ConfigDocument, { io: 'input' }),
})
