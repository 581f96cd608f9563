import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plain } from '../../src/dbus/variants.ts'
import { createSignalPairing, decodeUnit } from '../../src/systemd/decode.ts'

class Variant {
  constructor(
    readonly signature: string,
    readonly value: unknown,
  ) {}
}
const v = (signature: string, value: unknown) => new Variant(signature, value)

/** Signals without a serial get the next one. */
function pairing() {
  const pairs = createSignalPairing()
  let last = 0
  return {
    ...pairs,
    changed(path: string, body: readonly unknown[], serial = last + 1) {
      last = serial
      return pairs.changed(path, body, serial)
    },
  }
}

const SERVICE = 'org.freedesktop.systemd1.Service'
const UNIT = 'org.freedesktop.systemd1.Unit'
const PATH = '/org/freedesktop/systemd1/unit/a_2eservice'
const ID = Buffer.from('cf987c64000000000000000000000001', 'hex')

const killed = {
  Result: v('s', 'signal'),
  ExecMainCode: v('i', 2),
  ExecMainStatus: v('i', 9),
  MainPID: v('u', 0),
  NRestarts: v('u', 4),
  StatusText: v('s', ''),
}
const failed = {
  ActiveState: v('s', 'failed'),
  SubState: v('s', 'failed'),
  InvocationID: v('ay', ID),
  Job: v('(uo)', [0, '/']),
  StateChangeTimestampMonotonic: v('t', 2_145_883_999n),
}
const FAILED = {
  activeState: 'failed',
  subState: 'failed',
  invocationId: 'cf987c64000000000000000000000001',
  job: 0,
  result: 'signal',
  mainCode: 2,
  mainStatus: 9,
  mainPid: 0,
  nRestarts: 4,
  changedAtMonoMs: 2_145_883,
  frozen: false,
}

/** The change of a killed service to a state with these properties. */
const changedTo = (properties: Readonly<Record<string, unknown>>) => {
  const pairs = pairing()
  pairs.changed(PATH, [SERVICE, killed, []])
  return pairs.changed(PATH, [UNIT, { ...failed, ...properties }, []])
}

