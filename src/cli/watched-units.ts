// Changes monitored_services in the configuration file and has a running agent reload it.
import type { UnitControl } from '../ports.ts'
import type { Console } from './console.ts'
import { readIfThere, replaceFile } from './system-files.ts'

/** `change` gets the text of `file` (null where there is none) and returns the new text, null for no change. */
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
  if (!reloaded) out.stderr("a running agent takes it over with 'systemctl reload gatewatch'\n")
}
