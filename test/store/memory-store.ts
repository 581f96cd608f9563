// Opens stores for tests: on a file system in memory, with a manual clock and without a lock.
import { type OpenedStore, type OpenOptions, openStore } from '../../src/store/open.ts'
import { type TestClock, testClock } from '../rig/clock.ts'
import { type MemoryFs, memoryFs } from './memory-fs.ts'
import { BOOT, freshState } from './sample.ts'

export const PATH = '/var/lib/gatewatch/state.ring'
export const RUN = '/run/gatewatch'

export interface MemoryStore {
  readonly fs: MemoryFs
  readonly clock: TestClock
  readonly lines: string[]
  open(more?: Partial<OpenOptions>): Promise<OpenedStore>
  /** Loses the runtime directory, which is in RAM. */
  powerCut(): void
}

export function memoryStore(units = 3): MemoryStore {
  const fs = memoryFs()
  const clock = testClock()
  const lines: string[] = []
  return {
    fs,
    clock,
    lines,
    open: (more = {}) =>
      openStore({
        path: PATH,
        runtimeDir: RUN,
        clock,
        fs,
        log: (level, message) => void lines.push(`${level}: ${message}`),
        limits: { flushIntervalMs: 60_000, bytesPerDay: 30_000_000 },
        bootId: BOOT,
        fresh: freshState(units),
        lock: async () => async () => {},
        ...more,
      }),
    powerCut() {
      for (const path of fs.files.keys()) if (path.startsWith(RUN)) fs.files.delete(path)
    },
  }
}
