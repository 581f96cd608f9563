// A service never ends because of its configuration file: one that is lost (empty, torn, unreadable, deleted) is replaced by
// the last good one, or else the agent only watches.
import { FOR_DEFAULTS } from '../../config/layer.ts'
import { isAbsent, type LoadedConfig, type StandIn } from '../../config/load.ts'
import { opensTheSame, WATCHING_ONLY, watchingOnly } from '../../config/watching-only.ts'
import { messageOf } from '../../core/error-text.ts'
import type { Log } from '../../ports.ts'
import type { LastGoodFile } from './last-good-file.ts'

/** Loads the configuration, with another text in place of the file. */
type LoadWith = (standIn: StandIn) => Promise<LoadedConfig>

/**
 * The configuration for a service. A file that does not exist, and of which there is no last good version, is normal: the
 * defaults apply.
 */
export async function replaceLost(
  loaded: LoadedConfig,
  loadWith: LoadWith,
  lastGood: LastGoodFile,
): Promise<LoadedConfig> {
  if (loaded.lost === null && !isAbsent(loaded)) return loaded
  const kept = await lastGood.read()
  if (kept === null && loaded.lost === null) return loaded

  const what = loaded.lost?.text ?? `${loaded.path} does not exist`
  const loadedCopy = kept && (await loadWith({ text: kept.text, path: lastGood.path }))
  const copy = loadedCopy?.lost === null ? loadedCopy : null
  if (copy === null || kept?.outdated) {
    const why =
      copy === null
        ? 'there is no last good configuration'
        : 'the last good configuration may open what this file closed'
    const base = copy ?? { ...loaded, problems: loaded.problems.filter((problem) => problem !== loaded.lost) }
    const only = { ...base, config: watchingOnly(base.config) }
    return replacedBy(only, loaded.path, `${what}; ${why}, so gatewatch is ${WATCHING_ONLY}`)
  }
  const uses = `${what}; using the last good configuration, ${lastGood.path}`
  if (loaded.lost !== null) return replacedBy(copy, loaded.path, uses)
  return { ...copy, replaced: true, warnings: [`${uses}; ${FOR_DEFAULTS}`] }
}

function replacedBy(config: LoadedConfig, place: string, text: string): LoadedConfig {
  const problem = { place, path: '', value: undefined, message: text, text, fatal: false, origin: 'file' as const }
  return { ...config, problems: [problem, ...config.problems], replaced: true }
}

/**
 * Keeps a file without problems as the last good one; those of the environment are not of the file. One with problems is
 * not kept, even if a reload refused it; but if it opens something else, the kept one may open what this one closed, and
 * is marked for watching only.
 */
export async function keepLastGood(
  loaded: LoadedConfig,
  loadWith: LoadWith,
  lastGood: LastGoodFile,
  log: Log,
): Promise<void> {
  if (loaded.text === null || loaded.lost !== null || loaded.replaced) return
  try {
    const isGood = loaded.problems.every(({ origin }) => origin === 'environment')
    if (isGood) return await lastGood.write(loaded.text, false)
    const kept = (await lastGood.read()) ?? { text: '{}', body: '{}' }
    const before = await loadWith({ text: kept.text, path: lastGood.path })
    if (!opensTheSame(before.config, loaded.config)) await lastGood.write(kept.body, true)
  } catch (error) {
    log('warning', `cannot keep a copy of the configuration for the case that its file is lost: ${messageOf(error)}`)
  }
}
