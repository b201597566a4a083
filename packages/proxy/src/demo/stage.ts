import pc from 'picocolors'

/** The demo's voice: what happens, what was sent, what came back. */
export interface Stage {
  readonly step: (title: string) => void
  readonly say: (line: string) => void
  readonly sent: (sql: string) => void
  readonly got: (lines: readonly string[]) => void
  readonly refused: (line: string) => void
  readonly progress: (line: string) => void
}

export function openStage(write: (line: string) => void): Stage {
  let steps = 0
  const indent = (line: string): string => `      ${line}`
  return {
    step: title => write(`\n${pc.bold(pc.cyan(`${++steps}. ${title}`))}`),
    say: line => write(line === '' ? '' : `   ${line}`),
    sent: sql => write(`   ${pc.dim('sql>')} ${pc.bold(sql)}`),
    got: lines => {
      for (const line of lines) write(pc.green(indent(line)))
    },
    refused: line => write(pc.yellow(indent(line))),
    progress: line => write(pc.dim(line)),
  }
}
