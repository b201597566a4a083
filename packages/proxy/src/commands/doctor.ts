import { mkdirSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Policy } from '@querywarden/policy-core'
import { formatIssue } from '@querywarden/policy-core/yaml'
import { uuidv7 } from 'uuidv7'
import { checkBucket } from '../check-bucket.ts'
import { openClientTls } from '../client-tls.ts'
import { checkExposure } from '../config/check-exposure.ts'
import type { Address, Config, IdentityConfig, RecordingConfig, TargetConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { readSecret } from '../config/secrets.ts'
import { openMasking } from '../open-masking.ts'
import { openObjectStore } from '../open-object-store.ts'
import { openPolicy } from '../open-policy.ts'
import { FREE_BYTES_MIN, readRecordingKey } from '../open-recorder.ts'
import { openVerifier } from '../open-verifier.ts'
import { PolicyMisfit, serveTarget } from '../target-service.ts'
import { anchorTitle, checkAnchor, checkSigner } from './check-checkpoints.ts'
import { EXIT } from './exit.ts'
import { messageOf, show, type Terminal } from './terminal.ts'

interface Finding {
  readonly check: string
  readonly isGood: boolean
  readonly detail: string
}

/** Looks at everything that `up` would need, and says of each whether it is there. Changes nothing but makes the
 * recordings directory, and an object in the bucket where one is configured. */
export async function doctor(terminal: Terminal, options: { readonly config: string }): Promise<number> {
  const findings: Finding[] = []
  const examine = async (check: string, look: () => Promise<string> | string): Promise<boolean> => {
    try {
      findings.push({ check, isGood: true, detail: await look() })
      return true
    } catch (error) {
      findings.push({ check, isGood: false, detail: messageOf(error) })
      return false
    }
  }
  let config: Config | null = null
  await examine('node', nodeVersion)
  await examine(`configuration ${options.config}`, () => {
    config = loadConfig(options.config)
    return 'valid'
  })
  if (config !== null) await examineParts(config, examine)
  show(terminal, { findings }, () =>
    findings.map(({ check, isGood, detail }) => `${isGood ? 'ok  ' : 'FAIL'}  ${check}: ${detail}`),
  )
  return findings.every(({ isGood }) => isGood) ? EXIT.ok : EXIT.finding
}

type Examine = (check: string, look: () => Promise<string> | string) => Promise<boolean>

async function examineParts(config: Config, examine: Examine): Promise<void> {
  const found: { policy: Policy | null } = { policy: null }
  await examine(`policy ${config.policyFile}`, () => {
    const { policy } = openPolicy(config.policyFile)
    found.policy = policy
    openMasking(config, policy, process.env)
    return `${policy.rules.length} rules, ${policy.masks.length} masks`
  })
  await examine(`recordings ${config.recording.dir}`, () => checkRecordings(config.recording))
  const { upload, checkpoints } = config.recording
  if (checkpoints !== null) {
    await examine('checkpoints', () => checkSigner(checkpoints, process.env))
    for (const anchor of checkpoints.anchors)
      await examine(`anchor ${anchorTitle(anchor)}`, () => checkAnchor(anchor, process.env))
  }
  if (upload !== null) {
    await examine(`bucket ${upload.s3.bucket}`, () =>
      checkBucket(openObjectStore(upload.s3, process.env), { lock: upload.lock, now: Date.now(), id: uuidv7() }),
    )
  }
  for (const identity of config.identity) {
    const name = identity.kind === 'oidc' ? identity.issuer : 'static'
    await examine(`identity ${name}`, () => checkIdentity(identity))
  }
  for (const target of config.targets)
    await examine(`target ${target.name}`, () => checkTarget(target, config, found.policy))
  await examine('exposure', () => {
    checkExposure(config)
    const { tls } = config.listen.postgres
    if (tls === null) return 'nothing is within reach of the network'
    openClientTls(tls)
    return 'clients on the network are served over TLS'
  })
  await examine('listen.postgres', () => checkFree(config.listen.postgres))
  await examine('listen.admin', () => checkFree(config.listen.admin))
  const { metrics } = config.listen
  if (metrics !== null) await examine('listen.metrics', () => checkFree(metrics))
}

/** What `up` would do first: make the directory, and write in it. */
function checkRecordings({ dir, key }: RecordingConfig): string {
  if (key !== null) readRecordingKey(readSecret(key, process.env))
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    rmdirSync(mkdtempSync(join(dir, 'doctor-')))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new Error(`can't be written (${code}); make it writable for this user, or name another in \`recording.dir\``)
  }
  const { bavail, bsize } = statfsSync(dir)
  if (bavail * bsize < FREE_BYTES_MIN)
    throw new Error(
      `has ${megabytes(bavail * bsize)} MB free, no session opens with less than ${megabytes(FREE_BYTES_MIN)}`,
    )
  return `writable, ${megabytes(bavail * bsize)} MB free`
}

const megabytes = (bytes: number): number => Math.floor(bytes / 1_000_000)

function nodeVersion(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    throw new Error(`${process.version} is too old, expected 20.19 or newer; 24 is recommended`)
  return major < 22
    ? `${process.version} works, and has had no security fixes since 2026-04-30; 24 is recommended`
    : process.version
}

async function checkIdentity(identity: IdentityConfig): Promise<string> {
  openVerifier([identity], process.env, { now: Date.now, monotonic: () => performance.now() })
  if (identity.kind === 'static') return `${identity.tokens.length} development tokens, good on this host only`
  const { issuer } = identity
  const discovery = await getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  if (field(discovery, 'issuer') !== issuer)
    throw new Error('its discovery document names another issuer than the configuration: tokens would be refused')
  const keys = field(await getJson(String(field(discovery, 'jwks_uri'))), 'keys')
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('it has no keys: tokens would be refused')
  return `answers, with ${keys.length === 1 ? '1 key' : `${keys.length} keys`}`
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000), redirect: 'error' }).catch(() => null)
  if (response === null) throw new Error(`does not answer at ${url}`)
  if (!response.ok) throw new Error(`answers with status ${response.status} at ${url}`)
  return response.json().catch(() => null)
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : null

async function checkTarget(target: TargetConfig, config: Config, policy: Policy | null): Promise<string> {
  const service = serveTarget({
    config: target,
    password: target.password === null ? null : readSecret(target.password, process.env),
    policy: () => policy ?? NO_POLICY,
    limits: config.limits,
    monotonic: () => performance.now(),
  })
  const catalog = await service.catalog().catch((error: unknown) => {
    throw error instanceof PolicyMisfit
      ? new Error(`${error.message}: ${error.issues.map(formatIssue).join('; ')}`)
      : error
  })
  return `PostgreSQL ${catalog.major}, ${catalog.relations.size} relations${policy === null ? '' : ', and the policy fits them'}`
}

const NO_POLICY: Policy = { version: 1, rules: [], masks: [], limits: [] }

/** A port that answers is taken: by another program, or by a gateway that already runs. */
function checkFree({ host, port }: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 1_000 })
    socket.once('connect', () => {
      socket.destroy()
      reject(new Error(`${host}:${port} is taken, perhaps by a running gateway`))
    })
    socket.once('error', () => resolve(`${host}:${port} is free`))
    socket.once('timeout', () => {
      socket.destroy()
      resolve(`${host}:${port} is free`)
    })
  })
}
