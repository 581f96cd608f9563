// `npm run fleet [-- --gateways 1000 --minutes 20 --cut 10]`: simulated gateways push to a real Prometheus and a real
// VictoriaMetrics at the same time, with 1 % of the links down; then all links are cut at once. Prints what that costs the
// receivers, and how the gateways come back.
import { parseArgs } from 'node:util'
import { plural } from '../../src/core/views/format.ts'
import { compare, pending, type Receiver, startReceivers, type Usage, usageOf } from './receivers.ts'

const { values } = parseArgs({
  options: {
    gateways: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '20' },
    cut: { type: 'string', default: '10' },
  },
})
const gateways = Number(values.gateways)
const DOWN_SHARE = 0.01
const MINUTE = 60_000
/** Until every gateway has pushed more than once. */
const WARM_UP_MS = 2 * MINUTE
/** The longest wait of a gateway for its next attempt, and then its push. */
const RECOVERY_MS = 3 * MINUTE
const SAMPLE_EVERY_MS = 10_000
/** Each stop pushes at once. */
const STOPPED_AT_ONCE = 20

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const receivers = await startReceivers(gateways)

await sleep(WARM_UP_MS)
for (const { links } of receivers) links.keepDown(Math.round(gateways * DOWN_SHARE))
const ownCpu = process.cpuUsage()
const steady = await measure(Number(values.minutes) * MINUTE)
const { user, system } = process.cpuUsage(ownCpu)
await printSteadyState()

for (const { links } of receivers) links.cutAll()
await sleep(Number(values.cut) * MINUTE)
const waiting = new Map(receivers.map((receiver) => [receiver, pending(receiver)]))
for (const { links } of receivers) links.restoreAll()
const restoredAtMs = performance.now()
const recovery = await measure(RECOVERY_MS)
printRecovery()

for (const { gateways: all } of receivers) {
  for (let i = 0; i < all.length; i += STOPPED_AT_ONCE)
    await Promise.all(all.slice(i, i + STOPPED_AT_ONCE).map((gateway) => gateway.stop()))
}
await printResult()
for (const { server } of receivers) await server[Symbol.asyncDispose]()

async function printSteadyState(): Promise<void> {
  // The clocks of some gateways are minutes ahead, and others behind.
  const series = await each(({ server }) => server.query('count(last_over_time({__name__=~".+"}[20m] offset -10m))'))
  row(`${plural(gateways, 'gateway')} for ${values.minutes} min`, ({ name }) => name)
  row('series', (receiver) => series.get(receiver)?.[0]?.value[1] ?? '')
  row('links that were down for some minutes', ({ links }) => String(links.outages()))
  row('samples per second', (receiver) => perSecond(steady, receiver, ({ accepted }) => accepted).toFixed(0))
  row('requests per second', (receiver) => (steadyResponses(receiver).length / seconds(steady, receiver)).toFixed(1))
  row('bytes per request, without headers', (receiver) => {
    const sent = steadyResponses(receiver)
    return (sent.reduce((sum, { bytes }) => sum + bytes, 0) / sent.length).toFixed(0)
  })
  rowsOfUsage(steady)
  row('disk, MB per hour', (receiver) => (perSecond(steady, receiver, ({ mb }) => mb) * 3600).toFixed(0))
  const own = (user + system) / 1e6 / seconds(steady, receivers[0] as Receiver)
  console.log(`all simulated gateways, which push to both: ${own.toFixed(3)} cores`)
}

function rowsOfUsage(measured: Measurements): void {
  row('CPU, cores', (receiver) => (perSecond(measured, receiver, ({ cpuMs }) => cpuMs) / 1000).toFixed(4))
  row('CPU per million samples, s', (receiver) => cpuPerMillion(measured, receiver).toFixed(1))
  row('anonymous memory, most of it, MB', (receiver) => maximum(measured, receiver).toFixed(0))
}

function printRecovery(): void {
  row(`\nafter a cut of all links for ${values.cut} min`, () => '')
  row('samples that waited', (receiver) => String(waiting.get(receiver)))
  for (const share of [0.1, 0.5, 0.9, 1]) {
    row(`${100 * share} % of the gateways are back after, s`, (receiver) => {
      const times = backAfterSeconds(receiver)
      return times[Math.ceil(share * gateways) - 1]?.toFixed(0) ?? 'never'
    })
  }
  row('most requests in one second', (receiver) => String(Math.max(...requestsPer(1, receiver))))
  console.log(`in the first ${RECOVERY_MS / MINUTE} minutes:`)
  rowsOfUsage(recovery)
  console.log('requests per 10 s from the end of the cut on:')
  for (const receiver of receivers) console.log(`${receiver.name.padEnd(20)}${requestsPer(10, receiver).join(' ')}`)
}

