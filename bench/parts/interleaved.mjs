// Times of several things that take turns, so that what else the machine does hits them alike.

/**
 * The median time of each run, in microseconds: processor time, all threads of the process taken together, since what else
 * the machine does takes the processor away for longer than most runs take. A run that is over in some microseconds should
 * be called several times a turn (`times`); the first call of a turn, which finds its caches cold, isn't counted.
 */
export function medians(runs, { rounds, warmUpMs }) {
  const names = Object.keys(runs)
  for (const name of names) {
    const start = performance.now()
    while (performance.now() - start < warmUpMs) runs[name].run()
  }
  const taken = new Map(names.map(name => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const { run, times = 1 } = runs[name]
      run()
      const before = process.cpuUsage()
      for (let call = 0; call < times; call++) run()
      const { user, system } = process.cpuUsage(before)
      taken.get(name).push((user + system) / times)
    }
  }
  return Object.fromEntries(names.map(name => [name, median(taken.get(name))]))
}

const median = values => [...values].sort((a, b) => a - b)[values.length >> 1]
