import type { CompiledPolicy } from '../decide.ts'
import type {
  Approver,
  CatalogSource,
  Classifier,
  Clock,
  Estimator,
  Masking,
  PolicySource,
  Recorder,
  Rewriter,
  Watcher,
} from '../hooks.ts'
import type { Principal } from '../principal.ts'
import type { Target } from '../target.ts'
import { type GateLimits, Session } from './session.ts'
import { StatementMeter } from './statement-meter.ts'

/** All that a gate is made of. No hook has a default: what isn't wanted is refused in writing. */
export interface GateOptions {
  /** The policy, or what gives the one in force: with the latter a policy can be replaced while sessions are open. */
  readonly policy: CompiledPolicy | PolicySource
  readonly classify: Classifier
  readonly rewrite: Rewriter
  readonly catalog: CatalogSource
  readonly mask: Masking
  readonly approve: Approver
  readonly record: Recorder
  readonly clock: Clock
  readonly limits: GateLimits
  /**
   * Says how many rows the server's planner expects, for rules that ask for `estimated-rows`. Absent: it is never known,
   * and such rules count against allowing.
   */
  readonly estimate?: Estimator
  /** Looks for values that must never leave a target in what `release` is about to give. Absent: nothing is looked for. */
  readonly watch?: Watcher
}

/** Who opens a session, and on what. */
export interface SessionRequest {
  /** A fresh, unique id, by the caller. It names the recording. */
  readonly id: string
  readonly principal: Principal
  readonly target: Target
  /** What the client says of itself; recorded, never trusted. */
  readonly client?: Readonly<Record<string, string>>
  /** What the target says of itself, such as `server_version`; recorded. Absent: nothing is known. */
  readonly server?: Readonly<Record<string, string>>
}

export interface Gate {
  /**
   * Opens a session and its recording.
   * @throws whatever the recorder or the catalog source throws: no session without an account or a schema.
   */
  readonly session: (request: SessionRequest) => Promise<Session>
}

/** A little over 700 bytes each. */
const COUNTED_MAX = 10_000

/** Limits that suit an interactive session. */
export const recommendedLimits: GateLimits = { judgementsMax: 512, judgedCharsMax: 16_384 }

/**
 * The whole pipeline, to embed: classify, decide, ask a person, rewrite, record, clear; then check what comes back.
 *
 * @example
 * const gate = openGate({ policy, classify, rewrite, catalog, mask, approve, record, clock, limits: recommendedLimits })
 * const session = await gate.session({ id, principal, target: { name: 'app', dialect: 'postgres' } })
 * const verdict = await session.submit({ text: 'select * from customers' })
 * if (verdict.kind === 'refused') throw new Error(verdict.refusal.message)
 * const result = await run(verdict.cleared.statement)   // rewritten: the masks are in it
 * const rows = await session.release(verdict.cleared, result)
 */
export function openGate(options: GateOptions): Gate {
  const given = options.policy
  const policy = typeof given === 'function' ? given : () => given
  const meter = new StatementMeter(options.clock.monotonic, { metersMax: options.limits.countedMax ?? COUNTED_MAX })
  return {
    session: async ({ id, principal, target, client = {}, server }) => {
      const catalog = await options.catalog(target)
      const recorder = await options.record({
        session: id,
        principal,
        target,
        policyVersion: policy().version,
        catalogFingerprint: catalog.fingerprint,
        ...(server === undefined ? {} : { server }),
        client,
      })
      return new Session({ ...options, policy, meter, id, principal, target, recorder })
    },
  }
}
