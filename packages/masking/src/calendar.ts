/** A day of the proleptic Gregorian calendar. Years are astronomical: 0 is 1 BC. */
export interface Day {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** PostgreSQL counts days from 2000-01-01, this many after 0000-03-01. */
const EPOCH_DAYS = 730_425
const ERA_DAYS = 146_097
const ERA_YEARS = 400

/** Days from 2000-01-01. The year is taken to begin in March, so that the leap day comes last. */
export function dayNumber({ year, month, day }: Day): number {
  const shifted = month > 2 ? year : year - 1
  const era = Math.floor(shifted / ERA_YEARS)
  const ofEra = shifted - era * ERA_YEARS
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * ERA_DAYS + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - EPOCH_DAYS
}

/** The day that many days from 2000-01-01. */
export function dayOf(number: number): Day {
  const shifted = number + EPOCH_DAYS
  const era = Math.floor(shifted / ERA_DAYS)
  const ofEra = shifted - era * ERA_DAYS
  const year = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const index = Math.floor((5 * ofYear + 2) / 153)
  const month = index < 10 ? index + 3 : index - 9
  return {
    year: era * ERA_YEARS + year + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * index + 2) / 5) + 1,
  }
}

/** Whether there is such a day. */
export function isDay(day: Day): boolean {
  if (day.month < 1 || day.month > 12 || day.day < 1) return false
  const back = dayOf(dayNumber(day))
  return back.month === day.month && back.day === day.day
}
