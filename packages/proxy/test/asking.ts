import { encodeClose, SYNC } from '@querywarden/wire/postgres'
import type { RawClient } from './raw-client.ts'

/** Sends messages with a Sync behind them, and gives the answers. */
export async function sendTo(client: RawClient, messages: readonly Uint8Array[]): Promise<string[]> {
  client.send(...messages, SYNC)
  return client.until('Z')
}

/** Sends one simple query after another, and gives all answers. */
export async function askAll(client: RawClient, texts: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  for (const text of texts) lines.push(...(await client.query(text)))
  return lines
}

export const rowsOf = (lines: readonly string[]): readonly string[] => lines.filter(line => line.startsWith('D'))

/** The SQLSTATE of the first error. */
export const errorOf = (lines: readonly string[]): string =>
  lines.find(line => line.startsWith('E'))?.slice(8, 13) ?? 'none'

export const closePortal = (name: string): Uint8Array => encodeClose({ kind: 'portal', name })
export const closeStatement = (name: string): Uint8Array => encodeClose({ kind: 'statement', name })
