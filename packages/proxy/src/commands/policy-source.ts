import { readFileSync } from 'node:fs'
import {
  type Catalog,
  type CompiledPolicy,
  checkMasks,
  compilePolicy,
  type Policy,
  type Target,
} from '@querywarden/policy-core'
import { formatIssues } from '@querywarden/policy-core/yaml'
import { readCatalog } from '@querywarden/sql/postgres'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { loadConfig } from '../config/load.ts'
import { readSecret } from '../config/secrets.ts'
import { openPolicy } from '../open-policy.ts'
import { PolicyMisfit, serveTarget } from '../target-service.ts'
import { CommandError, EXIT } from './exit.ts'
import { messageOf } from './terminal.ts'

/** Where a command gets its policy and its schema from. */
export interface SourceOptions {
  readonly config: string
  /** In place of the configuration's. */
  readonly policy?: string
  /** A saved schema, in place of the database's. */
  readonly catalog?: string
  /** May be left out where the configuration has one target only. */
  readonly target?: string
}

export interface PolicySourceFound {
  readonly policy: CompiledPolicy
  readonly catalog: Catalog
  readonly target: Target
}

/**
 * Opens the policy and the schema that a command decides by. With `--policy` and `--catalog` no configuration is read and
 * nothing is connected to.
 * @throws {CommandError} something is missing, or the policy doesn't fit the schema.
 */
export async function openSource(options: SourceOptions): Promise<PolicySourceFound> {
  const config = options.policy === undefined || options.catalog === undefined ? configFor(options) : null
  const { policy, version } = openPolicy(options.policy ?? config?.policyFile ?? '')
  const name = options.target ?? soleTarget(config)
  const catalog = options.catalog === undefined ? await catalogOf(config, name) : loadSavedCatalog(options.catalog)
  checkFit(policy, catalog, name)
  return { policy: compilePolicy(policy, { version }), catalog, target: { name, dialect: 'postgres' } }
}

/** Without a configuration, what it would have said can be given by itself. */
function configFor({ config, policy, catalog }: SourceOptions): Config {
  try {
    return loadConfig(config)
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'UNREADABLE') throw error
    const lacking = [
      policy === undefined ? ['--policy FILE'] : [],
      catalog === undefined ? ['--catalog FILE'] : [],
    ].flat()
    throw new CommandError(EXIT.misuse, `${error.message}, or give ${lacking.join(' and ')} in its place`)
  }
}

/** @throws {CommandError} masks or rules name what isn't in the schema. */
export function checkFit(policy: Policy, catalog: Catalog, target: string): void {
  const issues = checkMasks(policy, catalog, target)
  if (issues.length > 0)
    throw new CommandError(
      EXIT.misuse,
      `the policy does not fit the schema of target \`${target}\`\n${formatIssues(issues)}`,
    )
}

/** Reads a target's schema from its database. @throws {CommandError} */
export async function catalogOf(config: Config | null, name: string): Promise<Catalog> {
  const found = config?.targets.find(target => target.name === name)
  if (config === null || found === undefined)
    throw new CommandError(
      EXIT.misuse,
      `there is no target \`${name}\`; there are: ${config?.targets.map(target => target.name).join(', ') ?? 'none'}`,
    )
  const password = found.password === null ? null : readSecret(found.password, process.env)
  const { limits } = config
  const service = serveTarget({
    config: found,
    password,
    policy: () => NO_POLICY,
    limits,
    monotonic: () => performance.now(),
  })
  try {
    return await service.schema()
  } catch (error) {
    throw new CommandError(EXIT.misuse, `the schema of target \`${name}\` can't be read: ${problem(error)}`)
  }
}

/** @throws {CommandError} the file can't be read, or holds something else. */
export function loadSavedCatalog(file: string): Catalog {
  try {
    return readCatalog(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new CommandError(EXIT.misuse, `catalog \`${file}\` can't be read: ${messageOf(error)}`)
  }
}

/** The one target of a configuration. @throws {CommandError} there are more, or there is no configuration. */
export function soleTarget(config: Config | null): string {
  const [only, second] = config?.targets ?? []
  if (only !== undefined && second === undefined) return only.name
  throw new CommandError(EXIT.misuse, 'name the target with --target: rules and masks may be about one of them only')
}

/** The schema is asked for whatever any policy makes of it. */
const NO_POLICY: Policy = { version: 1, rules: [], masks: [], limits: [] }

const problem = (error: unknown): string =>
  error instanceof PolicyMisfit ? [error.message, formatIssues(error.issues)].join('\n') : messageOf(error)
