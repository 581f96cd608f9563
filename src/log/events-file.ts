// The events file: every event as the JSON object of the contract, one a line, rotated by size.
import { eventJson, type Identity } from '../core/api-json.ts'
import type { EventSink, Log } from '../ports.ts'
import { rotatingFile } from './rotating-file.ts'

export interface EventsFileSettings {
  readonly events_file: string
  readonly events_max_bytes: number
  readonly events_backup_count: number
}

/** A sink whose `dropped` counts the events that the file did not get. */
export function eventsFile(
  settings: EventsFileSettings,
  identity: () => Identity,
  log: Log,
): EventSink & { readonly dropped: () => number } {
  const path = settings.events_file
  const file = rotatingFile({
    path,
    maxBytes: settings.events_max_bytes,
    backups: settings.events_backup_count,
    onProblem: (problem) => {
      if (problem !== null) log('error', `events file ${path}: lost (${problem})`)
      else log('info', `events file ${path}: back, ${file.dropped()} events were not written so far`)
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
