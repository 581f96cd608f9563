// What ended a unit: proven by systemd's dependencies and jobs, on a real systemd; and what only happened at the same time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type AgentOnSystemd, startAgentOnSystemd } from './agent-on-systemd.ts'

const SLEEPS = '[Service]\nExecStart=/bin/sleep 1000\n'
const unit = (settings: string, service = SLEEPS) => `[Unit]\n${settings}\n${service}`
const WATCHED = {
  broker: SLEEPS,
  bound: unit('BindsTo=broker.service\nAfter=broker.service'),
  chained: unit('BindsTo=bound.service\nAfter=bound.service'),
  needs: unit('Requires=broker.service\nAfter=broker.service'),
  part: unit('PartOf=broker.service\nAfter=broker.service'),
  propagated: unit('StopPropagatedFrom=broker.service'),
  ordered: unit('After=broker.service'),
  alone: SLEEPS,
  rival: unit('Conflicts=alone.service'),
  victim: unit('Conflicts=intruder.service'),
  'on-mount': unit('BindsTo=run-gone.mount\nAfter=run-gone.mount'),
  'of-target': unit('PartOf=group.target'),
  'of-slice': SLEEPS.replace('[Service]', '[Service]\nSlice=group.slice'),
  restarts: `${SLEEPS}Restart=always\nRestartSec=100ms\n`,
  'needs-restarts': unit('Requires=restarts.service\nAfter=restarts.service'),
}
const OTHERS = {
  'intruder.service': SLEEPS,
  'run-gone.mount': '[Mount]\nWhat=tmpfs\nWhere=/run/gone\nType=tmpfs\n',
  'group.target': '[Unit]\nDescription=Group\n',
  // systemd does not unload what an active unit names, as it does not unload enabled units.
  'keep.target': `[Unit]\nAfter=${Object.keys(WATCHED)
    .filter((name) => name !== 'rival')
    .map((name) => `${name}.service`)
    .join(' ')}\n`,
  'group.slice': '[Unit]\nDescription=Group\n',
}

