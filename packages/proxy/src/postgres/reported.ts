import type { ParameterStatus } from '@querywarden/wire/postgres'
import { ConversationError } from './conversation-error.ts'
import { PINNED } from './upstream-login.ts'

/** What a client needs to read its results. Others, as application_name, can be set to any value by SQL (threats P10). */
const REPORTED: ReadonlySet<string> = new Set([
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'server_encoding',
  'server_version',
  'standard_conforming_strings',
  'in_hot_standby',
  'default_transaction_read_only',
])

/**
 * Whether the client is told of a setting.
 * @throws {ConversationError} it is one that reading a statement depends on, and it has changed.
 */
export function isReported({ name, value }: ParameterStatus): boolean {
  const pinned = PINNED.get(name)
  if (pinned !== undefined && pinned !== value) {
    throw new ConversationError('internal-error', `the database changed ${name}, on which reading a statement depends`)
  }
  return REPORTED.has(name)
}
