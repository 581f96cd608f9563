// Units found through patterns on a real systemd: connections to sockets, unloaded instances, and units that are only queried.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectBus } from '../../src/dbus/connection.ts'
import { WANTED_PROPERTIES } from '../../src/systemd/decode.ts'
import { MANAGER, MANAGER_PATH, SYSTEMD } from '../../src/systemd/manager-api.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { clock } from './clock.ts'
import { type Watching, watchingConnected } from './watching.ts'

const SLEEPER = '[Service]\nExecStart=/bin/sleep 1000\n'

describeUnless(noSystemd(), 'units that a pattern finds on a real systemd', () => {
  let rig: Systemd
  beforeAll(async () => {
    rig = await startSystemd()
    rig.writeUnit('talk.socket', '[Socket]\nListenStream=/run/talk.sock\nAccept=yes\n')
    rig.writeUnit('talk@.service', '[Service]\nStandardInput=socket\nExecStart=/bin/cat\n')
    rig.writeUnit('single.socket', '[Socket]\nListenStream=/run/single.sock\nService=single@one.service\n')
    for (const name of ['single@', 'sink@', 'plain']) rig.writeUnit(`${name}.service`, SLEEPER)
    await rig.daemonReload()
    await rig.start('talk.socket')
    await rig.start('single.socket')
  })
  afterAll(() => rig.stop())

  async function connected(name: string): Promise<Socket> {
    const socket = connect(join(rig.runDir, name))
    await once(socket, 'connect')
    socket.on('error', () => {}) // systemd resets the connection of a unit that does not read it
    return socket
  }
  const found = (w: Watching) => w.observations.flatMap((o) => (o.kind === 'discovered' ? [o.unit] : []))
  const unloaded = (w: Watching) => w.observations.flatMap((o) => (o.kind === 'unloaded' ? [o.unit] : []))
  const accepting = (w: Watching) =>
    w.observations.flatMap((o) => (o.kind === 'accepting' ? [`${o.template} ${o.accepting}`] : []))

  it('the instances of an Accept=yes socket are connections; those of another socket, or of none, are not', async () => {
    await using w = await watchingConnected(rig.busAddress, ['talk@*', 'single@*', 'sink@*'])
    const sockets = [await connected('talk.sock'), await connected('talk.sock'), await connected('single.sock')]
    await rig.start('sink@1.service')
    await until(() => [...new Set(accepting(w))].sort(), {
      what: 'each template',
      is: (all) => `${all}` === 'single@.service false,sink@.service false,talk@.service true',
    })
    const talks = found(w).filter((unit) => unit.startsWith('talk@'))
    expect(talks).toHaveLength(2)
    for (const socket of sockets) socket.destroy()
    await rig.stop('sink@1.service')
    await until(() => unloaded(w), {
      what: 'the connections and the instance to be unloaded',
      is: (units) => [...talks, 'sink@1.service'].every((unit) => units.includes(unit)),
    })
    w.forget()
    await w.source.reconcile()
    // Reading a connection that is over would only load it again.
    expect(talks.flatMap((unit) => w.of(unit, 'read'))).toEqual([])
    expect(w.of('sink@1.service', 'read')).toHaveLength(1)
    await rig.stop('single@one.service')
  })

  it('each list of units shows which are loaded; a reload unloads none', async () => {
    await rig.start('sink@runs.service')
    await using w = await watchingConnected(rig.busAddress, ['sink@*', 'plain'])
    const lists = () => w.observations.flatMap((o) => (o.kind === 'listed' ? [[...o.loaded]] : []))
    expect(lists().at(-1)).toContain('sink@runs.service')
    w.forget()
    await rig.daemonReload()
    await until(lists, { what: 'the list after the reload', is: (all) => all.length > 0 })
    expect(unloaded(w)).not.toContain('sink@runs.service')
    await rig.stop('sink@runs.service')
    await until(() => unloaded(w), { what: 'the end', is: (units) => units.includes('sink@runs.service') })
    await until(() => w.source.reconcile().then(() => lists().at(-1)), {
      what: 'a list without it',
      is: (names) => names?.includes('sink@runs.service') === false,
    })
  })

  it('an idle instance that something refers to is watched, and counted from its first start on', async () => {
    rig.writeUnit('plain.service', `[Unit]\nAfter=sink@idle.service\n${SLEEPER}`)
    await rig.daemonReload()
    await rig.start('plain.service')
    await using w = await watchingConnected(rig.busAddress, ['sink@*'])
    await until(() => found(w), { what: 'the idle instance', is: (units) => units.includes('sink@idle.service') })
    expect(w.of('sink@idle.service')).toMatchObject([{ activeState: 'inactive' }])
    await rig.stop('plain.service')
  })

  it('a forgotten unit is found again when it returns', async () => {
    await using w = await watchingConnected(rig.busAddress, ['sink@*'])
    await rig.start('sink@back.service')
    await w.becomes('sink@back.service', { subState: 'running', job: 0 })
    await rig.stop('sink@back.service')
    await until(() => unloaded(w), { what: 'the end', is: (units) => units.includes('sink@back.service') })
    w.source.forget(['sink@back.service'])
    w.forget()
    await rig.start('sink@back.service')
    await w.becomes('sink@back.service', { subState: 'running', job: 0 })
    expect(found(w)).toEqual(['sink@back.service'])
    await rig.stop('sink@back.service')
  })

  it('units that are only queried are not read, however many; a unit that starts meanwhile is counted', async () => {
    await using w = await watchingConnected(rig.busAddress, ['sink@*'])
    const reads = () => w.source.health().callSeconds['GetAll']?.count ?? 0
    const before = reads()
    const user = await connectBus(rig.busAddress, { after: clock.after, properties: WANTED_PROPERTIES })
    const load = (n: number) => user.call(SYSTEMD, MANAGER_PATH, MANAGER, 'LoadUnit', 's', [`sink@${n}.service`])
    const hundred = (from: number) => Promise.all(Array.from({ length: 100 }, (_, n) => load(from + n)))
    const query = async () => {
      for (let n = 0; n < 3000; n += 100) await hundred(n)
    }
    await Promise.all([query(), rig.start('sink@live.service')])
    user.close()
    const is = (all: readonly unknown[]) => all.length > 0
    await until(() => w.of('sink@live.service', 'read'), { what: 'the unit that runs', is, timeoutMs: 30_000 })
    expect(w.of('sink@live.service').at(-1)).toMatchObject({ subState: 'running' })
    // Without the queue there are as many as a user wants.
    expect(reads() - before).toBeLessThan(30)
    await rig.stop('sink@live.service')
  })
})
