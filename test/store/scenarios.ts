// Lives of a store that pass every place where something could be lost: short, as each is tried hundreds of times.
import type { Observation } from '../../src/core/observation.ts'
import type { State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import type { OpenedStore } from '../../src/store/open.ts'
import { recover } from '../../src/store/recovery.ts'
import { failure } from './memory-fs.ts'
import { type MemoryStore, memoryStore, PATH } from './memory-store.ts'
import { crashStep, names } from './sample.ts'

type Action =
  | { readonly crash: number }
  | { readonly watch: number }
  | 'commit'
  | 'clear'
  | 'import'
  | 'a sync fails'
  | 'stop and start'

export interface Scenario {
  readonly units: number
  /** Commits made before it is looked at, in a file that is there already; null: there is none. */
  readonly after: number | null
  readonly actions: readonly Action[]
}

const twice: readonly Action[] = [{ crash: 0 }, 'commit', { crash: 1 }, { crash: 0 }, 'commit']
const four = [...twice, ...twice]

/** The first commit of a file is a snapshot; 64 deltas follow, then the next snapshot. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'first creation': { units: 2, after: null, actions: twice },
  'snapshot turn-over': { units: 2, after: 63, actions: four },
  'snapshots of several pages': { units: 100, after: 63, actions: four },
  'the end of the ring': { units: 2, after: 253, actions: [...four, ...four] },
  'another set of units': {
    units: 2,
    after: 1,
    actions: [{ crash: 0 }, { watch: 4 }, 'commit', { crash: 3 }, 'commit'],
  },
  'fewer units': { units: 40, after: 1, actions: [{ crash: 0 }, { watch: 2 }, { crash: 1 }, 'commit', ...twice] },
  'many more units': { units: 2, after: 3, actions: [{ crash: 0 }, { watch: 700 }, 'commit', ...twice] },
  clear: { units: 2, after: 3, actions: [...twice, 'clear', 'commit', ...twice] },
  import: { units: 2, after: 3, actions: [...twice, 'import', 'commit', ...twice] },
  'a new file after an error': { units: 2, after: 3, actions: [{ crash: 0 }, 'a sync fails', ...twice] },
  'an orderly stop and a start': { units: 2, after: 3, actions: [...twice, 'stop and start', ...twice] },
}

const commits = (n: number): Action[] =>
  Array.from({ length: n }, (_, i): Action[] => [{ crash: i % 2 }, 'commit']).flat()

export const LONG_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a long life from the beginning': { units: 2, after: null, actions: commits(600) },
  'a long life of 150 units': { units: 150, after: null, actions: commits(150) },
  'too many units for the file': { units: 2, after: 3, actions: [...twice, { watch: 5000 }, 'commit', ...twice] },
}

/** What was told to a store and when: `at` counts the operations on flash that were done by then. */
export interface ScenarioRun {
  readonly bench: MemoryStore
  readonly before: Buffer | null
  readonly states: readonly { readonly state: State; readonly at: number }[]
  /** Positions in `states` that flash was said to hold. */
  readonly acknowledged: readonly { readonly index: number; readonly at: number }[]
  readonly last: OpenedStore
}

/** `ready` is called before the first operation of the life itself. Operations of flash are in `bench.fs.log`. */
export async function runScenario(
  { units, after, actions }: Scenario,
  ready: (b: MemoryStore) => void = () => {},
): Promise<ScenarioRun> {
  return await runScenarioFrom(after === null ? null : await fileAfter(units, after), actions, units, ready)
}

/** A life that begins with the file `before`, or with none. */
export async function runScenarioFrom(
  before: Buffer | null,
  acts: readonly Action[],
  units: number,
  ready: (b: MemoryStore) => void = () => {},
): Promise<ScenarioRun> {
  const b = memoryStore(units)
  if (before !== null) b.fs.put(PATH, before)
  ready(b)
  let opened = await b.open()
  // What flash held before counts as acknowledged.
  const held = before === null ? null : recover(before).state
  const states = [...(held === null ? [] : [{ state: held, at: 0 }]), { state: opened.state, at: 0 }]
  const acknowledged: { index: number; at: number }[] = held === null ? [] : [{ index: 0, at: 0 }]
  const done = () => b.fs.log.length
  const acknowledge = () => void acknowledged.push({ index: states.length - 1, at: done() })
  const now = () => (states.at(-1) as { state: State }).state
  const tell = (observation: Observation) => {
    const told = step(now(), observation)
    remember({ before: now(), after: told.state, events: told.events, at: b.clock.now() })
  }
  const remember = (stepped: ReturnType<typeof crashStep>) => {
    states.push({ state: stepped.after, at: done() })
    opened.store.remember(stepped)
  }
  if (opened.store.health().problem === null) acknowledge()
  for (const act of acts) {
    const at = b.clock.now()
    if (act === 'commit') {
      if (await opened.store.flush()) acknowledge()
      await b.clock.go(1)
    } else if (act === 'clear') tell({ kind: 'clear', at })
    else if (act === 'import') {
      const baseline = { starts: 70, stops: 60, crashes: 9, restarts: 5, lost: 0 }
      tell({ kind: 'import', at, baselines: new Map([[names(1)[0] as string, baseline]]) })
    } else if (act === 'a sync fails') {
      const { fault } = b.fs
      b.fs.fault = (op, path) => {
        if (op === 'fdatasync') throw failure('EIO')
        return fault(op, path)
      }
      await opened.store.flush()
      b.fs.fault = fault
      await b.clock.go(5_000)
    } else if (act === 'stop and start') {
      await opened.store.stop()
      opened = await b.open()
      states.push({ state: opened.state, at: done() })
    } else if ('crash' in act) remember(crashStep(now(), names(act.crash + 1)[act.crash] as string, at.monoMs))
    else tell({ kind: 'watch', at, units: names(act.watch), patterns: [] })
  }
  return { bench: b, before, states, acknowledged, last: opened }
}

const files = new Map<string, Promise<Buffer>>()

/** The file of an agent that made so many commits, then lost its power. */
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
