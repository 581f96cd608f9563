// A program that commits all the time, for power cuts: prints each step before it is stored, and each commit after it.
import { writeSync } from 'node:fs'
import type { State } from '../../src/core/state.ts'
import { newUnit } from '../../src/core/unit.ts'
import { nodeFs } from '../../src/store/file/fs.ts'
import { openStore } from '../../src/store/open.ts'
import { clockWithoutTimers as clock } from '../rig/clock.ts'
import { BOOT, crashStep, names, stateOf } from './sample.ts'

const [path = '', synced] = process.argv.slice(2)
const fs = synced === 'unsynced' ? { ...nodeFs, fdatasync: async () => {} } : nodeFs
const { store, state } = await openStore({
  path,
  runtimeDir: null,
  clock,
  fs,
  log() {},
  limits: { flushIntervalMs: 60_000, bytesPerDay: 30_000_000 },
  bootId: BOOT,
  fresh: () => stateOf(names(2).map(newUnit)),
})
let now: State = state
if (store.health().problem === null) writeSync(1, `acked ${total(now)}\n`)
for (;;) {
  const step = crashStep(now, names(2)[now.seq % 2] as string, clock.now().monoMs)
  writeSync(1, `seen ${total(step.after)}\nseq ${step.after.seq}\n`)
  store.remember(step)
  now = step.after
  if (!(await store.flush())) break
  writeSync(1, `acked ${total(now)}\n`)
}

function total(of: State): number {
  return of.units.reduce((sum, unit) => sum + unit.counters.crashes, 0)
}
