import { isDigit, isWordEnd, isWordStart } from './ascii.ts'

/** Bot, user, workspace, refresh, configuration and app-level tokens, and the addresses of incoming webhooks and triggers. */
const TOKEN = /xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250}/y
const WEBHOOK = /hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9/_-]{20,250}/y

/**
 * The end of a Slack token or webhook that begins at `at`, or -1. Source: api.slack.com/concepts/token-types and
 * api.slack.com/messaging/webhooks. A word of the same beginning has no digits.
 */
export function slackTokenAt(text: string, at: number): number {
  if (!isWordStart(text, at)) return -1
  WEBHOOK.lastIndex = at
  if (WEBHOOK.test(text)) return WEBHOOK.lastIndex
  TOKEN.lastIndex = at
  if (!TOKEN.test(text)) return -1
  const end = TOKEN.lastIndex
  return isWordEnd(text, end) && hasDigit(text, at, end) ? end : -1
}

function hasDigit(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (isDigit(text.charCodeAt(at))) return true
  return false
}
