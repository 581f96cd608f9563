// The control buttons of a unit, shown if the gateway allows control. The token is stored only in this page.
import type { StatusView, UnitView } from '../core/views/api-views.ts'
import { causeText, shortName } from '../core/views/format.ts'
import { fetchJson } from './api-client.ts'
import { byId, el, setText } from './dom.ts'

type Action = 'start' | 'stop' | 'restart' | 'reset-failed'

export interface UnitButtons {
  /** Puts the buttons that apply to the unit's state into `container`. */
  show(container: HTMLElement, unit: UnitView): void
}

/** The API's response to a command. */
interface CommandReply {
  readonly outcome: string
  readonly cause: { readonly result: string; readonly exit_code: number | null; readonly signal: string | null } | null
}

/** A little longer than the agent waits for systemd. */
const COMMAND_TIMEOUT_MS = 130_000

const LABELS: Readonly<Record<Action, string>> = {
  start: 'Start',
  stop: 'Stop',
  restart: 'Restart',
  'reset-failed': 'Reset failed',
}

let token = ''

export function createUnitButtons(status: StatusView): UnitButtons {
  const units = status.control?.units ?? []
  return {
    show(container, unit) {
      const actions = units.includes(unit.service) ? actionsFor(unit) : []
      const wanted = actions.join()
      if (container.dataset['actions'] === wanted) return
      container.dataset['actions'] = wanted
      container.replaceChildren(...actions.map((action) => button(action, unit.service)))
      container.hidden = actions.length === 0
    },
  }
}

function actionsFor(unit: UnitView): readonly Action[] {
  if (unit.active_state === 'unloaded' || unit.active_state === 'unknown') return []
  if (unit.active_state === 'failed') return ['start', 'reset-failed']
  return unit.active_state === 'inactive' ? ['start'] : ['restart', 'stop']
}

function button(action: Action, service: string): HTMLElement {
  const element = el('button', LABELS[action]) as HTMLButtonElement
  element.type = 'button'
  element.setAttribute('aria-label', `${LABELS[action]} ${shortName(service)}`)
  element.addEventListener('click', () => {
    element.disabled = true
    void runAction(action, service).finally(() => {
      element.disabled = false
    })
  })
  return element
}

async function runAction(action: Action, service: string): Promise<void> {
  const title = `${LABELS[action]} ${shortName(service)}`
  if (!(await confirmed(action, title))) return
  try {
    const headers = { authorization: `Bearer ${token}` }
    const path = `/api/v1/units/${encodeURIComponent(service)}/${action}`
    const signal = AbortSignal.timeout(COMMAND_TIMEOUT_MS)
    const { outcome, cause } = (await fetchJson(path, { method: 'POST', headers, signal })) as CommandReply
    if (outcome === 'done') setText(byId('announcement'), `${title}: done`)
    else await showResult(`${title}: ${outcome}`, cause === null ? '' : `The run ended with ${causeText(cause)}.`)
  } catch (error) {
    const { message } = error as Error
    if (message.endsWith('(401)')) token = ''
    await showResult(`${title} failed`, message)
  }
}

/** Asks for confirmation, and for the token if it is not known yet. */
async function confirmed(action: Action, title: string): Promise<boolean> {
  const input = byId('ask-token').querySelector('input')
  if (input === null) return false
  input.value = ''
  byId('ask-token').hidden = token !== ''
  const yes = await openDialog(`${title}?`, '', LABELS[action])
  if (yes && token === '') token = input.value
  input.value = ''
  return yes && token !== ''
}

async function showResult(title: string, text: string): Promise<void> {
  byId('ask-token').hidden = true
  await openDialog(title, text, 'OK')
}

/** Resolves to true if the main button was pressed. */
function openDialog(title: string, text: string, mainLabel: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('ask')
  setText(byId('ask-title'), title)
  setText(byId('ask-text'), text)
  const main = dialog.querySelector('.main')
  if (main !== null) setText(main, mainLabel)
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}
