// gatewatch clear: resets all counters, through the running agent or in the state file.
import { ifRunning } from '../agent-or-file.ts'
import type { Console, ExitCode, Sources } from '../console.ts'

export async function clear({ client, stateFile }: Sources, out: Console): Promise<ExitCode> {
  const reply = await ifRunning(client.post('/api/v1/clear'))
  if (reply === null) {
    if ((await stateFile.read(stateFile.path)) === null) {
      out.error(
        `nothing to clear: the agent is not running and there is no state file ${stateFile.path} (use -p for another file)`,
      )
      return 1
    }
    await stateFile.clear(stateFile.path)
    out.stderr(`gatewatch: the agent is not running; cleared the counters in the state file ${stateFile.path}\n`)
  } else out.stderr('gatewatch: counters cleared; each running unit counts as one start\n')
  return 0
}
