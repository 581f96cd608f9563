// `npm run bench:push [-- [--against BUNDLE] [pace|outage [PUSHES [INTERVAL]]]]`: what a push over remote write costs: CPU, bytes
// and memory, of the default series of 12 units. All agents, and both builds, run at the same time.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { fineCpuMs, median, percentile, rssAnonMb } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import { type Build, builds, operands } from './builds.ts'

const [part, pushes = 20, interval = 30] = operands
const PUSHES = Number(pushes)
const INTERVAL_S = Number(interval)
/** Two hours of pushes at the default interval. */
const WAITING = 120
const UNITS = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)
/** Before a push is due, and after it arrived. */
const MARGIN_MS = 500

interface Receiver {
  readonly url: string
  /** When the requests arrived. */
  readonly arrivals: number[]
  /** Of all requests and responses, with their headers. */
  readonly bytes: { request: number; response: number; bodies: number }
  isUp: boolean
}

interface Measured {
  readonly build: Build
  readonly agent: Gatewatch
  readonly receiver: Receiver
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))

await using systemd = await startSystemd()
for (const unit of UNITS) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
await systemd.daemonReload()
for (const unit of UNITS) await systemd.start(unit)

if (part !== 'outage') await atRealPace()
if (part !== 'pace') await inOutage()

/** One push after the other, with pauses in which caches become cold. */
async function atRealPace(): Promise<void> {
  console.log(`one push every ${INTERVAL_S} s`)
  const measured = await Promise.all(builds.map((build) => start(build, INTERVAL_S)))
  const costs = await Promise.all(measured.map(measurePushes))
  print(`CPU per push, median of ${PUSHES}, ms`, measured, (i) => median(costs[i] ?? []))
  print('CPU per push, least, ms', measured, (i) => Math.min(...(costs[i] ?? [])))
  print('CPU per push, 90th percentile, ms', measured, (i) => percentile(costs[i] ?? [], 0.9))
  const perPush = (key: 'request' | 'response' | 'bodies') => (i: number) =>
    (measured[i]?.receiver.bytes[key] ?? Number.NaN) / (measured[i]?.receiver.arrivals.length ?? 0)
  print('bytes sent per push, over TCP', measured, perPush('request'))
  print('of that, the body', measured, perPush('bodies'))
  print('bytes received per push, over TCP', measured, perPush('response'))
  for (const { agent } of measured) await end(agent)
}

async function measurePushes({ agent, receiver }: Measured): Promise<readonly number[]> {
  const usedIn = async (fromMs: number, toMs: number) => {
    await sleep(fromMs - performance.now())
    const before = fineCpuMs(agent.pid)
    await sleep(toMs - performance.now())
    return fineCpuMs(agent.pid) - before
  }
  const ms: number[] = []
  const idleMs: number[] = []
  const twoArrived = () => receiver.arrivals.length > 1 // the first one loads the code, and can be late
  await until(twoArrived, { what: 'two pushes', timeoutMs: (2 * INTERVAL_S + 10) * 1000 })
  for (let i = 0; i < PUSHES; i++) {
    await sleep(MARGIN_MS)
    const dueMs = (receiver.arrivals.at(-1) ?? 0) + INTERVAL_S * 1000
    // The agent's other work is measured in an equally long time shortly before.
    idleMs.push(await usedIn(dueMs - 4 * MARGIN_MS, dueMs - 2 * MARGIN_MS))
    ms.push(await usedIn(dueMs - MARGIN_MS, dueMs + MARGIN_MS))
  }
  if (receiver.arrivals.length < PUSHES + 2) throw new Error(`only ${receiver.arrivals.length} pushes arrived`)
  return ms.map((one) => one - median(idleMs))
}

