// Finds, reads and merges the configuration. The environment, the user id and the file system are arguments.

import type { Env } from '../ports.ts'
import {
  argumentLayer,
  type CommandLine,
  environmentLayer,
  inheritedLayer,
  type Layer,
  type Problem,
  problemOf,
} from './layer.ts'
import { type MergedConfig, mergeLayers } from './merge.ts'
import { type Paths, pathsOf } from './paths.ts'

interface ProcessContext {
  readonly env: Env
  readonly uid: number
  /** Reads a text file; throws as node:fs does. */
  readonly readText: (path: string) => string
}

export interface LoadedConfig extends MergedConfig {
  /** The configuration file that was read; null if there is none. */
  readonly file: string | null
  readonly paths: Paths
}

/**
 * Loads the configuration from arguments, environment and file. `file` overrides the path of the file. The file may be
 * missing only if its path is the default. Always resolves; check `problems`.
 */
export async function loadConfig(
  args: CommandLine,
  outside: ProcessContext,
  file: string | null = null,
): Promise<LoadedConfig> {
  const { env, uid, readText } = outside
  const paths = pathsOf(args.user, env, uid)
  const named = file ?? args.configFile ?? (env.GATEWATCH_CONFIG || null)
  const path = named ?? paths.configFile
  const read = readFile(path, named !== null, readText)
  const layers: Layer[] = [environmentLayer(env), argumentLayer(args)]
  if (typeof read === 'string') layers.unshift((await import('./jsonc-file.ts')).fileLayer(read, path))
  if (!layers.some(({ entries }) => entries.has('gateway_id'))) layers.unshift(inheritedLayer(env))
  const merged = mergeLayers(layers, paths)
  const problems = typeof read === 'object' && read !== null ? [read, ...merged.problems] : merged.problems
  return { ...merged, problems, paths, file: typeof read === 'string' ? path : null }
}

function readFile(path: string, named: boolean, readText: (path: string) => string): string | Problem | null {
  try {
    return readText(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !named) return null
    return problemOf(
      path,
      '',
      undefined,
      `cannot read the configuration file: ${REASONS[code ?? ''] ?? code ?? String(error)}`,
      true,
    )
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file; create one with 'gatewatch create-config FILE'",
  EACCES: 'permission denied; the user that runs gatewatch needs read permission',
  EISDIR: 'it is a directory',
}

/** Problems that end a run: all of them in a terminal; for a service only wrong usage and an unreadable file. */
export function fatalProblems(loaded: LoadedConfig, asService: boolean): readonly Problem[] {
  return loaded.problems.filter((problem) => !asService || problem.fatal)
}

/** True for a systemd service. A desktop shell also inherits INVOCATION_ID, but its stderr is a terminal. */
export function runsAsService(env: Env, stderrIsTerminal: boolean): boolean {
  return Boolean(env.INVOCATION_ID) && !stderrIsTerminal
}
