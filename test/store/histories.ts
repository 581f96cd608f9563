// Generator of histories of one unit, by what happens to it: with crashes, reboots, and a clock that is set or synchronised late.
import fc from 'fast-check'
import type { Cause } from '../../src/core/explain/evidence.ts'
import * as of from '../../src/core/explain/history.ts'
import { signatureOf } from '../../src/core/explain/signature.ts'

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

/** The history after each of the happenings. */
export const anyHistories: fc.Arbitrary<readonly (of.UnitHistory | null)[]> = fc
  .array(fc.tuple(happening, pause), { maxLength: 60 })
  .map(historiesOf)

function historiesOf(happenings: readonly (readonly [Happening, number])[]): (of.UnitHistory | null)[] {
  let stored: of.UnitHistory | null = null
  let synced = false
  let [wallMs, monoMs] = [1_780_000_000_000, 5000]
  return happenings.map(([happened, seconds]) => {
    wallMs += seconds * 1000
    monoMs += Math.abs(seconds) * 1000
    const at = of.stampOf({ monoMs, wallMs }, synced)
    let history: of.UnitHistory = of.historyOf({ history: stored, lastCrash: null }, at)
    if (typeof happened !== 'string') {
      history = of.withCrash(of.withCounted(history, at, { crashes: 1 }), at, happened, signatureOf(UNIT, happened))
    } else if (happened === 'signature') {
      const last = history.signatures.at(-1)
      if (last) history = of.withSignature(history, last.signature, signatureOf(UNIT, last.cause, 'main'))
    } else if (happened === 'synchronised') {
      synced = true
      history = of.dated(history, wallMs, wallMs - monoMs)
    } else if (happened === 'reboot') {
      ;[synced, monoMs] = [false, 5000]
      stored = stored && of.ofEarlierBoots(stored)
      return stored
    } else history = of.withCounted(history, at, { [{ start: 'starts', stop: 'stops' }[happened] ?? 'lost']: 1 })
    stored = of.orNull(history)
    return stored
  })
}
