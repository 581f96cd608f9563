// Reads what systemd shows of single units for clients of the agent, within limits: no client can keep systemd busy.
import { settledWithin } from '../../core/limits/settled-within.ts'
import { fullBucket, refilled, spent, type TokenRate } from '../../core/limits/token-bucket.ts'
import type { ListedUnit, UnitStatus } from '../../core/unit-status.ts'
import type { Clock, UnitControl } from '../../ports.ts'

/** Each read costs PID 1 half a millisecond on a PC, more on a small device, and more if it has to load the unit. */
const RATE: TokenRate = { everyMs: 200, burst: 50 }
const UNITS_AT_ONCE = 8
/** A client is waiting, and gets a response without these facts otherwise. */
const RESPOND_WITHIN_MS = 2_000
/** How long a call that systemd does not reply to counts as one of those under way. */
export const DETAILS_TIMEOUT_MS = 10_000

export interface UnitDetails {
  /**
   * What systemd shows of the unit; null if it does not respond in time. `busy`: too many reads. Requests for the same unit
   * at the same time are one read. Any valid name is accepted; systemd loads the unit if necessary.
   */
  read(unit: string): Promise<UnitStatus | null | 'busy'>
  /** Every unit that systemd has loaded; null and `busy` as above. Requests at the same time are one read. */
  list(): Promise<readonly ListedUnit[] | null | 'busy'>
  close(): void
}

interface DetailsRead {
  readonly status: Promise<UnitStatus | null>
  /** The clients have their response, and systemd has not replied yet. */
  overdue: boolean
}

/** `open` is called for the first read; an operation of what it opens takes at most DETAILS_TIMEOUT_MS. */
export function createUnitDetails(open: () => Promise<UnitControl>, clock: Pick<Clock, 'now' | 'after'>): UnitDetails {
  const underWay = new Map<string, DetailsRead>()
  let bucket = fullBucket(RATE, clock.now().monoMs)
  let control: Promise<UnitControl> | null = null

  let listing: Promise<readonly ListedUnit[] | null> | null = null

  function mayRead(): boolean {
    bucket = refilled(bucket, RATE, clock.now().monoMs)
    if (bucket.tokens < 1) return false
    bucket = spent(bucket)
    return true
  }

  /** Why systemd cannot be reached is a check of the agent's health. */
  function whenOpen(read: (opened: UnitControl) => Promise<void>): Promise<void> {
    control ??= open()
    return control.then(read).catch(() => {})
  }

  function start(unit: string): DetailsRead {
    let status: UnitStatus | null = null
    const reply = whenOpen(async (opened) => {
      status = await opened.status(unit)
    }).finally(() => underWay.delete(unit))
    const read: DetailsRead = {
      overdue: false,
      status: settledWithin(RESPOND_WITHIN_MS, reply, clock.after).then(() => {
        read.overdue = true
        return status
      }),
    }
    return read
  }

  async function list(): Promise<readonly ListedUnit[] | null> {
    let units: readonly ListedUnit[] | null = null
    const reply = whenOpen(async (opened) => {
      units = await opened.list()
    })
    await settledWithin(RESPOND_WITHIN_MS, reply, clock.after)
    return units
  }

  return {
    async read(unit) {
      const same = underWay.get(unit)
      if (same !== undefined) return same.status
      if (underWay.size >= UNITS_AT_ONCE) return [...underWay.values()].some(({ overdue }) => overdue) ? null : 'busy'
      if (!mayRead()) return 'busy'
      const read = start(unit)
      underWay.set(unit, read)
      return read.status
    },
    async list() {
      if (listing === null && !mayRead()) return 'busy'
      listing ??= list().finally(() => {
        listing = null
      })
      return listing
    },
    close: () => void control?.then((opened) => opened.close()),
  }
}
