// Kills the broker at random moments under a steady load, and compares what a subscriber received with what happened.
import { startMosquitto } from '../rig/mosquitto.ts'
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { subscribeQuickly } from './quick-subscriber.ts'
import { connected, drained } from './received.ts'

export interface KillsReport {
  readonly kills: number
  readonly events: number
  /** Events that the subscriber never received. */
  readonly lost: number
  /** Repeated deliveries. */
  readonly duplicates: number
  /** The most after one kill: the messages in flight at that time. */
  readonly duplicatesPerKillAtMost: number
  /** Whether the events came in order, repeated deliveries left out. */
  readonly inOrder: boolean
  readonly reconnects: number
  readonly dropped: number
}

const UNITS = ['a.service', 'b.service', 'c.service', 'd.service'] as const

/** A start and a crash every 100 ms, over four units. */
const LOAD_EVERY_MS = 100

/** Longest run time of the broker before it is killed. */
const KILL_WITHIN_MS = 300

/** The gateway's clock runs 20 times as fast: it reconnects after 50 to 100 ms instead of 1 to 2 s. */
export async function killBroker(kills: number, random: () => number): Promise<KillsReport> {
  // without Nagle's algorithm, a message is on its way to the subscriber before the broker acknowledges it
  await using broker = await startMosquitto({ config: 'max_inflight_messages 0\nset_tcp_nodelay true' })
  await using subscriber = await subscribeQuickly(broker.url, 'gatewatch/#')
  await using link = await startLink(broker.port)
  await using gateway = startGateway({ config: { url: link.url }, units: UNITS })
  await connected(gateway)
  const events = () => subscriber.received.filter(({ topic }) => topic.includes('/event/'))
  const seqs = () => events().map(({ payload }) => seqOf(payload))
  let turn = 0
  const load = setInterval(() => {
    turn += 1
    gateway.fail(UNITS[turn % UNITS.length] ?? UNITS[0], 1)
  }, LOAD_EVERY_MS)
  try {
    for (let kill = 1; kill <= kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, KILL_WITHIN_MS * random()))
      await broker.kill()
      await link.close()
      await broker.start()
      // the agent may connect only after the subscriber, which would miss its messages
      await until(() => subscriber.subscriptions() === kill + 1, { what: 'the subscriber to reconnect', everyMs: 5 })
      await link.open()
      await connected(gateway)
    }
  } finally {
    clearInterval(load)
  }
  await drained(gateway)
  const expected = gateway.events.map((event) => event.seq)
  await until(() => seqs().at(-1) === expected.at(-1), { what: 'the last event' })
  const received = seqs()
  const once = new Set(received)
  const { reconnects, dropped } = gateway.sink.health()
  return {
    kills,
    events: expected.length,
    lost: expected.filter((seq) => !once.has(seq)).length,
    duplicates: received.length - once.size,
    duplicatesPerKillAtMost: Math.max(...duplicatesOf(events()).values()),
    inOrder: [...once].every((seq, i, all) => i === 0 || seq > (all[i - 1] ?? 0)),
    reconnects,
    dropped: dropped.overflow + dropped.forgotten + dropped.too_large,
  }
}

function seqOf(payload: string): number {
  return Number(/"seq":(\d+)/.exec(payload)?.[1])
}

/** Repeated deliveries by subscription: the messages that were in flight at the kill before it. */
function duplicatesOf(events: readonly { readonly payload: string; readonly subscription: number }[]) {
  const before = new Set<number>()
  const duplicates = new Map<number, number>()
  for (const { payload, subscription } of events) {
    const seq = seqOf(payload)
    duplicates.set(subscription, (duplicates.get(subscription) ?? 0) + (before.has(seq) ? 1 : 0))
    before.add(seq)
  }
  return duplicates
}
