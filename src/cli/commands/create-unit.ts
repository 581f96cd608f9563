// gatewatch create-unit and remove-unit: a service from one command, and exactly that taken away again.
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { withoutWatched, withWatched } from '../../config/edit-file.ts'
import { type Action, ControlError } from '../../core/command.ts'
import { causeText, shortName } from '../../core/format.ts'
import type { UnitControl } from '../../ports.ts'
import type { UnitSettings } from '../args.ts'
import type { Console, ExitCode } from '../console.ts'
import { MADE_BY, type NewUnit, settingProblem, unitFileText, WATCHED_IN } from '../unit-file.ts'

export interface CreateUnitContext {
  /** Where unit files of the administrator are. */
  readonly directory: string
  readonly userScope: boolean
  /** Directories with programs, as in PATH. */
  readonly path: string
  readonly cwd: string
  readonly configFile: string
  /** What the configuration watches now. */
  readonly watched: readonly string[]
}

export interface NewUnitRequest {
  readonly name: string
  readonly command: readonly string[]
  readonly settings: UnitSettings
}

export async function createUnit(
  asked: NewUnitRequest,
  place: CreateUnitContext,
  control: UnitControl,
  out: Console,
): Promise<ExitCode> {
  const { name, settings } = asked
  const unit = newUnit(asked, place)
  const problem = typeof unit === 'string' ? unit : problemIn(unit)
  if (problem !== null || typeof unit === 'string') {
    out.stderr(`gatewatch: ${problem}\n`)
    return 2
  }
  if (settings.dryRun) {
    out.stdout(unitFileText(unit))
    return 0
  }
  const { loadState, file } = await control.status(name)
  const path = join(place.directory, name)
  if (loadState !== 'not-found')
    throw new ControlError('unit_exists', `${name} exists already (${file ?? loadState}): nothing was changed`)
  writeNew(path, unitFileText(unit))
  out.stderr(`wrote ${path}\n`)
  await control.daemonReload()
  await control.run('enable', name)
  const { outcome, cause } = await control.run('start', name)
  if (outcome !== 'done') {
    const why = cause
      ? ` (${causeText({ result: cause.result, exit_code: cause.exitCode, signal: cause.signal })})`
      : ''
    out.stderr(
      `gatewatch: ${shortName(name)}: start ${outcome}${why}: 'journalctl -u ${name}' tells more, 'gatewatch remove-unit ${shortName(name)}' takes it away\n`,
    )
    return 1
  }
  out.stderr(`${shortName(name)}: enabled and started\n`)
  if (unit.watchedIn !== null)
    await watch(unit.watchedIn, (text) => withWatched(text, name, place.watched), control, out)
  return 0
}

/** Stops and disables a unit that create-unit made, and removes its file and its place in the configuration. */
export async function removeUnit(
  name: string,
  place: CreateUnitContext,
  control: UnitControl,
  out: Console,
): Promise<ExitCode> {
  const path = join(place.directory, name)
  const text = readIfThere(path)
  if (text === null) throw new ControlError('no_such_unit', `${name}: no such unit in ${place.directory}`)
  const [first, second = ''] = text.split('\n')
  if (first !== MADE_BY)
    throw new ControlError('refused', `${path} was not made by 'gatewatch create-unit': remove it yourself`)
  const well = async (action: Action) => void (await control.run(action, name))
  await well('stop')
  await well('disable')
  changing(path, () => rmSync(path))
  await control.daemonReload()
  await well('reset-failed').catch(() => {}) // what systemd no longer knows has no failure
  out.stderr(`${shortName(name)}: stopped, disabled, ${path} removed\n`)
  if (second.startsWith(WATCHED_IN)) {
    const configFile = second.slice(WATCHED_IN.length)
    await watch(configFile, (config) => (config === null ? null : withoutWatched(config, name)), control, out)
  }
  return 0
}

/** The unit that is asked for, or what is wrong with its program. */
function newUnit(
  { name, command: [program = '', ...words], settings }: NewUnitRequest,
  place: CreateUnitContext,
): NewUnit | string {
  if (!name.endsWith('.service')) return `${name} is no service: only services can be made`
  const found = program.includes('/') ? resolve(place.cwd, program) : programIn(place.path, program)
  if (found === null || !isProgram(found)) return `${program}: no such program`
  const { dryRun: _, watch: watched, ...given } = settings
  const watchedIn = watched && !place.watched.includes(name) ? place.configFile : null
  return {
    ...given,
    name,
    command: [found, ...words],
    userScope: place.userScope,
    watchedIn,
    restart: given.restart ?? 'on-failure',
  }
}

function problemIn(unit: NewUnit): string | null {
  for (const [key, option] of OPTION_OF) {
    const value = unit[key]
    const problem = value === null ? null : settingProblem(key, String(value))
    if (problem !== null) return `${option}: "${value}" ${problem}`
  }
  return null
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

/** Changes the configuration file as `change` says, and lets a running agent take it over. */
async function watch(file: string, change: (text: string | null) => string | null, control: UnitControl, out: Console) {
  const changed = change(readIfThere(file))
  if (changed === null) return
  changing(file, () => replace(file, changed))
  out.stderr(`changed monitored_services in ${file}\n`)
  const taken = await control.run('reload', 'gatewatch.service').then(
    ({ outcome }) => outcome === 'done',
    () => false,
  )
  if (!taken) out.stderr("a running agent takes it over with 'systemctl reload gatewatch'\n")
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function writeNew(path: string, text: string): void {
  changing(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: 'wx', mode: 0o644 })
  })
}

/** Never half a file, and with the owner and mode of the one before. */
function replace(path: string, text: string): void {
  const next = `${path}.new`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(next, text)
  const before = statSync(path, { throwIfNoEntry: false })
  if (before) {
    chmodSync(next, before.mode & 0o7777)
    chownSync(next, before.uid, before.gid)
  }
  renameSync(next, path)
}

function changing(path: string, change: () => void): void {
  try {
    change()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new ControlError('unit_exists', `${path} exists already: nothing was changed`)
    if (code === 'EACCES' || code === 'EPERM')
      throw new ControlError('denied', `permission denied: ${path} cannot be written: be root (sudo)`)
    throw new ControlError('refused', `${path} cannot be written: ${message}`, { cause: error })
  }
}
