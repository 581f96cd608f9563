// Runs in a worker thread: gives one target inputs until the time is over, or until one of them breaks a property.

import { parentPort, workerData } from 'node:worker_threads'
import fc from 'fast-check'
import { messageOf } from '../../src/core/error-text.ts'
import type { FuzzTarget } from './target.ts'

/** What to do: try inputs for a time, repeat one (and shrink it), or only write down which one it is. */
export type Job =
  | { readonly kind: 'try'; readonly seed: number; readonly seconds: number }
  | { readonly kind: 'repeat' | 'show'; readonly seed: number; readonly path: string }

export interface CorpusFile {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface WorkerInput {
  readonly job: Job
  readonly corpus: readonly CorpusFile[]
  /** An Int32Array; see `PROGRESS`. */
  readonly progress: SharedArrayBuffer
}

/** Written before each input, so that the main thread can name an input that never ends. */
export const PROGRESS = { inputs: 0, seed: 1, inputOfSeed: 2, corpusFile: 3, length: 4 } as const
/** Of `PROGRESS.corpusFile`, after those files. */
export const NO_FILE = -1

/** An input that breaks a property. */
export interface Crash {
  readonly error: string
  /** As a file of the corpus. */
  readonly input: string | Uint8Array
  /** With which `repeat` finds it again; null for a file of the corpus. */
  readonly found: { readonly seed: number; readonly path: string } | null
  readonly corpusFile: string | null
  /** How many smaller inputs were found that break a property, too. */
  readonly shrinks: number
}

/** `shrinking`: there will be another message, unless a smaller input hangs. */
export interface WorkerMessage {
  readonly crash: Crash | null
  readonly shrinking: boolean
}

/** fast-check uses 32 bits, of which one is the sign. */
export const LARGEST_SEED = 2 ** 31 - 1

/** fast-check tries simple values first; this many inputs per seed keep their share high. */
const INPUTS_PER_SEED = 1_000
const SHRINK_AT_MOST_MS = 20_000

export async function runWorker<T>(target: FuzzTarget<T>): Promise<void> {
  const { job, corpus, progress } = workerData as WorkerInput
  const files = corpus.map(({ name, bytes }) => ({ name, input: target.read(Buffer.from(bytes)) }))
  const arbitrary = target.inputs(files.map(({ input }) => input))
  const fuzzing = { target, arbitrary, progress: new Int32Array(progress) }
  const crash = job.kind === 'try' ? await tryInputs(fuzzing, files, job) : await again(fuzzing, job, job.kind)
  post({ crash, shrinking: false })
}

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}

interface Fuzzing<T> {
  readonly target: FuzzTarget<T>
  readonly arbitrary: fc.Arbitrary<T>
  readonly progress: Int32Array
}

async function tryInputs<T>(
  fuzzing: Fuzzing<T>,
  files: readonly { readonly name: string; readonly input: T }[],
  { seed, seconds }: Job & { kind: 'try' },
): Promise<Crash | null> {
  const endMs = performance.now() + seconds * 1_000
  for (const [index, { name, input }] of files.entries()) {
    fuzzing.progress[PROGRESS.corpusFile] = index
    const error = await problemOf(fuzzing, input)
    if (error !== null) return { error, input: fuzzing.target.write(input), found: null, corpusFile: name, shrinks: 0 }
  }
  fuzzing.progress[PROGRESS.corpusFile] = NO_FILE
  for (let batch = seed; performance.now() < endMs; batch = (batch + 1) & LARGEST_SEED) {
    fuzzing.progress[PROGRESS.seed] = batch
    fuzzing.progress[PROGRESS.inputOfSeed] = -1
    const details = await fc.check(propertyOf(fuzzing), {
      seed: batch,
      numRuns: INPUTS_PER_SEED,
      endOnFailure: true, // shrunk in a run of its own, which has time for it
      interruptAfterTimeLimit: Math.max(1, endMs - performance.now()),
      markInterruptAsFailure: false,
    })
    const path = details.counterexamplePath
    if (path === null) continue
    const crash = crashOf(fuzzing, details, { seed: batch, path })
    post({ crash, shrinking: true })
    return (await again(fuzzing, { kind: 'repeat', seed: batch, path }, 'repeat')) ?? crash
  }
  return null
}

/** The input at `path`: shrunk, or only shown. */
async function again<T>(
  fuzzing: Fuzzing<T>,
  { seed, path }: Job & { kind: 'repeat' | 'show' },
  kind: 'repeat' | 'show',
): Promise<Crash | null> {
  const { target } = fuzzing
  fuzzing.progress[PROGRESS.corpusFile] = NO_FILE
  if (kind === 'show') {
    const [input] = fc.sample(fuzzing.arbitrary, { seed, path, numRuns: 1 })
    return {
      error: 'not checked',
      input: target.write(input as T),
      found: { seed, path },
      corpusFile: null,
      shrinks: 0,
    }
  }
  const details = await fc.check(propertyOf(fuzzing), {
    seed,
    path,
    interruptAfterTimeLimit: SHRINK_AT_MOST_MS,
    markInterruptAsFailure: false,
  })
  return crashOf(fuzzing, details, { seed, path })
}

function crashOf<T>(
  { target }: Fuzzing<T>,
  { counterexample, errorInstance, numShrinks }: fc.RunDetails<[T]>,
  found: Crash['found'],
): Crash | null {
  if (counterexample === null) return null
  const input = target.write(counterexample[0])
  return { error: messageOf(errorInstance), input, found, corpusFile: null, shrinks: numShrinks }
}

function propertyOf<T>(fuzzing: Fuzzing<T>) {
  return fc.asyncProperty(fuzzing.arbitrary, async (input) => {
    const error = await problemOf(fuzzing, input)
    if (error !== null) throw new Error(error)
  })
}

/** Why the input breaks a property; null if it does not. */
async function problemOf<T>({ target, progress }: Fuzzing<T>, input: T): Promise<string | null> {
  progress[PROGRESS.inputs] = (progress[PROGRESS.inputs] ?? 0) + 1
  progress[PROGRESS.inputOfSeed] = (progress[PROGRESS.inputOfSeed] ?? 0) + 1
  try {
    let ms = await cpuMsOf(() => target.check(input))
    // The CPU time is that of the process; what else it did is not repeated.
    for (let more = 2; ms > target.cpuMsAtMost && more > 0; more--)
      ms = Math.min(ms, await cpuMsOf(() => target.check(input)))
    return ms > target.cpuMsAtMost ? `takes ${Math.round(ms)} ms of CPU time, the limit is ${target.cpuMsAtMost}` : null
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}${placeOf(error)}` : String(error)
  }
}

async function cpuMsOf(work: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** The functions in which it was thrown; positions in the bundle would be of no use. */
function placeOf({ stack = '' }: Error): string {
  const functions = [...stack.matchAll(/^ +at (?:async )?([\w.$]+)/gm)].map(([, name]) => name ?? '')
  const ours = functions.filter((name) => !/^(?:Object|Array)\.|AsyncProperty|\bassert\b|^eval$/.test(name)).slice(0, 4)
  return ours.length === 0 ? '' : ` (in ${ours.join(' < ')})`
}
