import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { checkMasks, type Policy } from '@querywarden/policy-core'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import type { Address, Config, IdentityConfig, TargetConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { readSecret } from '../config/secrets.ts'
import { serveTarget } from '../target-service.ts'
import { EXIT } from './exit.ts'
import { messageOf, show, type Terminal } from './terminal.ts'

interface Finding {
  readonly check: string
  readonly isGood: boolean
  readonly detail: string
}

/** Looks at everything that `up` would need, and says of each whether it is there. Changes nothing but makes the recordings directory. */
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
    found.policy = readPolicyYaml(readFileSync(config.policyFile, 'utf8'), { file: config.policyFile })
    return `${found.policy.rules.length} rules, ${found.policy.masks.length} masks`
  })
  await examine(`recordings ${config.recording.dir}`, () => {
    mkdirSync(config.recording.dir, { recursive: true, mode: 0o700 })
    accessSync(config.recording.dir, constants.R_OK | constants.W_OK | constants.X_OK)
    return 'writable'
  })
  for (const identity of config.identity) await examine(`identity ${identity.kind}`, () => checkIdentity(identity))
  for (const target of config.targets)
    await examine(`target ${target.name}`, () => checkTarget(target, config, found.policy))
  await examine('listen.postgres', () => checkFree(config.listen.postgres))
  await examine('listen.admin', () => checkFree(config.listen.admin))
}

function nodeVersion(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    throw new Error(`${process.version} is too old, expected 20.19 or newer; 24 is recommended`)
  return major < 22
    ? `${process.version} works, and has had no security fixes since 2026-04-30; 24 is recommended`
    : process.version
}

async function checkIdentity(identity: IdentityConfig): Promise<string> {
  if (identity.kind === 'static') {
    for (const { token } of identity.tokens) readSecret(token, process.env)
    return `${identity.tokens.length} development tokens, good on this host only`
  }
  const url = `${identity.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000), redirect: 'error' }).catch(() => {
    throw new Error(`the issuer ${identity.issuer} does not answer`)
  })
  const document: unknown = await response.json().catch(() => null)
  const issuer = typeof document === 'object' && document !== null && 'issuer' in document ? document.issuer : null
  if (issuer !== identity.issuer)
    throw new Error(`the discovery document names another issuer than the configuration: tokens would be refused`)
  return `${identity.issuer} answers`
}

async function checkTarget(target: TargetConfig, config: Config, policy: Policy | null): Promise<string> {
  const password = target.password === null ? null : readSecret(target.password, process.env)
  const none: Policy = { version: 1, rules: [], masks: [], limits: [] }
  const service = serveTarget({
    config: target,
    password,
    policy: none,
    limits: config.limits,
    monotonic: () => performance.now(),
  })
  const catalog = await service.catalog()
  const issues = policy === null ? [] : checkMasks(policy, catalog, target.name)
  if (issues.length > 0)
    throw new Error(`the policy does not fit its schema: ${issues.map(({ message }) => message).join('; ')}`)
  return `PostgreSQL ${catalog.major}, ${catalog.relations.size} relations, login and pinned settings are good`
}

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
