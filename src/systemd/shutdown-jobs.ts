// Finds the units that a shutdown in progress stops before it stops gatewatch itself, from systemd's job queue.
import type { Bus } from '../dbus/bus.ts'
import { MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD } from './manager-api.ts'
import { unitPath } from './unit-path.ts'

/** More than the longest ordering chain; units beyond it are treated as independent of gatewatch. */
const UNITS_AT_MOST = 500

/**
 * The watched units with a stop job while systemd's SystemState is `stopping` (org.freedesktop.systemd1(5)); null in
 * any other state. All jobs of a shutdown are queued at once, and a job leaves the queue only after the signals of its
 * unit's stop were sent. Units that systemd stops only after gatewatch are left out: waiting for them would never end.
 * Rejects if systemd does not reply to a call within `withinMs`.
 */
export async function unitsShuttingDown(
  bus: Bus,
  isWatched: (unit: string) => boolean,
  withinMs: number,
): Promise<ReadonlySet<string> | null> {
  const query = async (path: string, face: string, member: string, signature = '', body: readonly unknown[] = []) =>
    (await bus.call(SYSTEMD, path, face, member, signature, body, withinMs))[0]
  const property = (path: string, name: string) => query(path, PROPERTIES, 'Get', 'ss', [`${SYSTEMD}.Unit`, name])

  if ((await query(MANAGER_PATH, PROPERTIES, 'Get', 'ss', [MANAGER, 'SystemState'])) !== 'stopping') return null
  const jobs = await query(MANAGER_PATH, MANAGER, 'ListJobs')
  const stopping = new Set<string>()
  for (const job of Array.isArray(jobs) ? jobs : []) {
    const [, unit, type] = Array.isArray(job) ? job : []
    if (typeof unit === 'string' && type === 'stop') stopping.add(unit)
  }
  const watched = [...stopping].filter(isWatched)
  if (watched.length === 0) return new Set()
  try {
    const own = await property(String(await query(MANAGER_PATH, MANAGER, 'GetUnitByPID', 'u', [0])), 'Id')
    const before = async (unit: string) => {
      const units = await property(unitPath(unit), 'Before').catch(() => [])
      return (Array.isArray(units) ? units : []).filter((other) => other === own || stopping.has(other))
    }
    const late = leadingTo(String(own), await graphFrom(watched, before))
    return new Set(watched.filter((unit) => !late.has(unit)))
  } catch {
    return new Set(watched) // gatewatch is not a unit of this systemd, so that no unit is ordered after it
  }
}

type Graph = ReadonlyMap<string, readonly string[]>

/** The ordering successors of each unit, and of those in turn. */
async function graphFrom(units: readonly string[], next: (unit: string) => Promise<string[]>): Promise<Graph> {
  const graph = new Map<string, string[]>()
  for (let front = units; front.length > 0 && graph.size < UNITS_AT_MOST; ) {
    const found = await Promise.all(front.map(async (unit) => [unit, await next(unit)] as const))
    for (const [unit, after] of found) graph.set(unit, after)
    front = [...new Set(found.flatMap(([, after]) => after))].filter((unit) => !graph.has(unit))
  }
  return graph
}

/** `end`, and every unit from which a path leads to it. */
export function leadingTo(end: string, graph: Graph): ReadonlySet<string> {
  const leading = new Set([end])
  for (let size = 0; size < leading.size; ) {
    size = leading.size
    for (const [unit, after] of graph) if (after.some((other) => leading.has(other))) leading.add(unit)
  }
  return leading
}
