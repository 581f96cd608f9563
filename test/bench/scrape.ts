// `npm run bench:scrape [-- UNITS...] [--against BUNDLE]`: compares the cost of a scrape with that of node_exporter's systemd
// collector, or, with `--against`, with that of another build of the agent; both are scraped alternately on the same systemd.
// CPU is the time of each thread as counted by the kernel (schedstat), for the exporter, for systemd and for the bus daemon.
import { type ChildProcess, spawn } from 'node:child_process'
import { SHARED_MS } from '../../src/metrics/shared-scrape.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { fineCpuMs, median, pidOutside, rssAnonMb } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import { type Build, builds, operands } from './builds.ts'
import { longestPause, WITH_PROBE } from './longest-pause.ts'

/** Numbers of units; `npm run bench:scrape -- 12` measures only the given ones. */
const UNITS = operands.length > 0 ? operands.map(Number) : [12, 200, 1000]
const SCRAPES = 60
/** What a gateway pays for are scrapes far apart: caches are cold by then. */
const COLD_SCRAPES = 20
const COLD_EVERY_MS = 2_000
const WARM_UP = 200
/** As many scrapes as Prometheus takes in half a day: memory is read before the first and after the last. */
const SCRAPES_FOR_MEMORY = 3000
/** A third is enough for many units, where node_exporter takes seconds for each scrape. */
const scrapesOf = (units: number) => (units > 200 ? SCRAPES / 3 : SCRAPES)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Exporter {
  readonly name: string
  readonly url: string
  readonly pid: number
}

await using systemd = await startSystemd()
const bus = pidOutside(systemd.pid, Number((await systemd.show('dbus.service', 'MainPID'))['MainPID']))
console.log(
  `CPU per scrape in ms, medians of alternating scrapes: ${COLD_SCRAPES} cold ones, and ${SCRAPES} after ${WARM_UP} to warm up`,
)
const row = (units: number, name: string, ...cells: readonly (string | number)[]) =>
  console.log([String(units).padStart(6), name.padEnd(15), ...cells.map((cell) => String(cell).padStart(9))].join(' '))
console.log(`${' '.repeat(22)} ${['itself', 'systemd', 'bus', 'bytes', 'series'].map((s) => s.padStart(9)).join(' ')}`)

let written = 0
for (const count of UNITS) {
  for (; written < count; written += 1)
    systemd.writeUnit(`u${written}.service`, '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  for (let from = 0; from < count; from += 50) {
    const some = Array.from({ length: Math.min(50, count - from) }, (_, i) => `u${from + i}.service`)
    await systemd.systemctl('start', ...some)
  }
  await compare(count)
}

interface Measured extends Exporter {
  readonly agent: Gatewatch
}

async function compare(count: number): Promise<void> {
  const agents: Measured[] = []
  const other = builds.length === 1 ? await nodeExporter() : null
  try {
    for (const build of builds) agents.push(await startWatching(build, count))
    await sleep(5_000)
    for (const exporter of agents) await firstScrape(exporter, count)
    const exporters = other === null ? agents : [...agents, other]
    await alternate(exporters, count, COLD_SCRAPES, COLD_EVERY_MS)
    for (let i = 0; i < WARM_UP / (count > 100 ? 4 : 1); i += 1) await scrapeEach(agents)
    await alternate(exporters, count, scrapesOf(count), 0)
    for (const { name, agent } of agents) row(count, name, `of all scrapes so far: ${await longestPause(agent)}`)
    if (count === 12) await memoryAfterMany(agents, count)
  } finally {
    other?.child.kill('SIGKILL')
    for (const { agent } of agents) {
      await agent.end()
      removeDirectory(agent.directory)
    }
  }
}

