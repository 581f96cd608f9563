// What is made of exit code 1 of systemctl: literal tables of the unit afterwards.
import { expect, test } from 'vitest'
import { outcomeOf, type UnsuccessfulJob } from '../../../src/systemd/operate/systemctl-outcome.ts'

const LOADED = {
  LoadState: 'loaded',
  ActiveState: 'inactive',
  SubState: 'dead',
  StateChangeTimestampMonotonic: 5_000_000,
}
const NOTHING: UnsuccessfulJob = {
  ...{ action: 'start', code: 1, seen: LOADED, startedAtMs: 1000, isRoot: true, stateOf: async () => ({}) },
}
const needing = (of: object) => ({
  seen: { ...LOADED, Requires: ['b.service'] },
  stateOf: async () => ({ ...LOADED, ...of }),
})

test.each<[string, Partial<UnsuccessfulJob>, object]>([
  ['no such unit', { code: 5 }, { problem: 'no_such_unit' }],
  ['no file', { seen: { ...LOADED, LoadState: 'not-found' } }, { problem: 'no_such_unit' }],
  ['masked', { seen: { ...LOADED, LoadState: 'masked' } }, { problem: 'masked' }],
  ['bad setting', { seen: { ...LOADED, LoadState: 'bad-setting' } }, { problem: 'refused' }],
  ['not applicable', { code: 3, action: 'reload' }, { problem: 'refused' }],
  [
    'RefuseManualStart=',
    { code: 4, isRoot: false, seen: { ...LOADED, RefuseManualStart: true } },
    { problem: 'refused' },
  ],
  ['denied by code', { code: 4, isRoot: false }, { problem: 'denied' }],
  ['nothing moved, no root', { isRoot: false, startedAtMs: 6000 }, { problem: 'denied' }],
  [
    'a dependency moved, no root',
    { isRoot: false, startedAtMs: 6000, ...needing({ StateChangeTimestampMonotonic: 7e6 }) },
    { outcome: 'dependency' },
  ],
  ['failed', { seen: { ...LOADED, ActiveState: 'failed' } }, { outcome: 'failed' }],
  [
    'failed, to be restarted',
    { seen: { ...LOADED, ActiveState: 'activating', SubState: 'auto-restart' } },
    { outcome: 'failed' },
  ],
  ['still starting', { seen: { ...LOADED, ActiveState: 'activating', SubState: 'start' } }, { outcome: 'timeout' }],
  ['dependency', needing({}), { outcome: 'dependency' }],
  ['canceled', needing({ ActiveState: 'active' }), { outcome: 'canceled' }],
  ['stop canceled', { action: 'stop', seen: { ...LOADED, ActiveState: 'active' } }, { outcome: 'canceled' }],
  ['reload failed', { action: 'reload', seen: { ...LOADED, ActiveState: 'active' } }, { outcome: 'failed' }],
])('%s', async (_, seen, ended) => {
  expect(await outcomeOf({ ...NOTHING, ...seen })).toEqual(ended)
})
