// Opens the state file for a run of the agent, and determines the state to continue from and the gateway's identity.
import type { LoadedConfig } from '../config/load.ts'
import type { State } from '../core/state.ts'
import type { Identity } from '../core/views/api-json.ts'
import { gatewayId, readBootId, readMachineId } from '../host/identity.ts'
import { runtimeDirectory } from '../host/runtime-directory.ts'
import type { Clock, Env, Log } from '../ports.ts'
import { storageAt } from '../store/file/mounts.ts'
import { sideWritesAt } from '../store/file/write-amplification.ts'
import { openStore } from '../store/open.ts'
import type { PageRingStore } from '../store/store.ts'
import { createFirstState } from './former-program.ts'
import { freshState, stateFor } from './offline-state.ts'
import { policyOf } from './reload.ts'

export interface OpenedState {
  readonly state: State
  readonly store: PageRingStore
  readonly identity: Identity
  readonly bootId: string
  readonly path: string
  /** What a power loss does to the file, as in `Storage`; null if it survives. */
  readonly volatile: string | null
}

export interface OpenStateOptions {
  readonly loaded: LoadedConfig
  readonly clock: Clock
  readonly log: Log
  readonly env: Env
  readonly uid: number
}

/** Rejects if another agent uses the state file. */
export async function openState({ loaded, clock, log, env, uid }: OpenStateOptions): Promise<OpenedState> {
  const { config, paths } = loaded
  const { path, former } = stateFor(config.persistence_file, paths)
  const machineId = readMachineId()
  const bootId = readBootId()
  const opened = await openStore({
    path,
    runtimeDir: runtimeDirectory(env, uid),
    clock,
    log,
    flushIntervalMs: config.flush_interval * 1000,
    bootId,
    fresh: freshState,
    first: createFirstState({ config, named: former, user: paths.user, clock, log }),
    sideWrites: sideWritesAt(path),
  })
  const name = gatewayId(config.gateway_id, opened.state.gatewayId, machineId, paths.user ? uid : null)
  const state: State = { ...opened.state, gatewayId: name, policy: policyOf(config) }
  const { volatile } = storageAt(opened.path)
  if (volatile !== null) log('warning', `state file ${path} ${volatile}`)
  return {
    state,
    store: opened.store,
    identity: { gatewayId: name, machineId: machineId ?? 'unknown', stream: state.stream },
    bootId,
    path,
    volatile,
  }
}
