import { randomUUID } from 'node:crypto'
import type { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ServerType, serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { type ApprovalStore, holdForApproval, memoryStore } from '@querywarden/approvals'
import {
  type Approver,
  type CatalogSource,
  type Clock,
  compilePolicy,
  openGate,
  type Policy,
  recommendedLimits,
  type Verifier,
} from '@querywarden/policy-core'
import { formatIssues } from '@querywarden/policy-core/yaml'
import type { FileRecorder, RecoveryReport } from '@querywarden/recording'
import { DEFAULT_LIMITS, MAJORS, postgresClassifier, postgresRewriter } from '@querywarden/sql/postgres'
import { uuidv7 } from 'uuidv7'
import { adminApp } from './admin/app.ts'
import { Admission } from './admission.ts'
import { checkExposure } from './config/check-exposure.ts'
import type { Address, Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'
import { openTlsFiles } from './config/tls-files.ts'
import { takeConnections } from './connections.ts'
import type { Log } from './log.ts'
import { openMasking } from './open-masking.ts'
import { openPolicy } from './open-policy.ts'
import { openRecorder } from './open-recorder.ts'
import { openVerifier } from './open-verifier.ts'
import { CancelKeys } from './postgres/cancel-keys.ts'
import { type SplitText, textSplitter } from './postgres/split-text.ts'
import type { Service } from './serve-client.ts'
import { PolicyMisfit, serveTarget, type TargetService } from './target-service.ts'

/** A running gateway. */
export interface Gateway {
  /** Where it really listens: port 0 in the configuration means any free port. */
  readonly postgres: Address
  readonly admin: Address
  readonly approvals: ApprovalStore
  /** What the start found of recordings that an earlier, killed process left open. */
  readonly recovery: RecoveryReport
  /** Reads every target's schema again. */
  readonly refreshSchemas: () => Promise<void>
  /** Takes no more connections, ends the sessions, closes their recordings. */
  readonly stop: () => Promise<void>
}

/**
 * Starts the reference proxy: every part of it is a package that an embedder could compose in the same way.
 *
 * @throws {ConfigError} what the configuration asks for can't be, or would not be safe.
 * @example
 * const gateway = await startGateway(parseConfig(text, 'querywarden.yaml'), { env: process.env, log })
 * await gateway.stop()
 */
export async function startGateway(
  config: Config,
  { env, log }: { readonly env: NodeJS.ProcessEnv; readonly log: Log },
): Promise<Gateway> {
  checkExposure(config)
  const clock: Clock = { now: Date.now, monotonic: () => performance.now() }
  const secureContext = config.listen.postgres.tls === null ? null : openTlsFiles(config.listen.postgres.tls)
  const { policy, version } = openPolicy(config.policyFile)
  const mask = openMasking(config, policy, env)
  const verify = openVerifier(config.identity, env, clock)
  const targets = openTargets(config, policy, env, clock)
  await firstLook(targets, log)

  const store = memoryStore({
    now: clock.now,
    newId: randomUUID,
    requestsMax: config.limits.approvalsPendingMax,
    requestsPerPrincipalMax: Math.ceil(config.limits.approvalsPendingMax / 4),
    settledMax: 1_000,
    questionBytesMax: QUESTION_BYTES_MAX,
  })
  const sql = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 4_096, limits: DEFAULT_LIMITS })
  const recorder = await openRecorder(config.recording, env, clock)
  logRecovery(recorder.recovery, log)
  const gate = openGate({
    policy: compilePolicy(policy, { version }),
    classify: sql.classify,
    rewrite: postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS }),
    catalog: catalogOf(targets),
    mask,
    approve: approverOf(store, clock),
    record: recorder.record,
    clock,
    limits: recommendedLimits,
  })
  const splitters = new Map<number, SplitText>(
    MAJORS.map(major => [major, textSplitter(text => sql.split(text, major), SPLIT_MEMORY)]),
  )
  const service: Service = {
    gate,
    verify,
    targets,
    split: major => splitters.get(major) ?? unreadable,
    secureContext,
    cancelKeys: new CancelKeys(),
    clock,
    limits: config.limits,
    log,
    newId: uuidv7,
    live: new Set(),
    admission: new Admission({ sessionsMax: config.limits.sessionsMax }),
    onRefused: () => undefined,
  }
  try {
    return await listen(config, service, store, recorder, verify)
  } catch (error) {
    await recorder.close()
    throw error
  }
}

const catalogOf =
  (targets: ReadonlyMap<string, TargetService>): CatalogSource =>
  target =>
    targets.get(target.name)?.catalog() ?? Promise.reject(new Error('no such target'))

