// `npm run bench [-- --against BUNDLE]`: measures the start-up time, memory and CPU of the agent on a real systemd in
// namespaces; with `--against`, of another build too.
import { execFileSync } from 'node:child_process'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { cpuMs, median, rssAnonMb } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { type Build, builds } from './builds.ts'
import { crashesCounted, killRepeatedly } from './kill-repeatedly.ts'

const KILLS = 200
const STARTS = 5
const print = (what: string, value: string, goal = '') =>
  console.log(`${what.padEnd(75)} ${value.padStart(10)}  ${goal}`)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

await using systemd = await startSystemd()
for (let i = 1; i <= 12; i++) {
  const restart = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\n'
  systemd.writeUnit(`u${i}.service`, `${restart}ExecStart=/bin/sleep infinity\n`)
}
await systemd.daemonReload()
for (let i = 1; i <= 12; i++) await systemd.start(`u${i}.service`)
const services = Array.from({ length: 12 }, (_, i) => `u${i + 1}`)

await measureStart()
for (const build of builds) await measure(build)

async function measureStart() {
  const nodeMs: number[] = []
  const nodeCpuMs: number[] = []
  for (let i = 0; i < 5; i++) {
    const from = performance.now()
    const usage = execFileSync(process.execPath, ['-p', 'const { user, system } = process.cpuUsage(); user + system'])
    nodeMs.push(performance.now() - from)
    nodeCpuMs.push(Number(usage) / 1000)
  }
  print('`node -p 0`, median of 5, for comparison', `${median(nodeMs).toFixed(0)} ms`)
  print('  CPU of that', `${median(nodeCpuMs).toFixed(0)} ms`)
  const starts = builds.map((build) => ({ ...build, ms: [] as number[], cpuMs: [] as number[] }))
  for (let i = 0; i < STARTS; i++) {
    for (const { binary, ms, cpuMs: cpu } of starts) {
      const directory = temporaryDirectory()
      const { busAddress } = systemd
      const from = performance.now()
      const agent = await startGatewatch({ busAddress, services, directory, binary, pollReadyEveryMs: 3 })
      ms.push(performance.now() - from)
      cpu.push(cpuMs(agent.pid))
      await agent.end()
      removeDirectory(directory)
    }
  }
  for (const { name, ms, cpuMs: cpu } of starts) {
    print(`${name}: exec to /-/ready, median of ${STARTS}`, `${median(ms).toFixed(0)} ms`, 'goal: below 200 ms')
    print('  CPU of that', `${median(cpu).toFixed(0)} ms`)
  }
}

/** Idle, after scrapes, and while a unit is killed. */
async function measure({ name, binary }: Build) {
  console.log(`${name}:`)
  const directory = temporaryDirectory()
  const agent = await startGatewatch({ busAddress: systemd.busAddress, services, directory, binary })
  await sleep(5_000)
  print('RssAnon idle, 12 units', `${rssAnonMb(agent.pid).toFixed(1)} MB`, 'goal: below 14 MB')
  await sleep(20_000)
  const before = cpuMs(agent.pid)
  for (let i = 0; i < 300; i++) await agent.get('/metrics')
  print('CPU per scrape of 12 units, 300 scrapes', `${((cpuMs(agent.pid) - before) / 300).toFixed(2)} ms`)
  print('RssAnon after 300 scrapes', `${rssAnonMb(agent.pid).toFixed(1)} MB`)
  await measureKills(agent)
  print(`RssAnon after another ${KILLS} kills`, `${rssAnonMb(agent.pid).toFixed(1)} MB`)
  await agent.end()
  removeDirectory(directory)
}

async function measureKills(agent: Gatewatch) {
  const before = cpuMs(agent.pid)
  await killRepeatedly(systemd, 'u1.service', KILLS)
  await crashesCounted(agent, 'u1.service', KILLS)
  const perCycle = (cpuMs(agent.pid) - before) / KILLS
  print(`CPU per crash and restart, ${KILLS} kills`, `${perCycle.toFixed(2)} ms`, 'goal: below 2 ms')
}
