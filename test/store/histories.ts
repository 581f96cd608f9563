// Generator of what becomes of one unit with a history: crashes, reboots, and a clock that is set or synchronised late.
import fc from 'fast-check'
import type { Cause } from '../../src/core/explain/evidence.ts'
import * as of from '../../src/core/explain/history.ts'
import { signatureOf } from '../../src/core/explain/signature.ts'
import { newUnit, type Unit } from '../../src/core/unit.ts'

export const UNIT = 'mosquitto.service'

const cause: fc.Arbitrary<Cause> = fc.record({
  result: fc.constantFrom('exit-code', 'core-dump', 'signal', 'of-systemd-300'),
  exitCode: fc.option(fc.constantFrom(1, 2, 3, 200)),
  signal: fc.option(fc.constantFrom('SIGSEGV', 'SIGRTMIN+3')),
  coreDumped: fc.boolean(),
})
const happening = fc.oneof(
  { weight: 5, arbitrary: cause },
  { weight: 4, arbitrary: fc.constantFrom('start', 'stop', 'lost', 'signature', 'synchronised', 'reboot') },
)
type Happening = Cause | string

/** Seconds until what happens next; the clock may be set back. */
const pause = fc.oneof(fc.constantFrom(1, 20, 4000, 90_000, 2_000_000, -5000), fc.integer({ min: -9e5, max: 9e5 }))

/** The unit after each of the happenings. */
export const anyUnitsWithHistory: fc.Arbitrary<readonly Unit[]> = fc
  .array(fc.tuple(happening, pause), { maxLength: 60 })
  .map(unitsOf)

function unitsOf(happenings: readonly (readonly [Happening, number])[]): Unit[] {
  let unit = newUnit(UNIT)
  let synced = false
  let [wallMs, monoMs] = [1_780_000_000_000, 5000]

  function counted(at: of.Stamp, key: 'starts' | 'stops' | 'lost' | 'crashes'): void {
    const counters = { ...unit.counters, [key]: unit.counters[key] + 1 }
    unit = { ...unit, counters, history: of.withCounted(of.historyOf(unit, at), at, { [key]: 1 }) }
  }

  function crash(at: of.Stamp, cause: Cause): void {
    counted(at, 'crashes')
    const history = of.withCrash(of.historyOf(unit, at), at, cause, signatureOf(UNIT, cause))
    const lastCrash = { cause, atMs: wallMs, requested: false, thisBoot: true }
    unit = { ...unit, history, lastCrash, crashTimesMonoMs: [monoMs] }
  }

  function happen(happened: string, at: of.Stamp): void {
    const { history } = unit
    const last = history?.signatures.at(-1)
    if (happened === 'signature') {
      if (history && last)
        unit = { ...unit, history: of.withSignature(history, last.signature, signatureOf(UNIT, last.cause, 'main')) }
    } else if (happened === 'synchronised') {
      synced = true
      unit = { ...unit, history: history && of.dated(history, wallMs, wallMs - monoMs) }
    } else if (happened === 'reboot') {
      ;[synced, monoMs] = [false, 5000]
      unit = { ...unit, history: history && of.ofEarlierBoots(history) }
    } else counted(at, happened === 'start' ? 'starts' : happened === 'stop' ? 'stops' : 'lost')
  }

  return happenings.map(([happened, seconds]) => {
    wallMs += seconds * 1000
    monoMs += Math.abs(seconds) * 1000
    const at = of.stampOf({ monoMs, wallMs }, synced)
    if (typeof happened === 'string') happen(happened, at)
    else crash(at, happened)
    return unit
  })
}
