// Which units are compared, and what can be proved of them. Pure.
import { globMatcher } from '../../src/core/glob.ts'
import type { State } from '../../src/core/state.ts'
import type { ExpectedRuns, Run } from './expected.ts'
import type { PerformedAction, Plan } from './plan.ts'

/** Units that systemd restarts after a clean end too, or never: an unobserved crash of theirs cannot be proved. */
export function unprovableUnits(names: readonly string[], { files, spare, actions }: Plan): string[] {
  return names.filter((unit) => {
    const file = unit.replace(/@[^.]*/, '@')
    const edits = actions.flatMap((a) => (a.do === 'shell' && a.line.includes(`$ETC/${file}.d/`) ? [a.line] : []))
    const texts = [files[file], spare[file], ...edits]
    return texts.every((text) => text !== undefined && !/Restart=on-(failure|abnormal|abort|watchdog)\b/.test(text))
  })
}

/** The units of these names and patterns that had a run or that the agent found. */
export function unitNames(watched: readonly string[], expected: ExpectedRuns, state: State): string[] {
  const found = [...expected.units.keys(), ...state.units.map((unit) => unit.name)]
  const names = watched.flatMap((name) => (name.includes('*') ? found.filter(globMatcher(name)) : [name]))
  return [...new Set(names)]
}

/** A unit that only a pattern names, and that came and went while signals were missed, also while systemd executes itself again. */
export function neverFound(runs: readonly Run[], interrupted: boolean, actions: readonly PerformedAction[]): boolean {
  const reexecs = actions.filter(({ text }) => text === 'systemctl daemon-reexec')
  const during = ({ openedMs }: Run) => reexecs.some(({ ms }) => openedMs > ms && openedMs < ms + REEXEC_MS)
  return interrupted || runs.every(during)
}

/** On a busy machine. */
const REEXEC_MS = 2000
