import { build } from '../../tsup.base.ts'

export default build({ 'postgres/index': 'src/postgres/index.ts' }, { platform: 'node' })
