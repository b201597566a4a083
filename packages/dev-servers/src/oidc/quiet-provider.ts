import type { Provider } from 'oidc-provider'

type Log = (...words: unknown[]) => void

/**
 * Makes an oidc-provider, which warns on the console about what a development provider does on purpose (signing keys
 * in the configuration, memory storage, Node.js 20). Those lines are held back while it is made; all others pass.
 */
export function quietProvider(issuer: string, configuration: Readonly<Record<string, unknown>>): Promise<Provider> {
  const made = turn.then(() => makeQuietly(issuer, configuration))
  turn = made.then(noop, noop)
  return made
}

/** One at a time: each puts back the console that it found. */
let turn: Promise<void> = Promise.resolve()
const noop = (): void => undefined

async function makeQuietly(issuer: string, configuration: Readonly<Record<string, unknown>>): Promise<Provider> {
  const { info, warn } = globalThis.console
  const without =
    (log: Log): Log =>
    (...words) => {
      if (!String(words[0]).includes('oidc-provider ')) log(...words)
    }
  globalThis.console.info = without(info)
  globalThis.console.warn = without(warn)
  try {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, configuration)
  } finally {
    globalThis.console.info = info
    globalThis.console.warn = warn
  }
}
