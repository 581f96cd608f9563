// How long systemd and the bus take to answer.
import { type Histogram, type Tally, createTally } from '../core/histogram.ts'

/** Seconds. */
const BOUNDS = [0.01, 0.1]
/** Reading a unit is what is asked all the time; of the other calls a few are made at each reconnection. */
const TOLD_APART = 'GetAll'

export interface CallDurations {
  add(member: string, ms: number): void
  read(): Readonly<Record<string, Histogram>>
}

export function createCallDurations(): CallDurations {
  const times: Record<'GetAll' | 'other', Tally> = { [TOLD_APART]: createTally(BOUNDS), other: createTally(BOUNDS) }
  return {
    add: (member, ms) => times[member === TOLD_APART ? TOLD_APART : 'other'].add(ms / 1000),
    read: () => ({ [TOLD_APART]: times[TOLD_APART].read(), other: times.other.read() }),
  }
}
