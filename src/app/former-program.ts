// The first start after the former program: its counters become the baseline of the new state.
import type { Config } from '../config/keys.ts'
import { parseLegacyCounters } from '../config/legacy-counters.ts'
import { FORMER_STATES } from '../config/paths.ts'
import { readTextFile } from '../config/text-file.ts'
import { fileReason } from '../core/error-text.ts'
import type { State } from '../core/state.ts'
import { step } from '../core/step.ts'
import { firstFew, plural } from '../core/views/format.ts'
import type { Clock, Log } from '../ports.ts'
import type { FirstState } from '../store/open.ts'
import { configuredUnits, patternMatcher } from '../systemd/watch-list.ts'

/** A log line names this many units that are not imported. */
const NAMES_SHOWN = 10

export interface FormerProgramOptions {
  readonly config: Config
  /** The file of the former program that `persistence_file` names; null if it does not. */
  readonly named: string | null
  /** The systemd of the user, which the former program did not watch. */
  readonly user: boolean
  readonly clock: Clock
  readonly log: Log
}

/**
 * Returns what makes the state of a first start: the empty one, with the counters of the former program if it left any. Called
 * by the store before the first commit, so that no later start imports them again. The file is not changed.
 */
export function createFirstState({ config, named, user, clock, log }: FormerProgramOptions) {
  const path = named ?? (user ? null : FORMER_STATES)
  return (fresh: State): FirstState => {
    const nothing = { state: fresh, note: null }
    if (path === null || !config.import_former) return nothing
    const cannot = (why: string): FirstState => {
      const note = `cannot import the counters of the former program from ${path}: ${why}`
      log('warning', `${note}; counting starts from 0. To add them later: gatewatch import ${path}`)
      return { state: fresh, note }
    }
    let text: string
    try {
      text = readTextFile(path)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? nothing : cannot(fileReason(error))
    }
    const { baselines, problems, notes } = parseLegacyCounters(text)
    if (baselines.size === 0) return cannot(problems[0] ?? 'it contains no unit')
    for (const problem of problems) log('error', `${path}: ${problem}`)
    for (const note of notes) log('info', `${path}: ${note}`)
    const watched = watchedOf([...baselines.keys()], config)
    const others = [...baselines.keys()].filter((name) => !watched.includes(name))
    const at = clock.now()
    const { state: watching } = step(fresh, { kind: 'watch', at, units: watched, patterns: [] })
    const { state } = step(watching, { kind: 'import', at, baselines })
    const note = `imported the counters of ${plural(watched.length, 'unit')} of the former program from ${path}`
    log('info', `first start: ${note}`)
    if (others.length > 0) {
      const hint = `to import them too, add them to monitored_services and run: gatewatch import ${path}`
      log('warning', `not imported, because they are not watched: ${firstFew(others, NAMES_SHOWN).join(', ')}; ${hint}`)
    }
    return { state, note }
  }
}

function watchedOf(units: readonly string[], config: Config): readonly string[] {
  const { names, patterns } = configuredUnits(config.monitored_services)
  const matches = patternMatcher(patterns)
  return units.filter((unit) => names.includes(unit) || matches(unit))
}
