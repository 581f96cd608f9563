// Delivery across connections: what is published when a connection begins, while it lasts, and at the end.
import type { MqttHealth, Step } from '../../ports.ts'
import type { Link, LinkHandlers } from '../connection/link.ts'
import { createFeatures, type Features, kindsOff } from '../features.ts'
import type { MqttOptions } from '../options.ts'
import { agentPayload } from '../payloads.ts'
import { createRefusedTopics, type RefusedTopics } from '../refused-topics.ts'
import type { Session } from '../session.ts'
import type { Topics } from '../topics.ts'
import { type Backlog, createBacklog } from './backlog.ts'
import { disconnect, drain } from './disconnect.ts'
import type { Poison } from './poison.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import { createSendOrder } from './send-order.ts'
import { createSettle } from './settle.ts'
import { createSnapshots } from './snapshots.ts'
import { createStateDelay } from './state-delay.ts'

const TICK_SLACK_MS = 5_000

interface Delivery extends LinkHandlers {
  accept(step: Step): void
  reloaded(): void
  health(): MqttHealth
  /** Publishes the queued messages within a second; drops and announces the events that remain. */
  clear(): Promise<void>
  /** Publishes the queued messages and `offline`, then disconnects; within 2 s. */
  stop(): Promise<void>
}

export function createDelivery(
  mqtt: MqttOptions,
  topics: Topics,
  session: Session,
  link: Link,
  poison: Poison,
): Delivery {
  const { config, state, clock, log } = mqtt
  const now = () => clock.now().monoMs
  const refusedTopics = createRefusedTopics(topics, kindsOff(config), clock, log)
  const snapshots = createSnapshots()
  const backlog = createBacklog(mqtt)
  const publisher = createPublisher({ keepaliveMs: config.keepalive * 1000, poison, refusedTopics, clock })
  const states = createStateDelay({ snapshots, pump: publisher.pump, clock })
  const settle = createSettle({ settleMs: config.settle * 1000, release: publisher.pump, clock })
  const features = createFeatures({ mqtt, topics, snapshots, poison, link, pump: publisher.pump, publishAll })
  const sendOrder = createSendOrder({
    ...mqtt,
    topics,
    outbox: backlog.outbox,
    snapshots,
    features,
    holdsEvents: settle.holds,
    settled: backlog.settled,
  })
  const health = () => healthOf(link, refusedTopics, features, backlog, publisher, config.qos)
  const status = createAgentStatus(mqtt, session, health)
  const busWatch = createBusWatch(mqtt, publishStatus)

  function publishAll(): void {
    snapshots.all(state())
    sendOrder.begin(session.id(), poison.searching(now()))
    publishStatus(true)
  }

  function publishStatus(always = false): void {
    if (link.connection() === null) return
    const payload = status.toPublish(always)
    if (payload !== null) sendOrder.agent(payload)
    publisher.pump()
  }

  let cancelTick = atNextTick(mqtt, tick)
  function tick(): void {
    cancelTick = atNextTick(mqtt, tick)
    if (link.connection() === null) return
    const refused = refusedTopics.kinds()
    backlog.outbox.retryRefused()
    if (refused.has('discovery') || refused.has('thinedge')) features.retry()
    if (refused.has('state') || refused.has('agent')) publishAll()
    publishStatus()
  }

  return {
    up(connection, limits) {
      refusedTopics.clear()
      backlog.connected()
      poison.connected(limits.messageBytes, now())
      if (!mqtt.onConnected() && backlog.outbox.size() > 0) settle.begin()
      publishAll()
      features.up(refusedTopics.watchSubscriptions(connection))
      publisher.begin(connection, limits, sendOrder.next)
    },
    down(loss) {
      settle.interrupt()
      features.down()
      publisher.end(!loss.takenOver && !loss.violation)
      sendOrder.end()
      return poison.searching(now())
    },
    failed: poison.unreachable,
    message: features.message,
    accept(step) {
      backlog.accept(step.events)
      states.accept(step)
      features.accept(step)
      // The clock was set: `started_at` is another one now, too.
      if (step.before.bootedAtMs !== step.after.bootedAtMs) publishStatus()
      publisher.pump()
      busWatch.look()
    },
    reloaded: features.reloaded,
    health,
    async clear() {
      states.release()
      settle.end()
      backlog.outbox.hurry()
      if (link.connection() !== null) await drain(publisher, clock)
      backlog.outbox.clear()
    },
    async stop() {
      cancelTick()
      busWatch.stop()
      states.end()
      settle.end()
      backlog.outbox.hurry()
      features.stop()
      const open = link.close()
      if (open !== null) await disconnect(open, publisher, (done) => sendOrder.offline(session.id(), done), clock)
      publisher.end(false)
    },
  }
}

function atNextTick({ clock, statsEveryMs }: MqttOptions, tick: () => void): () => void {
  const ms = statsEveryMs()
  return clock.after(ms, tick, Math.min(TICK_SLACK_MS, ms / 10))
}

function healthOf(
  link: Link,
  refusedTopics: RefusedTopics,
  features: Features,
  backlog: Backlog,
  publisher: Publisher,
  qos: number,
): MqttHealth {
  const { outbox } = backlog
  return {
    connected: link.connection() !== null,
    problem: link.problem() ?? refusedTopics.problem() ?? features.problem() ?? link.missing(),
    lostAtMonoMs: link.lostAtMonoMs(),
    sharedClientId: link.sharedClientId(),
    note: features.note(),
    queued: outbox.size(),
    published: publisher.published(),
    eventsPublished: backlog.eventsPublished(),
    reconnects: link.reconnects(),
    dropped: { ...outbox.dropped() },
    refused: refusedTopics.counts(),
    acknowledged: outbox.acknowledged(),
    publishSeconds: qos === 0 ? null : publisher.publishSeconds(),
  }
}

interface AgentStatus {
  /** The agent's own status; null if it is the same as before, unless it is published `always`. */
  toPublish(always: boolean): string | null
}

function createAgentStatus(mqtt: MqttOptions, session: Session, health: () => MqttHealth): AgentStatus {
  const { identity, version, startedAtMs } = mqtt
  let last = ''
  return {
    toPublish(always) {
      const { bootId, units } = mqtt.state()
      const payload = agentPayload({
        identity,
        version,
        bootId,
        session: session.id(),
        startedAtMs: startedAtMs(),
        units: units.length,
        mqtt: health(),
        bus: mqtt.bus(),
        flash: mqtt.flash(),
      })
      if (payload === last && !always) return null
      last = payload
      return payload
    },
  }
}

/** Steps come in bursts, and the last ones of a reconciliation just before the bus counts as connected. */
const LOOK_AT_BUS_AFTER_MS = 1_000

interface BusWatch {
  /** There was a step: the connection to systemd may have changed. */
  look(): void
  stop(): void
}

/** Calls `changed` soon after the connection to systemd was lost or restored. */
function createBusWatch({ bus, clock }: MqttOptions, changed: () => void): BusWatch {
  let { connected } = bus()
  let cancel: (() => void) | null = null
  return {
    look() {
      cancel ??= clock.after(LOOK_AT_BUS_AFTER_MS, () => {
        cancel = null
        const now = bus().connected
        if (now === connected) return
        connected = now
        changed()
      })
    },
    stop: () => cancel?.(),
  }
}
