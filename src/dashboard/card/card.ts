// The card of one unit: a dialog, opened by a click on the unit or by the address `#unit=NAME`.
import type { StatusView } from '../../core/views/api-views.ts'
import { shortName } from '../../core/views/format.ts'
import type { ApiEvent } from '../api-types.ts'
import { createCounters } from '../counters.ts'
import { byId, el, setText } from '../dom.ts'
import { createStateLine } from '../state-line.ts'
import { confirmWithToken } from '../token.ts'
import { causeOf } from '../verdict.ts'
import { createCrashes } from './crashes.ts'
import { createExplanation } from './explanation.ts'
import { createOperations } from './operations.ts'
import { createReadingSchedule } from './reading-schedule.ts'
import { createResources } from './resources.ts'
import { createSection } from './section.ts'
import { createUnitData } from './unit-data.ts'

/** What is used now is known from the second reading on. */
const READ_AGAIN_AFTER_MS = 3_000
interface Card {
  open(service: string): void
  /** Opens the card of the unit in the address, if there is one. */
  openFromAddress(): void
  show(status: StatusView, events: readonly ApiEvent[], nowMs: number): void
}

/** `changed`: calls `show`. */
export function createCard(changed: () => void): Card {
  const dialog = byId<HTMLDialogElement>('card')
  const data = createUnitData(changed)
  const description = el('p.soft')
  const line = createStateLine()
  const cause = el('p.soft')
  const operations = createOperations()
  const counters = createCounters()
  const counted = createSection('Counted', counters.element)
  counted.show(true)
  const explanation = createExplanation(() => void enterToken())
  const crashes = createCrashes()
  const resources = createResources((service) => card.open(service))
  byId('card-body').append(
    description,
    el('div.now', line.state, line.since),
    cause,
    ...operations.elements,
    ...explanation.elements,
    ...crashes.elements,
    counted.element,
    ...resources.elements,
    explanation.log,
    operations.needed,
  )
  /** Empty while the card is closed. */
  let shown = ''
  const schedule = createReadingSchedule()
  dialog.addEventListener('close', () => {
    shown = ''
    history.replaceState(null, '', location.pathname + location.search)
  })

  async function enterToken(): Promise<void> {
    let problem = ''
    while (await confirmWithToken({ title: 'Sign in', action: 'Show' }, problem)) {
      try {
        await data.read(true)
        return
      } catch (error) {
        problem = (error as Error).message
      }
    }
  }
  const readIfDue = (events: readonly ApiEvent[]) => {
    const own = events.filter(({ service }) => service === shown)
    const due = schedule.due(own, performance.now())
    // A wrong token is shown as what is needed.
    if (due !== null) data.read(due === 'all' || data.explanation().kind === 'failed').catch(() => {})
  }

  const card: Card = {
    open(service) {
      shown = service
      schedule.reset()
      data.open(service)
      history.replaceState(null, '', `#${new URLSearchParams({ unit: service })}`)
      changed()
      if (shown === '') return
      if (!dialog.open) dialog.showModal()
      dialog.scrollTop = 0
      byId('card-title').focus()
      setTimeout(() => (shown === service ? void data.read(false) : undefined), READ_AGAIN_AFTER_MS)
    },
    openFromAddress() {
      const unit = new URLSearchParams(location.hash.slice(1)).get('unit')
      if (unit !== null && unit !== shown) card.open(unit)
    },
    show(status, events, nowMs) {
      if (shown === '') return
      const unit = status.units.find(({ service }) => service === shown)
      if (unit === undefined) {
        shown = ''
        dialog.close()
        return
      }
      readIfDue(events)
      const details = data.details()
      setText(byId('card-title'), shortName(shown))
      const { description: about = '' } = details
      setText(description, about === shown ? '' : about)
      line.show(unit, nowMs)
      setText(cause, causeOf(unit, nowMs))
      operations.show(status, unit)
      explanation.show(data.explanation())
      crashes.show(details.history ?? null, nowMs)
      counters.show(unit.counters)
      resources.show(data, status, nowMs)
    },
  }
  addEventListener('hashchange', card.openFromAddress)
  return card
}
