// Gathers the input of a scrape from all parts of the agent, at one instant.
import type { ScrapeFacts } from '../metrics/scrape-input.ts'
import type { Clock } from '../ports.ts'
import { healthChecks, type StatusInputs } from './status.ts'

const NO_USAGE: Pick<ScrapeFacts, 'host' | 'usage'> = {
  host: { memory: null, cpu: null, disks: [], flash: [] },
  usage: new Map(),
}

/** Commits first if the flush budget allows it for a reader, so that the scrape is current. */
export async function scrapeFacts(inputs: StatusInputs, withUsage: boolean): Promise<ScrapeFacts> {
  const { build, identity, store, lag, agent, configuration, source } = inputs
  await lag.measure()
  await store.commitForReader()
  agent.lookAtClock()
  const problems = configuration.problems().length
  return {
    live: agent.state(),
    committed: store.committed(),
    atStart: agent.stateAtStart(),
    checks: healthChecks(inputs),
    bus: source.health(),
    store: store.health(),
    mqtt: inputs.mqtt.health(),
    remoteWrite: inputs.remoteWrite.health(),
    stateVolatile: inputs.stateFile.volatile !== null,
    http: inputs.http.health(),
    system: source.system(),
    ...(withUsage ? await inputs.usage.read(agent.state()) : NO_USAGE),
    now: inputs.clock.now(),
    agent: {
      version: build.version,
      revision: build.revision,
      nodeVersion: build.node_version,
      target: build.target,
      gatewayId: identity.gatewayId,
      machineId: identity.machineId,
      monitoredServices: configuration.now().monitored_services,
      configProblems: problems + configuration.warnings().length,
      lastReloadSuccessful: problems === 0,
      lastReloadSuccessMs: wallMsOf(inputs.clock, configuration.appliedAtMonoMs()),
      eventLoopLagSeconds: lag.worstSeconds(),
    },
  }
}

function wallMsOf(clock: Clock, monoMs: number | null): number | null {
  return monoMs === null ? null : clock.wallMsOf(monoMs)
}
