// `npm run bench:scrape`: compares the CPU cost of a scrape with that of node_exporter's systemd collector; both are scraped
// alternately on the same systemd. CPU is the time of each thread as counted by the kernel (schedstat), for the exporter, for systemd and for
// the bus daemon.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { median } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

/** Numbers of units; `npm run bench:scrape -- 12` measures only the given ones. */
const UNITS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [12, 200, 1000]
const SCRAPES = 60
const WARM_UP = 200
/** A third is enough for many units, where node_exporter takes seconds for each scrape. */
const scrapesOf = (units: number) => (units > 200 ? SCRAPES / 3 : SCRAPES)

/** CPU time of all threads so far, ms, much finer than the ticks of /proc/PID/stat. */
function threadCpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    const [ns = '0'] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')
    return sum + Number(ns) / 1e6
  }, 0)
}

interface Exporter {
  readonly name: string
  readonly url: string
  readonly pid: number
}

await using systemd = await startSystemd()
/** The host's pid of the process that has the pid `pidInside` inside the rig. */
const hostPid = (pidInside: number): number => {
  const of = (pid: number) => /^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return children(systemd.pid).find((pid) => of(pid) === String(pidInside)) ?? 0
}

/** All descendants. */
function children(pid: number): number[] {
  const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  return own.flatMap((child) => [child, ...children(child)])
}

const bus = hostPid(Number((await systemd.show('dbus.service', 'MainPID'))['MainPID']))
console.log(`CPU per scrape in ms, median of ${SCRAPES} alternating scrapes after ${WARM_UP} to warm up`)
console.log(
  `${'units'.padStart(6)} ${'exporter'.padEnd(15)} ${'itself'.padStart(8)} ${'systemd'.padStart(8)} ${'bus'.padStart(8)} ${'bytes'.padStart(9)} ${'series'.padStart(7)}`,
)

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

async function compare(count: number): Promise<void> {
  const directory = temporaryDirectory()
  const services = ['u*.service']
  const agent = await startGatewatch({ busAddress: systemd.busAddress, directory, services }, false)
  await until(() => agent.get('/metrics'), {
    what: 'the units',
    is: ({ body }) => body.split('\nsystemd_service_state{').length === count + 1,
    timeoutMs: 120_000,
  })
  const other = await nodeExporter()
  try {
    const exporters: Exporter[] = [{ name: 'gatewatch', url: `${agent.url}/metrics`, pid: agent.pid }, other]
    for (let i = 0; i < WARM_UP / (count > 100 ? 4 : 1); i += 1) await (await fetch(`${agent.url}/metrics`)).text()
    const costs = new Map(exporters.map(({ name }) => [name, [] as [number, number, number][]]))
    const sizes = new Map<string, string>()
    for (let i = 0; i < scrapesOf(count); i += 1) {
      for (const { name, url, pid } of exporters) {
        const before = [threadCpuMs(pid), threadCpuMs(systemd.pid), threadCpuMs(bus)] as const
        const body = await (await fetch(url)).text()
        await new Promise((resolve) => setTimeout(resolve, 20)) // includes work that follows the response
        costs
          .get(name)
          ?.push([threadCpuMs(pid) - before[0], threadCpuMs(systemd.pid) - before[1], threadCpuMs(bus) - before[2]])
        sizes.set(name, body)
      }
    }
    for (const { name } of exporters) {
      const of = (i: 0 | 1 | 2) =>
        median((costs.get(name) ?? []).map((cost) => cost[i]))
          .toFixed(2)
          .padStart(8)
      const body = sizes.get(name) ?? ''
      const series = body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
      console.log(
        `${String(count).padStart(6)} ${name.padEnd(15)} ${of(0)} ${of(1)} ${of(2)} ${String(body.length).padStart(9)} ${String(series).padStart(7)}`,
      )
    }
  } finally {
    other.child.kill('SIGKILL')
    await agent.end()
    removeDirectory(directory)
  }
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
