// Prints what a scrape costs beside node_exporter's systemd collector, on one systemd, in turns: `npm run bench:scrape`.
// CPU is the kernel's own count of each thread's time (schedstat), of the exporter, of systemd and of the bus.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

/** Or those that are named: `npm run bench:scrape -- 12`. */
const UNITS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [12, 200, 1000]
const SCRAPES = 60
const WARM_UP = 200
/** Of many units a third is enough: the other one takes seconds for each. */
const scrapesOf = (units: number) => (units > 200 ? SCRAPES / 3 : SCRAPES)

/** CPU time of all threads so far, ms. */
function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    const [ns = '0'] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')
    return sum + Number(ns) / 1e6
  }, 0)
}

const middle = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

interface Exporter {
  readonly name: string
  readonly url: string
  readonly pid: number
}

await using systemd = await startSystemd()
/** The process that is `inside` in the rig, as it is seen from outside. */
const hostPid = (inside: number): number => {
  const of = (pid: number) => /^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return children(systemd.pid).find((pid) => of(pid) === String(inside)) ?? 0
}

/** All descendants. */
function children(pid: number): number[] {
  const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  return own.flatMap((child) => [child, ...children(child)])
}

const bus = hostPid(Number((await systemd.show('dbus.service', 'MainPID'))['MainPID']))
console.log(`medians of ${SCRAPES} scrapes each, in turns, after ${WARM_UP}; CPU in ms a scrape`)
console.log(
  `${'units'.padStart(6)} ${'who'.padEnd(15)} ${'itself'.padStart(8)} ${'systemd'.padStart(8)} ${'the bus'.padStart(8)} ${'bytes'.padStart(9)} ${'series'.padStart(7)}`,
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
        const before = [cpuMs(pid), cpuMs(systemd.pid), cpuMs(bus)] as const
        const body = await (await fetch(url)).text()
        await new Promise((resolve) => setTimeout(resolve, 20)) // what follows it belongs to it
        costs.get(name)?.push([cpuMs(pid) - before[0], cpuMs(systemd.pid) - before[1], cpuMs(bus) - before[2]])
        sizes.set(name, body)
      }
    }
    for (const { name } of exporters) {
      const of = (i: 0 | 1 | 2) =>
        middle((costs.get(name) ?? []).map((cost) => cost[i]))
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

/** With what it can tell of a unit: state, start time, tasks, restarts. */
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
