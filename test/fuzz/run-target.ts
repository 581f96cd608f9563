// Fuzzes one target: bundles it with the code that it checks, and runs it with its corpus in a worker thread.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import type { SeededBug } from './seeded-bugs.ts'
import { watchedRun } from './watched-worker.ts'
import type { CorpusFile, Crash, Job } from './worker.ts'

const ROOT = join(import.meta.dirname, '../..')
/** In place of what build/bundle/dashboard.mjs makes. */
const DASHBOARD = { page: brotliCompressSync('<p>').toString('base64'), script: 's', style: 's' }
const CORPUS = join(import.meta.dirname, 'corpus')

export interface FuzzRun {
  /** Until a crash was found, without the time to shrink it. */
  readonly inputs: number
  readonly ms: number
  readonly crash: Crash | null
}

interface RunOptions {
  /** One check of the code, broken for this run. */
  readonly bug?: SeededBug
  readonly onProgress?: (now: Pick<FuzzRun, 'inputs' | 'ms'>) => void
  /** An input that takes this much CPU time never ends. */
  readonly hangCpuMs?: number
}

export async function runTarget(
  target: string,
  job: Job,
  { bug, onProgress = () => {}, hangCpuMs = 10_000 }: RunOptions = {},
): Promise<FuzzRun> {
  const code = await bundled(target, bug)
  const corpus = corpusOf(target)
  const run = await watchedRun({ code, hangCpuMs, onProgress, input: { job, corpus } })
  const { inputs, ms, ended } = run
  const done = { inputs, ms }
  if (ended === null || run.crash !== null) return { ...done, crash: run.crash }
  const { error, found } = ended
  const file = corpus[ended.corpusFile]
  if (file !== undefined)
    return { ...done, crash: { error, input: file.bytes, found: null, corpusFile: file.name, shrinks: 0 } }
  const show = { job: { kind: 'show', ...found }, corpus } as const
  const { crash } = await watchedRun({ code, hangCpuMs, onProgress: () => {}, input: show })
  return { ...done, crash: { error, input: crash?.input ?? '', found, corpusFile: null, shrinks: 0 } }
}

/** The files of the corpus, in the order of their names: a seed repeats only with the same files. */
function corpusOf(target: string): CorpusFile[] {
  const folder = join(CORPUS, target)
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))
}

/** The target and the code that it checks, as one script: it needs no loader, and a bug is seeded only in memory. */
async function bundled(target: string, bug?: SeededBug): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { target } from './targets/${target}.ts'
        import { runWorker } from './worker.ts'
        void runWorker(target)`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    target: 'node20',
    define: { __DASHBOARD__: JSON.stringify(JSON.stringify(DASHBOARD)), __VERSION__: '"0"' },
    write: false,
    logLevel: 'error',
    plugins: bug === undefined ? [] : [seeded(bug)],
  })
  return outputFiles[0]?.text ?? ''
}

function seeded({ file, from, to }: SeededBug): Plugin {
  const path = join(ROOT, 'src', file)
  return {
    name: 'seeded-bug',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, (args) => {
        if (args.path !== path) return undefined
        return { contents: readFileSync(path, 'utf8').replace(from, () => to), loader: 'ts' }
      })
    },
  }
}
