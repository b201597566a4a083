import { build } from '../../tsup.base.ts'

export default build(
  { index: 'src/index.ts', main: 'src/main.ts' },
  {
    platform: 'node',
    // The demo's servers and drivers come with the project, not with the package; without them it says so.
    external: ['@querywarden/dev-servers', 'pg', 'pg-copy-streams'],
  },
)
