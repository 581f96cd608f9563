// gatewatch import: makes the counters of the former program the baseline.
import { parseLegacyCounters } from '../../config/legacy-counters.ts'
import { fileReason } from '../../core/error-text.ts'
import { plural } from '../../core/views/format.ts'
import { ifRunning } from '../agent-or-file.ts'
import type { Console, ExitCode, Sources } from '../console.ts'

/** Reads the file and imports it. */
export async function importFile(
  path: string,
  readText: (path: string) => string,
  sources: Sources,
  out: Console,
): Promise<ExitCode> {
  let text: string
  try {
    text = readText(path)
  } catch (error) {
    throw new Error(`cannot read ${path}: ${fileReason(error)}; give the path of the old service_states.json`, {
      cause: error,
    })
  }
  return importStates(path, text, sources, out)
}

/** `text` is the content of `path`, which is not changed. Every unit that cannot be imported is reported; exit code 1 then. */
export async function importStates(path: string, text: string, sources: Sources, out: Console): Promise<ExitCode> {
  const { baselines, problems, notes } = parseLegacyCounters(text)
  for (const problem of problems) out.error(`${path}: ${problem}`)
  if (baselines.size === 0) {
    out.error(`${path}: nothing to import; expected {"UNIT": {"starts": N, "stops": N, "crashes": N}, ...}`)
    return 1
  }
  for (const note of notes) out.stderr(`gatewatch: ${note}\n`)
  const reply = (await ifRunning(sources.client.post('/api/v1/import', Object.fromEntries(baselines)))) as {
    readonly not_watched?: readonly string[]
  } | null
  if (reply === null) {
    await sources.stateFile.import(sources.stateFile.path, baselines)
    out.stderr(
      `gatewatch: the agent is not running; imported the counters into the state file ${sources.stateFile.path}\n`,
    )
  }
  const missing = reply?.not_watched ?? []
  for (const name of missing)
    out.error(`${name} is not watched and was not imported; add it to monitored_services and import again`)
  out.stderr(`gatewatch: imported the counters of ${plural(baselines.size - missing.length, 'unit')} from ${path}\n`)
  return problems.length > 0 || missing.length > 0 ? 1 : 0
}
