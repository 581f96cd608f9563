// The configuration in effect: what a reload applied, what it refused, and which keys wait for a restart.
import { afterReload } from '../../config/after-reload.ts'
import type { Config, Key } from '../../config/keys.ts'
import { FOR_DEFAULTS } from '../../config/layer.ts'
import { isAbsent, type LoadedConfig } from '../../config/load.ts'

export interface Configuration {
  /** The values in effect now. A key that needs a restart keeps the value that the agent started with. */
  now(): Config
  /** Problems of the configuration in effect, and of the one that the last reload refused. */
  problems(): readonly string[]
  /** What a person should know, although nothing has to be corrected. */
  warnings(): readonly string[]
  /** Keys whose configured value takes effect after a restart of the agent, in the order of the table. */
  waiting(): readonly Key[]
  /** Monotonic time at which a configuration without problems was last applied; null if never. */
  appliedAtMonoMs(): number | null
  /** True if it applied the configuration; false if it kept the current one, and shows why. */
  apply(next: LoadedConfig, atMonoMs: number): boolean
}

export function createConfiguration(started: LoadedConfig, startedAtMonoMs: number): Configuration {
  let now = started.config
  let waiting: readonly Key[] = []
  let problems: readonly string[] = started.problems.map(({ text }) => text)
  let refused: readonly string[] = []
  let warnings = started.warnings
  /** The agent runs without a configuration file. */
  let withoutFile = isAbsent(started)
  let appliedAtMonoMs = problems.length === 0 ? startedAtMonoMs : null
  return {
    now: () => now,
    problems: () => [...problems, ...refused.map((text) => `reload failed: ${text}`)],
    warnings: () => warnings,
    waiting: () => waiting,
    appliedAtMonoMs: () => appliedAtMonoMs,
    apply(next, atMonoMs) {
      refused = next.problems.map(({ text }) => text)
      // The defaults may open what the file that is gone had closed.
      const isGone = isAbsent(next) && !withoutFile
      if (isGone) warnings = [`${next.path} does not exist; keeping the current configuration; ${FOR_DEFAULTS}`]
      if (isGone || refused.length > 0) return false
      ;({ config: now, waiting } = afterReload(started.config, next.config))
      problems = []
      warnings = []
      withoutFile = isAbsent(next)
      appliedAtMonoMs = atMonoMs
      return true
    },
  }
}
