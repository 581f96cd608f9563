// The outcome derived from systemctl's exit code and the properties of the unit afterwards.
import { expect, test } from 'vitest'
import { outcomeOf, type UnsuccessfulJob } from '../../../src/systemd/operate/systemctl-outcome.ts'

const LOADED = {
  LoadState: 'loaded',
  ActiveState: 'inactive',
  SubState: 'dead',
  StateChangeTimestampMonotonic: 5_000_000,
}
const NOTHING: UnsuccessfulJob = {
  ...{ action: 'start', code: 1, properties: LOADED, startedAtMs: 1000, isRoot: true, read: async () => ({}) },
}
const needing = (of: object) => ({
  properties: { ...LOADED, Requires: ['b.service'] },
  read: async () => ({ ...LOADED, ...of }),
})

test.each<[string, Partial<UnsuccessfulJob>, object]>([
  ['not found, by exit code', { code: 5 }, { problem: 'no_such_unit' }],
  ['no unit file', { properties: { ...LOADED, LoadState: 'not-found' } }, { problem: 'no_such_unit' }],
  ['masked', { properties: { ...LOADED, LoadState: 'masked' } }, { problem: 'masked' }],
  ['bad setting', { properties: { ...LOADED, LoadState: 'bad-setting' } }, { problem: 'refused' }],
  ['not applicable', { code: 3, action: 'reload' }, { problem: 'refused' }],
  [
    'RefuseManualStart=',
    { code: 4, isRoot: false, properties: { ...LOADED, RefuseManualStart: true } },
    { problem: 'refused' },
  ],
  ['denied by code', { code: 4, isRoot: false }, { problem: 'denied' }],
  ['no unit changed, not root', { isRoot: false, startedAtMs: 6000 }, { problem: 'denied' }],
  [
    'a dependency changed, not root',
    { isRoot: false, startedAtMs: 6000, ...needing({ StateChangeTimestampMonotonic: 7e6 }) },
    { outcome: 'dependency' },
  ],
  ['failed', { properties: { ...LOADED, ActiveState: 'failed' } }, { outcome: 'failed' }],
  [
    'failed, to be restarted',
    { properties: { ...LOADED, ActiveState: 'activating', SubState: 'auto-restart' } },
    { outcome: 'failed' },
  ],
  [
    'still starting',
    { properties: { ...LOADED, ActiveState: 'activating', SubState: 'start' } },
    { outcome: 'timeout' },
  ],
  ['dependency', needing({}), { outcome: 'dependency' }],
  ['canceled', needing({ ActiveState: 'active' }), { outcome: 'canceled' }],
  ['stop canceled', { action: 'stop', properties: { ...LOADED, ActiveState: 'active' } }, { outcome: 'canceled' }],
  ['reload failed', { action: 'reload', properties: { ...LOADED, ActiveState: 'active' } }, { outcome: 'failed' }],
])('%s', async (_, job, verdict) => {
  expect(await outcomeOf({ ...NOTHING, ...job })).toEqual(verdict)
})
