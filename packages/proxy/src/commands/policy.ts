import { readFileSync } from 'node:fs'
import {
  checkMasks,
  compilePolicy,
  decide,
  effectsOf,
  explain,
  type Policy,
  type Principal,
} from '@querywarden/policy-core'
import { formatIssue, PolicyError, readPolicyYaml } from '@querywarden/policy-core/yaml'
import { DEFAULT_LIMITS, MAJORS, postgresClassifier } from '@querywarden/sql/postgres'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { readSecret } from '../config/secrets.ts'
import { PolicyMisfit, serveTarget, type TargetService } from '../target-service.ts'
import { CommandError, EXIT } from './exit.ts'
import { messageOf, show, type Terminal } from './terminal.ts'

/** Checks a policy file by itself and, where a configuration is given, against the schema of each of its targets. */
export async function policyCheck(
  terminal: Terminal,
  file: string,
  options: { readonly config?: string },
): Promise<number> {
  const issues =
    options.config === undefined ? readIssues(file) : await issuesWithSchemas(file, loadConfig(options.config))
  show(terminal, { file, issues }, found =>
    found.issues.length === 0 ? [`${file}: no issues`] : [...found.issues, `${found.issues.length} issue(s)`],
  )
  return issues.length === 0 ? EXIT.ok : EXIT.finding
}

/** Says what the policy makes of one statement, and why, for a caller as described. Nothing is run. */
export async function policyExplain(
  terminal: Terminal,
  text: string,
  options: {
    readonly config: string
    readonly target: string
    readonly subject: string
    readonly issuer: string
    readonly group: readonly string[]
  },
): Promise<number> {
  const config = loadConfig(options.config)
  const policy = readPolicy(config.policyFile)
  const target = openTarget(config, options.target, policy)
  const catalog = await target.catalog().catch((error: unknown) => {
    throw new CommandError(EXIT.misuse, `the schema of target \`${options.target}\` can't be read: ${messageOf(error)}`)
  })
  const { classify, split } = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 1, limits: DEFAULT_LIMITS })
  const principal: Principal = {
    issuer: options.issuer,
    subject: options.subject,
    groups: options.group,
    actor: null,
    expiresAt: Number.POSITIVE_INFINITY,
    credentialDigest: null,
  }
  const pieces = split(text, catalog.major)
  let worst: number = EXIT.ok
  for (const { text: statement } of pieces.kind === 'split' ? pieces.statements : [{ text }]) {
    const facts = classify({ dialect: 'postgres', text: statement, params: [] }, catalog)
    const decision = decide(compilePolicy(policy, { version: 'explain' }), { principal, target: target.target, facts })
    show(terminal, { statement, effects: effectsOf(facts), decision }, () => [explain(decision, facts)])
    if (decision.kind === 'deny') worst = EXIT.finding
  }
  return worst
}

function readIssues(file: string): readonly string[] {
  try {
    readPolicyYaml(readText(file), { file })
    return []
  } catch (error) {
    if (error instanceof PolicyError) return error.issues.map(formatIssue)
    throw error
  }
}

async function issuesWithSchemas(file: string, config: Config): Promise<readonly string[]> {
  const own = readIssues(file)
  if (own.length > 0) return own
  const policy = readPolicy(file)
  const issues: string[] = []
  for (const { name } of config.targets) {
    try {
      const catalog = await openTarget(config, name, policy).catalog()
      issues.push(...checkMasks(policy, catalog, name).map(issue => `${file}: target ${name}: ${formatIssue(issue)}`))
    } catch (error) {
      if (error instanceof PolicyMisfit)
        issues.push(...error.issues.map(issue => `${file}: target ${name}: ${formatIssue(issue)}`))
      else issues.push(`target ${name}: its schema can't be read: ${messageOf(error)}`)
    }
  }
  return issues
}

function openTarget(config: Config, name: string, policy: Policy): TargetService {
  const found = config.targets.find(target => target.name === name)
  if (found === undefined)
    throw new CommandError(
      EXIT.misuse,
      `there is no target \`${name}\`; there are: ${config.targets.map(target => target.name).join(', ')}`,
    )
  const password = found.password === null ? null : readSecret(found.password, process.env)
  return serveTarget({ config: found, password, policy, limits: config.limits, monotonic: () => performance.now() })
}

function readPolicy(file: string): Policy {
  try {
    return readPolicyYaml(readText(file), { file })
  } catch (error) {
    if (error instanceof PolicyError) throw new CommandError(EXIT.misuse, error.message)
    throw error
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(EXIT.misuse, `policy file \`${file}\` can't be read`)
  }
}
