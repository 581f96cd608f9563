// What the running agent shows of itself: to a scrape, to `gatewatch status`, and to /-/ready.
import type { Agent } from '../agent.ts'
import type { Build } from '../cli/commands/version.ts'
import type { LoadedConfig } from '../config/load.ts'
import { type Identity, type Json, rfc3339 } from '../core/api-json.ts'
import type { State } from '../core/state.ts'
import type { LoopLag } from '../host/loop-lag.ts'
import type { ScrapeFacts } from '../metrics/scrape-input.ts'
import type { Clock, HostUsage, HttpHealth, MqttHealth, StateStore, SystemDetail, UnitSource } from '../ports.ts'
import type { Usage } from './resource-usage.ts'
import type { Listening } from './tcp-listener.ts'

/** What a reload changes. */
export interface Configured {
  readonly loaded: LoadedConfig
  /** When a configuration was taken over without a problem, wall ms; null when never. */
  readonly takenMs: number | null
  /** Problems of the file that was refused at the last reload; empty where it was taken. */
  readonly refused: readonly string[]
}

export interface Parts {
  readonly build: Build
  readonly identity: Identity
  readonly startedAtMs: number
  readonly stateVolatile: boolean
  readonly clock: Clock
  readonly lag: LoopLag
  readonly source: UnitSource
  readonly store: StateStore
  readonly agent: () => Agent
  /** As this run took it up; a fresh one after `clear`. */
  readonly atStart: () => State
  readonly configured: () => Configured
  readonly listening: () => Listening
  readonly mqtt: () => MqttHealth | null
  readonly http: () => HttpHealth
  readonly usage: Usage
}

/** Above this the event loop is not well: signals would wait. */
const LAG_SECONDS = 1

export function notReady(parts: Parts): string[] {
  const { loaded, refused } = parts.configured()
  const worst = parts.lag.worstSeconds()
  return [
    ...about('bus', parts.source.health().problem),
    ...about('state file', parts.store.health().problem),
    ...loaded.problems.map((problem) => `configuration: ${problem.text}`),
    ...refused.map((problem) => `configuration: not taken over: ${problem}`),
    ...about('http', parts.listening().problem()),
    ...(worst > LAG_SECONDS ? [`event loop: was late by ${worst.toFixed(1)} s`] : []),
    ...parts.agent().problems(),
  ]
}

function about(what: string, problem: string | null): string[] {
  return problem === null ? [] : [`${what}: ${problem}`]
}

/** The answer of /api/v1/status but for the units. */
export function status(parts: Parts): Json {
  const { build, identity, source, store, startedAtMs } = parts
  const { connected, problem } = source.health()
  const state = store.health()
  return {
    version: build.version,
    gateway_id: identity.gatewayId,
    machine_id: identity.machineId,
    boot_id: parts.agent().state().bootId,
    stream: identity.stream,
    started_at: rfc3339(startedAtMs),
    listening: parts.listening().address(),
    bus: { connected, problem },
    state: {
      path: state.path,
      problem: state.problem,
      volatile: parts.stateVolatile,
      commits: state.commits,
      bytes_written: state.bytesWritten,
      last_commit: state.lastCommitMs === null ? null : rfc3339(state.lastCommitMs),
    },
    mqtt: mqttStatus(parts.mqtt()),
    not_ready: notReady(parts),
  }
}

/** The answer of /api/v1/system; null where systemd does not answer. */
export async function system({ source, usage, agent }: Parts): Promise<Json | null> {
  const told = await source.readSystem()
  return told && systemJson(told, (await usage(agent().state())).host)
}

export function systemJson(told: SystemDetail, host: HostUsage): Json {
  return {
    state: told.state,
    systemd_version: told.version,
    failed_units: told.failedUnits,
    jobs: told.jobs,
    failed: told.failed,
    queue: told.queue,
    boot_seconds: told.boot,
    host: {
      memory_used_ratio: host.memory,
      cpu_used_ratio: host.cpu,
      disks: host.disks.map(({ path, used }) => ({ path, used_ratio: used })),
      flash: host.flash.map(({ device, lifeUsed }) => ({ device, life_used_ratio: lifeUsed })),
    },
  }
}

function mqttStatus(health: MqttHealth | null): Json | null {
  if (health === null) return null
  const { connected, problem, queued, published, reconnects, dropped } = health
  return { connected, problem, queued, published, reconnects, dropped }
}

/** All that a scrape looks at, at one instant; commits first where the governor lets a reader. */
export async function scrapeFacts(parts: Parts): Promise<ScrapeFacts> {
  const { build, identity, store, lag } = parts
  await lag.measure()
  await store.commitForReader()
  const { loaded, takenMs, refused } = parts.configured()
  return {
    live: parts.agent().state(),
    committed: store.committed(),
    atStart: parts.atStart(),
    bus: parts.source.health(),
    store: store.health(),
    mqtt: parts.mqtt(),
    stateVolatile: parts.stateVolatile,
    http: parts.http(),
    system: parts.source.system(),
    ...(await parts.usage(parts.agent().state())),
    now: parts.clock.now(),
    agent: {
      version: build.version,
      revision: build.revision,
      nodeVersion: build.node_version,
      target: build.target,
      gatewayId: identity.gatewayId,
      machineId: identity.machineId,
      configProblems: loaded.problems.length + refused.length,
      lastReloadSuccessful: loaded.problems.length + refused.length === 0,
      lastReloadSuccessMs: takenMs,
      eventLoopLagSeconds: lag.worstSeconds(),
    },
  }
}
