// Operates units by `systemctl`, for where no bus can be had: its exit codes, its JSON and its NAME=VALUE lines, never its prose (systemd 247 or newer).
import { type Action, type CommandResult, ControlError, type ControlProblem } from '../../core/command.ts'
import type { ListedUnit, UnitControl } from '../../ports.ts'
import { problemText, timedOut } from './errors.ts'
import { shownTexts } from './property-text.ts'
import { outcomeOf } from './systemctl-outcome.ts'
import { shownProperties } from './systemctl-show.ts'
import { byName, causeIn, type Properties, STATUS_TYPES, skippedIn, statusIn } from './unit-status.ts'

export interface CommandOutput {
  /** Exit code; null where it took too long and was ended. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface SystemctlOptions {
  /** Runs systemctl with these words and rejects where it cannot even be started. */
  readonly run: (words: readonly string[], timeoutMs: number) => Promise<CommandOutput>
  readonly timeoutMs: number
  readonly now: () => { readonly monoMs: number }
  readonly isRoot: boolean
}

const STATUS = `--property=${Object.keys(STATUS_TYPES).join(',')}`

export function createSystemctlControl({ run, timeoutMs, now, isRoot }: SystemctlOptions): UnitControl {
  const systemctl = async (
    what: string,
    unit: string,
    ...words: string[]
  ): Promise<CommandOutput & { code: number }> => {
    const ran = await run(words, timeoutMs).catch((error: Error) => {
      throw new ControlError('unreachable', problemText('unreachable', what, unit, error.message), { cause: error })
    })
    const { code } = ran
    if (code === null) throw timedOut(timeoutMs)
    return { ...ran, code }
  }

  /** The answer of a command that only asks. */
  const asked = async (what: string, unit: string, ...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await systemctl(what, unit, ...words)
    if (code !== 0) throw problem('unreachable', what, unit, stderr)
    return stdout
  }

  const read = async (unit: string): Promise<Properties> =>
    shownProperties(await asked(`tell of ${unit}`, unit, 'show', STATUS, '--', unit))

  const job = async (
    action: 'start' | 'stop' | 'restart' | 'reload',
    unit: string,
    noWait: boolean,
  ): Promise<CommandResult> => {
    const startedAtMs = now().monoMs
    const what = `${action} ${unit}`
    const { code, stderr } = await systemctl(what, unit, action, ...(noWait ? ['--no-block'] : []), '--', unit)
    if (code === 0) {
      if (noWait) return { outcome: 'queued', cause: null }
      const started = action === 'start' || action === 'restart'
      return { outcome: started && skippedIn(await read(unit)) ? 'skipped' : 'done', cause: null }
    }
    const seen = await read(unit)
    const ended = await outcomeOf({ action, code, seen, startedAtMs, isRoot, stateOf: read })
    if (ended.problem !== undefined) throw problem(ended.problem, what, unit, stderr)
    const { outcome } = ended
    return { outcome, cause: outcome === 'failed' || outcome === 'timeout' ? causeIn(seen) : null }
  }

  const resetFailed = async (unit: string): Promise<CommandResult> => {
    const { code, stderr } = await systemctl(`reset-failed ${unit}`, unit, 'reset-failed', '--', unit)
    if (code !== 0) {
      const { LoadState: load, ActiveState: state } = await read(unit)
      if (load === 'not-found') throw problem('no_such_unit', '', unit, stderr)
      if (state === 'failed') throw problem(isRoot ? 'refused' : 'denied', `reset-failed ${unit}`, unit, stderr)
    }
    return { outcome: 'done', cause: null }
  }

  const unitFile = async (action: 'enable' | 'disable', unit: string): Promise<CommandResult> => {
    const what = `${action} ${unit}`
    const { code, stderr } = await systemctl(what, unit, action, '--', unit)
    const state = (await systemctl(what, unit, 'is-enabled', '--', unit)).stdout.trim()
    if (code === 0) return { outcome: state === 'static' ? 'skipped' : 'done', cause: null }
    const missing = state === '' || state === 'not-found'
    const masked = state.startsWith('masked')
    throw problem(missing ? 'no_such_unit' : masked ? 'masked' : isRoot ? 'refused' : 'denied', what, unit, stderr)
  }

  const runAction = (action: Action, unit: string, noWait = false): Promise<CommandResult> => {
    switch (action) {
      case 'start':
      case 'stop':
      case 'restart':
      case 'reload':
        return job(action, unit, noWait)
      case 'reset-failed':
        return resetFailed(unit)
      case 'enable':
      case 'disable':
        return unitFile(action, unit)
    }
  }

  return {
    run: runAction,
    async daemonReload() {
      const what = 'reload the unit files'
      const { code, stderr } = await systemctl(what, 'the unit files', 'daemon-reload')
      if (code !== 0) throw problem(isRoot ? 'unreachable' : 'denied', what, 'the unit files', stderr)
    },
    async list() {
      const rows = JSON.parse(
        await asked('list its units', 'units', 'list-units', '--all', '--full', '--output=json'),
      ) as {
        readonly [name in 'unit' | 'description' | 'load' | 'active' | 'sub']: string
      }[]
      return rows
        .map(
          ({ unit, description, load, active, sub }): ListedUnit => ({
            unit,
            description,
            loadState: load,
            activeState: active,
            subState: sub,
          }),
        )
        .sort(byName)
    },
    status: async (unit) => statusIn(unit, await read(unit)),
    properties: async (unit) =>
      shownTexts(await asked(`tell of ${unit}`, unit, 'show', '--all', '--timestamp=us+utc', '--', unit)),
    close() {},
  }
}

/** systemctl's own words, without what it was asked in front of them, are for people only. */
function problem(code: ControlProblem, what: string, unit: string, stderr: string): ControlError {
  const words = stderr.trim().split('\n')[0] ?? ''
  return new ControlError(
    code,
    problemText(code, what, unit, words.replace(/^Failed to [^:]*: /, '') || 'systemctl failed'),
  )
}