describe('a change', () => {
  it('is reported once, with the second of its two signals', () => {
    const pairs = pairing()
    expect(pairs.changed(PATH, [SERVICE, killed, []])).toBeNull()
    expect(pairs.changed(PATH, [UNIT, failed, []])).toEqual(FAILED)
  })

  it('with one signal missing means dropped signals, if earlier pairs were complete', () => {
    const received = (...signals: (typeof SERVICE | typeof UNIT)[]) => {
      const pairs = pairing()
      const send = (source: string) => pairs.changed(PATH, [source, source === SERVICE ? killed : failed, []])
      for (const source of signals) send(source)
      return { service: () => send(SERVICE), unit: () => send(UNIT), pairs }
    }
    const missed = { missed: true }
    expect(received(SERVICE, UNIT).unit()).toEqual(missed)
    expect(received(SERVICE, UNIT, SERVICE).service()).toEqual(missed)
    expect(received(SERVICE, UNIT, SERVICE).unit()).toEqual(FAILED)
    // We may have connected between the two signals: the first one of an earlier change does not belong to the second.
    expect([received().unit(), received(UNIT).unit()]).toEqual([null, null])
    expect(received(UNIT, SERVICE).unit()).toEqual(FAILED)
    const again = received(SERVICE, UNIT, SERVICE)
    again.pairs.begin()
    expect([again.service(), again.unit()]).toEqual([null, FAILED])
    const between = received(SERVICE, UNIT, SERVICE)
    between.pairs.begin()
    expect(between.unit()).toBeNull()
    const unloaded = received(SERVICE, UNIT)
    unloaded.pairs.removed(PATH)
    expect(unloaded.unit()).toBeNull()
  })

  it.each(['target', 'slice', 'device'])('of a %s, which has no Result, is one signal', (type) => {
    const pairs = pairing()
    const signal = () => pairs.changed(`/org/freedesktop/systemd1/unit/a_2e${type}`, [UNIT, failed, []])
    expect([signal(), signal()]).toMatchObject([{ activeState: 'failed', result: null }, { result: null }])
  })

  it('with signals of two different changes means dropped signals: systemd numbers those of one change consecutively', () => {
    const pairs = pairing()
    expect(pairs.changed(PATH, [SERVICE, killed, []], 10)).toBeNull()
    expect(pairs.changed(PATH, [UNIT, failed, []], 11)).toEqual(FAILED)
    expect(pairs.changed(PATH, [SERVICE, killed, []], 20)).toBeNull()
    expect(pairs.changed(PATH, [UNIT, failed, []], 23)).toEqual({ missed: true })
  })

  it('with more than one more restart means skipped signals, if earlier pairs were complete', () => {
    const pairs = pairing()
    const service = (nRestarts: number) =>
      pairs.changed(PATH, [SERVICE, { ...killed, NRestarts: v('u', nRestarts) }, []])
    const unit = () => pairs.changed(PATH, [UNIT, failed, []])
    expect([service(4), unit()]).toEqual([null, FAILED])
    expect([service(5), unit()]).toEqual([null, { ...FAILED, nRestarts: 5 }])
    expect([service(7), unit()]).toEqual([{ skippedRestarts: true }, { ...FAILED, nRestarts: 7 }])
    expect([service(0), unit()]).toEqual([null, { ...FAILED, nRestarts: 0 }]) // reset-failed, or a manual start
    pairs.read(PATH, { ...FAILED, nRestarts: 9 })
    expect(service(10)).toBeNull()
    unit()
    pairs.begin()
    expect(service(20)).toBeNull()
  })

  it('keeps units apart', () => {
    const pairs = pairing()
    pairs.changed(PATH, [SERVICE, killed, []])
    expect(pairs.changed(PATH, [UNIT, failed, []])).toMatchObject({ result: 'signal' })
    pairs.changed(`${PATH}2`, [SERVICE, { ...killed, Result: v('s', 'watchdog') }, []])
    expect(pairs.changed(`${PATH}2`, [UNIT, failed, []])).toMatchObject({ result: 'watchdog' })
  })

  it('has the main process, which one that keeps it does not repeat', () => {
    const pairs = pairing()
    const running = { ...failed, ActiveState: v('s', 'active'), SubState: v('s', 'running') }
    pairs.changed(PATH, [SERVICE, { ...killed, MainPID: v('u', 812) }, []])
    expect(pairs.changed(PATH, [UNIT, running, []])).toMatchObject({ mainPid: 812 })
    pairs.changed(PATH, [SERVICE, { StatusText: v('s', 'ready') }, []])
    expect(pairs.changed(PATH, [UNIT, running, []])).toMatchObject({ mainPid: 812 })
    pairs.changed(PATH, [SERVICE, killed, []])
    expect(pairs.changed(PATH, [UNIT, failed, []])).toMatchObject({ mainPid: 0 })
    const read = pairing()
    read.read(PATH, { ...FAILED, mainPid: 813 })
    expect(read.changed(PATH, [UNIT, running, []])).toMatchObject({ mainPid: 813 })
  })

  it('takes the result from an earlier read', () => {
    const pairs = pairing()
    pairs.read(PATH, { ...FAILED, result: 'oom-kill' })
    expect(pairs.changed(PATH, [UNIT, failed, []])).toMatchObject({ result: 'oom-kill', mainStatus: 9 })
  })

  it('of a socket or a target has a result if the type has one', () => {
    const pairs = pairing()
    pairs.changed(PATH, ['org.freedesktop.systemd1.Socket', { Result: v('s', 'resources') }, []])
    expect(pairs.changed(PATH, [UNIT, failed, []])).toMatchObject({ result: 'resources', mainCode: 0 })
    pairs.changed(`${PATH}t`, ['org.freedesktop.systemd1.Target', {}, []])
    expect(pairs.changed(`${PATH}t`, [UNIT, failed, []])).toMatchObject({ result: null })
  })

  it('has no invocation id if systemd sends none', () => {
    for (const none of [Buffer.alloc(0), Buffer.alloc(16), Buffer.alloc(3, 1), 'x', null])
      expect(changedTo({ InvocationID: v('ay', none) })).toMatchObject({ invocationId: null })
  })

  it('contains the job', () => {
    expect(changedTo({ Job: v('(uo)', [73, '/org/freedesktop/systemd1/job/73']) })).toMatchObject({ job: 73 })
  })

  it('keeps the previous value of a property that is missing or has a wrong type', () => {
    const pairs = pairing()
    pairs.changed(PATH, [SERVICE, killed, []])
    pairs.changed(PATH, [
      SERVICE,
      { Result: v('u', 7), ExecMainCode: v('s', 'x'), NRestarts: v('t', 1n << 63n) },
      ['ExecMainStatus'],
    ])
    const odd = { ...failed, Job: v('s', 'x'), StateChangeTimestampMonotonic: v('t', 1n << 63n) }
    expect(pairs.changed(PATH, [UNIT, odd, []])).toEqual({ ...FAILED, changedAtMonoMs: 0 })
  })

  it('without a state is ignored', () => {
    expect(pairing().changed(PATH, [UNIT, { Markers: v('as', []) }, ['ActiveState']])).toBeNull()
    expect(pairing().changed(PATH, ['com.example.Other', failed, []])).toBeNull()
  })

  it('is malformed if its states are not strings or it has no properties', () => {
    for (const bad of [{ ActiveState: v('u', 1) }, { SubState: v('u', 1) }, { ActiveState: v('s', '') }])
      expect(changedTo(bad)).toHaveProperty('malformed')
    for (const body of [[UNIT, 7, []], [UNIT, null, []], [UNIT, [], []], [7, failed, []], []])
      expect(pairing().changed(PATH, body)).toHaveProperty('malformed')
  })

  it('passes on a state that it does not know', () => {
    expect(changedTo({ ActiveState: v('s', 'refreshing') })).toMatchObject({ activeState: 'refreshing' })
  })

  it('never throws, whatever it contains', () => {
    const keys = [...Object.keys(killed), ...Object.keys(failed), '__proto__']
    const value = fc.oneof(
      fc.anything({ withBigInt: true }),
      fc.anything().map((x) => v('v', x)),
    )
    const properties = fc.dictionary(fc.constantFrom(...keys), value)
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(UNIT, SERVICE), properties, fc.anything()), { maxLength: 3 }),
        (body) => {
          pairing().changed(PATH, body)
          decodeUnit(body)
        },
      ),
    )
  })

  it('of thousands of units uses bounded memory', () => {
    const pairs = pairing()
    for (let i = 0; i < 10_000; i++) pairs.changed(`${PATH}${i}`, [SERVICE, killed, []])
    expect(pairs.changed(`${PATH}0`, [UNIT, failed, []], 2)).toBeNull()
    expect(pairs.changed(`${PATH}9999`, [UNIT, failed, []], 10_001)).toMatchObject({ result: 'signal' })
  })
})

