// JSON form of the history of a unit, the same in HTTP, the command line and the page.
import { DAY_ROW } from '../explain/history.ts'
import { rowsOf } from '../explain/rows.ts'
import type { Unit } from '../unit.ts'
import { causeFields, rfc3339 } from './api-json.ts'

const DAY_MS = 86_400_000

export interface HistoryJson {
  /** The last 30 days (UTC) on which anything was counted, oldest first. */
  readonly days: readonly DayJson[]
  /** At most 8, the one that occurred last first. */
  readonly signatures: readonly SignatureJson[]
}

export interface DayJson {
  /** `2026-11-30` */
  readonly day: string
  readonly starts: number
  readonly stops: number
  readonly crashes: number
  readonly lost: number
}

export interface SignatureJson {
  readonly signature: string
  readonly result: string
  readonly exit_code: number | null
  readonly signal: string | null
  readonly core_dumped: boolean
  readonly count: number
  /** Absent if the clock was not synchronised at that time. */
  readonly first?: string
  readonly last?: string
}

/** What was counted while the clock was not synchronised is absent until it is. */
export function historyJson({ history }: Pick<Unit, 'history'>): HistoryJson {
  if (history === null) return { days: [], signatures: [] }
  return {
    days: rowsOf(history.days, DAY_ROW).flatMap(([day = 0, starts = 0, stops = 0, crashes = 0, lost = 0]) =>
      day < 0 ? [] : { day: rfc3339(day * DAY_MS).slice(0, 10), starts, stops, crashes, lost },
    ),
    signatures: history.signatures.toReversed().map(({ signature, cause, count, first, last }) => ({
      signature,
      ...causeFields(cause),
      count,
      ...(first > 0 && { first: rfc3339(first * 1000) }),
      ...(last > 0 && { last: rfc3339(last * 1000) }),
    })),
  }
}
