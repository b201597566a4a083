import type { Approver } from '@querywarden/policy-core'

/**
 * Asks nobody: every statement that needs an approval is denied at once. For embedders whose policy has no `approve`
 * rule, and for deployments without anybody to ask.
 *
 * @example
 * const gate = openGate({ …, approve: denyAll })
 */
export const denyAll: Approver = () =>
  Promise.resolve({ kind: 'denied', request: 'none', by: [], reason: 'nobody can be asked for approvals here' })
