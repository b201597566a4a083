import type { RecordedEvent } from '../format/event.ts'

/** A moment of a session: by the clock, or so long after its opening. Milliseconds. */
export type ReplayPoint =
  | { readonly kind: 'time'; readonly at: number }
  | { readonly kind: 'offset'; readonly ms: number }

export interface ReplayWindow {
  readonly from: ReplayPoint | null
  readonly until: ReplayPoint | null
}

/** The events of a part of a session. Its opening is always among them: without it nobody knows whose it is. */
export async function* eventsWithin(
  events: AsyncIterable<RecordedEvent>,
  { from, until }: ReplayWindow,
): AsyncGenerator<RecordedEvent, void, undefined> {
  let opened: number | null = null
  for await (const event of events) {
    if (event.kind === 'broken-off') {
      yield event
      continue
    }
    opened ??= event.monotonic
    const since = event.monotonic - opened
    const isBefore = (point: ReplayPoint): boolean => (point.kind === 'time' ? event.at < point.at : since < point.ms)
    if (until !== null && event.kind !== 'opened' && !isBefore(until)) return
    if (event.kind === 'opened' || from === null || !isBefore(from)) yield event
  }
}

/**
 * Reads a moment as people write it: an ISO 8601 time (UTC where it names no zone), or an offset from the opening such as
 * `90s`, `1m30s`, `2h` or `1500ms`. Null where it is neither.
 */
export function parseReplayPoint(text: string): ReplayPoint | null {
  const [whole, hours, minutes, seconds, ms] =
    /^\+?(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,8}(?:\.\d{1,6})?)s)?(?:(\d{1,12})ms)?$/.exec(text) ?? []
  if (whole !== undefined && /\d/.test(whole)) {
    const of = (part: string | undefined, unit: number): number => Number(part ?? 0) * unit
    return { kind: 'offset', ms: of(hours, 3_600_000) + of(minutes, 60_000) + of(seconds, 1_000) + of(ms, 1) }
  }
  const at = parseTime(text)
  return at === null ? null : { kind: 'time', at }
}

/** An ISO 8601 date or time as milliseconds since 1970; UTC where it names no zone. Null where it is none. */
export function parseTime(text: string): number | null {
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(text)
  if (found === null) return null
  const [, day, time = '00:00', zone = 'Z'] = found
  const at = Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(at) ? null : at
}
