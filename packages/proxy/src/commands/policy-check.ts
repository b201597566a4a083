import { readFileSync } from 'node:fs'
import { patternProblem, showsNull } from '@querywarden/masking'
import { type Catalog, checkPolicy, checkTargets, type Policy } from '@querywarden/policy-core'
import { formatIssue, PolicyError, type PolicyIssue, readPolicyYaml } from '@querywarden/policy-core/yaml'
import { loadConfig } from '../config/load.ts'
import { locateIssues } from '../locate-issues.ts'
import { CommandError, EXIT } from './exit.ts'
import { paint } from './paint.ts'
import { catalogOf, loadSavedCatalog } from './policy-source.ts'
import { show, type Terminal } from './terminal.ts'

export interface PolicyCheckOptions {
  readonly config?: string
  readonly catalog?: string
  readonly target?: string
  /** Warnings count as errors. */
  readonly strict?: boolean
}

/** What was found in a policy: an error would stop the gateway, a warning is most likely a mistake. */
export interface CheckedIssue extends PolicyIssue {
  readonly level: 'error' | 'warning'
  /** The target whose schema shows it; null where the policy does by itself. */
  readonly target: string | null
}

/** Checks a policy file by itself and, where a configuration or a saved schema is given, against that. */
export async function policyCheck(terminal: Terminal, file: string, options: PolicyCheckOptions): Promise<number> {
  const text = readText(file)
  const issues = await issuesIn(text, file, options)
  const errors = issues.filter(({ level }) => level === 'error').length
  const warnings = issues.length - errors
  show(terminal, { file, errors, warnings, issues: issues.map(asData) }, () =>
    issues.length === 0 ? [`${file}: no issues`] : [...issues.map(told), counted(errors, warnings)],
  )
  return errors > 0 || (options.strict === true && warnings > 0) ? EXIT.finding : EXIT.ok
}

async function issuesIn(text: string, file: string, options: PolicyCheckOptions): Promise<readonly CheckedIssue[]> {
  const policy = readPolicy(text, file)
  if ('issues' in policy) return policy.issues.map(issue => ({ ...issue, level: 'error', target: null }))
  const found: CheckedIssue[] = [...idleTargets(policy.policy, options)]
  for (const [target, catalog] of await schemasOf(options)) found.push(...misfits(policy.policy, catalog, target))
  return locateIssues(text, file, found)
}

function readPolicy(
  text: string,
  file: string,
): { readonly policy: Policy } | { readonly issues: readonly PolicyIssue[] } {
  try {
    return { policy: readPolicyYaml(text, { file, checkPattern: patternProblem }) }
  } catch (error) {
    if (error instanceof PolicyError) return { issues: error.issues }
    throw error
  }
}

const misfits = (policy: Policy, catalog: Catalog, target: string): readonly CheckedIssue[] =>
  checkPolicy(policy, catalog, target, showsNull).map(issue => ({ ...issue, level: issue.severity ?? 'error', target }))

/** Which targets there are, only a configuration tells. */
const idleTargets = (policy: Policy, { config }: PolicyCheckOptions): readonly CheckedIssue[] =>
  config === undefined
    ? []
    : checkTargets(
        policy,
        loadConfig(config).targets.map(({ name }) => name),
      ).map(issue => ({ ...issue, level: 'warning', target: null }))

/** The schemas to check against, by target. */
async function schemasOf(options: PolicyCheckOptions): Promise<readonly (readonly [string, Catalog])[]> {
  if (options.catalog !== undefined) {
    if (options.target === undefined)
      throw new CommandError(EXIT.misuse, 'name the target whose saved schema this is with --target')
    return [[options.target, loadSavedCatalog(options.catalog)]]
  }
  if (options.config === undefined) return []
  const config = loadConfig(options.config)
  const names = options.target === undefined ? config.targets.map(({ name }) => name) : [options.target]
  const found: [string, Catalog][] = []
  for (const name of names) found.push([name, await catalogOf(config, name)])
  return found
}

/** As a compiler prints it, so that editors find the place: `policy.yaml:12:5: error: rules[2].what.efects: unknown key`. */
function told({ level, target, ...issue }: CheckedIssue): string {
  const spot = issue.location === null ? '' : `${issue.location.file}:${issue.location.line}:${issue.location.column}: `
  const where = target === null ? '' : `target ${target}: `
  return `${spot}${level === 'error' ? paint.red(level) : paint.yellow(level)}: ${where}${formatIssue({ ...issue, location: null })}`
}

const asData = ({ level, target, path, message, location }: CheckedIssue) => ({
  level,
  target,
  line: location?.line ?? null,
  column: location?.column ?? null,
  path,
  message,
})

const counted = (errors: number, warnings: number): string =>
  [
    ...(errors === 0 ? [] : [`${errors} ${errors === 1 ? 'error' : 'errors'}`]),
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
  ].join(', ')

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(EXIT.misuse, `policy file \`${file}\` can't be read`)
  }
}
