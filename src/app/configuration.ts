// The configuration in effect: what a reload applied, what it refused, and which keys wait for a restart.
import { afterReload } from '../config/after-reload.ts'
import type { Config, Key } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'

export interface Configuration {
  /** The values in effect now. A key that needs a restart keeps the value that the agent started with. */
  now(): Config
  /** Problems of the configuration in effect, and of the one that the last reload refused. */
  problems(): readonly string[]
  /** Keys whose configured value takes effect after a restart of the agent, in the order of the table. */
  waiting(): readonly Key[]
  /** Wall time in ms at which a configuration without problems was last applied; null if never. */
  appliedAtMs(): number | null
  /** Applies a configuration, or refuses all of it if it has problems; returns the problems. */
  apply(next: LoadedConfig, atMs: number): readonly string[]
}

export function createConfiguration(started: LoadedConfig, startedAtMs: number): Configuration {
  let now = started.config
  let waiting: readonly Key[] = []
  let problems: readonly string[] = started.problems.map(({ text }) => text)
  let refused: readonly string[] = []
  let appliedAtMs = problems.length === 0 ? startedAtMs : null
  return {
    now: () => now,
    problems: () => [...problems, ...refused.map((text) => `reload failed: ${text}`)],
    waiting: () => waiting,
    appliedAtMs: () => appliedAtMs,
    apply(next, atMs) {
      refused = next.problems.map(({ text }) => text)
      if (refused.length > 0) return refused
      ;({ config: now, waiting } = afterReload(started.config, next.config))
      problems = []
      appliedAtMs = atMs
      return []
    },
  }
}
