export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** How much to log. */
export type LogLevel = (typeof LOG_LEVELS)[number] | 'silent'
