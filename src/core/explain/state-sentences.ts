// Sentences about the state of a unit now: why it does not run, what systemd will do next, and what a person can do.
import type { StartFacts, UnitCondition, UnitStatus, UnitTrigger } from '../unit-status.ts'
import { durationText, plural } from '../views/format.ts'
import { isExecFailure } from './causes.ts'
import { type EndEvent, timeText } from './end-sentences.ts'
import type { ExplanationInput, Need } from './explanation-input.ts'

/** A unit as a sentence names it now, and when that began. */
export function stateSentence({ name, status, now }: ExplanationInput): string {
  if (status === null) return `The present state of ${name} is not known, because systemd did not respond.`
  const { activeState, subState, changedAtMonoMs } = status
  const since =
    changedAtMonoMs === null ? '' : ` since ${timeText(now.wallMs - (now.monoMs - changedAtMonoMs), now.wallMs)}`
  const frozen = status.frozen ? ` Its processes are paused; \`systemctl thaw ${name}\` continues them.` : ''
  return `${name} is ${activeState} (${subState})${since}.${frozen}`
}

/** Why systemd cannot load the unit; empty if it can. */
export function notLoadable({ name, status, unit }: ExplanationInput): string[] {
  switch (status?.loadState) {
    case 'not-found': {
      const watched = unit === null ? '' : ', or remove it from monitored_services'
      return [
        `systemd found no unit file for ${name}.`,
        `What you can do: install its unit file and run \`gatewatch daemon-reload\`${watched}.`,
      ]
    }
    case 'masked':
      return [
        `${name} is masked: systemd refuses to start it.`,
        `What you can do: if that is not intended, run \`systemctl unmask ${name}\`.`,
      ]
    case 'error':
    case 'bad-setting':
      return [
        `systemd cannot use the unit file of ${name}: ${status.start.loadError ?? status.loadState}`.replace(
          /\.?$/,
          '.',
        ),
        `What you can do: run \`systemd-analyze verify ${status.file ?? name}\`, correct the file, and run \`gatewatch daemon-reload\`.`,
      ]
    default:
      return []
  }
}

/** What prevented the last start, as systemd reports it; empty if nothing did. */
export function skippedStart({ name, status }: ExplanationInput): string[] {
  if (status === null || status.activeState !== 'inactive') return []
  const { conditions, conditionsMet, assertsMet } = status.start
  const unmet = (kind: RegExp) => conditions.filter(({ setting, met }) => kind.test(setting) && met === false)
  if (conditionsMet === false)
    return [`systemd skipped the last start of ${name}, because ${conditionText(unmet(/^Condition/), 'condition')}.`]
  // systemd checks assertions only after the conditions.
  if (assertsMet === false && conditionsMet === true)
    return [`systemd refused the last start of ${name}, because ${conditionText(unmet(/^Assert/), 'assertion')}.`]
  return []
}

function conditionText(unmet: readonly UnitCondition[], kind: string): string {
  if (unmet.length === 0)
    return `a ${kind} of its unit file was not met (\`systemctl status\` shows which)`.replace('a a', 'an a')
  const list = unmet.map(({ setting, parameter }) => `${setting}=${parameter}`).join(' and ')
  return `${list} ${unmet.length === 1 ? 'was' : 'were'} not met`
}

/** The units that it needs and that cannot be used now. */
export function missingNeeds({ needs }: ExplanationInput): string[] {
  return needs.flatMap((need) => {
    const problem = problemOf(need)
    return problem === null ? [] : [`It needs ${need.status.unit} (${need.relation}=), which ${problem}.`]
  })
}

/** Null if systemd could start it together with the unit. */
function problemOf({ relation, status: { unit, loadState, activeState, description } }: Need): string | null {
  if (loadState === 'masked') return 'is masked'
  if (activeState === 'failed') return 'has failed'
  if (activeState !== 'inactive') return null
  if (unit.endsWith('.device')) return `is absent: systemd does not see the device ${description}`
  if (loadState === 'not-found') return 'has no unit file'
  if (loadState === 'error' || loadState === 'bad-setting') return 'has an invalid unit file'
  return relation === 'Requisite' ? 'is not active' : null
}

