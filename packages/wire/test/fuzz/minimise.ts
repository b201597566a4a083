import type { Finding } from './fuzz.ts'
import { type Trial, tryLaws } from './laws.ts'
import type { Subject } from './subject.ts'

const TRIES_MAX = 5000
const ignore = (): void => undefined

/** The smallest trial found that breaks the same law: few cuts, few frames, few and plain bytes, where that will do. */
export function minimise(subject: Subject, { broken, trial }: Finding): Finding {
  let best = trial
  let detail = broken.detail
  let tries = 0
  const isBroken = (candidate: Trial): boolean => {
    if (tries++ > TRIES_MAX) return false
    const found = tryLaws(subject, candidate, ignore)
    if (found?.law !== broken.law) return false
    best = candidate
    detail = found.detail
    return true
  }
  isBroken({ ...best, cuts: [] })
  for (let size = -1; size !== best.bytes.length; ) {
    size = best.bytes.length
    dropFrames(() => best, isBroken)
    dropBytes(() => best, isBroken)
    dropCuts(() => best, isBroken)
  }
  for (let at = 0; at < best.bytes.length; at++) {
    const plain = best.bytes.slice()
    plain[at] = 0x61
    if (best.bytes[at] !== 0x61) isBroken({ ...best, bytes: plain })
  }
  return { broken: { law: broken.law, detail }, trial: best }
}

type Try = (candidate: Trial) => boolean

function dropFrames(best: () => Trial, isBroken: Try): void {
  for (let i = 0; i < unitsOf(best()).length; ) {
    const [start, end] = unitsOf(best())[i] ?? [0, 0]
    if (!isBroken(without(best(), start, end))) i += 1
  }
}

/** Takes runs of bytes out of each frame, and has its length say what is left; or, if that won't do, leaves the length. */
function dropBytes(best: () => Trial, isBroken: Try): void {
  const headerBytes = best().kind === 'startup' ? 4 : 5
  for (let i = 0; i < unitsOf(best()).length; i++) {
    const [start, end] = unitsOf(best())[i] ?? [0, 0]
    for (let span = end - start; span >= 1; span = Math.floor(span / 2)) {
      for (let at = start; at + span <= (unitsOf(best())[i]?.[1] ?? 0); ) {
        const shorter = without(best(), at, at + span)
        // What was made sound is no longer what was made.
        const candidate = { ...shorter, sound: new Set([...shorter.sound].filter(each => each !== start)) }
        const hasHeader = at >= start + headerBytes
        const mended = hasHeader ? withLength(candidate, start, end - span) : candidate
        if (!isBroken(mended) && !isBroken(candidate)) at += span
      }
    }
  }
}

function dropCuts(best: () => Trial, isBroken: Try): void {
  for (let i = 0; i < best().cuts.length; ) {
    if (!isBroken({ ...best(), cuts: best().cuts.toSpliced(i, 1) })) i += 1
  }
}

/** Where frames start and end by their own lengths; what is none is the last. */
function unitsOf({ kind, bytes }: Trial): (readonly [start: number, end: number])[] {
  const lengthAt = kind === 'startup' ? 0 : 1
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const units: (readonly [number, number])[] = []
  let at = 0
  while (at + lengthAt + 4 <= bytes.length) {
    const end = at + lengthAt + view.getUint32(at + lengthAt)
    if (end > bytes.length || end < at + lengthAt + 4) break
    units.push([at, end])
    at = end
    if (kind === 'startup') break
  }
  if (at < bytes.length) units.push([at, bytes.length])
  return units
}

/** A trial without the bytes from `start` to `end`. */
function without(trial: Trial, start: number, end: number): Trial {
  const moved = (place: number): number => (place >= end ? place - (end - start) : Math.min(place, start))
  return {
    ...trial,
    bytes: Uint8Array.from([...trial.bytes.subarray(0, start), ...trial.bytes.subarray(end)]),
    cuts: [...new Set(trial.cuts.map(moved))],
    sound: new Set([...trial.sound].filter(each => each < start || each >= end).map(moved)),
  }
}

function withLength(trial: Trial, start: number, end: number): Trial {
  const lengthAt = trial.kind === 'startup' ? start : start + 1
  const bytes = trial.bytes.slice()
  new DataView(bytes.buffer).setUint32(lengthAt, end - lengthAt)
  return { ...trial, bytes }
}
