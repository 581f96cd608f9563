// Loaded into the agent by `--require`: answers SIGUSR2 on stderr with the longest time, since the last one, in which its
// event loop did not turn, and with the most CPU that it took between two turns: the rest is what a busy machine withheld.
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
