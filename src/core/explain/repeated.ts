// Sentences about a unit that ends again and again: flapping, and a summary in place of its events.
import { durationText, plural } from '../views/format.ts'
import type { EndEvent } from './end-sentences.ts'
import type { ExplanationInput } from './explanation-input.ts'

/** `since`: the end that is explained. */
export function repeatedSentences({ history, name, unit }: ExplanationInput, since: EndEvent | null): string[] {
  const own = history.filter((event) => event.unit === name)
  const flapping = unit?.flapping ? own.findLast((event) => event.kind === 'flapping' && event.flapping) : undefined
  const summary = own.findLast((event) => event.kind === 'summary' && event.seq > (since?.seq ?? 0))
  return [
    ...(flapping?.kind === 'flapping'
      ? [`It is flapping: ${crashes(flapping.crashesInWindow)} in ${durationText(flapping.windowSeconds * 1000)}.`]
      : []),
    ...(summary?.kind === 'summary'
      ? [
          `It ended so often that later events are only summarised: ${crashes(summary.counted.crashes)} and ${plural(summary.counted.stops, 'stop')} in ${durationText(summary.lastMs - summary.firstMs)}.`,
        ]
      : []),
  ]
}

function crashes(count: number): string {
  return plural(count, 'crash', 'crashes')
}
