// The state file for commands that run without an agent: reads it, clears it, imports counters into it.

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import type { StateFile } from '../cli/console.ts'
import type { LoadedConfig } from '../config/load.ts'
import { isOfFormerProgram, type Paths } from '../config/paths.ts'
import type { Observation } from '../core/observation.ts'
import { newState, type State } from '../core/state.ts'
import { step } from '../core/step.ts'
import { systemClock as clock } from '../host/clock.ts'
import { gatewayIdentity, type Machine, readBootId, readMachine } from '../host/identity.ts'
import { runtimeDirectory } from '../host/runtime-directory.ts'
import { emptyFile } from '../log/empty-file.ts'
import type { Env, Log } from '../ports.ts'
import { isBlockDevice, storageAt } from '../store/file/mounts.ts'
import { flashCostAt } from '../store/file/write-amplification.ts'
import { editPublished, editState, readState } from '../store/offline.ts'
import { flushLimitsOf } from './configuration/reload.ts'

export function stateFileOf({ config, paths }: LoadedConfig, env: Env, uid: number, log: Log): StateFile {
  const { path } = stateFor(config.persistence_file, paths)
  const runtimeDir = runtimeDirectory(env, uid)
  const machine = thisMachine()
  const bootId = readBootId()
  const limits = flushLimitsOf(config)
  const openOptions = (at: string) => {
    const { sideWrites } = flashCostAt(at)
    return { path: at, runtimeDir, bootId, clock, log, limits, sideWrites, fresh: freshState }
  }
  const change = async (
    at: string,
    observations: (state: State) => readonly Observation[] | Promise<readonly Observation[]>,
  ) => {
    await editState(openOptions(at), async (before) => {
      let state = before
      const events = (await observations(before)).flatMap((o) => {
        const stepped = step(state, o)
        state = stepped.state
        return stepped.events
      })
      return { state, events }
    })
  }
  return {
    path,
    async read(at) {
      const kept = await readState(at, runtimeDir, bootId)
      if (kept.recovered === 'damaged') {
        if (kept.onDevice) throw new Error(`${at} is not a readable ring; 'gatewatch format' starts a new one`)
        const what = kept.empty ? 'is empty' : 'is not a readable state file'
        throw new Error(`${at} ${what}; an agent would move it aside and start a new one`)
      }
      if (kept.state === null && kept.onDevice && isBlockDevice(at))
        throw new Error(`${at} was formatted and has no counters yet`)
      if (kept.state === null) return null
      const { state } = kept
      // The file may be a copy from another gateway: its events are of the machine that it names.
      const ofFile = state.machineId === null ? machine : { ...machine, id: state.machineId, persistent: true }
      const ids = gatewayIdentity(config.gateway_id, state, ofFile, paths.user ? uid : null)
      return {
        state,
        events: kept.history,
        published: kept.published,
        identity: { gatewayId: ids.gatewayId, machineId: ids.shownMachineId, stream: state.stream },
        writtenAtMs: kept.writtenAtMs,
      }
    },
    clear: (at, keepEvents, first) =>
      change(at, async () => {
        await first()
        return [{ kind: 'clear', at: clock.now(), via: 'state_file', keepEvents }]
      }),
    emptyLog: emptyFile,
    editPublished: (at, edit) => editPublished(openOptions(at), edit),
    import: (at, baselines) =>
      change(at, (state) => {
        const now = clock.now()
        const units = [...new Set([...state.units.map((unit) => unit.name), ...baselines.keys()])]
        return [
          { kind: 'watch', at: now, units, patterns: [] },
          { kind: 'import', at: now, baselines },
        ]
      }),
  }
}

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  return readMachine((path) => {
    const { mount, volatile } = storageAt(path)
    return volatile === null ? null : { what: volatile, certain: mount !== null }
  })
}

/** With a random stream id, from the kernel: node:crypto would cost memory and start-up time. */
export function freshState(): State {
  const random = Buffer.alloc(8)
  const file = openSync('/dev/urandom', 'r')
  try {
    readSync(file, random)
  } finally {
    closeSync(file)
  }
  return newState(random.toString('hex'))
}

/**
 * The path of the state file, and a file of the former program to import counters from, if any. If the configured
 * path holds such a file, it is left untouched and the state goes beside it, or to the default path if it is in the former
 * program's own directory, where the service cannot write.
 */
export function stateFor(path: string, { stateFile }: Paths): { path: string; former: string | null } {
  if (isOfFormerProgram(path)) return { path: stateFile, former: path }
  return firstByte(path) === '{' ? { path: `${path}.ring`, former: path } : { path, former: null }
}

function firstByte(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return null
    const fd = openSync(path, 'r')
    try {
      const byte = Buffer.alloc(1)
      return readSync(fd, byte, 0, 1, 0) === 1 ? byte.toString('latin1') : null
    } finally {
      closeSync(fd)
    }
  } catch {
    return null
  }
}