/** What systemd will do next, by itself. `end`: the last end of a run, if it is known; `refused`: its start limit was hit. */
export function nextSentences(input: ExplanationInput, end: EndEvent | null, limitHit: boolean): string[] {
  const { status, now } = input
  if (status === null) return []
  const { activeState, subState, start } = status
  if (activeState === 'activating' && subState.startsWith('auto-restart')) {
    const delay = start.restartDelayMs === null ? '' : `, RestartSec=${durationText(start.restartDelayMs)}`
    return [`systemd will restart it (Restart=${start.restart ?? 'unknown'}${delay}).`]
  }
  if (activeState !== 'inactive' && activeState !== 'failed') return []
  if (start.hasJob) return ['A job for it is queued, and waits for other units (`gatewatch system` lists the jobs).']
  const triggers = status.triggers.filter((trigger) => trigger.activeState === 'active')
  const started = triggers.map((trigger) => triggerSentence(trigger, now.wallMs, limitHit))
  if (started.length > 0) return limitHit ? [limitSentence(start), ...started] : started
  const boot = bootSentence(status)
  if (limitHit) return [limitSentence(start), ...boot]
  if (activeState === 'failed') return mayStillRestart(input) ? [] : [notRestarted(start, end), ...boot]
  return [
    'systemd will not start it by itself: no job is queued, and no active timer, socket, path or Upholds= starts it.',
    ...boot,
  ]
}

/** systemd announces an automatic restart up to some milliseconds after the failure. */
function mayStillRestart({ status, unit, now }: ExplanationInput): boolean {
  if (unit?.gaveUp || (status?.start.restart ?? 'no') === 'no') return false
  return now.monoMs - (status?.changedAtMonoMs ?? 0) < 1000
}

function triggerSentence({ unit, nextMs }: UnitTrigger, nowMs: number, limitHit: boolean): string {
  if (nextMs !== null) return `${unit} will start it again in ${durationText(nextMs - nowMs)}.`
  if (unit.endsWith('.socket')) return `${unit} will start it at the next connection.`
  if (unit.endsWith('.path')) return `${unit} will start it when the watched path changes.`
  if (unit.endsWith('.timer')) return `${unit} can start it, but has no next time.`
  if (limitHit) return `${unit} upholds it (Upholds=), but cannot start it while the start limit applies.`
  return `${unit} upholds it (Upholds=): systemd will start it again.`
}

function limitSentence({ limit }: StartFacts): string {
  const text = limit === null ? '' : ` of ${plural(limit.starts, 'start')} in ${durationText(limit.withinMs)}`
  return `systemd gave up: the start limit${text} was reached (StartLimitBurst=, StartLimitIntervalSec=).`
}

function notRestarted({ restart }: StartFacts, end: EndEvent | null): string {
  const requested = end !== null && end.kind !== 'lost' && end.requested
  if (requested) return 'systemd will not restart it, because its end was requested.'
  if (restart === null || restart === 'no') return 'systemd will not restart it (Restart=no).'
  return `systemd will not restart it: Restart=${restart} did not apply.`
}

function bootSentence({ fileState }: UnitStatus): string[] {
  if (fileState === 'enabled' || fileState === 'enabled-runtime') return ['It is enabled: it normally starts at boot.']
  return fileState === 'disabled' ? ['It is disabled: no [Install] setting starts it at boot.'] : []
}

/** What a person can do about a unit that does not run. */
export function advice(input: ExplanationInput, end: EndEvent | null, limitHit: boolean): string[] {
  const { name, status, needs } = input
  if (status === null || (status.activeState !== 'failed' && status.activeState !== 'inactive')) return []
  if (status.start.hasJob) return []
  const failed = end === null ? status.cause !== null : end.kind === 'crash' && !end.requested
  if (!failed && status.triggers.some((trigger) => trigger.activeState === 'active')) return []
  const first = [
    ...needs.flatMap((need) => (problemOf(need) === null ? [] : [needAdvice(need.status)])),
    ...causeAdvice(end, status),
    ...(skippedStart(input).length > 0 ? ['make sure that it is met'] : []),
  ]
  if (first.length === 0 && failed) first.push('correct the cause')
  const reset = limitHit ? `\`gatewatch reset-failed ${name}\` and ` : ''
  const start = `run ${reset}\`gatewatch start ${name}\``
  return [`What you can do: ${first.length === 0 ? `to start it, ${start}` : `${first.join('; ')}; then ${start}`}.`]
}

function needAdvice({ unit, description, loadState }: UnitStatus): string {
  if (unit.endsWith('.device')) return `connect the device ${description}`
  if (loadState === 'not-found') return `provide ${unit}`
  return `see \`gatewatch explain ${unit}\``
}

function causeAdvice(end: EndEvent | null, { cause, commands }: UnitStatus): string[] {
  const failure = end === null ? cause : end.kind === 'crash' ? end : null
  const ranMs = end?.kind === 'crash' ? end.evidence?.ranMs : undefined
  if (failure === null || !isExecFailure(failure, ranMs)) return []
  if (failure.exitCode !== 203) return ['correct that setting']
  const main = commands.some(({ setting }) => setting === 'ExecStart') ? 'the program of ExecStart=' : 'the program'
  return [`check that ${main} exists and is executable`]
}