/** One push a second, to a receiver that is up and to one that is down. */
async function inOutage(): Promise<void> {
  console.log(`one push a second, ${WAITING} s`)
  const withoutPush = await Promise.all(builds.map((build) => start(build, null)))
  const up = await Promise.all(builds.map((build) => start(build, 1)))
  const down = await Promise.all(builds.map((build) => start(build, 1)))
  for (const { receiver } of down) receiver.isUp = false
  await sleep((WAITING / 2) * 1000)
  const before = [withoutPush, up].map((all) => all.map(({ agent }) => fineCpuMs(agent.pid)))
  const pushesBefore = up.map(({ receiver }) => receiver.arrivals.length)
  await sleep((WAITING / 2) * 1000)
  const used = [withoutPush, up].map((all, n) =>
    all.map(({ agent }, i) => fineCpuMs(agent.pid) - (before[n]?.[i] ?? 0)),
  )
  print('CPU per push, mean of the last half, ms', up, (i) => {
    const pushes = (up[i]?.receiver.arrivals.length ?? 0) - (pushesBefore[i] ?? 0)
    return ((used[1]?.[i] ?? 0) - (used[0]?.[i] ?? 0)) / pushes
  })
  const waiting = await Promise.all(
    down.map(({ agent }) => agent.metric('gatewatch_remote_write_samples_pending').then((value) => value ?? 0)),
  )
  print(`samples waiting where the receiver is down`, down, (i) => waiting[i])
  for (let reading = 0; reading < 3; reading++) {
    print('RssAnon without remote_write, MB', withoutPush, (i) => rssAnonMb(withoutPush[i]?.agent.pid ?? 0))
    print('RssAnon with remote_write, MB', up, (i) => rssAnonMb(up[i]?.agent.pid ?? 0))
    print('RssAnon with the samples waiting, MB', down, (i) => rssAnonMb(down[i]?.agent.pid ?? 0))
    await sleep(5_000)
  }
  const recovered = await Promise.all(down.map(recover))
  print('CPU to send what waited, per push, ms', down, (i) => recovered[i]?.msPerPush)
  print('requests for that', down, (i) => recovered[i]?.requests)
  print('bytes of their bodies, per push', down, (i) => recovered[i]?.bytesPerPush)
  for (const { agent } of [...withoutPush, ...up, ...down]) await end(agent)
}

/** The receiver is up again, and the next push is far away. */
async function recover({ agent, receiver }: Measured) {
  const { length } = receiver.arrivals
  const bodies = receiver.bytes.bodies
  receiver.isUp = true
  const before = fineCpuMs(agent.pid)
  configure(agent.directory, receiver.url, 3600)
  process.kill(agent.pid, 'SIGHUP')
  await until(() => receiver.arrivals.length > length, { what: 'a request' })
  await sleep(1_000)
  const ms = fineCpuMs(agent.pid) - before
  const requests = receiver.arrivals.length - length
  return { msPerPush: ms / WAITING, requests, bytesPerPush: (receiver.bytes.bodies - bodies) / WAITING }
}

/** `interval`: of the push, in seconds; null: without. */
async function start(build: Build, interval: number | null): Promise<Measured> {
  const receiver = await startReceiver()
  const directory = temporaryDirectory()
  configure(directory, interval === null ? null : receiver.url, interval ?? 60)
  const args = ['--config', join(directory, 'config.json')]
  const { busAddress } = systemd
  const agent = await startGatewatch({ busAddress, services: UNITS, directory, binary: build.binary, args })
  return { build, agent, receiver }
}

function configure(directory: string, url: string | null, interval: number): void {
  const remote_write = url === null ? {} : { url, interval, backlog: 86_400 }
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ remote_write }))
}

async function end(agent: Gatewatch): Promise<void> {
  await agent.end()
  removeDirectory(agent.directory)
}

async function startReceiver(): Promise<Receiver> {
  const bytes = { request: 0, response: 0, bodies: 0 }
  const seen = new WeakMap<object, { request: number; response: number }>()
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bytes.bodies += chunk.length
    })
    request.on('end', () => {
      receiver.arrivals.push(performance.now())
      response.writeHead(receiver.isUp ? 204 : 503).end(() => {
        const { socket } = request
        const before = seen.get(socket) ?? { request: 0, response: 0 }
        bytes.request += socket.bytesRead - before.request
        bytes.response += socket.bytesWritten - before.response
        seen.set(socket, { request: socket.bytesRead, response: socket.bytesWritten })
      })
    })
  })
  server.keepAliveTimeout = 300_000 // as Prometheus and VictoriaMetrics, which keep connections open for minutes
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const { port } = server.address() as AddressInfo
  const receiver: Receiver = { url: `http://127.0.0.1:${port}/api/v1/write`, arrivals: [], bytes, isUp: true }
  return receiver
}

function print(what: string, measured: readonly Measured[], value: (i: number) => number | undefined): void {
  const values = measured.map((_, i) => value(i) ?? Number.NaN)
  const [here = Number.NaN, other] = values
  const ratio = other === undefined ? '' : `  ratio ${(here / other).toFixed(2)}`
  const columns = measured.map(({ build }, i) => `${build.name} ${values[i]?.toFixed(2)}`).join(', ')
  console.log(`  ${what.padEnd(56)} ${columns}${ratio}`)
}
