// The agent first, the state file where none runs, and the words for it.
import { messageOf } from '../core/error-text.ts'
import { AgentNotRunning, RequestFailed } from './agent-client.ts'
import type { Console, ExitCode, OfflineState, Sources } from './console.ts'

/** The answer of the running agent; null where none runs. */
export async function ifRunning<T>(reply: Promise<T>): Promise<T | null> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof AgentNotRunning) return null
    throw error
  }
}

/** What the state file holds, said so on stderr; throws where there is none. */
export async function offlineState({ client, stateFile }: Sources, out: Console): Promise<OfflineState> {
  const stored = await stateFile.read(stateFile.path)
  if (stored === null) {
    throw new RequestFailed(
      `no agent runs (nobody listens on ${client.socket}) and there is no state file ${stateFile.path}: ` +
        "start it with 'systemctl start gatewatch' or 'gatewatch run', or name the ones in use with --socket and -p",
    )
  }
  const when =
    stored.writtenAtMs === null ? '' : `, written ${new Date(stored.writtenAtMs).toISOString().slice(0, 19)}Z`
  out.stderr(`gatewatch: no agent runs; this is what the state file holds (${stateFile.path}${when})\n`)
  return stored
}

/** Runs a command; a failure is one line on stderr and exit code 1. */
export async function failureAsExitCode(out: Console, command: () => Promise<ExitCode | undefined>): Promise<ExitCode> {
  try {
    return (await command()) ?? 0
  } catch (error) {
    out.stderr(`gatewatch: ${messageOf(error)}\n`)
    return 1
  }
}
