import { build } from '../../tsup.base.ts'

export default build({ index: 'src/index.ts', main: 'src/main.ts' }, { platform: 'node' })
