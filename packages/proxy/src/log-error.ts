import { ApprovalError } from '@querywarden/approvals'
import { IdentityError } from '@querywarden/identity'
import { GateError, printable } from '@querywarden/policy-core'
import { RecordingError } from '@querywarden/recording'
import { FrameError } from '@querywarden/wire/postgres'
import { ConfigError } from './config/config-error.ts'
import { HandshakeError } from './postgres/handshake-error.ts'
import { UpstreamError } from './postgres/upstream-error.ts'
import { PolicyMisfit } from './target-service.ts'

/** What a log says of an error. */
export interface LoggedError {
  readonly name: string
  readonly code?: string
  readonly message?: string
  /** Where it was made, innermost first: file, line, column. */
  readonly at?: readonly string[]
  readonly cause?: LoggedError
}

/** Our own errors, whose messages never hold literals, values or credentials (CONTRIBUTING.md). Nobody else promises that. */
const OURS = [
  ApprovalError,
  ConfigError,
  FrameError,
  GateError,
  HandshakeError,
  IdentityError,
  PolicyMisfit,
  RecordingError,
  UpstreamError,
] as const

/** A configuration can have many mistakes, one a line. */
const MESSAGE_LINES_MAX = 16
const FRAMES_MAX = 8
const CAUSES_MAX = 3

/** Of an error of ours all that it says; of any other its kind, its code and where it was made, never its message. */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { name: 'unknown' }
  const isOurs = OURS.some(kind => error instanceof kind)
  const code = codeOf(error)
  const at = isOurs ? [] : framesOf(error)
  const hasCause = error.cause !== undefined && depth < CAUSES_MAX
  return {
    name: /^[A-Z][A-Za-z]{0,39}$/.test(error.name) ? error.name : 'Error',
    ...(code === null ? {} : { code }),
    ...(isOurs ? { message: oneLine(error.message) } : {}),
    ...(at.length === 0 ? {} : { at }),
    ...(hasCause ? { cause: loggedError(error.cause, depth + 1) } : {}),
  }
}

const oneLine = (message: string): string => message.split('\n').slice(0, MESSAGE_LINES_MAX).map(printable).join('; ')

/** `ECONNRESET`, `ERR_TLS_CERT_ALTNAME_INVALID`, `42P01`. */
function codeOf(error: Error): string | null {
  const code: unknown = 'code' in error ? error.code : null
  return typeof code === 'string' && /^[A-Z0-9_]{2,48}$/.test(code) ? code : null
}

/** A stack begins with the message, which may be made to look like frames; what comes after it doesn't depend on it. */
function framesOf(error: Error): readonly string[] {
  const head = `${error.name}: ${error.message}\n`
  const { stack = '' } = error
  if (!stack.startsWith(head)) return []
  return stack
    .slice(head.length)
    .split('\n')
    .flatMap(line => /([\w.-]{1,64}\.[cm]?[jt]s:\d+:\d+)\)?$/.exec(line)?.[1] ?? [])
    .slice(0, FRAMES_MAX)
}
