// gatewatch check-config: every effective value with its origin, and every problem of the configuration.
import { KEY_NAMES, type Key, rowOf, valueAt } from '../../config/keys.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { withoutPassword } from '../../config/without-password.ts'
import { plural } from '../../core/views/format.ts'
import type { UnmatchedPattern } from '../../ports.ts'
import type { Console, ExitCode } from '../console.ts'

/**
 * Exit code 2 if there is any problem, even if a service would continue. `unmatched`: the patterns that match no unit,
 * which is not an error; null if systemd could not be queried.
 */
export function checkConfig(
  loaded: LoadedConfig,
  unmatched: readonly UnmatchedPattern[] | null,
  json: boolean,
  out: Console,
): ExitCode {
  const { problems, notes, file, path, config, lost } = loaded
  if (json) {
    const values = KEY_NAMES.map((key) => [
      key,
      { value: shown(key, valueAt(config, key)), ...originOf(loaded, key), applies: rowOf(key).applies },
    ])
    out.stdout(
      `${JSON.stringify({
        file,
        config: Object.fromEntries(values),
        problems: problems.map(({ place, path, message, text }) => ({ place, path, message, text })),
        notes,
        unmatched_patterns: unmatched,
      })}\n`,
    )
  } else {
    for (const key of KEY_NAMES) {
      const { origin, place } = originOf(loaded, key)
      const value = JSON.stringify(shown(key, valueAt(config, key)))
      const remark =
        rowOf(key).applies === 'restart' && rowOf(key).inFile !== false ? '; takes effect after a restart' : ''
      out.stdout(`${key} = ${value}  (${origin}${place === '' ? '' : `: ${place}`}${remark})\n`)
    }
  }
  for (const note of notes) out.stderr(`note: ${note}\n`)
  for (const { pattern, reason } of unmatched ?? []) out.stderr(`warning: monitored_services: ${pattern}: ${reason}\n`)
  for (const { text } of problems) out.error(text, 'error')
  if (problems.length > 0) {
    const named = file === null && lost === null ? `no configuration file ${path}` : path
    out.error(`${named}: ${plural(problems.length, 'problem')}`)
    return 2
  }
  const named = file ?? `no configuration file ${path}, using the defaults`
  out.stderr(`gatewatch: ${named}: OK\n`)
  return 0
}

function shown(key: Key, value: unknown): unknown {
  return rowOf(key).secret && typeof value === 'string' ? withoutPassword(value) : value
}

function originOf({ origins }: LoadedConfig, key: Key): { origin: string; place: string } {
  return origins.get(key) ?? { origin: 'default', place: '' }
}
