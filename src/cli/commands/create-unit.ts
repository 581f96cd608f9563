// gatewatch create-unit: a service from one command, written, enabled and started.
import { accessSync, constants, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { withWatched } from '../../config/edit-file.ts'
import { ControlError } from '../../core/command.ts'
import { messageOf } from '../../core/error-text.ts'
import { shortName } from '../../core/views/format.ts'
import type { UnitControl } from '../../ports.ts'
import type { UnitSettings } from '../args.ts'
import { causeSuffix } from '../cause.ts'
import type { Console, ExitCode } from '../console.ts'
import { userExists, writeNewFile } from '../system-files.ts'
import { type NewUnit, settingProblem, unitFileText } from '../unit-file.ts'
import { UsageError } from '../usage-error.ts'
import { changeWatchedUnits } from '../watched-units.ts'
import { withdraw } from './remove-unit.ts'

interface CreateUnitContext {
  /** The directory of the administrator's unit files. */
  readonly directory: string
  readonly userScope: boolean
  /** The directories to search for the program, as in PATH. */
  readonly path: string
  readonly cwd: string
  readonly configFile: string
  /** Why that file cannot be edited; null if it can. */
  readonly configProblem: string | null
  /** The units that the configuration watches now. */
  readonly watched: readonly string[]
}

interface NewUnitRequest {
  readonly name: string
  readonly command: readonly string[]
  readonly settings: UnitSettings
}

/** A creation that fails leaves nothing behind. */
export async function createUnit(
  request: NewUnitRequest,
  context: CreateUnitContext,
  control: UnitControl,
  out: Console,
): Promise<ExitCode> {
  const { name, settings } = request
  const unit = newUnit(request, context)
  const problem = typeof unit === 'string' ? unit : problemIn(unit, context)
  if (problem !== null || typeof unit === 'string') throw new UsageError(problem ?? '')
  if (settings.dryRun) {
    out.stdout(unitFileText(unit))
    return 0
  }
  const { loadState, file } = await control.status(name)
  const path = join(context.directory, name)
  if (loadState !== 'not-found')
    throw new ControlError('unit_exists', `${name} already exists (${file ?? loadState}); nothing was changed`)
  const removeFile = writeNewFile(path, unitFileText(unit))
  out.stderr(`wrote ${path}\n`)
  try {
    await startUnit(unit, control)
    out.stderr(`${shortName(name)}: enabled and started\n`)
    if (unit.watchedIn !== null)
      await changeWatchedUnits(unit.watchedIn, (text) => withWatched(text, name, context.watched), control, out)
  } catch (error) {
    await withdraw(name, removeFile, control).then(
      () => out.stderr(`removed ${path}\n`),
      (why) => out.error(`cannot remove all of ${name}: ${messageOf(why)}`),
    )
    throw error
  }
  return 0
}

async function startUnit({ name }: NewUnit, control: UnitControl): Promise<void> {
  await control.daemonReload()
  await control.run('enable', name)
  const { outcome, cause } = await control.run('start', name)
  if (outcome === 'done') return
  const why = `${shortName(name)}: start ${outcome}${causeSuffix(cause)}; see 'journalctl -u ${name}'`
  throw new ControlError('refused', why)
}

/** The unit to create, or the problem with its name or program. */
function newUnit(
  { name, command: [program = '', ...words], settings }: NewUnitRequest,
  context: CreateUnitContext,
): NewUnit | string {
  if (!name.endsWith('.service')) return `${name} is not a service; only services can be created`
  const found = program.includes('/') ? resolve(context.cwd, program) : programIn(context.path, program)
  if (found === null || !isProgram(found)) return `${program}: program not found or not executable`
  const { dryRun: _, watch, ...written } = settings
  const watchedIn = watch && !context.watched.includes(name) ? context.configFile : null
  return {
    ...written,
    name,
    command: [found, ...words],
    userScope: context.userScope,
    watchedIn,
    restart: written.restart ?? 'on-failure',
  }
}

function problemIn(unit: NewUnit, { configProblem }: CreateUnitContext): string | null {
  for (const [key, option] of OPTION_OF) {
    const value = unit[key]
    const problem = value === null ? null : settingProblem(key, String(value))
    if (problem !== null) return `${option}: "${value}" ${problem}`
  }
  if (unit.user !== null && !userExists(unit.user)) return `--run-as: there is no user ${unit.user}`
  return unit.watchedIn === null || configProblem === null ? null : `--watch: ${configProblem}`
}

const OPTION_OF = [
  ['description', '--description'],
  ['user', '--run-as'],
  ['workingDirectory', '--working-directory'],
  ['environmentFile', '--environment-file'],
  ['restart', '--restart'],
  ['memoryMax', '--memory-max'],
] as const

function programIn(path: string, program: string): string | null {
  return (
    path
      .split(':')
      .filter((one) => one.startsWith('/'))
      .map((one) => join(one, program))
      .find(isProgram) ?? null
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
