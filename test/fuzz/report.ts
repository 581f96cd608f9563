// Texts about a fuzz run: progress, a crash with its input and the command that repeats it, and the table of seeded bugs.
import { plural } from '../../src/core/views/format.ts'
import type { FuzzRun } from './run-target.ts'
import type { SeededBug } from './seeded-bugs.ts'
import type { Crash } from './worker.ts'

/** The whole input is in a file. */
const SHOWN_CHARACTERS_AT_MOST = 1_000

export function runText(target: string, { inputs, ms }: Pick<FuzzRun, 'inputs' | 'ms'>): string {
  return `${target.padEnd(14)} ${`${inputs.toLocaleString('en')} inputs`.padStart(18)} in ${(ms / 1_000).toFixed(1)} s`
}

/** The command that finds this crash again. */
function repeatCommand(target: string, { found }: Crash): string {
  const input = found === null ? '' : ` --seed ${found.seed} --path ${found.path}`
  return `npm run fuzz -- --target ${target}${input}`
}

/** `file`: where the input was written. */
export function crashText(target: string, crash: Crash, file: string | null): string {
  const text = Buffer.from(crash.input as string).toString()
  const shown = text.length > SHOWN_CHARACTERS_AT_MOST ? `${text.slice(0, SHOWN_CHARACTERS_AT_MOST)}...` : text
  const origin =
    crash.corpusFile === null ? `shrunk ${plural(crash.shrinks, 'time')}` : `of the corpus: ${crash.corpusFile}`
  return [
    `${target}: ${crash.error}`,
    `  input, ${origin}:`,
    ...shown
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
    ...(file === null ? [] : [`  written to ${file}; add a test with this data, then fix the code`]),
    `  repeat it: ${repeatCommand(target, crash)}`,
  ].join('\n')
}

export interface BugRun {
  readonly bug: SeededBug
  readonly run: FuzzRun
}

/** A table in Markdown. `clean`: the runs without a bug. */
export function bugTable(clean: ReadonlyMap<string, FuzzRun>, bugs: readonly BugRun[], seconds: number): string {
  const rows = bugs.map(({ bug, run }) => {
    const found = run.crash === null ? `**not in ${seconds.toFixed(0)} s**` : `${(run.ms / 1_000).toFixed(1)} s`
    const inputs = clean.get(bug.target)?.inputs.toLocaleString('en') ?? '-'
    return `| ${bug.target} | ${inputs} | ${bug.broken} | ${found} | ${run.inputs.toLocaleString('en')} |`
  })
  const head = `| target | inputs in ${seconds.toFixed(0)} s | the check that was broken | found after | inputs until then |`
  return [head, '|---|---|---|---|---|', ...rows].join('\n')
}
