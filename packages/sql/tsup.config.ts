import { build } from '../../tsup.base.ts'

export default build(
  {
    'postgres/index': 'src/postgres/index.ts',
    // What a thread runs: started as a file, by its place beside the one that starts it.
    'postgres/reading-thread': 'src/postgres/threads/reading-thread.ts',
  },
  { platform: 'node' },
)
