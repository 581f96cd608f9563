// Queries the running agent, or reads the state file if there is none, and reports which of the two it was.
import { messageOf } from '../core/error-text.ts'
import { AgentNotRunning, RequestFailed } from './agent-client.ts'
import type { Console, ExitCode, OfflineState, Sources } from './console.ts'
import { UsageError } from './usage-error.ts'

/** The reply of the running agent; null if none is running. */
export async function ifRunning<T>(reply: Promise<T>): Promise<T | null> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof AgentNotRunning) return null
    throw error
  }
}

/** The content of the state file, with a notice on stderr; throws if there is no state file. */
export async function offlineState({ client, stateFile }: Sources, out: Console): Promise<OfflineState> {
  const stored = await stateFile.read(stateFile.path)
  if (stored === null) {
    throw new RequestFailed(
      `the agent is not running (nothing is listening on ${client.socket}) and there is no state file ${stateFile.path}; ` +
        "start it with 'systemctl start gatewatch' or 'gatewatch run', or name another socket with --socket or another state file with -p",
    )
  }
  const when =
    stored.writtenAtMs === null ? '' : `, written ${new Date(stored.writtenAtMs).toISOString().slice(0, 19)}Z`
  out.stderr(`gatewatch: the agent is not running; showing the state file (${stateFile.path}${when})\n`)
  return stored
}

/** Runs a command; an error becomes one line on stderr, and exit code 4 if permission was denied, else 1. */
export async function failureAsExitCode(out: Console, command: () => Promise<ExitCode | undefined>): Promise<ExitCode> {
  try {
    return (await command()) ?? 0
  } catch (error) {
    if (error instanceof UsageError) throw error
    out.error(messageOf(error))
    return isDenied(error) ? 4 : 1
  }
}

/** True if the error, or one that caused it, is the system's refusal. */
function isDenied(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return code === 'EACCES' || code === 'EPERM' || isDenied(error.cause)
}
