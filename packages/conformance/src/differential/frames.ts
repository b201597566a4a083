import type { RawMessage } from '../attacks/corpus-case.ts'
import { rawMessage } from '../attacks/frontend-message.ts'

/** Many messages as one write. */
export const rawMessages = (messages: readonly RawMessage[]): Buffer => Buffer.concat(messages.map(rawMessage))
