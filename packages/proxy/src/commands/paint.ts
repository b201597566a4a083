import pc from 'picocolors'

/** Colours, on a terminal that has them and for a person who wants them; else plain text. */
export const paint: ReturnType<typeof pc.createColors> = pc.createColors(
  process.stdout.isTTY === true && pc.isColorSupported,
)
