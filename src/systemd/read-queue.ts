// Queues the reads of units that a pattern found, one at a time and at a limited rate: any user may make systemd load
// units, and each read of an unloaded unit makes it load that unit once more.
import { availableAtMs, fullBucket, refilled, spent, type TokenRate } from '../core/limits/token-bucket.ts'
import type { Clock } from '../ports.ts'

const RATE: TokenRate = { everyMs: 200, burst: 50 }
/** Units in each of the two queues. */
const WAITING_AT_MOST = 256
/** A unit that only a query had loaded is unloaded by then, and one that was started has changed its state. */
const SETTLED_AFTER_MS = 500

export interface ReadQueue {
  /** A unit that was loaded: reads it in a moment, unless it is removed before. False if there is no room for it. */
  addLoaded(label: string): boolean
  /** A unit that changed its state: reads it before those that were only loaded. False if there is no room for it. */
  addChanged(label: string): boolean
  /** Read otherwise, or unloaded: it need not be read any more. */
  remove(label: string): void
  end(): void
}

export function createReadQueue(clock: Clock, read: (label: string, done: () => void) => void): ReadQueue {
  const changed = new Set<string>()
  /** When each may be read; the first one is the earliest. */
  const loaded = new Map<string, number>()
  let bucket = fullBucket(RATE, clock.now().monoMs)
  let underWay = false
  let undo = () => {}

  /** The next unit, and from when on it may be read. */
  function next(): readonly [label: string, atMs: number] | undefined {
    for (const label of changed) return [label, 0]
    for (const entry of loaded) return entry
    return undefined
  }

  function remove(label: string): void {
    changed.delete(label)
    loaded.delete(label)
  }

  function pump(): void {
    undo()
    const first = underWay ? undefined : next()
    if (first === undefined) return
    const [label, settledAtMs] = first
    const { monoMs } = clock.now()
    bucket = refilled(bucket, RATE, monoMs)
    const waitMs = Math.max(settledAtMs, availableAtMs(bucket, 1, RATE.everyMs)) - monoMs
    if (waitMs > 0) {
      undo = clock.after(waitMs, pump)
      return
    }
    bucket = spent(bucket)
    underWay = true
    remove(label)
    read(label, () => {
      underWay = false
      pump()
    })
  }

  return {
    addLoaded(label) {
      if (changed.has(label) || loaded.has(label)) return true
      if (loaded.size >= WAITING_AT_MOST) return false
      loaded.set(label, clock.now().monoMs + SETTLED_AFTER_MS)
      pump()
      return true
    },
    addChanged(label) {
      if (changed.has(label)) return true
      if (changed.size >= WAITING_AT_MOST) return false
      loaded.delete(label)
      changed.add(label)
      pump()
      return true
    },
    remove,
    end() {
      undo()
      changed.clear()
      loaded.clear()
    },
  }
}
