/** Why an approval could not be asked for, answered or redeemed. Stable: additions only. */
export const APPROVAL_ERROR_CODES = [
  'NOT_FOUND',
  'NOT_PENDING',
  'NOT_GRANTED',
  'EXPIRED',
  'DIGEST_DIFFERS',
  'SELF_APPROVAL',
  'NOT_AN_APPROVER',
  'NOT_A_PERSON',
  'ALREADY_ANSWERED',
  'REASON_INVALID',
  'TOO_MANY_REQUESTS',
  'TOO_LARGE',
  'ID_TAKEN',
  'NOT_ENCODABLE',
  'ASKER_LEFT',
] as const
export type ApprovalErrorCode = (typeof APPROVAL_ERROR_CODES)[number]

/** The one error class of this package. `code` is for programs, the message for people; neither holds any value of a statement. */
export class ApprovalError extends Error {
  override readonly name = 'ApprovalError'
  readonly code: ApprovalErrorCode

  constructor(code: ApprovalErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
