// Runs a fuzz worker and watches it: an input that never ends, or an exception that nothing catches, ends only the worker.
import { Worker } from 'node:worker_threads'
import { messageOf } from '../../src/core/error-text.ts'
import { type Crash, NO_FILE, PROGRESS, type WorkerInput, type WorkerMessage } from './worker.ts'

/** An input hangs if it takes this much time while the process does nothing. */
const HANG_MS = 120_000
const WATCH_EVERY_MS = 250

export interface WatchedRun {
  /** Until a crash was found, without the time to shrink it. */
  readonly inputs: number
  readonly ms: number
  readonly crash: Crash | null
  /** The input at which the worker ended or was stopped; null if it has done its job. */
  readonly ended: LastInput | null
}

interface LastInput {
  readonly error: string
  /** Its index in the corpus, negative if it is not from there. */
  readonly corpusFile: number
  readonly found: { readonly seed: number; readonly path: string }
}

interface WatchOptions {
  /** The script of the worker. */
  readonly code: string
  readonly input: Omit<WorkerInput, 'progress'>
  readonly onProgress: (now: Pick<WatchedRun, 'inputs' | 'ms'>) => void
  /** How much CPU time of the process means that an input hangs: a busy machine may give it little at a time. */
  readonly hangCpuMs: number
}

export async function watchedRun({ code, input, onProgress, hangCpuMs }: WatchOptions): Promise<WatchedRun> {
  const shared = new SharedArrayBuffer(4 * PROGRESS.length)
  const progress = new Int32Array(shared)
  const inputs = () => progress[PROGRESS.inputs] ?? 0
  const beganMs = performance.now()
  const now = () => ({ inputs: inputs(), ms: performance.now() - beganMs })
  const worker = new Worker(code, { eval: true, workerData: { ...input, progress: shared }, execArgv: [] })
  let crash: Crash | null = null
  let found: ReturnType<typeof now> | null = null
  let watch: NodeJS.Timeout | undefined
  try {
    return await new Promise((resolve) => {
      const end = (error: string) => {
        const last = { seed: progress[PROGRESS.seed] ?? 0, path: String(progress[PROGRESS.inputOfSeed] ?? 0) }
        const corpusFile = progress[PROGRESS.corpusFile] ?? NO_FILE
        resolve({ ...(found ?? now()), crash, ended: { error, corpusFile, found: last } })
      }
      worker.on('message', (message: WorkerMessage) => {
        crash = message.crash
        found ??= now()
        if (!message.shrinking) resolve({ ...found, crash, ended: null })
      })
      worker.on('error', (error) => end(`an exception that nothing catches: ${messageOf(error)}`))
      worker.on('exit', () => end('the worker has ended'))
      const hangs = createHangCheck(inputs, hangCpuMs)
      watch = setInterval(() => {
        onProgress(now())
        if (hangs()) end('it never ends')
      }, WATCH_EVERY_MS)
    })
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}

function createHangCheck(inputs: () => number, hangCpuMs: number): () => boolean {
  let last = { inputs: -1, cpu: process.cpuUsage(), ms: 0 }
  return () => {
    const { user, system } = process.cpuUsage(last.cpu)
    const now = performance.now()
    if (inputs() === last.inputs) return (user + system) / 1_000 > hangCpuMs || now - last.ms > HANG_MS
    last = { inputs: inputs(), cpu: process.cpuUsage(), ms: now }
    return false
  }
}