async function printResult(): Promise<void> {
  await sleep(5_000)
  const results = await each(compare)
  row('\nin the end', () => '')
  row('pushes made; stored', (receiver) => madeAndStored(results.get(receiver)?.pushes))
  row('crashes that happened; stored', (receiver) => madeAndStored(results.get(receiver)?.crashes))
  row('samples dropped by gateways; waiting', (receiver) => {
    return `${results.get(receiver)?.dropped}; ${pending(receiver)}`
  })
  row('responses other than 2xx', ({ responses }) => String(responses.filter(isError).length))
}

type Measurements = ReadonlyMap<Receiver, readonly Usage[]>

function madeAndStored(counts: { readonly made: number; readonly stored: number } | undefined): string {
  return `${counts?.made}; ${counts?.stored}`
}

function row(what: string, of: (receiver: Receiver) => string): void {
  console.log(`${what.padEnd(50)}${receivers.map((receiver) => of(receiver).padStart(18)).join('')}`)
}

async function each<T>(of: (receiver: Receiver) => Promise<T>): Promise<Map<Receiver, T>> {
  const all = new Map<Receiver, T>()
  for (const receiver of receivers) all.set(receiver, await of(receiver))
  return all
}

/** The usage of each receiver, every ten seconds. */
async function measure(ms: number): Promise<Measurements> {
  const usages = new Map(receivers.map((receiver) => [receiver, [usageOf(receiver)]]))
  for (const end = performance.now() + ms; performance.now() < end; ) {
    await sleep(Math.min(SAMPLE_EVERY_MS, end - performance.now()))
    for (const [receiver, list] of usages) list.push(usageOf(receiver))
  }
  return usages
}

function firstAndLast(measured: Measurements, receiver: Receiver): readonly [Usage, Usage] {
  const list = measured.get(receiver) ?? []
  return [list[0] as Usage, list.at(-1) as Usage]
}

function perSecond(measured: Measurements, receiver: Receiver, of: (usage: Usage) => number): number {
  const [first, last] = firstAndLast(measured, receiver)
  return (of(last) - of(first)) / seconds(measured, receiver)
}

function cpuPerMillion(measured: Measurements, receiver: Receiver): number {
  const [first, last] = firstAndLast(measured, receiver)
  return ((last.cpuMs - first.cpuMs) / 1000 / (last.accepted - first.accepted)) * 1e6
}

function maximum(measured: Measurements, receiver: Receiver): number {
  return Math.max(...(measured.get(receiver) ?? []).map(({ anonymousMb }) => anonymousMb))
}

function seconds(measured: Measurements, receiver: Receiver): number {
  const [first, last] = firstAndLast(measured, receiver)
  return (last.atMs - first.atMs) / 1000
}

function steadyResponses(receiver: Receiver) {
  const [first, last] = firstAndLast(steady, receiver)
  return receiver.responses.filter(({ atMs }) => atMs >= first.atMs && atMs < last.atMs)
}

function isError({ status }: { readonly status: number }): boolean {
  return status < 200 || status >= 300
}

/** When each gateway was back, sorted. */
function backAfterSeconds({ responses }: Receiver): readonly number[] {
  const back = new Map<number, number>()
  for (const response of responses) {
    if (response.atMs < restoredAtMs || isError(response) || back.has(response.gateway)) continue
    back.set(response.gateway, (response.atMs - restoredAtMs) / 1000)
  }
  return [...back.values()].sort((a, b) => a - b)
}

/** From the end of the cut on, in periods of this many seconds. */
function requestsPer(periodSeconds: number, { responses }: Receiver): readonly number[] {
  const counts: number[] = Array.from({ length: RECOVERY_MS / 1000 / periodSeconds }, () => 0)
  for (const { atMs } of responses) {
    const period = Math.floor((atMs - restoredAtMs) / 1000 / periodSeconds)
    if (period >= 0 && period < counts.length) counts[period] = (counts[period] ?? 0) + 1
  }
  return counts
}
