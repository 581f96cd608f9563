// Desktop notifications of what goes wrong and of what is well again, by org.freedesktop.Notifications on the session bus.
import { messageOf } from '../core/error-text.ts'
import type { Event } from '../core/event.ts'
import { shortName } from '../core/format.ts'
import type { Bus, Call } from '../dbus/bus.ts'
import { connectBus } from '../dbus/connection.ts'
import type { Clock, EventSink, Log } from '../ports.ts'
import { type NotificationContent, notificationOf } from './notification.ts'

export interface NotificationsOptions {
  /** The session bus. */
  readonly address: string
  /** As the configuration has it now. */
  readonly enabled: () => boolean
  readonly gatewayId: string
  readonly clock: Clock
  readonly log: Log
  readonly connect?: typeof connectBus
}

const SERVICE = 'org.freedesktop.Notifications'
/** A unit that has run so long since its trouble is well again. */
const WELL_AFTER_MS = 5000
/** After a failure nobody is asked for so long. */
const AGAIN_AFTER_MS = 30_000

/** One unit's notification: replaced by the next one, so that a crash loop is one bubble and not hundreds. */
interface UnitNotification {
  id: number
  sending: boolean
  next: NotificationContent | null
  undoWell: () => void
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
      for (let note = shown.next; note !== null && !stopped; note = shown.next) {
        shown.next = null
        shown.id = await notify(await opened(), shown.id, note)
        if (failedAtMonoMs !== null) log('info', 'notify: back')
        failedAtMonoMs = null
        if (note.settled) units.delete(unit)
      }
    } catch (error) {
      bus = null
      shown.next = null
      if (failedAtMonoMs === null) log('warning', `notify: no notification can be shown (${messageOf(error)})`)
      failedAtMonoMs = clock.now().monoMs
    } finally {
      shown.sending = false
    }
  }

  const tell = (unit: string, note: NotificationContent) => {
    const shown = units.get(unit) ?? { id: 0, sending: false, next: null, undoWell: () => {} }
    units.set(unit, shown)
    shown.undoWell()
    shown.next = note
    void show(unit, shown)
  }

  const take = (event: Event) => {
    const note = notificationOf(event, options.gatewayId)
    if (note !== null) return tell(event.unit, note)
    const shown = units.get(event.unit)
    if (shown === undefined || (event.kind !== 'start' && event.kind !== 'restart')) return
    shown.undoWell()
    const summary = `${shortName(event.unit)} is running again`
    const well: NotificationContent = { urgency: 0, summary, body: options.gatewayId, settled: true }
    shown.undoWell = clock.after(WELL_AFTER_MS, () => tell(event.unit, well))
  }

  return {
    accept({ events }) {
      if (!options.enabled() || stopped) return
      const waits = failedAtMonoMs !== null && clock.now().monoMs - failedAtMonoMs < AGAIN_AFTER_MS
      if (!waits) for (const event of events) take(event)
    },
    async stop() {
      stopped = true
      for (const { undoWell } of units.values()) undoWell()
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
