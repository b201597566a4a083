import { isIPv6 } from 'node:net'

/** Gives an attempt back: it was none that counts. Calling it again changes nothing. */
export type Forgive = () => void

/** Addresses remembered at once, some 200 bytes each. */
const ADDRESSES_MAX = 10_000
const MINUTE_MS = 60_000

interface Bucket {
  left: number
  atMs: number
}

/**
 * Attempts that each address has left: so many at once, and as many again over a minute. With more addresses than are
 * remembered the longest known are forgotten first, so memory stays bounded and nobody new is shut out (threats F29).
 */
export class Attempts {
  readonly #perMinute: () => number
  readonly #monotonic: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor({ perMinute, monotonic }: { readonly perMinute: () => number; readonly monotonic: () => number }) {
    this.#perMinute = perMinute
    this.#monotonic = monotonic
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Takes one, or gives null where none is left. */
  take(address: string): Forgive | null {
    const bucket = this.#bucketOf(networkOf(address))
    if (bucket.left < 1) return null
    bucket.left -= 1
    let isForgiven = false
    return () => {
      if (!isForgiven) bucket.left = Math.min(this.#perMinute(), bucket.left + 1)
      isForgiven = true
    }
  }

  #bucketOf(network: string): Bucket {
    const nowMs = this.#monotonic()
    const known = this.#buckets.get(network)
    const bucket = known ?? { left: this.#perMinute(), atMs: nowMs }
    bucket.left = this.#leftAt(bucket, nowMs)
    bucket.atMs = nowMs
    // Put last again, so that those who come first are those that were seen longest ago.
    this.#buckets.delete(network)
    if (this.#buckets.size >= ADDRESSES_MAX) this.#forget(nowMs)
    this.#buckets.set(network, bucket)
    return bucket
  }

  #leftAt({ left, atMs }: Bucket, nowMs: number): number {
    const perMinute = this.#perMinute()
    return Math.min(perMinute, left + ((nowMs - atMs) * perMinute) / MINUTE_MS)
  }

  /** Those at the front that have all their attempts again, and one in any case. */
  #forget(nowMs: number): void {
    let forgotten = 0
    for (const [network, bucket] of this.#buckets) {
      if (forgotten > 0 && this.#leftAt(bucket, nowMs) < this.#perMinute()) return
      this.#buckets.delete(network)
      forgotten += 1
    }
  }
}

/**
 * Who is behind an address: of IPv6 the /56, since a site is given at least that much (RFC 6177, 2) and has all of its
 * addresses at no cost; of IPv4 the address itself.
 */
export function networkOf(address: string): string {
  const [plain = ''] = address.toLowerCase().split('%')
  const mapped = /^::ffff:([0-9.]+)$/.exec(plain)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array<string>(Math.max(0, zeros)).fill('0'), ...after]
  return groups
    .slice(0, 4)
    .map((group, i) => (Number.parseInt(group, 16) & (i === 3 ? 0xff00 : 0xffff)).toString(16))
    .join(':')
}
