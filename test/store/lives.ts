// Lives of a store that pass every place where something could be lost: short, as each is tried hundreds of times.
import type { Observation } from '../../src/core/observation.ts'
import type { State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import type { OpenedStore } from '../../src/store/open.ts'
import { recover } from '../../src/store/recovery.ts'
import { failure } from './memory-fs.ts'
import { type Bench, bench, PATH } from './opened.ts'
import { crashStep, names } from './sample.ts'

type Act =
  | { readonly crash: number }
  | { readonly watch: number }
  | 'commit'
  | 'clear'
  | 'import'
  | 'a sync fails'
  | 'stop and start'

export interface Life {
  readonly units: number
  /** Commits made before it is looked at, in a file that is there already; null: there is none. */
  readonly after: number | null
  readonly acts: readonly Act[]
}

const twice: readonly Act[] = [{ crash: 0 }, 'commit', { crash: 1 }, { crash: 0 }, 'commit']
const four = [...twice, ...twice]

/** The first commit of a file is a snapshot; 64 deltas follow, then the next snapshot. */
export const LIVES: Readonly<Record<string, Life>> = {
  'first creation': { units: 2, after: null, acts: twice },
  'snapshot turn-over': { units: 2, after: 63, acts: four },
  'snapshots of several pages': { units: 100, after: 63, acts: four },
  'the end of the ring': { units: 2, after: 253, acts: [...four, ...four] },
  'another set of units': { units: 2, after: 1, acts: [{ crash: 0 }, { watch: 4 }, 'commit', { crash: 3 }, 'commit'] },
  'fewer units': { units: 40, after: 1, acts: [{ crash: 0 }, { watch: 2 }, { crash: 1 }, 'commit', ...twice] },
  'many more units': { units: 2, after: 3, acts: [{ crash: 0 }, { watch: 700 }, 'commit', ...twice] },
  clear: { units: 2, after: 3, acts: [...twice, 'clear', 'commit', ...twice] },
  import: { units: 2, after: 3, acts: [...twice, 'import', 'commit', ...twice] },
  'a new file after an error': { units: 2, after: 3, acts: [{ crash: 0 }, 'a sync fails', ...twice] },
  'an orderly stop and a start': { units: 2, after: 3, acts: [...twice, 'stop and start', ...twice] },
}

const commits = (n: number): Act[] => Array.from({ length: n }, (_, i): Act[] => [{ crash: i % 2 }, 'commit']).flat()

export const LONG_LIVES: Readonly<Record<string, Life>> = {
  'a long life from the beginning': { units: 2, after: null, acts: commits(600) },
  'a long life of 150 units': { units: 150, after: null, acts: commits(150) },
  'too many units for the file': { units: 2, after: 3, acts: [...twice, { watch: 5000 }, 'commit', ...twice] },
}

/** What was told to a store and when: `at` counts the operations on flash that were done by then. */
export interface Lived {
  readonly bench: Bench
  readonly before: Buffer | null
  readonly states: readonly { readonly state: State; readonly at: number }[]
  /** Positions in `states` that flash was said to hold. */
  readonly acknowledged: readonly { readonly index: number; readonly at: number }[]
  readonly last: OpenedStore
}

/** `ready` is called before the first operation of the life itself. Operations of flash are in `bench.fs.log`. */
export async function live({ units, after, acts }: Life, ready: (b: Bench) => void = () => {}): Promise<Lived> {
  return await liveFrom(after === null ? null : await fileAfter(units, after), acts, units, ready)
}

/** A life that begins with the file `before`, or with none. */
export async function liveFrom(
  before: Buffer | null,
  acts: readonly Act[],
  units: number,
  ready: (b: Bench) => void = () => {},
): Promise<Lived> {
  const b = bench(units)
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
  const b = bench(units)
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
