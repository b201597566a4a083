import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { addCheckpoint, type WitnessState, witnessKeyText } from './add-checkpoint.ts'

/**
 * How it behaves: as it should; answering 503; never answering; or doing what is asked, and hanging up before it says so.
 */
export type WitnessMode = 'serve' | 'fail' | 'hang' | 'lose'

export interface WitnessOptions {
  /** Verifier keys of the logs that it knows: each speaks for the origins that begin with its name and a slash. */
  readonly logKeys: readonly string[]
  /** Default `witness.example.com/w1`. */
  readonly name?: string
}

/** A running witness (c2sp.org/tlog-witness) on loopback HTTP. It verifies what it cosigns, and keeps its account in memory. */
export interface WitnessServer {
  /** The submission prefix. */
  readonly url: string
  /** What its cosignatures are verified by. */
  readonly verifierKey: string
  /** The size that it cosigned last of a log, by its origin; 0 where it never did. */
  sizeOf(origin: string): number
  readonly requests: () => number
  mode(mode: WitnessMode): void
  stop(): Promise<void>
}

/**
 * Starts a witness.
 *
 * @example
 * const witness = await startWitness({ logKeys: [signer.verifierKey] })
 */
export async function startWitness(options: WitnessOptions): Promise<WitnessServer> {
  const { name = 'witness.example.com/w1', logKeys } = options
  const key = generateKeyPairSync('ed25519').privateKey
  const state: WitnessState = { name, key, logKeys, logs: new Map(), now: () => Math.floor(Date.now() / 1_000) }
  let mode: WitnessMode = 'serve'
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    void answer(request, response, { state, mode: () => mode })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    verifierKey: witnessKeyText(name, key),
    sizeOf: origin => state.logs.get(origin)?.size ?? 0,
    requests: () => requests,
    mode: next => {
      mode = next
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  witness: { readonly state: WitnessState; readonly mode: () => WitnessMode },
): Promise<void> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  const mode = witness.mode()
  if (mode === 'hang') return
  if (mode === 'fail') return void response.writeHead(503).end()
  if (request.method !== 'POST' || request.url !== '/add-checkpoint') return void response.writeHead(404).end()
  const { status, type, body } = addCheckpoint(Buffer.concat(chunks).toString('utf8'), witness.state)
  if (mode === 'lose') return void response.destroy()
  response.writeHead(status, { 'content-type': type }).end(body)
}
