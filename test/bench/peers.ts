// `npm run bench:peers [-- PATH]`: what gatewatch, Debian's node_exporter with its systemd collector, and, with PATH, the checkout
// of the program that gatewatch replaces cost on the same systemd. They take turns, each in every round, and one turn is without
// any of them: what systemd and the bus need by themselves is subtracted.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { descendants, fineCpuMs, median, pidOutside, rssAnonMb, waitedCpuMs } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import { killAtPace } from './kill-repeatedly.ts'

const ROUNDS = 3
const CRASHES = 40
const SCRAPES = 20
const SCRAPE_EVERY_MS = 700
const SETTLED_AFTER_MS = 5_000
/** Work that follows a response or a crash. */
const LATER_MS = 50
const UNITS = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)
const RIG = fileURLToPath(new URL('../rig/systemd-rig.sh', import.meta.url))
const [path] = process.argv.slice(2)
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** A program that runs; `pid` is null for none at all. */
interface Running {
  readonly pid: number | null
  readonly metrics: string
  stop(): Promise<void>
}

interface Peer {
  readonly name: string
  start(directory: string): Promise<Running>
}

const KINDS = ['crash', 'crash: systemd', 'crash: bus', 'scrape', 'scrape: systemd', 'scrape: bus'] as const
const SIZES = ['RssAnon, MB', 'KiB written per crash'] as const
type Reading = Record<(typeof KINDS)[number] | (typeof SIZES)[number], number>

await using systemd = await startSystemd({ bind: path === undefined ? [] : [resolve(path)] })
const bus = pidOutside(systemd.pid, Number((await systemd.show('dbus.service', 'MainPID'))['MainPID']))
for (const unit of UNITS) {
  const restart = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\n'
  systemd.writeUnit(unit, `${restart}ExecStart=/bin/sleep infinity\n`)
}
await systemd.daemonReload()
for (const unit of UNITS) await systemd.start(unit)

const NOTHING: Peer = { name: 'nothing', start: async () => ({ pid: null, metrics: '', stop: async () => {} }) }
const peers: readonly Peer[] = [
  NOTHING,
  { name: 'gatewatch', start: gatewatch },
  { name: 'node_exporter', start: nodeExporter },
  ...(path === undefined ? [] : [{ name: 'former program', start: former(resolve(path)) }]),
]
const readings = new Map<Peer, Reading[]>(peers.map((peer) => [peer, []]))
for (let round = 0; round < ROUNDS; round += 1) {
  for (const peer of peers) readings.get(peer)?.push(await turn(peer))
}
report()

async function turn({ start }: Peer): Promise<Reading> {
  const directory = temporaryDirectory()
  const running = await start(directory)
  await sleep(SETTLED_AFTER_MS)
  const written = bytesWritten(running.pid)
  const crash = await spent(running, CRASHES, () => killAtPace(systemd, UNITS[0] ?? '', CRASHES))
  const perCrash = (bytesWritten(running.pid) - written) / CRASHES / 1024
  const scrape = await spent(running, SCRAPES, async () => {
    for (let i = 0; i < SCRAPES && running.metrics !== ''; i += 1) {
      await sleep(SCRAPE_EVERY_MS)
      await (await fetch(running.metrics)).text()
    }
  })
  const memory = running.pid === null ? 0 : descendants(running.pid).reduce((sum, pid) => sum + rssAnonMb(pid), 0)
  await running.stop()
  removeDirectory(directory)
  return {
    crash: crash[0],
    'crash: systemd': crash[1],
    'crash: bus': crash[2],
    scrape: scrape[0],
    'scrape: systemd': scrape[1],
    'scrape: bus': scrape[2],
    'RssAnon, MB': memory,
    'KiB written per crash': perCrash,
  }
}

/** CPU time per repetition: of the program with its children, of systemd, and of the bus. */
async function spent({ pid }: Running, times: number, work: () => Promise<void>): Promise<[number, number, number]> {
  const now = () => [pid === null ? 0 : treeCpuMs(pid), fineCpuMs(systemd.pid), fineCpuMs(bus)] as const
  const before = now()
  await work()
  await sleep(LATER_MS)
  const after = now()
  const per = (i: 0 | 1 | 2) => (after[i] - before[i]) / times
  return [per(0), per(1), per(2)]
}

function treeCpuMs(pid: number): number {
  return descendants(pid).reduce((sum, one) => sum + fineCpuMs(one) + waitedCpuMs(one), 0)
}

