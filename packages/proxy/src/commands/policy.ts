import { readFileSync } from 'node:fs'
import { checkMasks, type Policy } from '@querywarden/policy-core'
import { formatIssue, PolicyError, readPolicyYaml } from '@querywarden/policy-core/yaml'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { readSecret } from '../config/secrets.ts'
import { openPolicy } from '../open-policy.ts'
import { PolicyMisfit, serveTarget, type TargetService } from '../target-service.ts'
import { CommandError, EXIT } from './exit.ts'
import { explainer } from './explain-statement.ts'
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
    found.issues.length === 0
      ? [`${file}: no issues`]
      : [...found.issues, found.issues.length === 1 ? '1 issue' : `${found.issues.length} issues`],
  )
  return issues.length === 0 ? EXIT.ok : EXIT.finding
}

/** Says what the policy makes of a text's statements, and why, for a caller as described. Nothing is run. */
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
  const { policy, version } = openPolicy(config.policyFile)
  const target = openTarget(config, options.target, policy)
  const catalog = await target.catalog().catch((error: unknown) => {
    throw new CommandError(EXIT.misuse, `the schema of target \`${options.target}\` can't be read: ${problem(error)}`)
  })
  const explain = await explainer({
    policy,
    version,
    catalog,
    target: target.target,
    principal: {
      issuer: options.issuer,
      subject: options.subject,
      groups: options.group,
      actor: null,
      expiresAt: Number.POSITIVE_INFINITY,
      credentialDigest: null,
    },
  })
  const statements = explain(text)
  if (statements.length === 0) throw new CommandError(EXIT.misuse, 'there is no statement in the text')
  show(terminal, { target: options.target, statements }, () => statements.map(({ explanation }) => explanation))
  return statements.every(({ outcome }) => outcome !== 'deny') ? EXIT.ok : EXIT.finding
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
  const { policy } = openPolicy(file)
  const issues: string[] = []
  for (const { name } of config.targets) {
    try {
      const catalog = await openTarget(config, name, policy).catalog()
      issues.push(...checkMasks(policy, catalog, name).map(issue => `${file}: target ${name}: ${formatIssue(issue)}`))
    } catch (error) {
      if (!(error instanceof PolicyMisfit))
        throw new CommandError(EXIT.misuse, `the schema of target \`${name}\` can't be read: ${messageOf(error)}`)
      issues.push(...error.issues.map(issue => `${file}: target ${name}: ${formatIssue(issue)}`))
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
  return serveTarget({
    config: found,
    password,
    policy: () => policy,
    limits: config.limits,
    monotonic: () => performance.now(),
  })
}

const problem = (error: unknown): string =>
  error instanceof PolicyMisfit ? [error.message, ...error.issues.map(formatIssue)].join('\n') : messageOf(error)

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(EXIT.misuse, `policy file \`${file}\` can't be read`)
  }
}
