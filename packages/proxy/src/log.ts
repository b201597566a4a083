import { type DestinationStream, pino } from 'pino'

export type Log = ReturnType<typeof pino>

/** Structured logs. What could hold a secret is never handed to it; these names are a second net. */
export const openLog = (level: string, destination?: DestinationStream): Log =>
  pino(
    {
      level,
      base: null,
      redact: {
        paths: ['token', 'password', 'authorization', '*.token', '*.password', '*.authorization'],
        remove: true,
      },
    },
    ...(destination === undefined ? [] : [destination]),
  )