/** What reached a file system on a disk (proc_pid_io(5)), with all children. */
function bytesWritten(pid: number | null): number {
  const of = (one: number) => Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${one}/io`, 'utf8'))?.[1])
  return pid === null ? 0 : descendants(pid).reduce((sum, one) => sum + of(one), 0)
}

function report(): void {
  const names = peers.slice(1).map(({ name }) => name)
  const line = (what: string, cells: readonly string[]) =>
    console.log([what.padEnd(24), ...cells.map((cell) => cell.padStart(16))].join(''))
  console.log(`12 units, medians of ${ROUNDS} rounds of ${CRASHES} crashes and ${SCRAPES} scrapes; CPU time in ms`)
  line('', [...names, ...names.slice(1).map((name) => `/ ${name}`)])
  const of = (peer: Peer, what: keyof Reading) => median((readings.get(peer) ?? []).map((reading) => reading[what]))
  const row = (what: string, value: (peer: Peer) => number) => {
    const [own = 0, ...others] = peers.slice(1).map(value)
    const ratios = others.map((other) => (other > 0.005 ? (own / other).toFixed(2) : '-'))
    line(what, [...[own, ...others].map((one) => one.toFixed(2)), ...ratios])
  }
  const alone = (peer: Peer, what: keyof Reading) => Math.max(0, of(peer, what) - of(NOTHING, what))
  for (const what of KINDS) row(what, (peer) => alone(peer, what))
  row('crash: all three', (peer) => KINDS.slice(0, 3).reduce((sum, what) => sum + alone(peer, what), 0))
  row('scrape: all three', (peer) => KINDS.slice(3).reduce((sum, what) => sum + alone(peer, what), 0))
  for (const what of SIZES) row(what, (peer) => of(peer, what))
}

/** Its spilled state is in RAM, as /run is. */
async function gatewatch(directory: string): Promise<Running> {
  const { busAddress } = systemd
  const env = { RUNTIME_DIRECTORY: join('/dev/shm', `gatewatch-peers-${process.pid}`) }
  const agent = await startGatewatch({ busAddress, services: UNITS, directory, env })
  const stop = async () => {
    await agent.end()
    removeDirectory(env.RUNTIME_DIRECTORY)
  }
  return { pid: agent.pid, metrics: `${agent.url}/metrics`, stop }
}

/** With all its unit metrics: state, start time, tasks, restarts. */
async function nodeExporter(): Promise<Running> {
  const port = await freePort()
  const collector = ['disable-defaults', 'systemd', 'systemd.unit-include=u[0-9]+\\.service']
  const more = ['task', 'restarts', 'start-time'].map((what) => `systemd.enable-${what}-metrics`)
  const options = [...collector, ...more].map((option) => `--collector.${option}`)
  const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: systemd.busAddress }
  const args = [`--web.listen-address=127.0.0.1:${port}`, ...options]
  return scraped(spawn('prometheus-node-exporter', args, { env, stdio: 'ignore' }), port)
}

/** What `npm start` in the checkout runs, inside the rig, because it may run systemctl. */
function former(checkout: string) {
  const { scripts = {} } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    scripts?: Record<string, string>
  }
  const command = scripts['start']
  if (command === undefined) throw new Error(`${checkout}/package.json has no script "start"`)
  return async (): Promise<Running> => {
    const port = await freePort()
    const options = [
      '--services',
      ...UNITS,
      '--prometheus-port',
      String(port),
      '-p',
      join(checkout, 'bench-states.json'),
    ]
    const shell = `cd "$0" && PATH="$PWD/node_modules/.bin:$PATH" && exec ${command} "$@"`
    const inside = ['exec', systemd.name, 'sh', '-c', shell, checkout, ...options]
    return scraped(spawn(RIG, inside, { stdio: 'ignore', detached: true }), port)
  }
}

/** Resolves when the program responds to a scrape. */
async function scraped(child: ChildProcess, port: number): Promise<Running> {
  const pid = child.pid ?? 0
  const metrics = `http://127.0.0.1:${port}/metrics`
  const responds = () =>
    fetch(metrics).then(
      ({ ok }) => ok,
      () => false,
    )
  const stop = async () => {
    for (const one of [...descendants(pid)].reverse()) process.kill(one, 'SIGKILL')
    await until(() => child.exitCode !== null || child.signalCode !== null, { what: 'the end of the program' })
  }
  await until(responds, { what: `${child.spawnfile} to respond to a scrape` })
  return { pid, metrics, stop }
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const at = server.address()
      server.close(() => done(typeof at === 'object' && at !== null ? at.port : 0))
    })
  })
}
