import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { type ServerType, serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { type ApprovalStore, holdForApproval, memoryStore } from '@querywarden/approvals'
import { masking } from '@querywarden/masking'
import {
  type Clock,
  compilePolicy,
  openGate,
  type Policy,
  recommendedLimits,
  type SecretRef,
  type Verifier,
} from '@querywarden/policy-core'
import { formatIssues, PolicyError, readPolicyYaml } from '@querywarden/policy-core/yaml'
import type { FileRecorder, RecoveryReport } from '@querywarden/recording'
import { DEFAULT_LIMITS, MAJORS, postgresClassifier, postgresRewriter } from '@querywarden/sql/postgres'
import { uuidv7 } from 'uuidv7'
import { adminApp } from './admin/app.ts'
import type { Address, Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'
import type { Log } from './log.ts'
import { isLoopback } from './loopback.ts'
import { openRecorder } from './open-recorder.ts'
import { openVerifier } from './open-verifier.ts'
import { CancelKeys } from './postgres/cancel-keys.ts'
import { type SplitText, textSplitter } from './postgres/split-text.ts'
import { type Service, serveClient } from './serve-client.ts'
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
  const { policy, version } = readPolicy(config.policyFile)
  const mask = masking({ hashKey: hashKeys(config, policy, env) })
  const verify = openVerifier(config.identity, env, clock)
  const targets = openTargets(config, policy, env, clock)
  await firstLook(targets, log)

  const store = memoryStore({
    now: clock.now,
    newId: randomUUID,
    requestsMax: config.limits.approvalsPendingMax,
    requestsPerPrincipalMax: Math.ceil(config.limits.approvalsPendingMax / 4),
    settledMax: 1_000,
  })
  const sql = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 4_096, limits: DEFAULT_LIMITS })
  const recorder = await openRecorder(config.recording, env, clock)
  const gate = openGate({
    policy: compilePolicy(policy, { version }),
    classify: sql.classify,
    rewrite: postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS }),
    catalog: target => {
      const service = targets.get(target.name)
      return service === undefined ? Promise.reject(new Error('no such target')) : service.catalog()
    },
    mask,
    approve: holdForApproval({
      store,
      clock,
      sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
      recompute: question => Promise.resolve(question),
    }),
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
    secureContext: secureContextOf(config),
    cancelKeys: new CancelKeys(),
    clock,
    limits: config.limits,
    log,
    newId: uuidv7,
    live: new Set(),
  }
  return listen(config, service, store, recorder, verify)
}

async function listen(
  config: Config,
  service: Service,
  store: ApprovalStore,
  recorder: FileRecorder,
  verify: Verifier,
): Promise<Gateway> {
  const { log, targets, live, clock } = service
  const sockets = new Set<Socket>()
  const serving = new Set<Promise<void>>()
  let isOpen = true
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const served = serveClient(socket, service)
    serving.add(served)
    void served.finally(() => serving.delete(served))
  })
  const app = adminApp({
    store,
    verify,
    now: clock.now,
    isReady: () => isOpen,
    remoteAddress: context => getConnInfo(context).remote.address ?? '',
  })
  const postgres = await bind(server, config.listen.postgres, 'listen.postgres')
  let admin: { readonly server: ServerType; readonly address: Address }
  try {
    admin = await bindAdmin(app.fetch, config.listen.admin)
  } catch (error) {
    server.close()
    throw error
  }
  log.info({ postgres, admin: admin.address, targets: [...targets.keys()] }, 'querywarden is up')

  return {
    postgres,
    admin: admin.address,
    approvals: store,
    recovery: recorder.recovery,
    refreshSchemas: async () => {
      await Promise.all([...targets.values()].map(target => target.refresh()))
    },
    stop: async () => {
      isOpen = false
      server.close()
      admin.server.close()
      for (const conversation of live)
        conversation.end({ sqlstate: '57P01', message: 'the gateway is shutting down' }, 'shutdown')
      const stragglers = setTimeout(() => destroyAll(sockets), DRAIN_MS_MAX)
      await Promise.allSettled(serving)
      clearTimeout(stragglers)
      destroyAll(sockets)
      await recorder.close()
      log.info('querywarden is down')
    },
  }
}

function destroyAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy()
}

const DRAIN_MS_MAX = 3_000
const SPLIT_MEMORY = { entriesMax: 2_048, charsMax: 4_096 }

/** A server whose grammar isn't there: nothing it would run can be read. */
const unreadable: SplitText = () => null

function readPolicy(file: string): { readonly policy: Policy; readonly version: string } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new ConfigError('UNREADABLE', `policy file \`${file}\` can't be read`)
  }
  try {
    return {
      policy: readPolicyYaml(text, { file }),
      version: createHash('sha256').update(text).digest('hex').slice(0, 16),
    }
  } catch (error) {
    if (error instanceof PolicyError) throw new ConfigError('INVALID', error.message)
    throw error
  }
}

/** What would put a token or a development login within reach of the network. */
function checkExposure({ listen: { postgres, admin }, identity }: Config): void {
  const isLocal = ({ host }: Address): boolean => isLoopback(host) || host === 'localhost'
  if (!isLocal(postgres) && identity.some(({ kind }) => kind === 'static')) {
    throw new ConfigError(
      'UNSAFE',
      'identity `static` is for development: it needs `listen.postgres.address` on 127.0.0.1 or [::1]',
    )
  }
  if (!isLocal(postgres) && postgres.tls === null) {
    throw new ConfigError(
      'UNSAFE',
      '`listen.postgres.address` is not on this host alone, so it needs `tls`: tokens would cross the network in the clear',
    )
  }
  if (!isLocal(admin)) {
    throw new ConfigError(
      'UNSAFE',
      '`listen.admin.address` must be on 127.0.0.1 or [::1]: the admin API has no TLS of its own yet, put a TLS proxy before it',
    )
  }
}

/** Resolves every hash key now, so that a missing one stops the start and not a statement. */
function hashKeys(config: Config, policy: Policy, env: NodeJS.ProcessEnv): (ref: SecretRef | null) => Uint8Array {
  const resolve = (ref: SecretRef | null): Uint8Array => {
    const found = ref ?? config.masking.hashKey
    if (found === null)
      throw new ConfigError('INVALID', 'the policy has a `hash` mask without a key, and `masking.hash_key` is not set')
    return Buffer.from(readSecret(found, env))
  }
  const keys = new Map<string, Uint8Array>()
  const keyOf = (ref: SecretRef | null): string => JSON.stringify(ref)
  for (const { mask } of policy.masks) if (mask.kind === 'hash') keys.set(keyOf(mask.key), resolve(mask.key))
  return ref => keys.get(keyOf(ref)) ?? resolve(ref)
}

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
      log.warn(
        { target: name, error: error instanceof Error ? error.message : 'unknown' },
        'target can not be read yet; its sessions are refused until it can',
      )
    }
  }
}

function secureContextOf({ listen: { postgres } }: Config): SecureContext | null {
  if (postgres.tls === null) return null
  try {
    return createSecureContext({
      cert: readFileSync(postgres.tls.cert),
      key: readFileSync(postgres.tls.key),
      minVersion: 'TLSv1.2',
    })
  } catch {
    throw new ConfigError(
      'UNREADABLE',
      `\`listen.postgres.tls\`: certificate \`${postgres.tls.cert}\` and key \`${postgres.tls.key}\` can't be read as a PEM pair`,
    )
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
