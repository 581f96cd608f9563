// Changes monitored_services in the configuration file and has a running agent reload it.
import type { UnitControl } from '../ports.ts'
import type { Console } from './console.ts'
import { readIfThere, replaceFile } from './system-files.ts'

/** `change` gets the text of `file` (null if there is no file) and returns the new text, or null for no change. */
export async function changeWatchedUnits(
  file: string,
  change: (text: string | null) => string | null,
  control: UnitControl,
  out: Console,
): Promise<void> {
  const changed = change(readIfThere(file))
  if (changed === null) return
  replaceFile(file, changed)
  out.stderr(`changed monitored_services in ${file}\n`)
  const reloaded = await control.run('reload', 'gatewatch.service').then(
    ({ outcome }) => outcome === 'done',
    () => false,
  )
  if (!reloaded)
    out.stderr("the agent was not reloaded; if it is running, use 'systemctl reload gatewatch' to apply the change\n")
}
