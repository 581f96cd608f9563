// The last 30 days of a unit, from the daily sums of its history. Pure.

import { plural } from '../../core/views/format.ts'
import type { DayJson } from '../../core/views/history-json.ts'

export interface MonthDay {
  readonly day: string
  /** Null if nothing was counted. */
  readonly counts: DayJson | null
}

const DAYS = 30
const DAY_MS = 86_400_000

const DAY_AND_MONTH = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** Oldest first; the last one is today. */
export function monthOf(days: readonly DayJson[], nowMs: number): readonly MonthDay[] {
  const byDay = new Map(days.map((counts) => [counts.day, counts]))
  return Array.from({ length: DAYS }, (_, i) => {
    const day = new Date(nowMs - (DAYS - 1 - i) * DAY_MS).toISOString().slice(0, 10)
    return { day, counts: byDay.get(day) ?? null }
  })
}

/** `17 crashes on 2 days: 12 on 28 Nov, 5 on 30 Nov; 1 run lost` */
export function monthText(month: readonly MonthDay[]): string {
  const counted = month.flatMap(({ counts }) => counts ?? [])
  const crashed = counted.filter(({ crashes }) => crashes > 0)
  const lost = counted.reduce((sum, day) => sum + day.lost, 0)
  const lostText = lost === 0 ? '' : `; ${plural(lost, 'run')} lost`
  if (counted.length === 0) return 'nothing counted'
  if (crashed.length === 0) return `no crash counted${lostText}`
  const crashes = crashed.reduce((sum, day) => sum + day.crashes, 0)
  const each = crashed.map((day) => `${day.crashes} on ${dayText(day.day)}`).join(', ')
  return `${plural(crashes, 'crash', 'crashes')} on ${plural(crashed.length, 'day')}: ${each}${lostText}`
}

/** `28 Nov: 2 starts, 1 stop, 1 crash` */
export function dayCountsText({ day, counts }: MonthDay): string {
  if (counts === null) return `${dayText(day)}: nothing counted`
  const parts = [
    plural(counts.starts, 'start'),
    plural(counts.stops, 'stop'),
    plural(counts.crashes, 'crash', 'crashes'),
    ...(counts.lost === 0 ? [] : [`${counts.lost} lost`]),
  ]
  return `${dayText(day)}: ${parts.join(', ')}`
}

export function dayText(day: string): string {
  return DAY_AND_MONTH.format(new Date(`${day}T00:00:00Z`))
}
