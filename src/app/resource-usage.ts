// Resources that the units and the gateway use, read at scrape time from the kernel's files, never from systemd.
import type { State } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import { createCgroupUsage } from '../host/cgroup-usage.ts'
import { createSystemUsage } from '../host/system-usage.ts'
import type { ScrapeFacts } from '../metrics/scrape-input.ts'
import type { Clock, UnitSource, UnitUsage } from '../ports.ts'
import { stateDirectory } from '../store/file/paths.ts'

export interface UsageReader {
  read(live: State): Promise<Pick<ScrapeFacts, 'host' | 'usage'>>
  /** Memory of this run of the unit at the last reading; null if it was not read. */
  lastMemory(unit: string, run: string | null): number | null
}

/** `stateFile`: the file system that holds it is reported beside the root file system. */
export function createUsageReader(source: UnitSource, stateFile: string, clock: Clock): UsageReader {
  const groups = createCgroupUsage()
  const host = createSystemUsage(['/', stateDirectory(stateFile)])
  let lastRuns: ReadonlyMap<string, string> = new Map()
  let lastUsage: ReadonlyMap<string, UnitUsage> = new Map()
  const groupOf = (unit: Unit) => {
    const run = unit.snapshot?.invocationId ?? null
    const path = source.controlGroup(unit.name)
    const isUp = unit.run !== null || unit.snapshot?.activeState === 'active'
    return isUp && path !== null ? [{ unit: unit.name, run: run ?? '', path }] : []
  }
  return {
    async read({ units }) {
      const up = units.flatMap(groupOf)
      const usage = await groups.read(up)
      lastRuns = new Map(up.map(({ unit, run }) => [unit, run]))
      lastUsage = usage
      return { host: await host.read(clock.now().monoMs), usage }
    },
    lastMemory: (unit, run) => (lastRuns.get(unit) === run ? (lastUsage.get(unit)?.memoryBytes ?? null) : null),
  }
}
