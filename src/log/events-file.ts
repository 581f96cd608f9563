// The events file: every event as the JSON object of the contract, one per line, rotated by size.
import { eventJson, type Identity } from '../core/views/api-json.ts'
import { plural } from '../core/views/format.ts'
import type { EventSink, Log } from '../ports.ts'
import { openRotatingFile, type RotationLimits } from './rotating-file.ts'

interface EventsFileOptions {
  readonly path: string
  /** Called for each write: the limits may change while the agent runs. */
  readonly limits: () => RotationLimits
  readonly identity: () => Identity
  readonly log: Log
}

/** A sink whose `dropped` counts the events that could not be written to the file. */
export function openEventsFile(options: EventsFileOptions): EventSink & { readonly dropped: () => number } {
  const { path, limits, identity, log } = options
  const file = openRotatingFile({
    path,
    limits,
    onProblem: (problem) => {
      if (problem !== null)
        log('error', `cannot write events file ${path} (${problem}); dropping events until it can be written again`)
      else log('info', `events file ${path} can be written again; ${plural(file.dropped(), 'event')} dropped so far`)
    },
  })
  return {
    accept({ events }) {
      for (const event of events) file.append(JSON.stringify(eventJson(event, identity())))
    },
    dropped: file.dropped,
    stop: file.stop,
  }
}