/** Ready, all units known, and not scraped yet. */
async function startWatching({ name, binary }: Build, count: number): Promise<Measured> {
  const directory = temporaryDirectory()
  const { busAddress } = systemd
  const services = ['u*.service']
  const agent = await startGatewatch({ busAddress, directory, services, binary, nodeArgs: WITH_PROBE }, false)
  await until(() => agent.getJson('/api/v1/units'), {
    what: 'the units',
    is: ({ units }) => (units as readonly { running: boolean }[]).filter(({ running }) => running).length === count,
    timeoutMs: 120_000,
  })
  return { name, url: `${agent.url}/metrics`, pid: agent.pid, agent }
}

async function firstScrape({ name, url, pid, agent }: Measured, count: number): Promise<void> {
  await longestPause(agent) // discards the start-up
  const idle = rssAnonMb(pid)
  const cpu = fineCpuMs(pid)
  const from = performance.now()
  await (await fetch(url)).text()
  const took = performance.now() - from
  await sleep(20)
  const used = fineCpuMs(pid) - cpu
  const pause = await longestPause(agent)
  row(
    count,
    name,
    `first scrape: ${took.toFixed(1)} ms, CPU ${used.toFixed(1)} ms; ${pause}; RssAnon before: ${idle.toFixed(1)} MB`,
  )
}

/** Scrapes that are not shared with the previous ones. */
async function scrapeEach(exporters: readonly Exporter[]): Promise<void> {
  for (const { url } of exporters) await (await fetch(url)).text()
  await sleep(SHARED_MS)
}

/** `apartMs`: the pause before each scrape; 0 for one after the other. */
async function alternate(exporters: readonly Exporter[], count: number, times: number, apartMs: number): Promise<void> {
  const costs = new Map(exporters.map(({ name }) => [name, [] as [number, number, number][]]))
  const bodies = new Map<string, string>()
  for (let i = 0; i < times; i += 1) {
    for (const { name, url, pid } of exporters) {
      await sleep(apartMs / exporters.length)
      const before = [fineCpuMs(pid), fineCpuMs(systemd.pid), fineCpuMs(bus)] as const
      bodies.set(name, await (await fetch(url)).text())
      await sleep(20) // includes work that follows the response
      costs
        .get(name)
        ?.push([fineCpuMs(pid) - before[0], fineCpuMs(systemd.pid) - before[1], fineCpuMs(bus) - before[2]])
    }
    await sleep(SHARED_MS)
  }
  const own = (name: string) => median((costs.get(name) ?? []).map(([cost]) => cost))
  for (const { name } of exporters) {
    const of = (i: 0 | 1 | 2) => median((costs.get(name) ?? []).map((cost) => cost[i])).toFixed(2)
    const body = bodies.get(name) ?? ''
    const series = body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
    const how = apartMs > 0 ? `cold, ${apartMs / 1000} s apart` : 'warm'
    row(count, name, of(0), of(1), of(2), body.length, series, `${(own('gatewatch') / own(name)).toFixed(2)} x, ${how}`)
  }
}

async function memoryAfterMany(agents: readonly Measured[], count: number): Promise<void> {
  for (let i = 0; i < SCRAPES_FOR_MEMORY; i += 1) await scrapeEach(agents)
  for (const { name, pid } of agents)
    row(count, name, `RssAnon after another ${SCRAPES_FOR_MEMORY} scrapes: ${rssAnonMb(pid).toFixed(1)} MB`)
}

/** With all its unit metrics: state, start time, tasks, restarts. */
async function nodeExporter(): Promise<Exporter & { readonly child: ChildProcess }> {
  const port = 19_100 + Math.floor(Math.random() * 10_000)
  const collector = [
    '--collector.disable-defaults',
    '--collector.systemd',
    '--collector.systemd.unit-include=u[0-9]+\\.service',
  ]
  const more = ['task', 'restarts', 'start-time'].map((what) => `--collector.systemd.enable-${what}-metrics`)
  const child = spawn('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`, ...collector, ...more], {
    env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: systemd.busAddress },
    stdio: 'ignore',
  })
  const url = `http://127.0.0.1:${port}/metrics`
  await until(
    () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    { what: 'node_exporter' },
  )
  return { name: 'node_exporter', url, pid: child.pid ?? 0, child }
}
