import type { Refusal } from '../decision.ts'

export const sessionEnded = (what: string, hint: string): Refusal => ({
  code: 'SESSION_ENDED',
  rule: null,
  message: `statement refused: ${what}`,
  hint,
  place: null,
  request: null,
})

export const CATALOG_UNAVAILABLE: Refusal = {
  code: 'CATALOG_UNAVAILABLE',
  rule: null,
  message: "statement refused: the target's schema can't be read now, so nothing can be judged against it",
  hint: 'try again shortly; nothing was run',
  place: null,
  request: null,
}

/** Nobody's locks wait for a person. */
export const INSIDE_TRANSACTION: Refusal = {
  code: 'APPROVAL_INSIDE_TRANSACTION',
  rule: null,
  message: 'statement refused: it needs an approval, and a transaction is open whose locks would wait for a person',
  hint: 'end the transaction and send the statement by itself',
  place: null,
  request: null,
}

export const RECORDER_FAILED: Refusal = {
  code: 'RECORDER_FAILED',
  rule: null,
  message: "statement refused: it can't be recorded now, and what isn't recorded isn't run",
  hint: "tell the gateway's operator; nothing was run",
  place: null,
  request: null,
}

export const CHANGED_WHILE_WAITING: Refusal = {
  code: 'APPROVAL_WITHDRAWN',
  rule: null,
  message: 'statement refused: the schema, the policy or what holds by it changed while it waited for approval',
  hint: 'send the statement again; it will be judged as things are now',
  place: null,
  request: null,
}
