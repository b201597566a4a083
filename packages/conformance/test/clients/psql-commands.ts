/** psql's commands that look at the database, each with what it sends by itself. */
export const COMMANDS: readonly string[] = String.raw`
\d
\d customers
\d+ customers
\d orders
\d+ orders
\d+ events
\d+ events_2024
\d+ big_orders
\d+ totals
\d customers_pkey
\d+ customers_mood
\d shop.numbers
\d shop.pair
\d public.*
\dS
\dt
\dt+
\dt *.*
\di
\di+
\dv
\dv+
\dm
\dm+
\ds
\ds+
\dE
\dP
\dP+
\dPt
\dPi
\da
\dA
\dA+
\dAc
\dAf
\dAo
\dAp
\db
\db+
\dc
\dC
\dd
\dD
\dD+
\ddp
\des
\det
\dew
\df
\df+ shop.*
\dfn
\dft
\dfp
\dF
\dF+
\dFd
\dFp
\dFt
\dg
\dg+
\dl
\dL
\dL+
\dn
\dn+
\do
\dO
\dp
\z
\dRp
\dRp+
\dRs
\dT
\dT+ shop.*
\du
\du+
\dx
\dx+
\dX
\dy
\l
\l+
\sf shop.add
\sf+ shop.add
\sv big_orders
\sv+ big_orders
\conninfo
\encoding
\dtS pg_class
\d pg_class
\d+ pg_stats
\lo_list
\dS+ pg_type
\du reader
\dp customers
\do+ =
`
  .trim()
  .split('\n')

/**
 * Those that show more than the schema: settings by names from a table, settings of roles, options of servers and users.
 * They need a rule that allows `unknown`.
 */
export const TELLTALE_COMMANDS: readonly string[] = [
  '\\dconfig work_*',
  '\\des+',
  '\\deu',
  '\\deu+',
  '\\dew+',
  '\\drds',
  '\\dRs+',
]
