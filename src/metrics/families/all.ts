// All metric families, in the order of a scrape.
import type { Family } from '../family.ts'
import { agentFamilies, processFamilies, processStart } from './agent.ts'
import { busFamilies } from './bus.ts'
import { flashFamilies } from './flash.ts'
import { httpFamilies } from './http.ts'
import { mqttFamilies } from './mqtt.ts'
import { remoteWriteFamilies } from './remote-write.ts'
import { serviceFamilies } from './services.ts'
import { hostFamilies, systemFamilies } from './system.ts'
import { unitFamilies, unitUsageFamilies } from './units.ts'
import { watchListFamilies } from './watch-list.ts'

export const FAMILIES: readonly Family[] = [
  ...serviceFamilies,
  ...unitFamilies,
  ...unitUsageFamilies,
  ...watchListFamilies,
  ...systemFamilies,
  ...hostFamilies,
  ...flashFamilies,
  ...busFamilies,
  ...mqttFamilies,
  ...remoteWriteFamilies,
  ...httpFamilies,
  ...agentFamilies,
  ...processFamilies,
  processStart,
]

/** Those that read `usage`, `host` or `process` of the input: without them, these need not be gathered. */
export const USAGE_FAMILIES: ReadonlySet<Family> = new Set([...unitUsageFamilies, ...hostFamilies, ...processFamilies])
