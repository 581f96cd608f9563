// gatewatch clear: resets all counters and clears the stored events, through the running agent or in the state file.
import { fileReason } from '../../core/error-text.ts'
import { ifRunning } from '../agent-or-file.ts'
import type { Console, ExitCode, Sources } from '../console.ts'

interface ClearCommand {
  readonly keepEvents: boolean
  /** A log file to be emptied, too. The agent empties only its own. */
  readonly logFile: string | null
}

export async function clear(command: ClearCommand, sources: Sources, out: Console): Promise<ExitCode> {
  const { keepEvents, logFile } = command
  const what = keepEvents ? 'counters cleared, stored events kept' : 'counters and stored events cleared'
  const emptied = logFile === null ? '' : `; emptied ${logFile}`
  const body = { ...(keepEvents ? { keep_events: true } : {}), ...(logFile === null ? {} : { log_file: logFile }) }
  const post = sources.client.post('/api/v1/clear', Object.keys(body).length > 0 ? body : undefined)
  if ((await ifRunning(post)) === null) return await clearFiles(command, sources, what, emptied, out)
  out.stderr(`gatewatch: ${what}; each running unit counts as one start${emptied}\n`)
  return 0
}

async function clearFiles(
  { keepEvents, logFile }: ClearCommand,
  { stateFile }: Sources,
  what: string,
  emptied: string,
  out: Console,
): Promise<ExitCode> {
  const exists = (await stateFile.read(stateFile.path)) !== null
  if (!exists && logFile === null) {
    out.error(
      `nothing to clear: the agent is not running and there is no state file ${stateFile.path} (use -p for another file)`,
    )
    return 1
  }
  const empty = async () => {
    if (logFile !== null) await emptyLog(stateFile, logFile)
  }
  await (exists ? stateFile.clear(stateFile.path, keepEvents, empty) : empty())
  const state = exists ? `${what} in the state file ${stateFile.path}` : `there is no state file ${stateFile.path}`
  out.stderr(`gatewatch: the agent is not running; ${state}${emptied}\n`)
  return 0
}

async function emptyLog({ emptyLog: empty }: Sources['stateFile'], path: string): Promise<void> {
  try {
    await empty(path)
  } catch (error) {
    throw new Error(`cannot empty ${path}: ${fileReason(error)}; nothing was cleared`, { cause: error })
  }
}
