import pc from 'picocolors'

/** Whether what is printed is painted: on a terminal that has colours, for a person who wants them (`NO_COLOR`). */
export const isPainted: boolean = process.stdout.isTTY === true && pc.isColorSupported

/** Colours, on a terminal that has them and for a person who wants them; else plain text. */
export const paint: ReturnType<typeof pc.createColors> = pc.createColors(isPainted)
