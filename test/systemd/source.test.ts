import { afterAll, beforeAll, expect, it } from 'vitest'
import { newState } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { countersBalance } from '../../src/core/unit-facts.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { watching, watchingConnected } from './watching.ts'

const SLEEPER = '[Service]\nExecStart=/bin/sleep 1000\n'

describeUnless(noSystemd(), 'watching a real systemd', () => {
  let rig: Systemd
  beforeAll(async () => {
    rig = await startSystemd()
    rig.writeUnit('a.service', `${SLEEPER}[Install]\nAlias=other-name.service\nWantedBy=multi-user.target\n`)
    rig.writeUnit('again.service', `${SLEEPER}Restart=on-failure\nRestartSec=100ms\nRestartForceExitStatus=3\n`)
    rig.writeUnit('sink@.service', SLEEPER)
    rig.writeUnit(
      'loop.service',
      '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n',
    )
    rig.writeUnit('once.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n')
    rig.writeUnit('tick.timer', '[Timer]\nOnActiveSec=1h\nUnit=once.service\n')
    rig.writeUnit('talk.socket', '[Socket]\nListenStream=/run/talk.sock\nAccept=yes\n')
    rig.writeUnit('talk@.service', SLEEPER)
    rig.writeUnit('bundle.target', '[Unit]\nDescription=Bundle\n')
    await rig.daemonReload()
    await rig.systemctl('enable', 'a.service')
  })
  afterAll(() => rig.stop())

  it('reports at once which units are watched, then the state of each unit', async () => {
    await using w = await watching(rig.busAddress, ['nothing-there', 'a', 'sink@*', 'dbus.socket'])
    expect(w.observations).toMatchObject([
      { kind: 'watch', units: ['nothing-there.service', 'a.service', 'dbus.socket'], patterns: ['sink@*.service'] },
    ])
    await w.becomes('dbus.socket', { activeState: 'active', subState: 'running', result: 'success' })
    await w.loadState('nothing-there.service', 'not-found')
    await w.becomes('a.service', { activeState: 'inactive', subState: 'dead', invocationId: null })
    const noInstance = 'sink@*.service: watches no unit: the pattern matches only a template without an instance'
    expect(w.logs).toEqual([`info ${noInstance}`, 'info bus: connected'])
    expect(w.source.health()).toMatchObject({
      connected: true,
      lostAtMonoMs: null,
      problem: null,
      malformed: 0,
      reconnects: 0,
    })
  })

  it('sees a start and a stop on request', async () => {
    await using w = await watchingConnected(rig.busAddress, ['a'])
    w.forget()
    await rig.start('a.service')
    const run = await w.becomes('a.service', { activeState: 'active', subState: 'running', job: 0 })
    expect(run.invocationId).toMatch(/^[0-9a-f]{32}$/)
    expect(w.of('a.service', 'signal')[0]).toMatchObject({ activeState: 'inactive', invocationId: run.invocationId })
    await rig.stop('a.service')
    await w.becomes('a.service', { activeState: 'inactive', result: 'success', mainCode: 2, mainStatus: 15, job: 0 })
    expect(w.of('a.service').find((s) => s.activeState === 'inactive' && s.mainStatus === 15)?.job).toBeGreaterThan(0)
  })

  it('knows what can explain a crash: status text, memory limit, unit file and program', async () => {
    const script = `systemd-notify --ready --status='Serving 12 clients'; exec sleep 1000`
    const service = `[Service]\nType=notify\nNotifyAccess=all\nMemoryMax=512M\nExecStart=/bin/sh -c "${script}"\n`
    rig.writeUnit('talks.service', service)
    await rig.daemonReload()
    await using w = await watchingConnected(rig.busAddress, ['talks'], { statusTexts: true })
    await using without = await watchingConnected(rig.busAddress, ['talks'])
    await rig.start('talks.service')
    await w.becomes('talks.service', { subState: 'running', job: 0 })
    await until(() => w.source.crashFacts('talks.service'), {
      what: 'the status text',
      is: (facts) => facts?.statusText === 'Serving 12 clients',
    })
    expect(w.source.crashFacts('talks.service')).toMatchObject({
      memoryMax: 512 * 1024 * 1024,
      files: ['/etc/systemd/system/talks.service', '/bin/sh'],
    })
    expect(without.source.crashFacts('talks.service')?.statusText).toBeNull()
    await rig.kill('talks.service')
    await w.becomes('talks.service', { subState: 'failed' })
    expect(w.source.crashFacts('talks.service')?.statusText).toBe('Serving 12 clients')
    await rig.systemctl('reset-failed', 'talks.service')
  })

  it('sees a SIGKILL with its cause, and the restart after it', async () => {
    await using w = await watchingConnected(rig.busAddress, ['again'])
    await rig.start('again.service')
    const first = await w.becomes('again.service', { subState: 'running', job: 0 })
    w.forget()
    expect(first.mainPid).toBe(Number((await rig.systemctl('show', '-P', 'MainPID', 'again.service')).stdout))
    await rig.kill('again.service')
    const second = await w.becomes('again.service', { subState: 'running', job: 0, nRestarts: 1 })
    expect(second.invocationId).not.toBe(first.invocationId)
    expect([0, first.mainPid]).not.toContain(second.mainPid)
    expect(w.of('again.service').find((s) => s.activeState === 'failed')).toMatchObject({
      result: 'signal',
      mainCode: 2,
      mainStatus: 9,
      mainPid: 0,
      invocationId: first.invocationId,
    })
    expect(w.of('again.service').map((s) => s.subState)).toContain('auto-restart')
    await w.source.reconcile()
    expect(w.observations.findLast((o) => o.kind === 'read')).toMatchObject({
      settings: { loadState: 'loaded', restart: 'on-failure', restartForced: true, restartPrevented: false },
    })
    await rig.stop('again.service')
  })

  it('reports the changes of a unit under each of its watched names', async () => {
    await using w = await watchingConnected(rig.busAddress, ['other-name', 'a'])
    w.forget()
    await rig.start('other-name.service')
    const run = await w.becomes('other-name.service', { subState: 'running', job: 0 })
    expect(await w.becomes('a.service', { subState: 'running', job: 0 })).toEqual(run)
    await rig.stop('a.service')
    await w.becomes('other-name.service', { activeState: 'inactive', job: 0 })
  })

  it('finds units that match a pattern: those with a unit file, loaded ones, and new ones', async () => {
    await rig.start('sink@old.service')
    await using w = await watchingConnected(rig.busAddress, ['sink@*.service', 'a*.service'])
    const found = () => w.observations.flatMap((o) => (o.kind === 'discovered' ? [o.unit] : []))
    expect(found()).toEqual(expect.arrayContaining(['sink@old.service', 'a.service', 'again.service']))
    expect(found()).not.toContain('sink@.service')
    await w.becomes('sink@old.service', { subState: 'running' })
    w.forget()
    await rig.systemctl('status', 'sink@looked-at.service')
    await rig.start('sink@new.service')
    await w.becomes('sink@new.service', { subState: 'running', job: 0 })
    expect(found()).toEqual(['sink@new.service'])
    // Before anything else of it; another unit can be observed meanwhile.
    expect(w.observations.find((o) => 'unit' in o && o.unit === 'sink@new.service')?.kind).toBe('discovered')
    await rig.stop('sink@new.service')
    await w.becomes('sink@new.service', { activeState: 'inactive', mainStatus: 15 })
    await rig.stop('sink@old.service')
  })

  it('reads units that matched a pattern in an earlier run even if systemd does not list them', async () => {
    await using w = await watchingConnected(rig.busAddress, ['sink@*.service'], {
      known: ['sink@gone.service', 'else.service'],
    })
    await w.loadState('sink@gone.service', 'loaded')
    expect(w.of('else.service')).toEqual([])
  })

  it('watches at most max_units, and logs once which unit is the first that does not fit', async () => {
    await using w = await watchingConnected(rig.busAddress, ['a', 'again', 'once', 'loop'], { maxUnits: 2 })
    expect(w.observations[0]).toMatchObject({ units: ['a.service', 'again.service'] })
    expect(w.logs.filter((line) => line.includes('max_units'))).toEqual([
      'warning once.service: not watched: the limit of 2 units is reached (max_units)',
    ])
    expect(w.source.health().unwatchable).toEqual([
      'once.service, loop.service: not watched: the limit of 2 units is reached (max_units)',
    ])
  })

  it('reports units that do not fit as long as a pattern matches them', async () => {
    await using w = await watchingConnected(rig.busAddress, ['a', 'again', 'sink@f*', 'c d'], { maxUnits: 2 })
    const invalid = 'c d: not watched: not a valid unit name or pattern'
    const refused = 'sink@full.service: not watched: the limit of 2 units is reached (max_units)'
    const full = 'the limit of 2 units is reached (max_units); no other unit can be watched'
    const unwatchable = () => w.source.health().unwatchable
    expect(unwatchable()).toEqual([invalid, full])
    await rig.start('sink@full.service')
    await until(unwatchable, { what: 'the unit that does not fit', is: ([, sentence]) => sentence === refused })
    await w.source.reconcile()
    expect(unwatchable()).toEqual([invalid, refused])
    await rig.stop('sink@full.service')
    await until(() => w.source.reconcile().then(unwatchable), {
      what: 'the unit to be unloaded',
      is: ([, sentence]) => sentence !== refused,
    })
    expect(unwatchable()).toEqual([invalid, full])
  })

  it('reports patterns that match nothing or only aliases, as long as it is so, and logs each once', async () => {
    await using w = await watchingConnected(rig.busAddress, ['no-such-*', 'other-n*', 'a*', 'come-*', 'sink@*'])
    const reports = () => w.source.unmatchedPatterns().map(({ pattern, reason }) => `${pattern}: ${reason}`)
    const lasting = ['no-such-*.service: matches nothing', 'other-n*.service: matches only aliases']
    const noInstance = 'sink@*.service: matches only a template without an instance'
    expect(reports()).toEqual([...lasting, 'come-*.service: matches nothing', noInstance])
    rig.writeUnit('come-1.service', SLEEPER)
    await rig.daemonReload()
    await rig.start('sink@x.service')
    await until(reports, { what: 'the new units to match', is: ({ length }) => length === 2 })
    await w.source.reconcile()
    expect(reports()).toEqual(lasting)
    const logged = w.logs.filter((line) => line.includes('watches no unit'))
    expect(logged).toHaveLength(4)
    expect(logged[1]).toBe('warning other-n*.service: watches no unit: the pattern matches only aliases')
    await rig.stop('sink@x.service')
    w.source.watch(['a*'])
    expect(reports()).toEqual([])
  })

  it('detects a unit file that appears later, a mask, and a broken file', async () => {
    await using w = await watchingConnected(rig.busAddress, ['late', 'hidden'])
    await w.loadState('late.service', 'not-found')
    rig.writeUnit('late.service', SLEEPER)
    await rig.daemonReload()
    await w.loadState('late.service', 'loaded')
    await rig.start('late.service')
    await w.becomes('late.service', { subState: 'running', job: 0 })
    await rig.stop('late.service')
    await rig.systemctl('mask', 'hidden.service')
    await rig.daemonReload()
    await w.loadState('hidden.service', 'masked')
    await rig.systemctl('unmask', 'hidden.service')
    rig.writeUnit('late.service', '[Service]\nType=simple\n')
    await rig.daemonReload()
    await w.loadState('late.service', 'bad-setting')
    await w.loadState('hidden.service', 'not-found')
    expect(w.source.health().malformed).toBe(0)
  })

  it('reads again a unit that starts without a reload after it could not be loaded', async () => {
    await using w = await watchingConnected(rig.busAddress, ['sudden'])
    await w.loadState('sudden.service', 'not-found')
    await rig.exec('systemd-run', '--unit=sudden', '/bin/sleep', '1000')
    await w.loadState('sudden.service', 'loaded')
    await rig.stop('sudden.service')
  })

  it('sees a timer, a socket, a target, a mount and a oneshot', async () => {
    await using w = await watchingConnected(rig.busAddress, [
      'tick.timer',
      'talk.socket',
      'bundle.target',
      '-.mount',
      'once',
    ])
    await w.becomes('-.mount', { activeState: 'active', invocationId: null })
    await rig.start('tick.timer')
    await w.becomes('tick.timer', { activeState: 'active', subState: 'waiting', result: 'success' })
    await rig.start('talk.socket')
    await w.becomes('talk.socket', { activeState: 'active', subState: 'listening', result: 'success' })
    await rig.start('bundle.target')
    await w.becomes('bundle.target', { activeState: 'active', subState: 'active', result: null, mainCode: 0 })
    w.forget()
    await rig.start('once.service')
    await w.becomes('once.service', { activeState: 'inactive', result: 'success', job: 0 })
    expect(w.of('once.service').map((s) => s.subState)).toContain('start')
    for (const unit of ['tick.timer', 'talk.socket', 'bundle.target']) await rig.stop(unit)
    await w.becomes('bundle.target', { activeState: 'inactive' })
  })

  it('reports only reads after a daemon-reload, and reads once for several reloads', async () => {
    await using w = await watchingConnected(rig.busAddress, ['a'])
    await rig.start('a.service')
    await w.becomes('a.service', { subState: 'running', job: 0 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    w.forget()
    const begun = performance.now()
    for (let i = 0; i < 5; i++) await rig.daemonReload()
    await until(() => w.of('a.service', 'read').length > 0, { what: 'the read after the reload' })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const halfSeconds = (performance.now() - begun) / 500
    expect(w.of('a.service', 'read').length).toBeLessThanOrEqual(1 + halfSeconds)
    expect(new Set(w.of('a.service').map((s) => `${s.subState} ${s.invocationId}`)).size).toBe(1)
    await rig.stop('a.service')
  })

  it('two sources do not cause each other to read an unloaded unit in a loop', async () => {
    await using one = await watchingConnected(rig.busAddress, ['once', 'nothing-there'])
    await using two = await watchingConnected(rig.busAddress, ['once', 'nothing-there'])
    one.forget()
    two.forget()
    await one.source.reconcile()
    await new Promise((resolve) => setTimeout(resolve, 3000))
    expect(one.of('once.service', 'read')).toHaveLength(1)
    expect(two.of('once.service', 'read').length).toBeLessThanOrEqual(1)
  })

  it.each([
    ['with match rules for this unit', ['loop']],
    ['with match rules for every unit', ['loop', 'no-such-*']],
  ])('counts every run of a crash loop, and the counters balance, %s', async (_, patterns) => {
    await using w = await watchingConnected(rig.busAddress, patterns)
    await rig.start('loop.service')
    const runs = () => new Set(w.of('loop.service').map(({ invocationId }) => invocationId)).size
    await until(runs, { what: 'many runs', is: (count) => count > 60 })
    await rig.stop('loop.service')
    await until(() => w.of('loop.service').at(-1), {
      what: 'the end of the loop',
      is: (last) => last?.job === 0 && (last.activeState === 'inactive' || last.activeState === 'failed'),
    })
    let state = newState('0123456789abcdef')
    for (const observation of w.observations) state = step(state, observation).state
    const unit = state.units[0]
    if (unit === undefined) throw new Error('no unit')
    expect(countersBalance(unit)).toBe(true)
    expect(unit.counters.starts).toBeGreaterThan(50)
    expect(unit.counters).toMatchObject({ lost: 0, restarts: unit.counters.starts - 1 })
    // Of signals: when it was read before, systemd may still have had the count of an earlier loop.
    const most = Math.max(...w.of('loop.service', 'signal').map((s) => s.nRestarts))
    expect(Math.abs(most + 1 - unit.counters.starts)).toBeLessThanOrEqual(1) // the last restart may be stopped before it ran
  })

  it('ignores signals of other senders than systemd', async () => {
    await using w = await watchingConnected(rig.busAddress, ['a'])
    w.forget()
    const names = (await rig.busctl('list', '--unique', '--no-legend')).stdout.match(/^:\S+/gm) ?? []
    expect(names.length).toBeGreaterThan(1)
    const forged = [
      'sa{sv}as',
      'org.freedesktop.systemd1.Unit',
      '2',
      'ActiveState',
      's',
      'failed',
      'SubState',
      's',
      'failed',
      '0',
    ]
    for (const name of names) {
      const to = [`--destination=${name}`, '/org/freedesktop/systemd1/unit/a_2eservice']
      const { code } = await rig.busctl(
        'emit',
        ...to,
        'org.freedesktop.DBus.Properties',
        'PropertiesChanged',
        ...forged,
      )
      expect(code).toBe(0)
    }
    await w.source.reconcile()
    expect(w.of('a.service').map((s) => s.activeState)).toEqual(['inactive'])
    expect(w.source.health().malformed).toBe(0)
  })

  it('changes the watched units at run time', async () => {
    await using w = await watchingConnected(rig.busAddress, ['a'])
    w.forget()
    w.source.watch(['once', 'sink@*'])
    expect(w.observations).toMatchObject([{ kind: 'watch', units: ['once.service'], patterns: ['sink@*.service'] }])
    await w.loadState('once.service', 'loaded')
    await rig.start('a.service')
    await rig.start('once.service')
    await w.becomes('once.service', { activeState: 'inactive', job: 0 })
    expect(w.of('a.service')).toEqual([])
    await rig.stop('a.service')
  })

  it('reports nothing after stop', async () => {
    const w = await watchingConnected(rig.busAddress, ['a'])
    await w.source.stop()
    w.forget()
    await rig.start('a.service')
    await rig.stop('a.service')
    expect(w.observations).toEqual([])
    expect(await w.source.reconcile()).toBe(false)
    expect(w.logs).toEqual(['info bus: connected'])
  })
})
