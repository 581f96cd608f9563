// gatewatch remove-unit: stops, disables and removes exactly what create-unit made.
import { join } from 'node:path'
import { withoutWatched } from '../../config/edit-file.ts'
import { ControlError } from '../../core/command.ts'
import { shortName } from '../../core/views/format.ts'
import type { UnitControl } from '../../ports.ts'
import type { Console, ExitCode } from '../console.ts'
import { readIfThere, removeFile } from '../system-files.ts'
import { MADE_BY, WATCHED_IN } from '../unit-file.ts'
import { changeWatchedUnits } from '../watched-units.ts'

/** `directory` contains the administrator's unit files. */
export async function removeUnit(
  name: string,
  directory: string,
  control: UnitControl,
  out: Console,
): Promise<ExitCode> {
  const path = join(directory, name)
  const text = readIfThere(path)
  if (text === null) throw new ControlError('no_such_unit', `${name}: no such unit file in ${directory}`)
  const [first, second = ''] = text.split('\n')
  if (!first?.startsWith(MADE_BY))
    throw new ControlError('refused', `${path} was not made by 'gatewatch create-unit'; it was not removed`)
  await control.run('stop', name)
  await control.run('disable', name)
  removeFile(path)
  await forget(name, control)
  out.stderr(`${shortName(name)}: stopped, disabled, ${path} removed\n`)
  if (second.startsWith(WATCHED_IN)) {
    const configFile = second.slice(WATCHED_IN.length)
    await changeWatchedUnits(
      configFile,
      (config) => (config === null ? null : withoutWatched(config, name)),
      control,
      out,
    )
  }
  return 0
}

/** Removes a unit whose creation failed, however far it came. */
export async function withdraw(name: string, removeItsFile: () => void, control: UnitControl): Promise<void> {
  await control.run('stop', name).catch(() => {})
  await control.run('disable', name).catch(() => {})
  removeItsFile()
  await forget(name, control)
}

/** Has systemd read that the file is gone. */
async function forget(name: string, control: UnitControl): Promise<void> {
  await control.daemonReload()
  await control.run('reset-failed', name).catch(() => {}) // rejects if systemd has already unloaded the unit
}
