import type { Trial } from './laws.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A trial as a text to keep: what `readTrial` reads, and hex that can go into the corpus as it is. */
export function trialText({ kind, bytes, cuts, frameBytesMax, sound }: Trial, remarks: readonly string[]): string {
  return [
    ...remarks.map(remark => `# ${remark}`),
    `kind ${kind}`,
    `cuts ${cuts.join(',')}`,
    `frameBytesMax ${frameBytesMax}`,
    `sound ${[...sound].join(',')}`,
    `bytes ${hex(bytes)}`,
    '',
  ].join('\n')
}

/**
 * Reads a trial back.
 *
 * @throws Error for a text that isn't one
 */
export function readTrial(text: string): Trial {
  const lines = new Map(
    text
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)] as const),
  )
  const kind = lines.get('kind')
  const bytes = lines.get('bytes')
  if ((kind !== 'frontend' && kind !== 'backend' && kind !== 'startup') || bytes === undefined) {
    throw new Error('not a trial: expected the lines `kind frontend|backend|startup` and `bytes HEX`')
  }
  const numbers = (name: string): number[] => (lines.get(name) ?? '').split(',').filter(Boolean).map(Number)
  return {
    kind,
    bytes: Uint8Array.from(Buffer.from(bytes, 'hex')),
    cuts: numbers('cuts'),
    frameBytesMax: Number(lines.get('frameBytesMax') ?? 1 << 22),
    sound: new Set(numbers('sound')),
  }
}
