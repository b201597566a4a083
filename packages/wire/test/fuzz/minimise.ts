import type { Finding } from './fuzz.ts'
import { type Trial, tryLaws } from './laws.ts'
import type { Subject } from './subject.ts'

const TRIES_MAX = 5000
const ignore = (): void => undefined

/** The smallest trial found that breaks the same law: no cuts, one frame, few bytes, where that will do. */
export function minimise(subject: Subject, { broken, trial }: Finding): Finding {
  let best = trial
  let detail = broken.detail
  let tries = 0
  const holdsOn = (candidate: Trial): boolean => {
    if (tries++ > TRIES_MAX) return false
    const found = tryLaws(subject, candidate, ignore)
    if (found?.law !== broken.law) return false
    best = candidate
    detail = found.detail
    return true
  }
  holdsOn({ ...best, cuts: [] })
  for (let size = 0; size !== best.bytes.length; ) {
    size = best.bytes.length
    for (let span = size; span >= 1; span = Math.floor(span / 2)) shrink(span, () => best, holdsOn)
  }
  for (let at = 0; at < best.bytes.length; at++) {
    const plain = best.bytes.slice()
    plain[at] = 0x61
    if (best.bytes[at] !== 0x61) holdsOn({ ...best, bytes: plain })
  }
  return { broken: { law: broken.law, detail }, trial: best }
}

/** Takes out runs of `span` bytes, with the first length as it is or made to fit what is left. */
function shrink(span: number, best: () => Trial, holdsOn: (candidate: Trial) => boolean): void {
  for (let at = 0; at + span <= best().bytes.length; ) {
    const { bytes, cuts, sound } = best()
    const shorter = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + span)])
    const candidate = {
      ...best(),
      bytes: shorter,
      cuts: cuts.map(cut => Math.min(cut > at ? Math.max(at, cut - span) : cut, shorter.length)),
      // What has to be accepted was made whole: only whole frames can be taken out of that.
      sound: new Set(
        [...sound].filter(start => start < at || start >= at + span).map(start => (start < at ? start : start - span)),
      ),
    }
    if (!holdsOn(candidate) && !holdsOn(withLength(candidate))) at += span
  }
}

/** The same with a first length that covers all, so that a shorter body is still one message. */
function withLength(trial: Trial): Trial {
  const lengthAt = trial.kind === 'startup' ? 0 : 1
  const bytes = trial.bytes.slice()
  if (bytes.length >= lengthAt + 4) new DataView(bytes.buffer).setUint32(lengthAt, bytes.length - lengthAt)
  return { ...trial, bytes }
}