describeUnless(noSystemd(), 'what ended a unit', () => {
  let on: AgentOnSystemd
  beforeAll(async () => {
    on = await startAgentOnSystemd({ ...WATCHED, ...OTHERS }, Object.keys(WATCHED))
    await on.systemd.start('keep.target')
    await on.readAgain()
  })
  afterAll(() => on?.end())

  /** Starts these units, and waits until the agent has seen them start. */
  const start = async (...names: string[]) => {
    await on.systemd.systemctl('reset-failed')
    await on.systemd.systemctl('start', ...names)
    const running = async () => Promise.all(names.map(async (name) => (await on.unit(name))['active_state']))
    await until(running, { what: `${names} to run`, is: (states) => states.every((state) => state === 'active') })
  }
  const ends = async (name: string) =>
    (await on.events(name)).filter(({ event }) => event === 'stop' || event === 'crash' || event === 'lost')
  const counted = async (names: readonly string[]) =>
    new Map(await Promise.all(names.map(async (name) => [name, (await ends(name)).length] as const)))
  /** The next end of each unit that ends during `action`. */
  const endsDuring = async (names: readonly string[], action: () => Promise<unknown>) => {
    const before = await counted(names)
    await action()
    const next = (name: string) =>
      until(async () => (await ends(name))[before.get(name) ?? 0], { what: `the end of ${name}` })
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await next(name)) ?? {}] as const)))
  }
  /** `because` of this event, or of the evidence that followed. */
  const causeOf = async (end: Json | undefined) => {
    const late = (await on.agent.events()).find(({ event, of }) => event === 'evidence' && of === end?.['id'])
    return end?.['because'] ?? late?.['because']
  }
  const provenCause = (end: Json | undefined) => until(() => causeOf(end), { what: `the cause of ${end?.['service']}` })
  const bySystemctl =
    (...args: string[]) =>
    () =>
      on.systemd.systemctl(...args)
  const because = (name: string, relation: string) => ({ unit: name, relation })

  describe('is proven', () => {
    test('by BindsTo= when the other one crashes, and through it for what is bound to this one', async () => {
      await start('broker', 'bound', 'chained', 'needs', 'part', 'propagated')
      const kill = () => on.systemd.kill('broker', 'SIGSEGV')
      const found = await endsDuring(['broker', 'bound', 'chained', 'propagated'], kill)
      expect(await provenCause(found['bound'])).toEqual(because('broker.service', 'BindsTo'))
      expect(await provenCause(found['chained'])).toEqual(because('bound.service', 'BindsTo'))
      expect(await provenCause(found['propagated'])).toEqual(because('broker.service', 'StopPropagatedFrom'))
      expect(found['bound']).toMatchObject({ event: 'stop', because: because('broker.service', 'BindsTo') })
      expect(found['broker']).not.toHaveProperty('because')
      expect((await on.unit('needs'))['active_state']).toBe('active')
      expect((await on.unit('part'))['active_state']).toBe('active')
    })

    test.each(['stop', 'restart'])(
      'by each dependency when a user runs `systemctl %s` for the other one',
      async (verb) => {
        const names = ['broker', 'bound', 'chained', 'needs', 'part', 'propagated']
        await start(...names)
        const dependent = verb === 'stop' ? names : names.filter((name) => name !== 'propagated')
        const found = await endsDuring(dependent, bySystemctl(verb, 'broker'))
        expect(await provenCause(found['bound'])).toEqual(because('broker.service', 'BindsTo'))
        expect(await provenCause(found['chained'])).toEqual(because('bound.service', 'BindsTo'))
        expect(await provenCause(found['needs'])).toEqual(because('broker.service', 'Requires'))
        expect(await provenCause(found['part'])).toEqual(because('broker.service', 'PartOf'))
        if (verb === 'stop') expect(await provenCause(found['propagated'])).toMatchObject({ unit: 'broker.service' })
        expect(await causeOf(found['broker'])).toBeUndefined()
      },
    )

    test('by an automatic restart of a unit that this one requires', async () => {
      await start('restarts', 'needs-restarts')
      const found = await endsDuring(['restarts', 'needs-restarts'], () => on.systemd.kill('restarts', 'SIGSEGV'))
      expect(await provenCause(found['needs-restarts'])).toEqual(because('restarts.service', 'Requires'))
    })

    test('by Conflicts=, by the start of a watched unit and of one that is not', async () => {
      await start('alone', 'victim')
      const first = await endsDuring(['alone'], bySystemctl('start', 'rival'))
      expect(await provenCause(first['alone'])).toEqual(because('rival.service', 'Conflicts'))
      const second = await endsDuring(['victim'], bySystemctl('start', 'intruder'))
      expect(await provenCause(second['victim'])).toEqual(because('intruder.service', 'Conflicts'))
      const third = await endsDuring(['rival'], bySystemctl('start', 'alone'))
      expect(await provenCause(third['rival'])).toEqual(because('alone.service', 'Conflicts'))
    })

    test('for units that are not watched: a mount that vanishes, a target and a slice that are stopped', async () => {
      await on.systemd.exec('mkdir', '-p', '/run/gone')
      await start('on-mount', 'of-target', 'of-slice')
      await on.systemd.start('group.target')
      const umount = await endsDuring(['on-mount'], () => on.systemd.exec('umount', '/run/gone'))
      expect(await provenCause(umount['on-mount'])).toEqual(because('run-gone.mount', 'BindsTo'))
      const target = await endsDuring(['of-target'], bySystemctl('stop', 'group.target'))
      expect(await provenCause(target['of-target'])).toEqual(because('group.target', 'PartOf'))
      const slice = await endsDuring(['of-slice'], bySystemctl('stop', 'group.slice'))
      expect(await provenCause(slice['of-slice'])).toEqual(because('group.slice', 'Requires'))
    })
  })

  describe('is not claimed', () => {
    const notCauses: Json[] = []
    const withoutCause = (found: Readonly<Record<string, Json>>, ...names: string[]) => {
      for (const name of names) notCauses.push(found[name] ?? {})
    }

    test('when a user stops the unit alone, or both in one command', async () => {
      await start('broker', 'bound', 'needs', 'alone', 'on-mount')
      withoutCause(await endsDuring(['bound'], bySystemctl('stop', 'bound')), 'bound')
      const both = await endsDuring(['needs', 'broker'], bySystemctl('stop', 'needs', 'broker'))
      withoutCause(both, 'needs', 'broker')
      withoutCause(
        await endsDuring(['alone', 'on-mount'], bySystemctl('stop', 'alone', 'on-mount')),
        'alone',
        'on-mount',
      )
    })

    test('when a unit crashes after one on which it depends: only that the other one ended before', async () => {
      await start('broker', 'needs', 'ordered', 'alone')
      const crash = (name: string) => `systemctl kill --signal=SEGV ${name};`
      const found = await endsDuring(['broker', 'needs', 'ordered', 'alone'], () =>
        on.systemd.exec('sh', '-c', `${crash('broker')} ${crash('needs')} ${crash('ordered')} ${crash('alone')}`),
      )
      const after = { unit: 'broker.service', event: 'crash', ms: expect.any(Number) }
      expect(found['needs']?.['after']).toEqual(after)
      expect(found['ordered']?.['after']).toEqual(after)
      expect(found['alone']).not.toHaveProperty('after')
      withoutCause(found, 'broker', 'needs', 'ordered', 'alone')
    })

    test('when systemd ignored the dependencies, and a user stopped the other one next', async () => {
      await start('broker', 'needs')
      const stop = 'systemctl stop --job-mode=ignore-dependencies broker; systemctl stop needs'
      const found = await endsDuring(['broker', 'needs'], () => on.systemd.exec('sh', '-c', stop))
      expect(found['needs']?.['after']).toMatchObject({ unit: 'broker.service', event: 'stop' })
      withoutCause(found, 'needs')
    })

    test('when all units are stopped because the system changes to another target', async () => {
      await start('broker', 'bound', 'needs', 'part')
      withoutCause(
        await endsDuring(['bound', 'needs', 'part'], bySystemctl('isolate', 'rig.target')),
        'bound',
        'needs',
        'part',
      )
    })

    test('nor is it added later', async () => {
      expect(await Promise.all(notCauses.map(causeOf))).toEqual(notCauses.map(() => undefined))
      expect(notCauses).toHaveLength(13)
    })
  })
})
