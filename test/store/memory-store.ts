// Opens stores for tests: on a file system in memory, with a manual clock and without a lock.

import { PAGE_BYTES } from '../../src/store/format/page.ts'
import { type OpenedStore, type OpenOptions, openStore } from '../../src/store/open.ts'
import { formattedPage } from '../../src/store/prepare-partition.ts'
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

/** What the ring is on. */
export type MediumKind = 'file' | 'partition'

/** Of these scenarios, each test runs both. The others do the same on a partition as in a file; `npm run prove:flash` runs all. */
const DIFFERENT: readonly string[] = ['first creation', 'a new file after an error', 'an orderly stop and a start']

/** Its snapshot has too many pages to try all combinations of them; a new file is not visible before all are synced. */
const ONLY_FILE = 'too many units for the file'

/** Each scenario with its media. */
export function onEachMedium<T>(scenarios: readonly (readonly [string, T])[]): (readonly [string, MediumKind, T])[] {
  const all = process.env['GATEWATCH_LONG'] !== undefined
  return scenarios.flatMap(([name, scenario]) =>
    (['file', 'partition'] as const)
      .filter((on) => on === 'file' || (all && name !== ONLY_FILE) || DIFFERENT.includes(name))
      .map((on) => [name, on, scenario] as const),
  )
}

/** A partition of `pages` that was formatted, and that begins with the pages of `ring`, if any. */
export function partitionWith(pages: number, ring: Uint8Array = formattedPage(freshState(0)())): Buffer {
  const bytes = Buffer.alloc(pages * PAGE_BYTES)
  bytes.set(ring)
  return bytes
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
