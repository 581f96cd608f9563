// gatewatch clear: all counters to zero, by the running agent or in the state file.
import { ifRunning } from '../agent-or-file.ts'
import type { Console, ExitCode, Sources } from '../console.ts'

export async function clear({ client, stateFile }: Sources, out: Console): Promise<ExitCode> {
  const reply = await ifRunning(client.post('/api/v1/clear'))
  if (reply === null) {
    if ((await stateFile.read(stateFile.path)) === null) {
      out.stderr(`gatewatch: no agent runs and there is no state file ${stateFile.path}: nothing to clear (see -p)\n`)
      return 1
    }
    await stateFile.clear(stateFile.path)
    out.stderr(`gatewatch: no agent runs; counters cleared in the state file ${stateFile.path}\n`)
  } else out.stderr('gatewatch: counters cleared; a unit that runs counts one start\n')
  return 0
}
