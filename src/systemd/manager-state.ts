// Polls the state of systemd itself: SystemState, failed units, jobs and boot times, for which it sends no signals.
import type { Bus } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import type { Clock, SystemDetail, SystemHealth } from '../ports.ts'
import { MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD } from './manager-api.ts'

const POLL_EVERY_MS = 30_000
const SLACK_MS = 3_000
const REPLY_AT_MOST_MS = 5000
/** Queries within this time share one reply of systemd. */
const DETAIL_EVERY_MS = 1000

/** The properties to read, out of the Manager's 200 (org.freedesktop.systemd1(5)). */
export const MANAGER_PROPERTIES: readonly string[] = [
  'SystemState',
  'NFailedUnits',
  'NJobs',
  'Version',
  'ControlGroup',
  'KernelTimestamp',
  'FirmwareTimestampMonotonic',
  'LoaderTimestampMonotonic',
  'InitRDTimestampMonotonic',
  'UserspaceTimestampMonotonic',
  'FinishTimestampMonotonic',
]

interface ManagerState {
  /** Starts to poll systemd on this bus, at once and then regularly. */
  follow(bus: Bus): void
  /** Stops polling and forgets what was read. */
  leave(): void
  /** The state as of the last poll; null while not connected. */
  latest(): SystemHealth | null
  /** The control group of systemd itself, for example `/user.slice/user-1000.slice/user@1000.service`. */
  controlGroup(): string
  /** Reads state, failed units and jobs now; null if systemd does not respond. */
  detail(): Promise<SystemDetail | null>
}

export function createManagerState(clock: Clock): ManagerState {
  let bus: Bus | null = null
  let latest: ManagerReading | null = null
  let detail: { readonly requestedAtMs: number; readonly reply: Promise<SystemDetail | null> } | null = null
  let undo = () => {}

  const poll = async (on: Bus) => {
    const read = await readManager(on).catch(() => null)
    if (bus !== on) return
    latest = read
    undo = clock.after(POLL_EVERY_MS, () => void poll(on), SLACK_MS)
  }
  return {
    follow(on) {
      undo()
      bus = on
      void poll(on)
    },
    leave() {
      undo()
      bus = null
      latest = null
      detail = null
    },
    latest: () => latest?.health ?? null,
    controlGroup: () => latest?.controlGroup ?? '',
    async detail() {
      const { monoMs } = clock.now()
      if (bus === null) return null
      if (detail === null || monoMs - detail.requestedAtMs >= DETAIL_EVERY_MS)
        detail = { requestedAtMs: monoMs, reply: readSystem(bus).catch(() => null) }
      return detail.reply
    },
  }
}

/** The state of systemd with the names of failed units and the queued jobs. */
export async function readSystem(bus: Bus): Promise<SystemDetail> {
  const call = async (member: string, signature = '', body: readonly unknown[] = []) => {
    const [rows] = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, member, signature, body, REPLY_AT_MOST_MS)
    return (Array.isArray(rows) ? rows : []).map((row) => (Array.isArray(row) ? row.map(String) : []))
  }
  const { health, version } = await readManager(bus)
  const failed = await call('ListUnitsFiltered', 'as', [['failed']])
  const jobs = await call('ListJobs')
  return {
    ...health,
    version,
    failed: failed.map(([unit = '']) => unit).sort(),
    queue: jobs.map(([id, unit = '', type = '', state = '']) => ({ id: Number(id), unit, type, state })),
  }
}

interface ManagerReading {
  readonly health: SystemHealth
  readonly version: string
  readonly controlGroup: string
}

async function readManager(bus: Bus): Promise<ManagerReading> {
  const [reply] = await bus.call(SYSTEMD, MANAGER_PATH, PROPERTIES, 'GetAll', 's', [MANAGER], REPLY_AT_MOST_MS)
  const properties = typeof reply === 'object' && reply !== null ? (reply as Record<string, unknown>) : {}
  const text = (name: string) => String(plain(properties[name]) ?? '')
  const number = (name: string) => Number(plain(properties[name]) ?? 0)
  return {
    health: {
      state: text('SystemState') || 'unknown',
      failedUnits: number('NFailedUnits'),
      jobs: number('NJobs'),
      boot: bootStages(number),
    },
    version: text('Version'),
    controlGroup: text('ControlGroup'),
  }
}

/**
 * The duration of each boot stage, computed as systemd-analyze(1) does, from microseconds since the kernel started;
 * firmware and loader times count backwards from that. A stage that did not happen or has not finished is null. In a
 * container, systemd has no timestamp of the kernel.
 */
export function bootStages(us: (property: string) => number): SystemHealth['boot'] {
  const firmware = us('FirmwareTimestampMonotonic')
  const loader = us('LoaderTimestampMonotonic')
  const initrd = us('InitRDTimestampMonotonic')
  const userspace = us('UserspaceTimestampMonotonic')
  const finish = us('FinishTimestampMonotonic')
  const seconds = (from: number, to: number) => Math.max(0, to - from) / 1e6
  return {
    firmware: firmware > 0 ? seconds(loader, firmware) : null,
    loader: loader > 0 ? seconds(0, loader) : null,
    kernel: us('KernelTimestamp') > 0 && userspace > 0 ? seconds(0, initrd > 0 ? initrd : userspace) : null,
    initrd: initrd > 0 ? seconds(initrd, userspace) : null,
    userspace: userspace > 0 && finish > 0 ? seconds(userspace, finish) : null,
  }
}
