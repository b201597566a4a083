import { type HandshakeError, refuse } from './postgres/handshake-error.ts'
import type { Service } from './service.ts'

/** Before a token is asked for: it costs more to verify than to turn away, and may be short-lived. */
export function checkOpen(serving: Service): void {
  if (!serving.admission.isOpen) throw noPlace(serving, 'closed')
  if (serving.admission.shedding !== null) throw noPlace(serving, 'shedding')
}

/** Why there is no place, and what helps. */
export function noPlace(
  { admission, limits }: Service,
  why: 'closed' | 'shedding' | 'sessions' | 'identity',
): HandshakeError {
  switch (why) {
    case 'closed':
      return refuse('57P03', 'the gateway is shutting down', 'try again shortly')
    case 'shedding':
      return refuse('53300', admission.shedding ?? 'this gateway takes no new sessions', 'try again shortly')
    case 'sessions':
      return refuse(
        '53300',
        `this gateway serves ${limits.sessionsMax} sessions at once, and all are taken`,
        'try again shortly',
      )
    case 'identity':
      return refuse(
        '53300',
        `one identity may have ${limits.sessionsPerIdentityMax} sessions at once, and yours are all taken`,
        'end sessions that you no longer use, or use a smaller connection pool',
      )
  }
}
