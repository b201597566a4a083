import { join } from 'node:path'
import { type Gateway, openLog, parseConfig, startGateway } from '@querywarden/proxy'
import type { Login } from './attacks/raw-connection.ts'

/** A gateway for one agent, who logs in by the names of its targets. */
export interface AgentGateway {
  readonly gateway: Gateway
  readonly login: (target: string) => Login
}

export interface AgentGatewayOptions {
  /** Where it may write. Its own. */
  readonly dir: string
  /** The policy's file. */
  readonly policy: string
  /** By their names: databases, each under one of its accounts. */
  readonly targets: Readonly<Record<string, Login>>
  /** How long clients may go on after `stop`, in milliseconds; what the gateway does by itself where absent. */
  readonly drainMsMax?: number
}

const TOKEN = 'a token of the agent, long enough'

/**
 * Starts a gateway before some databases. Its limits on time are such that a busy machine is no reason for another answer.
 *
 * @throws Error as `startGateway` does: the policy makes no sense, say.
 * @example
 * const { gateway, login } = await startAgentGateway({ dir, policy: join(dir, 'policy.yaml'), targets: { app } })
 * await new RawConnection(gateway.postgres).login(login('app'))
 */
export async function startAgentGateway(options: AgentGatewayOptions): Promise<AgentGateway> {
  const { dir, targets, drainMsMax } = options
  const config = parseConfig(configuration(options), join(dir, 'querywarden.yaml'))
  const limits = {
    ...config.limits,
    lagMsMax: 60_000,
    readMsMax: 500,
    ...(drainMsMax === undefined ? {} : { drainMsMax }),
  }
  const passwords = Object.values(targets).map(({ password }, at) => [passwordOf(at), password])
  const env = { TOKEN, ...Object.fromEntries(passwords) }
  const gateway = await startGateway({ ...config, limits }, { env, log: openLog('silent') })
  return {
    gateway,
    login: database => ({ ...gateway.postgres, user: 'agent', password: TOKEN, database }),
  }
}

const passwordOf = (at: number): string => `PASSWORD_${at}`

const configuration = ({ policy, targets }: AgentGatewayOptions): string => `
listen:
  postgres: { address: '127.0.0.1:0' }
  admin: { address: '127.0.0.1:0' }
identity:
  - kind: static
    tokens:
      - { token: { env: TOKEN }, subject: agent, groups: [ai-agents] }
targets:
${Object.entries(targets)
  .map(
    ([name, { user, host, port, database }], at) => `  ${name}:
    dialect: postgres
    url: postgres://${user}@${host}:${port}/${database}?sslmode=disable
    password: { env: ${passwordOf(at)} }`,
  )
  .join('\n')}
policy: ${JSON.stringify(policy)}
recording: { dir: ./recordings }
`
