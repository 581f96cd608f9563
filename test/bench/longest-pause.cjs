// A probe loaded into the agent with `--require`: on SIGUSR2 it reports, since the previous SIGUSR2, the longest pause of
// the event loop and the most CPU time used between two turns. The difference is time in which a busy machine ran others.
const EVERY_MS = 5

let longestMs = 0
let mostCpuMs = 0
let atMs = performance.now()
let used = process.cpuUsage()

setInterval(() => {
  const { user, system } = process.cpuUsage(used)
  longestMs = Math.max(longestMs, performance.now() - atMs - EVERY_MS)
  mostCpuMs = Math.max(mostCpuMs, (user + system) / 1000)
  atMs = performance.now()
  used = process.cpuUsage()
}, EVERY_MS).unref()

process.on('SIGUSR2', () => {
  process.stderr.write(
    `longest pause: ${longestMs.toFixed(0)} ms; most CPU between two turns: ${mostCpuMs.toFixed(0)} ms\n`,
  )
  longestMs = 0
  mostCpuMs = 0
})
