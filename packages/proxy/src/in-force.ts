import { isDeepStrictEqual } from 'node:util'
import {
  type Clock,
  type CompiledPolicy,
  checkMasks,
  compilePolicy,
  type Masking,
  type Policy,
  type Verifier,
} from '@querywarden/policy-core'
import { formatIssues } from '@querywarden/policy-core/yaml'
import { checkNeeds } from './check-needs.ts'
import { type ClientTls, openClientTls } from './client-tls.ts'
import { checkExposure } from './config/check-exposure.ts'
import { checkMemory } from './config/check-memory.ts'
import type { Config, TargetConfig } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'
import type { Log } from './log.ts'
import { openCanaries } from './open-canaries.ts'
import { openMasking } from './open-masking.ts'
import { parsePolicyText } from './open-policy.ts'
import { openVerifier } from './open-verifier.ts'
import type { Sources } from './sources.ts'
import { PolicyMisfit, serveTarget, type TargetService, type WatchedTarget } from './target-service.ts'

/** All that a reload replaces, and replaces at once: nobody ever sees half of one and half of another (threats F33). */
export interface InForce {
  readonly config: Config
  readonly policy: CompiledPolicy
  readonly mask: Masking
  readonly verify: Verifier
  readonly targets: ReadonlyMap<string, KeptTarget>
  readonly clientTls: ClientTls | null
}

/** A target with what it was made from, to tell whether a reload changes it. */
export interface KeptTarget extends WatchedTarget {
  readonly madeFrom: object
  /** Reads the schema again in this process; `refresh` does in all that serve beside it. */
  readonly forget: TargetService['refresh']
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly log: Log
  /** The policy that is in force whenever it is asked; targets outlive the one that they were made under. */
  readonly policy: () => Policy
  /** Tells those that serve beside this process; resolves once none of them decides by the schema as it was. */
  readonly schemaChanged: (target: string) => Promise<void>
}

/**
 * Opens everything that a configuration asks for, and looks whether it fits together; changes nothing. What is the same
 * as before is kept: known schemas, known keys of issuers.
 * @throws {ConfigError} what it asks for can't be, or would not be safe.
 */
export async function prepareInForce(
  { config, policyText }: Sources,
  before: InForce | null,
  surroundings: Surroundings,
): Promise<InForce> {
  const { env, clock, log } = surroundings
  checkExposure(config)
  checkMemory(config)
  const { tls } = config.listen.postgres
  const clientTls = tls === null ? null : openClientTls(tls)
  const { policy, version } = parsePolicyText(policyText, config.policyFile)
  checkNeeds(policy, config.identity)
  const mask = openMasking(config, policy, env)
  const verify =
    before !== null && keepsVerifier(before.config, config) ? before.verify : openVerifier(config.identity, env, clock)
  const targets = new Map(config.targets.map(target => [target.name, openTarget(target, config, before, surroundings)]))
  await Promise.all([...targets.values()].map(target => firstLook(target, policy, log)))
  return { config, policy: compilePolicy(policy, { version }), mask, verify, targets, clientTls }
}

/** Development tokens are secrets that may have changed where they are kept. */
const keepsVerifier = (before: Config, next: Config): boolean =>
  next.identity.every(({ kind }) => kind === 'oidc') && isDeepStrictEqual(before.identity, next.identity)

function openTarget(
  target: TargetConfig,
  { limits: { frameBytesMax, loginMsMax, catalogMaxAgeMs, catalogProbeMs } }: Config,
  before: InForce | null,
  { env, clock, policy, schemaChanged }: Surroundings,
): KeptTarget {
  const password = target.password === null ? null : readSecret(target.password, env)
  const limits = { frameBytesMax, loginMsMax, catalogMaxAgeMs, catalogProbeMs }
  const service = serveTarget({ config: target, password, policy, limits, monotonic: clock.monotonic })
  // The service's own configuration has the text of the authority that is to be trusted, which may have changed.
  const { values, scanner } = openCanaries(target.canaries, env)
  const madeFrom = { config: service.config, password, limits, canaries: values }
  const known = before?.targets.get(target.name)
  return known !== undefined && isDeepStrictEqual(known.madeFrom, madeFrom)
    ? known
    : { ...service, canaries: scanner, madeFrom, forget: service.refresh, refresh: refreshing(service, schemaChanged) }
}

const refreshing =
  (service: TargetService, schemaChanged: Surroundings['schemaChanged']): TargetService['refresh'] =>
  async () => {
    const [catalog] = await Promise.all([service.refresh(), schemaChanged(service.target.name)])
    return catalog
  }

/** A policy that doesn't fit stops the start. A database that is down doesn't: its clients are told, and it may come up. */
async function firstLook(target: TargetService, policy: Policy, log: Log): Promise<void> {
  const { name } = target.target
  try {
    const issues = checkMasks(policy, await target.schema(), name)
    if (issues.length > 0) throw new PolicyMisfit(name, issues)
  } catch (error) {
    if (error instanceof PolicyMisfit)
      throw new ConfigError('INVALID', `${error.message}:\n${formatIssues(error.issues)}`)
    log.warn({ target: name, error }, 'target can not be read yet; its sessions are refused until it can')
  }
}
