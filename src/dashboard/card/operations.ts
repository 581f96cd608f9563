// The operations of a unit: buttons that apply to its state, confirmation, and the result of the last one.
import type { StatusView, UnitView } from '../../core/views/api-views.ts'
import { causeText, shortName } from '../../core/views/format.ts'
import { el, icon, setText, setTone } from '../dom.ts'
import { confirmWithToken, fetchWithToken, WrongToken } from '../token.ts'
import type { Tone } from '../tone.ts'
import { createSection } from './section.ts'

type Action = 'start' | 'stop' | 'restart' | 'reset-failed'

/** The API's response to a command. */
interface CommandReply {
  readonly outcome: string
  readonly cause: { readonly result: string; readonly exit_code: number | null; readonly signal: string | null } | null
}

interface Result {
  readonly tone: Tone
  readonly text: string
}

/** A little longer than the agent waits for systemd. */
const COMMAND_TIMEOUT_MS = 130_000

const LABELS: Readonly<Record<Action, string>> = {
  start: 'Start',
  stop: 'Stop',
  restart: 'Restart',
  'reset-failed': 'Reset failed',
}

/** By unit: the card may be closed, or show another unit, when a command ends. */
const results = new Map<string, Result>()

export function createOperations() {
  const buttons = el('p.actions')
  const text = el('span')
  const result = el('p.result', icon('unknown'), text)
  result.setAttribute('role', 'status')
  const needed = el('p.soft')
  const section = createSection('Operations', needed)
  let shownActions = ''
  let shownUnit = ''

  const showResult = () => {
    const { tone, text: words } = results.get(shownUnit) ?? { tone: 'idle', text: '' }
    setTone(result, tone)
    setText(text, words)
    result.classList.toggle('empty', words === '')
  }
  const run = async (action: Action) => {
    const unit = shownUnit
    buttons.ariaBusy = 'true'
    const outcome = await runAction(action, unit)
    buttons.ariaBusy = null
    if (outcome !== null) results.set(unit, outcome)
    showResult()
  }
  const button = (action: Action) => {
    const element = el('button', LABELS[action]) as HTMLButtonElement
    element.type = 'button'
    // Not disabled while it runs: that would take the focus away.
    element.addEventListener('click', () => (buttons.ariaBusy === 'true' ? undefined : void run(action)))
    return element
  }

  return {
    elements: [buttons, result],
    needed: section.element,
    show(status: StatusView, unit: UnitView): void {
      const actions = status.control?.units.includes(unit.service) ? actionsFor(unit) : []
      if (shownActions !== actions.join() || shownUnit !== unit.service) {
        const hadFocus = buttons.contains(document.activeElement)
        buttons.replaceChildren(...actions.map(button))
        if (hadFocus) buttons.querySelector('button')?.focus()
      }
      shownActions = actions.join()
      shownUnit = unit.service
      buttons.hidden = actions.length === 0
      const words = neededText(status, unit)
      setText(needed, words)
      section.show(words !== '')
      showResult()
    },
  }
}

/** Empty if the unit can be operated. */
function neededText({ control }: StatusView, { service }: UnitView): string {
  if (!control) {
    return 'They need control.enabled and a token (control.token_file), over TLS or from the gateway itself.'
  }
  return control.units.includes(service) ? '' : 'Not allowed: control.units does not include this unit.'
}

function actionsFor(unit: UnitView): readonly Action[] {
  if (unit.active_state === 'unloaded' || unit.active_state === 'unknown') return []
  if (unit.active_state === 'failed') return ['start', 'reset-failed']
  return unit.active_state === 'inactive' ? ['start'] : ['restart', 'stop']
}

/** Null if the user cancels. */
async function runAction(action: Action, service: string): Promise<Result | null> {
  const title = `${LABELS[action]} ${shortName(service)}`
  let problem = ''
  while (await confirmWithToken({ title: `${title}?`, action: LABELS[action] }, problem)) {
    try {
      return resultOf(title, await sendCommand(action, service))
    } catch (error) {
      if (!(error instanceof WrongToken)) return { tone: 'bad', text: `${title} failed: ${(error as Error).message}` }
      problem = error.message
    }
  }
  return null
}

async function sendCommand(action: Action, service: string): Promise<CommandReply> {
  const path = `/api/v1/units/${encodeURIComponent(service)}/${action}`
  const signal = AbortSignal.timeout(COMMAND_TIMEOUT_MS)
  return (await fetchWithToken(path, { method: 'POST', signal })) as CommandReply
}

function resultOf(title: string, { outcome, cause }: CommandReply): Result {
  if (outcome === 'done') return { tone: 'ok', text: `${title}: done` }
  const ended = cause === null ? '' : `; the run ended with ${causeText(cause)}`
  return { tone: 'bad', text: `${title}: ${outcome}${ended}` }
}
