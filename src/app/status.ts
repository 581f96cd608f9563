// The agent's own health: for /-/ready, /api/v1/status, `gatewatch status` and the line in `systemctl status`.

import type { Agent } from '../agent.ts'
import type { Build } from '../cli/commands/version.ts'
import { type createHealth, type HealthCheck, type HealthFacts, lagProblem } from '../core/health.ts'
import { checkJson, type Identity, type Json, rfc3339 } from '../core/views/api-json.ts'
import { plural } from '../core/views/format.ts'
import type { LoopLag } from '../host/loop-lag.ts'
import type { Http } from '../http/http.ts'
import type { Clock, HostUsage, MqttHealth, RemoteWriteHealth, StateStore, SystemDetail, UnitSource } from '../ports.ts'
import { loneCommitBytes } from '../store/file/write-amplification.ts'
import type { Configuration } from './configuration/configuration.ts'
import type { MqttSwitch } from './mqtt-switch.ts'
import type { OpenedState } from './open-state.ts'
import type { RemoteWriteSwitch } from './remote-write-switch.ts'
import type { UsageReader } from './resource-usage.ts'
import type { TcpListener } from './tcp-listener.ts'

/** A log file or events file of the agent. */
export interface LogFile {
  readonly path: string
  /** Why it cannot be written; null while it can. */
  readonly problem: () => string | null
  /** The number of lines that could not be written to it. */
  readonly dropped: () => number
  /** Empties it; rejects if it cannot. */
  readonly clear: () => Promise<void>
}

/** The parts of the agent that the status is read from. */
export interface StatusInputs {
  readonly build: Build
  readonly identity: Identity
  /** When the agent started, by the wall clock as it is set now. */
  readonly startedAtMs: () => number
  readonly stateFile: Pick<OpenedState, 'volatile' | 'flashCost'>
  readonly identityProblems: readonly string[]
  /** What is missing because the journal cannot be read. */
  readonly missingEvidence: () => readonly string[]
  readonly clock: Clock
  readonly lag: LoopLag
  readonly source: UnitSource
  readonly store: StateStore
  readonly agent: Agent
  readonly configuration: Configuration
  readonly tcp: TcpListener
  readonly mqtt: MqttSwitch
  readonly remoteWrite: RemoteWriteSwitch
  readonly http: Http
  readonly usage: UsageReader
  /** Empty if neither a log file nor an events file is configured. */
  readonly logFiles: readonly LogFile[]
  readonly health: ReturnType<typeof createHealth>
}

/** The checks as they are now. */
export function healthChecks(inputs: StatusInputs): readonly HealthCheck[] {
  const { source, store, configuration, tcp, lag, agent, mqtt, logFiles, health } = inputs
  const bus = source.health()
  const broker = mqtt.health()
  return health({
    bus,
    stateFile: { ...store.health(), volatile: inputs.stateFile.volatile },
    configuration: {
      // The address of the listener is configured, and cannot be used.
      problems: [...configuration.problems(), ...about('http', tcp.problem())],
      warnings: configuration.warnings(),
      waiting: configuration.waiting(),
    },
    loopLagSeconds: lag.worstSeconds(),
    faults: agent.problems(),
    mqtt: broker,
    remoteWrite: inputs.remoteWrite.health(),
    logFiles: logFiles.length === 0 ? null : logFileHealth(logFiles),
    unwatchable: bus.unwatchable,
    clockSynced: agent.state().clockSynced,
    identity: [...inputs.identityProblems, ...about('mqtt', broker?.sharedClientId ?? null)],
  })
}

function logFileHealth(files: readonly LogFile[]): HealthFacts['logFiles'] {
  const missing = files.filter(({ dropped }) => dropped() > 0)
  const notes = missing.map(({ path, dropped }) => `${path} lacks ${plural(dropped(), 'line')} since gatewatch started`)
  return { problems: files.flatMap(({ problem }) => problem() ?? []), note: notes.join('; ') || null }
}

/** The sentences of `not_ready`, which is older than `checks` and stays as it is. */
function notReady({ source, store, configuration, tcp, lag, agent }: StatusInputs): string[] {
  return [
    ...about('bus', source.health().problem),
    ...about('state file', store.health().problem),
    ...configuration.problems().map((problem) => `configuration: ${problem}`),
    ...about('http', tcp.problem()),
    ...about('event loop', lagProblem(lag.worstSeconds())),
    ...agent.problems(),
  ]
}

function about(what: string, problem: string | null): string[] {
  return problem === null ? [] : [`${what}: ${problem}`]
}

/** The body of /api/v1/status, without the units. */
export function statusJson(inputs: StatusInputs): Json {
  const { build, identity, source, store, startedAtMs } = inputs
  const { connected, problem } = source.health()
  const state = store.health()
  return {
    version: build.version,
    gateway_id: identity.gatewayId,
    machine_id: identity.machineId,
    boot_id: inputs.agent.state().bootId,
    stream: identity.stream,
    started_at: rfc3339(startedAtMs()),
    listening: inputs.tcp.address(),
    bus: { connected, problem },
    state: {
      path: state.path,
      problem: state.problem,
      volatile: inputs.stateFile.volatile !== null,
      commits: state.commits,
      bytes_written: state.bytesWritten,
      file_system: inputs.stateFile.flashCost.fileSystem,
      commit_bytes: loneCommitBytes(inputs.stateFile.flashCost.sideWrites),
      commit_advice: inputs.stateFile.flashCost.advice,
      commit_within: state.delaySeconds,
      last_commit: state.lastCommitMs === null ? null : rfc3339(state.lastCommitMs),
    },
    mqtt: mqttJson(inputs.mqtt.health()),
    remote_write: remoteWriteJson(inputs.remoteWrite.health()),
    unmatched_patterns: source.unmatchedPatterns(),
    missing_evidence: inputs.missingEvidence(),
    checks: healthChecks(inputs).map(checkJson),
    not_ready: notReady(inputs),
  }
}

function mqttJson(health: MqttHealth | null): Json | null {
  if (health === null) return null
  const { connected, problem, queued, published, reconnects, dropped, refused } = health
  return { connected, problem, queued, published, reconnects, dropped, refused }
}

function remoteWriteJson(health: RemoteWriteHealth | null): Json | null {
  if (health === null) return null
  const { problem, pending, sent, failed, dropped, lastSuccessMs } = health
  const lastSuccess = lastSuccessMs === null ? null : rfc3339(lastSuccessMs)
  return { problem, pending, sent, failed, dropped, last_success: lastSuccess }
}

/** The body of /api/v1/system; null if systemd does not respond. */
export async function systemStatus({ source, usage, agent }: StatusInputs): Promise<Json | null> {
  const system = await source.readSystem()
  return system && systemJson(system, (await usage.read(agent.state())).host)
}

export function systemJson(system: SystemDetail, host: HostUsage): Json {
  return {
    state: system.state,
    systemd_version: system.version,
    failed_units: system.failedUnits,
    jobs: system.jobs,
    failed: system.failed,
    queue: system.queue,
    boot_seconds: system.boot,
    host: {
      memory_used_ratio: host.memory,
      cpu_used_ratio: host.cpu,
      disks: host.disks.map(({ path, used }) => ({ path, used_ratio: used })),
      flash: host.flash.map(({ device, lifeUsed }) => ({ device, life_used_ratio: lifeUsed })),
    },
  }
}
