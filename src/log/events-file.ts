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
  /** What to add to the message that it cannot be written: what to do; empty for nothing. */
  readonly advice?: (reason: string) => string
  readonly log: Log
}

export interface EventsFile extends EventSink {
  /** Events that could not be written to the file. */
  dropped(): number
  /** Why the file cannot be written, one sentence; null while it can. */
  problem(): string | null
  /** Opens the file once more: logrotate(8) may have moved it away. */
  reopen(): void
  /** Empties the file; rejects if it cannot. */
  clear(): Promise<void>
}

export function openEventsFile(options: EventsFileOptions): EventsFile {
  const { path, limits, identity, advice = () => '', log } = options
  const cannotWrite = (reason: string) => `cannot write events file ${path} (${reason})`
  const file = openRotatingFile({
    path,
    limits,
    onProblem: (problem) => {
      if (problem !== null)
        log('error', `${cannotWrite(problem)}; dropping events until it can be written again${advice(problem)}`)
      else log('info', `events file ${path} can be written again; ${plural(file.dropped(), 'event')} dropped so far`)
    },
  })
  return {
    accept({ events }) {
      for (const event of events) file.append(JSON.stringify(eventJson(event, identity())))
    },
    dropped: file.dropped,
    problem() {
      const reason = file.problem()
      return reason && cannotWrite(reason) + advice(reason)
    },
    reopen: file.reopen,
    clear: file.clear,
    stop: file.stop,
  }
}
