// What a shutdown that is under way will end, as systemd's own queue of jobs says.
import type { Bus } from './bus.ts'
import { MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD } from './manager.ts'

/** systemd is busy while it shuts down, but nobody waits longer for us than a moment. */
const ANSWER_AT_MOST_MS = 2000

/**
 * Units with a stop job, while systemd's SystemState is `stopping` (org.freedesktop.systemd1(5)); null while it is not.
 * All jobs of a shutdown are queued at once, and a job leaves the queue only after the signals of its unit's end were
 * sent. Those that our own unit comes after (`After=`) are stopped only once we are gone: they are left out.
 */
export async function unitsGoingDown(bus: Bus): Promise<ReadonlySet<string> | null> {
  const ask = async (path: string, face: string, member: string, signature = '', body: readonly unknown[] = []) =>
    (await bus.call(SYSTEMD, path, face, member, signature, body, ANSWER_AT_MOST_MS))[0]

  const state = await ask(MANAGER_PATH, PROPERTIES, 'Get', 'ss', [MANAGER, 'SystemState'])
  if (state !== 'stopping') return null
  const jobs = await ask(MANAGER_PATH, MANAGER, 'ListJobs')
  const stopping = new Set<string>()
  for (const job of Array.isArray(jobs) ? jobs : []) {
    const [, unit, type] = Array.isArray(job) ? job : []
    if (typeof unit === 'string' && type === 'stop') stopping.add(unit)
  }
  try {
    const own = await ask(MANAGER_PATH, MANAGER, 'GetUnitByPID', 'u', [0])
    const [id, after] = await Promise.all(
      ['Id', 'After'].map((name) => ask(String(own), PROPERTIES, 'Get', 'ss', [`${SYSTEMD}.Unit`, name])),
    )
    for (const unit of [id, ...(Array.isArray(after) ? after : [])]) stopping.delete(String(unit))
  } catch {
    // Not a unit of this systemd: nothing waits for us.
  }
  return stopping
}
