// Follows all units that systemd has, while a client streams their states.
import type { UnitState } from '../../core/views/unit-state.ts'
import type { Clock, UnitSource } from '../../ports.ts'

/** Between the request for a stream and its start, for the slowest handshake; and for a client that reconnects. */
const HELD_FOR_MS = 10_000

export interface AllUnits {
  /** Resolves when each later change is reported, for some seconds at least; false if systemd does not respond. */
  begin(): Promise<boolean>
  /** Keeps following until the returned function is called. */
  hold(): () => void
  stop(): void
}

export function createAllUnits(
  followAll: UnitSource['followAll'],
  report: (state: UnitState) => void,
  clock: Clock,
): AllUnits {
  const holders = new Set<object>()
  /** Ends what `begin` holds. */
  const ends = new Set<() => void>()
  let following: ReturnType<UnitSource['followAll']> | null = null

  function hold(): () => void {
    const holder = {}
    holders.add(holder)
    following ??= followAll(report)
    return () => {
      holders.delete(holder)
      if (holders.size > 0) return
      following?.stop()
      following = null
    }
  }

  function holdForNow(): () => void {
    const release = hold()
    const end = () => {
      cancel()
      ends.delete(end)
      release()
    }
    const cancel = clock.after(HELD_FOR_MS, end)
    ends.add(end)
    return end
  }

  return {
    hold,
    async begin() {
      const end = holdForNow()
      const isReady = (await following?.ready) ?? false
      if (!isReady) end()
      return isReady
    },
    stop() {
      for (const end of ends) end()
    },
  }
}
