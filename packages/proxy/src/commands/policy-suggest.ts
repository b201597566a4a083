import {
  type Catalog,
  type CatalogRelation,
  compilePolicy,
  maskName,
  type Policy,
  type Principal,
  type Standing,
} from '@querywarden/policy-core'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { readSecret } from '../config/secrets.ts'
import { withAuthority } from '../config/tls-files.ts'
import { openPolicy } from '../open-policy.ts'
import { runOwnQuery } from '../postgres/catalog-query.ts'
import { logInUpstream } from '../postgres/upstream-login.ts'
import { patternOf, proposalLines } from '../suggest/proposal-yaml.ts'
import { type Proposal, proposeMasks } from '../suggest/propose-masks.ts'
import { type Samples, sampleColumns } from '../suggest/sample-columns.ts'
import { CommandError, EXIT } from './exit.ts'
import { catalogOf, loadSavedCatalog, soleTarget } from './policy-source.ts'
import { messageOf, show, type Terminal } from './terminal.ts'

export interface SuggestOptions {
  readonly config: string
  readonly policy?: string
  readonly catalog?: string
  readonly target?: string
  /** Rows of each table that detectors look into; 0: none are read. */
  readonly sample: number
}

/**
 * Proposes masks for a target's columns, for a person to accept. Ends with a finding where there is one that no mask of the
 * policy covers and that is more than a guess.
 */
export async function policySuggest(terminal: Terminal, options: SuggestOptions): Promise<number> {
  const needsConfig = options.catalog === undefined || options.policy === undefined || options.sample > 0
  const config = needsConfig ? readConfig(options) : null
  const target = options.target ?? soleTarget(config)
  const catalog = options.catalog === undefined ? await catalogOf(config, target) : loadSavedCatalog(options.catalog)
  const file = options.policy ?? config?.policyFile
  const policy = file === undefined ? null : openPolicy(file).policy
  const masked = maskedBy(policy, target)
  const samples = options.sample > 0 ? await samplesOf(config, target, catalog, options.sample) : NO_SAMPLES

  const all = proposeMasks(catalog, (relation, column) => samples.of(relation, column.name))
  const covered = all.filter(({ column }) => masked(catalog, column))
  const open = all.filter(proposal => !covered.includes(proposal))
  show(
    terminal,
    {
      target,
      proposals: open.map(dataOf),
      masked: covered.map(({ column }) => patternOf(column)),
      unread: samples.unread,
    },
    () => [
      ...(open.length === 0
        ? []
        : [policy !== null && policy.masks.length > 0 ? '# below masks:' : 'masks:', ...proposalLines(open)]),
      ...covered.map(({ column }) => `# masked already: ${patternOf(column)}`),
      ...samples.unread.map(name => `# could not be sampled: ${name}`),
      `# ${open.length} proposed, ${covered.length} masked already`,
    ],
  )
  return open.some(({ certainty }) => certainty !== 'low') ? EXIT.finding : EXIT.ok
}

const dataOf = ({ column, type, mask, certainty, reasons }: Proposal) => ({
  column: patternOf(column),
  type,
  mask: maskName(mask),
  certainty,
  reasons,
})

/** A policy and a saved schema can be given in place of all that is asked of a configuration. */
function readConfig({ config, catalog, sample }: SuggestOptions): Config | null {
  try {
    return loadConfig(config)
  } catch (error) {
    if (catalog !== undefined && sample === 0) return null
    throw error
  }
}

const NO_SAMPLES: Samples = { of: () => null, unread: [] }

/** Whether any mask of a policy is on a column, whomever it is for. */
function maskedBy(policy: Policy | null, target: string): (catalog: Catalog, column: Proposal['column']) => boolean {
  if (policy === null) return () => false
  const forAll = { ...policy, masks: policy.masks.map(mask => ({ ...mask, who: null, unless: null })) }
  const standing: Standing = compilePolicy(forAll, { version: '' }).for(
    NOBODY,
    { name: target, dialect: 'postgres' },
    0,
  )
  return ({ relations }, { schema, name, column }) => {
    const relation: CatalogRelation | undefined = [...relations.values()].find(
      known => known.schema === schema && known.name === name,
    )
    return relation !== undefined && standing.maskedColumns(relation).some(each => each.column.name === column)
  }
}

const NOBODY: Principal = {
  issuer: 'nowhere',
  subject: 'nobody',
  groups: [],
  actor: null,
  expiresAt: Number.POSITIVE_INFINITY,
  credentialDigest: null,
  claims: [],
}

async function samplesOf(config: Config | null, name: string, catalog: Catalog, rows: number): Promise<Samples> {
  const found = config?.targets.find(target => target.name === name)
  if (config === null || found === undefined)
    throw new CommandError(EXIT.misuse, `there is no target \`${name}\` to sample from`)
  const password = found.password === null ? null : readSecret(found.password, process.env)
  const { frameBytesMax, loginMsMax } = config.limits
  const reached = { ...found, tls: withAuthority(found.tls, name) }
  try {
    const upstream = await logInUpstream(reached, password, new Map(), { frameBytesMax, timeoutMs: loginMsMax })
    try {
      return await sampleColumns(catalog, rows, text => runOwnQuery(upstream, text))
    } finally {
      upstream.link.end()
    }
  } catch (error) {
    throw new CommandError(EXIT.misuse, `target \`${name}\` can't be sampled: ${messageOf(error)}`)
  }
}
