// Opens the state file for a run of the agent, and determines the state to continue from and the gateway's identity.
import { existsSync } from 'node:fs'
import type { LoadedConfig } from '../config/load.ts'
import { otherMachine } from '../core/recount.ts'
import type { State } from '../core/state.ts'
import type { Identity } from '../core/views/api-json.ts'
import { clockSyncedAtStart } from '../host/clock-mark.ts'
import { type GatewayIdentity, gatewayIdentity, readBootId } from '../host/identity.ts'
import { runtimeDirectory } from '../host/runtime-directory.ts'
import type { Clock, Env, Log } from '../ports.ts'
import { isDevicePath } from '../store/file/block-device.ts'
import { storageAt } from '../store/file/mounts.ts'
import { type FlashCost, flashCostAt } from '../store/file/write-amplification.ts'
import { openStore } from '../store/open.ts'
import type { PageRingStore } from '../store/store.ts'
import { flushLimitsOf, policyOf } from './configuration/reload.ts'
import { createFirstState } from './former-program.ts'
import { freshState, stateFor, thisMachine } from './offline-state.ts'

export interface OpenedState {
  readonly state: State
  readonly store: PageRingStore
  readonly identity: Identity
  /** The ids for the first observation. */
  readonly ids: Pick<GatewayIdentity, 'gatewayId' | 'machineId'>
  /** What is wrong with the identity, one sentence each. */
  readonly identityProblems: readonly string[]
  readonly bootId: string
  readonly path: string
  /** What a power loss does to the file, as in `Storage`; null if it survives. */
  readonly volatile: string | null
  readonly flashCost: FlashCost
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
  const machine = thisMachine()
  const idsWith = (stored: Pick<State, 'gatewayId' | 'machineId' | 'stream'>) =>
    gatewayIdentity(config.gateway_id, stored, machine, paths.user ? uid : null)
  /** With its ids from the first commit on: the file may be copied after a power loss a few seconds later. */
  const fresh = () => {
    const state = freshState()
    const { gatewayId, machineId } = idsWith(state)
    return { ...state, gatewayId, machineId }
  }
  const bootId = readBootId()
  const flashCost = flashCostAt(path)
  const opened = await openStore({
    path,
    runtimeDir: runtimeDirectory(env, uid),
    clock,
    log,
    limits: flushLimitsOf(config),
    bootId,
    machineId: machine.persistent ? machine.id : null,
    fresh,
    first: createFirstState({ config, named: former, user: paths.user, clock, log }),
    sideWrites: flashCost.sideWrites,
  })
  const ids = idsWith({ ...opened.state, stream: opened.formerStream })
  const identity = { gatewayId: ids.gatewayId, machineId: ids.shownMachineId, stream: opened.state.stream }
  if (ids.problem !== null) log('warning', `${ids.problem}; gateway_id is ${ids.gatewayId}`)
  if (opened.recovered === 'fresh' && isDevicePath(opened.path) && existsSync(paths.stateFile))
    log('warning', `state: counting starts from 0 on ${opened.path}; the counters in ${paths.stateFile} are not used`)
  const { mount, volatile } = storageAt(opened.path)
  if (volatile !== null) {
    const lost = mount === null ? 'may not survive' : 'will not survive'
    log('warning', `state file ${path} ${volatile}: counters ${lost} a power loss`)
  }
  return {
    state: { ...opened.state, policy: policyOf(config), clockSynced: clockSyncedAtStart(clock.now().wallMs) },
    store: opened.store,
    identity,
    ids,
    identityProblems: identityProblems(opened.state, ids),
    bootId,
    path,
    volatile,
    flashCost,
  }
}

function identityProblems(found: State, { gatewayId, machineId, problem }: GatewayIdentity): readonly string[] {
  const former = otherMachine(found, machineId)
  if (former === null) return problem === null ? [] : [problem]
  const from = `machine ${former}, gateway_id ${found.gatewayId}`
  const to = `machine ${machineId}, gateway_id ${gatewayId}`
  return [`the state file came from another machine (${from}); this is ${to}; restart gatewatch to end this warning`]
}