describe('a read', () => {
  const all = {
    ...killed,
    ...failed,
    Id: v('s', 'a.service'),
    LoadState: v('s', 'loaded'),
    Restart: v('s', 'on-failure'),
    RestartForceExitStatus: v('(aiai)', [[], []]),
    RestartPreventExitStatus: v('(aiai)', [[3], []]),
  }
  it('contains state and settings', () => {
    expect(decodeUnit([all])).toMatchObject({
      id: 'a.service',
      snapshot: FAILED,
      settings: { loadState: 'loaded', restart: 'on-failure', restartForced: false, restartPrevented: true },
    })
  })

  it('shows whether the unit was active in this boot, which a reload does not change', () => {
    const wasActive = (properties: object) => {
      const reading = decodeUnit([{ ...all, ...properties }])
      return 'settings' in reading && reading.settings.wasActive
    }
    expect(wasActive({ StateChangeTimestampMonotonic: v('t', 5n) })).toBe(false)
    expect(wasActive({ ActiveEnterTimestampMonotonic: v('t', 0n), InactiveEnterTimestampMonotonic: v('t', 0n) })).toBe(
      false,
    )
    expect(wasActive({ ActiveEnterTimestampMonotonic: v('t', 5n) })).toBe(true)
    expect(wasActive({ InactiveEnterTimestampMonotonic: v('t', 5n) })).toBe(true)
  })

  it('contains what can explain a crash later: the limit, and the files, without a command line', () => {
    const facts = (properties: object) => {
      const reading = decodeUnit([{ ...all, ...properties }])
      return 'facts' in reading ? reading.facts : null
    }
    const command = ['/usr/bin/app', ['app', '--password=secret'], false, 0n, 0n, 0n, 0n, 0, 0, 0]
    const files = {
      FragmentPath: v('s', '/etc/systemd/system/a.service'),
      DropInPaths: v('as', ['/etc/systemd/system/a.service.d/x.conf']),
      ExecStart: v('a(sasbttttuii)', [command, command]),
    }
    expect(facts({ ...files, MemoryMax: v('t', 268435456n), MemoryPeak: v('t', 1n) })).toEqual({
      memoryMax: 268435456,
      hasMemoryPeak: true,
      files: ['/etc/systemd/system/a.service', '/etc/systemd/system/a.service.d/x.conf', '/usr/bin/app'],
      statusText: '',
    })
    expect(facts({ MemoryMax: v('t', 2n ** 64n - 1n) })).toMatchObject({
      memoryMax: null,
      hasMemoryPeak: false,
      files: [],
    })
    expect(facts({ ...files, RootImage: v('s', '/app.raw') })?.files).not.toContain('/usr/bin/app')
  })

  it('names the units that start this one; systemd before version 251 has no UpheldBy', () => {
    const startedBy = (properties: object) => {
      const reading = decodeUnit([{ ...all, ...properties }])
      return 'settings' in reading ? reading.settings.startedBy : null
    }
    expect(startedBy({})).toEqual([])
    expect(startedBy({ TriggeredBy: v('as', ['a.timer']) })).toEqual(['a.timer'])
    expect(startedBy({ TriggeredBy: v('as', ['a.timer']), UpheldBy: v('as', ['b.target']) })).toEqual([
      'a.timer',
      'b.target',
    ])
    expect(startedBy({ TriggeredBy: v('s', 'a.timer'), UpheldBy: v('av', [7, 'b.target']) })).toEqual(['b.target'])
  })

  it.each([
    ['frozen', true],
    ['frozen-by-parent', true],
    ['freezing', false],
    ['running', false],
    [undefined, false],
  ])('with the FreezerState %s has frozen %s', (state, frozen) => {
    const properties = state === undefined ? all : { ...all, FreezerState: v('s', state) }
    expect(decodeUnit([properties])).toMatchObject({ snapshot: { frozen } })
  })

  it('of a target has no Restart', () => {
    const { Restart: _, Result: __, ...target } = all
    expect(decodeUnit([target])).toMatchObject({ snapshot: { result: null }, settings: { restart: null } })
  })

  it('without Id, LoadState or a state is malformed', () => {
    for (const key of ['Id', 'LoadState', 'ActiveState', 'SubState']) {
      expect(decodeUnit([{ ...all, [key]: v('u', 1) }])).toHaveProperty('malformed')
    }
    expect(decodeUnit([])).toHaveProperty('malformed')
  })
})

describe('plain values', () => {
  it('are numbers if those are exact, otherwise bigint', () => {
    expect(plain(v('t', 5n))).toBe(5)
    expect(plain(v('t', 18446744073709551615n))).toBe(18446744073709551615n)
    expect(plain(v('x', -(2n ** 53n)))).toBe(-(2n ** 53n))
  })

  it('have no variants at any depth, and keep bytes', () => {
    const bytes = Buffer.from([1, 2])
    expect(plain({ a: v('a(sv)', [['x', v('v', v('ay', bytes))]]), signature: 1, value: 2 })).toEqual({
      a: [['x', bytes]],
      signature: 1,
      value: 2,
    })
  })
})
