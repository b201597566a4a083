import type { KeyPath, PolicyIssue } from '../errors.ts'

/** Something in a policy that may be meant: its author is told, and nothing is refused for it. */
export const warning = (path: KeyPath, message: string): PolicyIssue => ({
  path,
  message,
  at: 'value',
  location: null,
  severity: 'warning',
})
