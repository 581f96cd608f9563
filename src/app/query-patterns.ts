// The patterns that match no unit, for `gatewatch check-config`: one query over its own connection.
import type { Config } from '../config/keys.ts'
import { connectBus } from '../dbus/connection.ts'
import { systemClock as clock } from '../host/clock.ts'
import type { UnmatchedPattern } from '../ports.ts'
import { WANTED_PROPERTIES } from '../systemd/decode.ts'
import { listUnits } from '../systemd/manager-api.ts'
import { unmatchedPatterns } from '../systemd/unmatched-patterns.ts'
import { configuredUnits } from '../systemd/watch-list.ts'

/** A person waits for it, and a configuration can be checked without a bus. */
const QUERY_AT_MOST_MS = 2_000

/** Null if the bus or systemd does not respond in time. */
export async function queryUnmatchedPatterns(config: Config): Promise<readonly UnmatchedPattern[] | null> {
  const { patterns } = configuredUnits(config.monitored_services)
  if (patterns.length === 0) return []
  const signal = AbortSignal.timeout(QUERY_AT_MOST_MS)
  try {
    const bus = await connectBus(config.bus, { after: clock.after, properties: WANTED_PROPERTIES, signal })
    signal.addEventListener('abort', () => bus.close())
    try {
      return unmatchedPatterns(patterns, await listUnits(bus, patterns))
    } finally {
      bus.close()
    }
  } catch {
    return null
  }
}
