// The buttons of a unit, where the gateway lets itself be controlled. The token is typed here and kept nowhere else.
import type { StatusView, UnitView } from '../core/api-views.ts'
import { causeText, shortName } from '../core/format.ts'
import { byId, el, say } from './dom.ts'
import { ask } from './gateway.ts'

type Action = 'start' | 'stop' | 'restart' | 'reset-failed'

export interface Buttons {
  /** Puts into `place` what can be done with the unit now. */
  show(place: HTMLElement, unit: UnitView): void
}

/** What became of an order. */
interface Answer {
  readonly outcome: string
  readonly cause: { readonly result: string; readonly exit_code: number | null; readonly signal: string | null } | null
}

/** A little longer than the agent waits for systemd. */
const WAITS_MS = 130_000

let token = ''

export function buttonsOf(status: StatusView): Buttons {
  const units = status.control?.units ?? []
  return {
    show(place, unit) {
      const actions = units.includes(unit.service) ? actionsFor(unit) : []
      const wanted = actions.join()
      if (place.dataset['actions'] === wanted) return
      place.dataset['actions'] = wanted
      place.replaceChildren(...actions.map((action) => button(action, unit.service)))
      place.hidden = actions.length === 0
    },
  }
}

function actionsFor(unit: UnitView): readonly Action[] {
  if (unit.active_state === 'unloaded') return []
  if (unit.active_state === 'failed') return ['start', 'reset-failed']
  return unit.active_state === 'inactive' ? ['start'] : ['restart', 'stop']
}

const WORDS: Readonly<Record<Action, string>> = {
  start: 'Start',
  stop: 'Stop',
  restart: 'Restart',
  'reset-failed': 'Reset failed',
}

function button(action: Action, service: string): HTMLElement {
  const made = el('button', WORDS[action]) as HTMLButtonElement
  made.type = 'button'
  made.setAttribute('aria-label', `${WORDS[action]} ${shortName(service)}`)
  made.addEventListener('click', () => {
    made.disabled = true
    void act(action, service).finally(() => {
      made.disabled = false
    })
  })
  return made
}

async function act(action: Action, service: string): Promise<void> {
  const name = shortName(service)
  if (!(await confirmed(action, name))) return
  try {
    const headers = { authorization: `Bearer ${token}` }
    const path = `/api/v1/units/${encodeURIComponent(service)}/${action}`
    const signal = AbortSignal.timeout(WAITS_MS)
    const { outcome, cause } = (await ask(path, { method: 'POST', headers, signal })) as Answer
    if (outcome === 'done') say(byId('said'), `${WORDS[action]} ${name}: done`)
    else await tell(`${WORDS[action]} ${name}: ${outcome}`, cause === null ? '' : `It ended with ${causeText(cause)}.`)
  } catch (error) {
    const { message } = error as Error
    if (message.endsWith('(401)')) token = ''
    await tell(`${WORDS[action]} ${name}: not done`, message)
  }
}

/** Asks for the token where there is none yet, and in any case whether it is meant. */
async function confirmed(action: Action, name: string): Promise<boolean> {
  const input = byId('ask-token').querySelector('input')
  if (input === null) return false
  input.value = ''
  byId('ask-token').hidden = token !== ''
  const meant = await opened(`${WORDS[action]} ${name}?`, '', WORDS[action])
  if (meant && token === '') token = input.value
  input.value = ''
  return meant && token !== ''
}

async function tell(title: string, text: string): Promise<void> {
  byId('ask-token').hidden = true
  await opened(title, text, 'OK')
}

function opened(title: string, text: string, yes: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('ask')
  say(byId('ask-title'), title)
  say(byId('ask-text'), text)
  const main = dialog.querySelector('.main')
  if (main !== null) say(main, yes)
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}
