// What units and gateway use, read when a scrape asks: from the kernel's files, never from systemd.
import { dirname } from 'node:path'
import type { State } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import { createCgroupUsage } from '../host/cgroup-usage.ts'
import { createSystemUsage } from '../host/system-usage.ts'
import type { ScrapeFacts } from '../metrics/scrape-input.ts'
import type { Clock, UnitSource } from '../ports.ts'

export type Usage = (live: State) => Promise<Pick<ScrapeFacts, 'host' | 'usage'>>

/** `stateFile`: the file system that it lies on is told beside the root. */
export function usageReader(source: UnitSource, stateFile: string, clock: Clock): Usage {
  const groups = createCgroupUsage()
  const host = createSystemUsage(['/', dirname(stateFile)])
  const groupOf = (unit: Unit) => {
    const run = unit.snapshot?.invocationId ?? null
    const path = source.controlGroup(unit.name)
    const isUp = unit.run !== null || unit.snapshot?.activeState === 'active'
    return isUp && path !== null ? [{ unit: unit.name, run: run ?? '', path }] : []
  }
  return async ({ units }) => ({
    host: await host.read(clock.now().monoMs),
    usage: groups.read(units.flatMap(groupOf)),
  })
}
