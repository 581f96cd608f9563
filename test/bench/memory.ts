// `npm run bench:memory [-- --against BUNDLE] [PART]`: PART is one of `idle` (RssAnon 30 s after the start, and after scrapes, with
// the environment of the unit; `--scrapes N`, `--every MS`), `retained` (what is over 50 KB on the heap), and `modules` (what
// Node's own modules cost that the bundle loads on first use).
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Gatewatch, removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { startMosquitto } from '../rig/mosquitto.ts'
import { median, rssAnonMb } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import { type Build, builds, everyMs, operands, scrapes } from './builds.ts'
import { retainedBytes } from './heap-snapshot.ts'

const IDLE_MS = 30_000
const MODULES = ['crypto', 'tls', 'https', 'zlib']
const UNITS = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)
const READ_USAGE = `
  const { user, system } = process.cpuUsage()
  const status = require('fs').readFileSync('/proc/self/status', 'utf8')
  JSON.stringify([(user + system) / 1000, Number(/RssAnon:\\s+(\\d+)/.exec(status)[1])])`
const [part = 'all'] = operands
const isWanted = (name: string) => part === 'all' || part === name
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What the unit sets: `Environment=A=1 B=2`. */
const unitFile = readFileSync(join(import.meta.dirname, '../../systemd/gatewatch.service'), 'utf8')
const words = /^Environment=(.*)$/m.exec(unitFile)?.[1]?.split(' ') ?? []
const env = Object.fromEntries(words.map((word) => word.split('=') as [string, string]))

await using systemd = await startSystemd()
for (const unit of UNITS) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
await systemd.daemonReload()
for (const unit of UNITS) await systemd.start(unit)
await using broker = await startMosquitto()
const directory = mkdtempSync(join(tmpdir(), 'gw-memory-'))
try {
  if (isWanted('idle')) await measureIdle()
  if (isWanted('retained')) await listRetained()
  if (isWanted('modules')) measureModules()
} finally {
  rmSync(directory, { recursive: true, force: true })
}

function start({ binary }: Build, mqtt: boolean, nodeArgs: readonly string[] = []): Promise<Gatewatch> {
  const args = mqtt ? ['--mqtt', broker.url] : []
  return startGatewatch({ busAddress: systemd.busAddress, services: UNITS, binary, args, env, nodeArgs })
}

/** All agents at the same time, so that they wait equally long. */
async function measureIdle(): Promise<void> {
  const variants = builds.flatMap((build) => [false, true].map((mqtt) => ({ build, mqtt })))
  const agents = await Promise.all(variants.map(({ build, mqtt }) => start(build, mqtt)))
  await sleep(IDLE_MS)
  const idle = agents.map(({ pid }) => rssAnonMb(pid))
  for (let i = 0; i < scrapes; i++) {
    for (const { url } of agents) await (await fetch(`${url}/metrics`)).text()
    await sleep(everyMs)
  }
  console.log(
    `| RssAnon, MB | after ${IDLE_MS / 1000} s | after ${scrapes} scrapes, one each ${everyMs} ms |\n|---|---|---|`,
  )
  for (const [i, { build, mqtt }] of variants.entries()) {
    const pid = agents[i]?.pid ?? 0
    const name = `${build.name}, ${mqtt ? 'with' : 'without'} MQTT`
    console.log(`| ${name} | ${idle[i]?.toFixed(1)} | ${rssAnonMb(pid).toFixed(1)} |`)
  }
  for (const agent of agents) {
    await agent.end()
    removeDirectory(agent.directory)
  }
}

async function listRetained(): Promise<void> {
  const [build] = builds
  if (build === undefined) return
  const [without, withMqtt] = [await retained(build, false), await retained(build, true)]
  console.log('| retained, KB | without MQTT | with MQTT |\n|---|---|---|')
  const kb = (bytes = 0) => (bytes / 1024).toFixed(0)
  const rows = [...withMqtt].filter(([, bytes]) => bytes >= 50 * 1024).sort(([, a], [, b]) => b - a)
  for (const [what, bytes] of rows) console.log(`| ${what} | ${kb(without.get(what))} | ${kb(bytes)} |`)
}

async function retained(build: Build, mqtt: boolean): Promise<ReadonlyMap<string, number>> {
  const to = mkdtempSync(join(directory, 'snapshot-'))
  const agent = await start(build, mqtt, ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${to}`])
  await sleep(IDLE_MS / 2)
  process.kill(agent.pid, 'SIGUSR2')
  await until(() => readdirSync(to).length, { what: 'the snapshot', timeoutMs: 60_000 })
  await agent.getJson('/api/v1/status') // it responds when the snapshot is complete
  await agent.end()
  removeDirectory(agent.directory)
  return retainedBytes(join(to, readdirSync(to)[0] ?? ''))
}

function measureModules(): void {
  console.log('| Node.js alone | CPU, ms | RssAnon, MB |\n|---|---|---|')
  const names = ['', ...MODULES]
  const measured = names.map((name) => ({ name, cpu: [] as number[], rss: [] as number[] }))
  for (let round = 0; round < 11; round++) {
    for (const { name, cpu, rss } of measured) {
      const load = name === '' ? '' : `require('${name}');`
      const [ms, kb] = JSON.parse(execFileSync(process.execPath, ['-p', `${load}${READ_USAGE}`], { encoding: 'utf8' }))
      cpu.push(ms)
      rss.push(kb / 1024)
    }
  }
  for (const { name, cpu, rss } of measured)
    console.log(`| ${name || 'nothing loaded'} | ${median(cpu).toFixed(0)} | ${median(rss).toFixed(1)} |`)
}
