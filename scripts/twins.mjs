// npm run twins [-- options]: statements against two databases that differ only under the masks. --help says more.
import { bootstrap } from './bootstrap.mjs'
import { harness } from './harness.mjs'
import { harnessOptions } from './harness-options.mjs'

const USAGE = `npm run twins -- [options]

Makes pairs of databases that differ only in what their masks hide, sends the same statements to both through the gateway,
and compares all bytes that come back. Some of the statements run past the gateway, too, where they must tell the two apart.
What does so through the gateway is made small and printed, with what either side said.

  --minutes N     stop after so long; 5 unless given. The time is shared by majors
  --major LIST    of 15, 16, 17, 18; 15,18 unless given
  --seed S        the same schemas and statements again: 0 to 4294967295; else at random, and printed
  --out DIR       where findings are written; twins-findings unless given
  --help          this

Ends with 0 where nothing was found, with 1 where something was, and with 2 for options that make no sense.`

const { shared } = harnessOptions({ usage: USAGE, out: 'twins-findings', more: {} })
console.log(`Seed ${shared.seed}`)
bootstrap()
const { runTwins } = await harness('twins')
const found = await runTwins({ ...shared, print: line => console.log(line) })
console.log(found === 0 ? 'The same bytes.' : `${found} found.`)
process.exit(found === 0 ? 0 : 1)
