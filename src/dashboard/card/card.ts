// The card of one unit: a dialog, opened by a click on the unit or by the address `#unit=NAME`.
import type { StatusView } from '../../core/views/api-views.ts'
import { shortName } from '../../core/views/format.ts'
import { createCounters } from '../counters.ts'
import { byId, el, setText } from '../dom.ts'
import { createStateLine } from '../state-line.ts'
import { createOperations } from './operations.ts'

const ADDRESS = '#unit='

interface Card {
  open(service: string): void
  /** Opens the card of the unit in the address, if there is one. */
  openFromAddress(): void
  show(status: StatusView, nowMs: number): void
}

/** `changed`: calls `show`. */
export function createCard(changed: () => void): Card {
  const dialog = byId<HTMLDialogElement>('card')
  const line = createStateLine()
  const counters = createCounters()
  const operations = createOperations()
  byId('card-body').append(el('div.now', line.state, line.since), ...operations.elements, counters.element)
  /** Empty while the card is closed. */
  let shown = ''
  dialog.addEventListener('close', () => {
    shown = ''
    history.replaceState(null, '', location.pathname + location.search)
  })

  const card: Card = {
    open(service) {
      shown = service
      history.replaceState(null, '', ADDRESS + encodeURIComponent(service))
      changed()
      if (shown === '' || dialog.open) return
      dialog.showModal()
      dialog.scrollTop = 0
    },
    openFromAddress() {
      if (location.hash.startsWith(ADDRESS)) card.open(decodeURIComponent(location.hash.slice(ADDRESS.length)))
    },
    show(status, nowMs) {
      if (shown === '') return
      const unit = status.units.find(({ service }) => service === shown)
      if (unit === undefined) {
        shown = ''
        dialog.close()
        return
      }
      setText(byId('card-title'), shortName(shown))
      line.show(unit, nowMs)
      operations.show(status, unit)
      counters.show(unit.counters)
    },
  }
  addEventListener('hashchange', card.openFromAddress)
  return card
}
