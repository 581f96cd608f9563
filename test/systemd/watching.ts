// A unit source on a bus that records its observations and log lines.
import type { Observation } from '../../src/core/observation.ts'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import type { UnitSource } from '../../src/ports.ts'
import { createSystemdSource, type SystemdSourceOptions } from '../../src/systemd/source.ts'
import { until } from '../rig/until.ts'
import { clock } from './clock.ts'

export interface Watching extends AsyncDisposable {
  readonly source: UnitSource
  readonly observations: Observation[]
  readonly logs: string[]
  /** The snapshots of a unit since the last `forget`, oldest first. */
  of(unit: string, kind?: 'signal' | 'read'): UnitSnapshot[]
  kinds(): string[]
  forget(): void
  /** Waits until the newest snapshot of the unit has these properties. */
  becomes(unit: string, snapshot: Partial<UnitSnapshot>): Promise<UnitSnapshot>
  /** Waits until the unit was read with this LoadState. */
  loadState(unit: string, is: string): Promise<void>
}

export async function watching(
  address: string,
  patterns: readonly string[],
  options: Partial<SystemdSourceOptions> = {},
): Promise<Watching> {
  const observations: Observation[] = []
  const logs: string[] = []
  const source = createSystemdSource({
    address,
    patterns,
    clock,
    log: (level, message) => logs.push(`${level} ${message}`),
    random: () => 0.5,
    resyncIntervalMs: 300_000,
    maxUnits: 1000,
    ...options,
  })
  source.start((observation) => observations.push(observation))
  const of = (unit: string, kind?: 'signal' | 'read') =>
    observations.flatMap((o) =>
      (o.kind === 'signal' || o.kind === 'read') && o.unit === unit && (kind ?? o.kind) === o.kind ? [o.snapshot] : [],
    )
  return {
    source,
    observations,
    logs,
    of,
    kinds: () => observations.map((o) => o.kind),
    forget: () => void observations.splice(0),
    becomes: async (unit, snapshot) => {
      const fits = (s: UnitSnapshot | undefined) =>
        s !== undefined && Object.entries(snapshot).every(([key, value]) => s[key as keyof UnitSnapshot] === value)
      const found = await until(() => of(unit).at(-1), { what: `${unit} to be ${JSON.stringify(snapshot)}`, is: fits })
      if (found === undefined) throw new Error('unreachable')
      return found
    },
    loadState: async (unit, is) => {
      const last = () => observations.findLast((o) => o.kind === 'read' && o.unit === unit)
      await until(last, { what: `${unit} to be ${is}`, is: (o) => o?.kind === 'read' && o.settings.loadState === is })
    },
    [Symbol.asyncDispose]: () => source.stop(),
  }
}

/** The same, after it has connected and read every unit. */
export async function watchingConnected(
  address: string,
  patterns: readonly string[],
  options: Partial<SystemdSourceOptions> = {},
): Promise<Watching> {
  const w = await watching(address, patterns, options)
  await until(() => w.source.health().connected, { what: 'the bus' })
  await w.source.reconcile()
  return w
}
