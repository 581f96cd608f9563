// Scenarios for the crash tests: sequences of actions through every code path that writes. Short, because each runs often.
import type { Observation } from '../../src/core/observation.ts'
import type { State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import type { OpenedStore } from '../../src/store/open.ts'
import { recover } from '../../src/store/recovery.ts'
import { failure } from './memory-fs.ts'
import { type MediumKind, type MemoryStore, memoryStore, PATH, partitionWith } from './memory-store.ts'
import { crashStep, names } from './sample.ts'

type Action =
  | { readonly crash: number }
  | { readonly watch: number }
  | { readonly forget: string }
  | 'commit'
  | 'clear'
  | 'import'
  | 'a sync fails'
  | 'stop and start'

export interface Scenario {
  readonly units: number
  /** Number of commits in the file at the start; null: there is no file. */
  readonly after: number | null
  readonly actions: readonly Action[]
}

const twice: readonly Action[] = [{ crash: 0 }, 'commit', { crash: 1 }, { crash: 0 }, 'commit']
const four = [...twice, ...twice]

const crashes = (units: number): Action[] => Array.from({ length: units }, (_, crash) => ({ crash }))

/** The first commit of a file is a snapshot; 64 deltas follow, then the next snapshot. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'first creation': { units: 2, after: null, actions: twice },
  'a snapshot after 64 deltas': { units: 2, after: 63, actions: four },
  'snapshots of several pages': { units: 100, after: 63, actions: four },
  'deltas of several pages': {
    units: 100,
    after: 40,
    actions: [...crashes(30), 'commit', ...twice, ...crashes(40), 'commit', ...twice],
  },
  'the end of the ring': { units: 2, after: 253, actions: [...four, ...four] },
  'another set of units': {
    units: 2,
    after: 1,
    actions: [{ crash: 0 }, { watch: 4 }, 'commit', { crash: 3 }, 'commit'],
  },
  'fewer units': { units: 40, after: 1, actions: [{ crash: 0 }, { watch: 2 }, { crash: 1 }, 'commit', ...twice] },
  'many more units': { units: 2, after: 3, actions: [{ crash: 0 }, { watch: 700 }, 'commit', ...twice] },
  'forgotten units': {
    units: 2,
    after: 3,
    actions: [...twice, { forget: 'sink@1.service' }, 'commit', { crash: 0 }, 'commit', 'clear', 'commit'],
  },
  clear: { units: 2, after: 3, actions: [...twice, 'clear', 'commit', ...twice] },
  import: { units: 2, after: 3, actions: [...twice, 'import', 'commit', ...twice] },
  'a new file after an error': { units: 2, after: 3, actions: [{ crash: 0 }, 'a sync fails', ...twice] },
  'an orderly stop and a start': { units: 2, after: 3, actions: [...twice, 'stop and start', ...twice] },
}

const commits = (n: number): Action[] =>
  Array.from({ length: n }, (_, i): Action[] => [{ crash: i % 2 }, 'commit']).flat()

export const LONG_SCENARIOS: Readonly<Record<string, Scenario>> = {
  '600 commits from an empty directory': { units: 2, after: null, actions: commits(600) },
  '150 commits with 150 units': { units: 150, after: null, actions: commits(150) },
  'too many units for the file': { units: 2, after: 3, actions: [...twice, { watch: 5000 }, 'commit', ...twice] },
}

/** The states that a store received; `at` is the number of operations on flash at that time. */
export interface ScenarioRun {
  readonly memory: MemoryStore
  readonly before: Buffer | null
  readonly states: readonly { readonly state: State; readonly at: number }[]
  /** Indexes of the states that the store reported as committed. */
  readonly acknowledged: readonly { readonly index: number; readonly at: number }[]
  readonly last: OpenedStore
}

/** `ready` is called before the first operation. The operations on flash are in `fs.log` of the store. */
export async function runScenario(
  { units, after, actions }: Scenario,
  ready: (b: MemoryStore) => void = () => {},
  on: MediumKind = 'file',
): Promise<ScenarioRun> {
  const file = after === null ? null : await fileAfter(units, after)
  const before = on === 'file' ? file : partitionWith(PARTITION_PAGES, file ?? undefined)
  return await runScenarioFrom(before, actions, units, ready, on)
}

/** Enough for the largest snapshot of the scenarios. */
const PARTITION_PAGES = 320

/** Runs a scenario that starts with the file or partition `before`; null: without a file. */
export async function runScenarioFrom(
  before: Buffer | null,
  actions: readonly Action[],
  units: number,
  ready: (b: MemoryStore) => void = () => {},
  on: MediumKind = 'file',
): Promise<ScenarioRun> {
  const b = memoryStore(units)
  if (before !== null && on === 'file') b.fs.put(PATH, before)
  if (before !== null && on === 'partition') b.fs.putDevice(PATH, before)
  ready(b)
  let opened = await b.open()
  // The state of the existing file counts as acknowledged.
  const stored = before === null ? null : recover(before).state
  const states = [...(stored === null ? [] : [{ state: stored, at: 0 }]), { state: opened.state, at: 0 }]
  const acknowledged: { index: number; at: number }[] = stored === null ? [] : [{ index: 0, at: 0 }]
  const done = () => b.fs.log.length
  const acknowledge = () => void acknowledged.push({ index: states.length - 1, at: done() })
  const now = () => (states.at(-1) as { state: State }).state
  const observe = (observation: Observation) => {
    const { state, events } = step(now(), observation)
    remember({ before: now(), after: state, events, at: b.clock.now() })
  }
  const remember = (stepped: ReturnType<typeof crashStep>) => {
    states.push({ state: stepped.after, at: done() })
    opened.store.remember(stepped)
  }
  if (opened.store.health().problem === null) acknowledge()
  for (const action of actions) {
    const at = b.clock.now()
    if (action === 'commit') {
      if (await opened.store.flush()) acknowledge()
      await b.clock.go(1)
    } else if (action === 'clear') observe({ kind: 'clear', via: 'socket', keepEvents: false, at })
    else if (action === 'import') {
      const baseline = { starts: 70, stops: 60, crashes: 9, restarts: 5, lost: 0 }
      observe({ kind: 'import', at, baselines: new Map([[names(1)[0] as string, baseline]]) })
    } else if (action === 'a sync fails') {
      const { fault } = b.fs
      b.fs.fault = (op, path) => {
        if (op === 'fdatasync') throw failure('EIO')
        return fault(op, path)
      }
      await opened.store.flush()
      b.fs.fault = fault
      await b.clock.go(5_000)
    } else if (action === 'stop and start') {
      await opened.store.stop()
      opened = await b.open()
      states.push({ state: opened.state, at: done() })
    } else if ('crash' in action) remember(crashStep(now(), names(action.crash + 1)[action.crash] as string, at.monoMs))
    else if ('forget' in action) {
      observe({ kind: 'discovered', at, unit: action.forget })
      remember(crashStep(now(), action.forget, at.monoMs))
      observe({ kind: 'unloaded', at, unit: action.forget })
      observe({ kind: 'tick', at: { ...at, monoMs: at.monoMs + 31 * 86_400_000 } })
    } else observe({ kind: 'watch', at, units: names(action.watch), patterns: [] })
  }
  return { memory: b, before, states, acknowledged, last: opened }
}

const files = new Map<string, Promise<Buffer>>()

/** The file after this many commits and a power loss. */
function fileAfter(units: number, commits: number): Promise<Buffer> {
  const key = `${units} ${commits}`
  const known = files.get(key) ?? makeFile(units, commits)
  files.set(key, known)
  return known
}

async function makeFile(units: number, commits: number): Promise<Buffer> {
  const b = memoryStore(units)
  const { store, state } = await b.open({ runtimeDir: null })
  let now = state
  for (let i = 1; i < commits; i++) {
    const stepped = crashStep(now, names(units)[i % units] as string, b.clock.now().monoMs)
    store.remember(stepped)
    now = stepped.after
    await store.flush()
  }
  return b.fs.bytes(PATH)
}
