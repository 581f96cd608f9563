// systemd as a whole: its state, its queue and how long booting took. It signals none of it, so it is asked now and then.
import type { Bus } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import type { Clock, SystemDetail, SystemHealth } from '../ports.ts'
import { MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD } from './manager-api.ts'

const ASK_EVERY_MS = 30_000
const ANSWER_AT_MOST_MS = 5000
/** However many ask us, systemd is not asked more often than this. */
const DETAIL_EVERY_MS = 1000

/** Of the Manager's 200 properties these are read (org.freedesktop.systemd1(5)). */
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

export interface ManagerState {
  /** Asks this bus from now on; the first answer comes soon. */
  follow(bus: Bus): void
  leave(): void
  /** As last told; null while nobody is there to tell. */
  latest(): SystemHealth | null
  /** Where systemd's own groups begin, as in `/user.slice/user-1000.slice/user@1000.service`. */
  controlGroup(): string
  /** Asks for all of it now; null where nobody answers. */
  detail(): Promise<SystemDetail | null>
}

export function createManagerState(clock: Clock): ManagerState {
  let bus: Bus | null = null
  let latest: ManagerReading | null = null
  let detail: { readonly askedAtMs: number; readonly answer: Promise<SystemDetail | null> } | null = null
  let undo = () => {}

  const ask = async (on: Bus) => {
    const read = await readManager(on).catch(() => null)
    if (bus !== on) return
    latest = read
    undo = clock.after(ASK_EVERY_MS, () => void ask(on))
  }
  return {
    follow(on) {
      undo()
      bus = on
      void ask(on)
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
      if (detail === null || monoMs - detail.askedAtMs >= DETAIL_EVERY_MS)
        detail = { askedAtMs: monoMs, answer: readSystem(bus).catch(() => null) }
      return detail.answer
    },
  }
}

/** The numbers, and the units and jobs behind them. */
export async function readSystem(bus: Bus): Promise<SystemDetail> {
  const call = async (member: string, signature = '', body: readonly unknown[] = []) => {
    const [rows] = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, member, signature, body, ANSWER_AT_MOST_MS)
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
  const [answer] = await bus.call(SYSTEMD, MANAGER_PATH, PROPERTIES, 'GetAll', 's', [MANAGER], ANSWER_AT_MOST_MS)
  const properties = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
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
 * The stages as systemd-analyze(1) reckons them, from microseconds since the kernel began; what came before the kernel
 * is told as a distance to it. A stage that there was not, or that is not over, is null. In a container the kernel is
 * another's, and systemd notes no time of it.
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
