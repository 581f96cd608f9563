// Desktop notifications about crashes and recoveries, sent to org.freedesktop.Notifications on the session bus.
import { messageOf } from '../core/error-text.ts'
import type { UnitEvent } from '../core/event.ts'
import { shortName } from '../core/views/format.ts'
import type { Bus, Call } from '../dbus/bus.ts'
import { connectBus } from '../dbus/connection.ts'
import type { Clock, EventSink, Log } from '../ports.ts'
import { type NotificationContent, notificationOf } from './notification.ts'

interface NotificationsOptions {
  /** Address of the session bus. */
  readonly address: string
  /** The current value of `notify.enabled`. */
  readonly enabled: () => boolean
  readonly gatewayId: string
  readonly clock: Clock
  readonly log: Log
  readonly connect?: typeof connectBus
}

const SERVICE = 'org.freedesktop.Notifications'
/** A unit that has been running for this long after a problem has recovered. */
const RECOVERED_AFTER_MS = 5000
/** After a failure, no notification is attempted for this long. */
const RETRY_AFTER_MS = 30_000

/** The notification of one unit. The next one replaces it, so that a crash loop shows one bubble instead of hundreds. */
interface UnitNotification {
  id: number
  sending: boolean
  next: NotificationContent | null
  undoRecovered: () => void
}

export function createNotifications(options: NotificationsOptions): EventSink {
  const { address, clock, log, connect = connectBus } = options
  const units = new Map<string, UnitNotification>()
  let bus: Promise<Bus> | null = null
  let failedAtMonoMs: number | null = null
  let stopped = false

  const opened = (): Promise<Bus> => {
    bus ??= connect(address, { after: clock.after }).then((on) => {
      on.onClose(() => {
        bus = null
      })
      return on
    })
    return bus
  }

  const show = async (unit: string, shown: UnitNotification) => {
    if (shown.sending) return
    shown.sending = true
    try {
      for (let content = shown.next; content !== null && !stopped; content = shown.next) {
        shown.next = null
        shown.id = await notify(await opened(), shown.id, content)
        if (failedAtMonoMs !== null) log('info', 'notify: notifications work again')
        failedAtMonoMs = null
        if (content.settled) units.delete(unit)
      }
    } catch (error) {
      bus = null
      shown.next = null
      // At the end, closing the connection ends a call whose reply is pending.
      if (failedAtMonoMs === null && !stopped)
        log(
          'warning',
          `notify: cannot show notifications: ${messageOf(error)}; retrying after ${RETRY_AFTER_MS / 1000} s`,
        )
      failedAtMonoMs = clock.now().monoMs
    } finally {
      shown.sending = false
    }
  }

  const replace = (unit: string, content: NotificationContent) => {
    const shown = units.get(unit) ?? { id: 0, sending: false, next: null, undoRecovered: () => {} }
    units.set(unit, shown)
    shown.undoRecovered()
    shown.next = content
    void show(unit, shown)
  }

  const handle = (event: UnitEvent) => {
    const content = notificationOf(event, options.gatewayId)
    if (content !== null) return replace(event.unit, content)
    const shown = units.get(event.unit)
    if (shown === undefined || (event.kind !== 'start' && event.kind !== 'restart')) return
    shown.undoRecovered()
    const summary = `${shortName(event.unit)} is running again`
    const recovered: NotificationContent = { urgency: 0, summary, body: options.gatewayId, settled: true }
    shown.undoRecovered = clock.after(RECOVERED_AFTER_MS, () => replace(event.unit, recovered))
  }

  return {
    accept({ events }) {
      if (!options.enabled() || stopped) return
      const waiting = failedAtMonoMs !== null && clock.now().monoMs - failedAtMonoMs < RETRY_AFTER_MS
      if (!waiting) for (const event of events) if (event.unit !== null) handle(event)
    },
    async stop() {
      stopped = true
      for (const { undoRecovered } of units.values()) undoRecovered()
      await bus?.then((on) => on.close()).catch(() => {})
    },
  }
}

/** Shows a notification in place of the one with the id `replaces` (0: none); resolves with its id. */
function notify(bus: Bus, replaces: number, { urgency, summary, body }: NotificationContent): Promise<number> {
  const hints = { urgency: { typed: 'y', value: urgency }, 'desktop-entry': { typed: 's', value: 'gatewatch' } }
  const call: Call = {
    destination: SERVICE,
    path: '/org/freedesktop/Notifications',
    interface: SERVICE,
    member: 'Notify',
    signature: 'susssasa{sv}i',
    body: ['gatewatch', replaces, '', summary, body, [], hints, -1],
    autoStart: true,
    timeoutMs: 5000,
  }
  return new Promise((resolve, reject) => {
    bus.request(call, (error, [id]) => (error === null ? resolve(Number(id)) : reject(error)))
  })
}
