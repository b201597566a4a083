import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApprovalStore, holdForApproval, memoryStore } from '@querywarden/approvals'
import type { Approver, Clock } from '@querywarden/policy-core'
import type { ProxyLimits } from './config/config.ts'

/** What a person can be asked to judge, and what a thousand of which fit in memory. */
const QUESTION_BYTES_MAX = 1_048_576

/** Where a gateway's approval requests live, and what puts them there. */
export interface ApprovalsDesk {
  readonly store: ApprovalStore
  readonly approve: Approver
}

export function openApprovalsDesk(limits: ProxyLimits, clock: Clock): ApprovalsDesk {
  const store = memoryStore({
    now: clock.now,
    newId: randomUUID,
    requestsMax: limits.approvalsPendingMax,
    requestsPerPrincipalMax: Math.ceil(limits.approvalsPendingMax / 4),
    settledMax: 1_000,
    questionBytesMax: QUESTION_BYTES_MAX,
  })
  const approve = holdForApproval({
    store,
    clock,
    sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
    recompute: question => Promise.resolve(question),
  })
  return { store, approve }
}
