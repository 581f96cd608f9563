// The explanation of a unit: sentences, what happened on the gateway in the minute before, frames and log lines.
import { durationText, shortName } from '../../core/views/format.ts'
import { el, setText } from '../dom.ts'
import { createSection } from './section.ts'
import type { ExplanationState } from './unit-data.ts'
import type { Explanation, TimelineEntry } from './unit-views.ts'

/** `enterToken`: lets the user enter the token. */
export function createExplanation(enterToken: () => void) {
  const button = el('button', 'Enter token') as HTMLButtonElement
  button.type = 'button'
  button.addEventListener('click', enterToken)
  const note = el('span')
  const notice = el('p.notice', note, ' ', button)
  const text = el('div.sentences')
  const section = createSection('What happened', notice, text)
  section.show(true)
  const timeline = el('ol.minute')
  const minute = createSection('The minute before', timeline)
  const frames = textBlock('Frames of the crashing thread')
  const core = createSection('Core dump', frames)
  const lines = textBlock('Last log lines')
  const log = createSection('Last log lines', lines)
  let drawn: ExplanationState | null = null

  return {
    /** `log` is separate, because it is long: it is the end of the card. */
    elements: [section.element, minute.element, core.element],
    log: log.element,
    show(state: ExplanationState): void {
      const words = noteOf(state)
      notice.hidden = words === null
      button.hidden = state.kind !== 'refused' || state.by !== 'token'
      setText(note, words ?? '')
      if (state === drawn) return
      drawn = state
      const { sentences = [], timeline: entries = [], frames: calls = [], log: logLines = [] } = explanationOf(state)
      text.replaceChildren(...sentences.map((sentence) => el('p', ...withCode(sentence))))
      timeline.replaceChildren(...entries.map(entryOf))
      setText(frames, calls.join('\n'))
      setText(lines, logLines.join('\n'))
      // One entry is the event itself.
      minute.show(entries.length > 1)
      core.show(calls.length > 0)
      log.show(logLines.length > 0)
    },
  }
}

/** Scrolls with the keyboard, too. */
function textBlock(label: string): HTMLElement {
  const block = el('pre')
  block.tabIndex = 0
  block.role = 'region'
  block.ariaLabel = label
  return block
}

function explanationOf(state: ExplanationState): Partial<Explanation> {
  return state.kind === 'known' ? state.explanation : {}
}

/** Null if there is an explanation instead. */
function noteOf(state: ExplanationState): string | null {
  if (state.kind === 'known') return null
  if (state.kind === 'reading') return 'Reading what is known.'
  if (state.kind === 'failed') return `The explanation could not be read: ${state.message}`
  const what = 'The explanation, log lines, memory and dependencies need a'
  if (state.by !== null) return `${what} ${state.by === 'token' ? 'token' : 'client certificate'}.`
  return `${what} sign-in, and this connection has none: set web_config_file, or control.token_file with TLS.`
}

/** Commands and names of keys are between backticks. */
function withCode(sentence: string): (HTMLElement | string)[] {
  return sentence.split('`').map((part, i) => (i % 2 === 0 ? part : el('code', part)))
}

function entryOf({ ms_before: before = 0, service, event, text }: TimelineEntry): HTMLElement {
  const when = el('span.when', before === 0 ? 'then' : `${durationText(before)} before`)
  return el('li', when, el('span', el('b', shortName(service ?? 'gatewatch')), ` ${event.replace('_', ' ')}: ${text}`))
}