const approverOf = (store: ApprovalStore, clock: Clock): Approver =>
  holdForApproval({
    store,
    clock,
    sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
    recompute: question => Promise.resolve(question),
  })

/** Whoever starts the gateway after a crash should not have to look for what it cost. */
function logRecovery({ recovered, left, missing }: RecoveryReport, log: Log): void {
  for (const { recording, frames, discardedBytes } of recovered)
    log.warn({ recording, frames, discardedBytes }, 'an earlier process left this recording open; it is sealed now')
  for (const { place, why } of left) log.warn({ place, why }, 'this part of the recordings could not be recovered')
  for (const recording of missing)
    log.error({ recording }, 'the instance log knows this recording and its file is gone')
}

async function listen(
  config: Config,
  service: Service,
  store: ApprovalStore,
  recorder: FileRecorder,
  verify: Verifier,
): Promise<Gateway> {
  const { log, targets, clock, admission } = service
  const connections = takeConnections(service)
  const { server } = connections
  const app = adminApp({
    store,
    verify,
    now: clock.now,
    isReady: () => admission.isOpen,
    remoteAddress: context => getConnInfo(context).remote.address ?? '',
    onFailure: error => log.error({ error }, 'an admin request failed'),
  })
  const postgres = await bind(server, config.listen.postgres, 'listen.postgres')
  let admin: { readonly server: ServerType; readonly address: Address }
  try {
    admin = await bindAdmin(app.fetch, config.listen.admin)
  } catch (error) {
    server.close()
    throw error
  }
  // Without a listener one failed accept, for want of descriptors say, would end the gateway and every session.
  server.on('error', error => log.error({ error }, 'the postgres listener failed'))
  admin.server.on('error', (error: Error) => log.error({ error }, 'the admin listener failed'))
  log.info({ postgres, admin: admin.address, targets: [...targets.keys()] }, 'querywarden is up')

  const stop = async (): Promise<void> => {
    admin.server.close()
    await connections.stop()
    await recorder.close()
    log.info({}, 'querywarden is down')
  }
  let stopping: Promise<void> | null = null

  return {
    postgres,
    admin: admin.address,
    approvals: store,
    recovery: recorder.recovery,
    refreshSchemas: async () => {
      await Promise.all([...targets.values()].map(target => target.refresh()))
    },
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

/** What a person can be asked to judge, and what a thousand of which fit in memory. */
const QUESTION_BYTES_MAX = 1_048_576
const SPLIT_MEMORY = { entriesMax: 2_048, charsMax: 4_096 }

/** A server whose grammar isn't there: nothing it would run can be read. */
const unreadable: SplitText = () => null

function openTargets(
  config: Config,
  policy: Policy,
  env: NodeJS.ProcessEnv,
  clock: Clock,
): ReadonlyMap<string, TargetService> {
  return new Map(
    config.targets.map(target => {
      const password = target.password === null ? null : readSecret(target.password, env)
      return [
        target.name,
        serveTarget({ config: target, password, policy, limits: config.limits, monotonic: clock.monotonic }),
      ]
    }),
  )
}

/** A policy that doesn't fit stops the start. A database that is down doesn't: its clients are told, and it may come up. */
async function firstLook(targets: ReadonlyMap<string, TargetService>, log: Log): Promise<void> {
  for (const [name, target] of targets) {
    try {
      await target.catalog()
    } catch (error) {
      if (error instanceof PolicyMisfit)
        throw new ConfigError('INVALID', `${error.message}:\n${formatIssues(error.issues)}`)
      log.warn({ target: name, error }, 'target can not be read yet; its sessions are refused until it can')
    }
  }
}

function bind(server: Server, address: Address, key: string): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(bindingError(error, address, key)))
    server.listen(address.port, address.host, () => resolve(boundAddress(server.address(), address)))
  })
}

function bindAdmin(
  fetch: Parameters<typeof serve>[0]['fetch'],
  address: Address,
): Promise<{ readonly server: ServerType; readonly address: Address }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: address.host, port: address.port }, info =>
      resolve({ server, address: { host: address.host, port: info.port } }),
    )
    server.once('error', (error: Error) => reject(bindingError(error, address, 'listen.admin')))
  })
}

const boundAddress = (bound: ReturnType<Server['address']>, wanted: Address): Address =>
  bound !== null && typeof bound === 'object' ? { host: wanted.host, port: bound.port } : wanted

const bindingError = (error: Error, { host, port }: Address, key: string): ConfigError => {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  const why = code === 'EADDRINUSE' ? 'the port is taken; stop what listens there or choose another' : code
  return new ConfigError('UNREADABLE', `\`${key}.address\`: can't listen on ${host}:${port}: ${why}`)
}
