// A technician's first ten minutes on a gateway where nothing is right. The transcript is committed; the test makes it
// again and compares. `npx vitest run test/e2e/first-ten-minutes.test.ts -u` writes it.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { fakeWallClock, noFaketime, type WallClock } from '../rig/faketime.ts'
import { COMMAND, type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const TO_1970_SECONDS = -Math.floor(Date.now() / 1000) + 60
const UNIT = '[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\nRestartSec=100ms\n'
/** The service's own /etc has a writable /etc/gatewatch, which is at this place in the rig. */
const CONF = 'conf/config.json'
const OWN_ETC = `TemporaryFileSystem=/etc
BindReadOnlyPaths=/etc/machine-id
BindPaths=/etc/systemd/system/conf:/etc/gatewatch
UnsetEnvironment=GATEWATCH_MONITORED_SERVICES`
const READ_ONLY = `[Unit]
DefaultDependencies=no
Before=gatewatch.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount -o remount,bind,ro /var/lib
`
/** Commands that a technician types in the rig; all others where the service sees its files. */
const IN_RIG = /^(mount|systemctl|journalctl)\b/
const THINGS = ['configuration', 'state', 'gatewatch', 'mqtt', 'clock']

describeUnless(noGateway() ?? noFaketime() ?? missingPrograms(...MOSQUITTO), 'a gateway where nothing is right', () => {
  let broker: Mosquitto
  let installed: Installed
  let wallClock: WallClock
  let gateway: Gateway
  let config: string
  let transcript = ''
  /** What differs from run to run, with the word that replaces it. */
  const volatile: [RegExp | string, string][] = []

  /** The gateway that the image was taken from: everything was right, and a unit had crashed once. */
  beforeAll(async () => {
    broker = await startMosquitto()
    config = `{
  "monitored_services": ["edger", "devmgmt"],
  "listen": "127.0.0.1",
  "mqtt": { "enabled": true, "url": "${broker.url}" }
}
`
    installed = install({ services: [], units: { 'edger.service': UNIT, 'devmgmt.service': UNIT, [CONF]: config } })
    wallClock = fakeWallClock({ here: join(installed.directory, 'lib/clock'), inside: '/var/lib/clock' })
    wallClock.set(0)
    installed.service(`${wallClock.service}\n${OWN_ETC}`)
    gateway = await installed.boot()
    await gateway.systemd.kill('edger.service')
    await until(() => gateway.unit('edger'), { what: 'a crash', is: (unit) => counted(unit, 'restarts') === 1 })
    const { machine_id } = await gateway.getJson('/api/v1/status')
    volatile.push([String(machine_id), 'FORMER-ID'])
    await gateway.systemd.powerOff()
  }, 120_000)
  afterAll(async () => {
    await gateway?.systemd.stop()
    installed?.remove()
    await broker?.[Symbol.asyncDispose]()
  })

  const counted = (unit: Json, what: string) => Number((unit['counters'] as Json)[what])
  const checks = async () => (await gateway.getJson('/api/v1/status'))['checks'] as Json[]
  const crashesOf = (unit: string, count: number) =>
    until(() => gateway.unit(unit), {
      what: `crash ${count} of ${unit}, and the restart`,
      is: (one) => counted(one, 'crashes') === count && one['running'] === true,
    })
  const failedWrites = async () => {
    const text = await (await fetch(`${await gateway.url()}/metrics`)).text()
    return Number(/^gatewatch_flash_errors_total\{errno="EROFS"\} (.*)$/m.exec(text)?.[1])
  }

  function normalised(text: string): string {
    const words: typeof volatile = [
      ...volatile,
      [basename(installed.stateFile), 'state.ring'],
      [/(127\.0\.0\.1):\d+/g, '$1:PORT'],
      [/\d{4}(?<!1970)-\d\d-\d\d \d\d:\d\d:\d\d/g, 'YYYY-MM-DD HH:MM:SS'],
      [/1970-01-01 \d\d:\d\d:\d\d/g, '1970-01-01 HH:MM:SS'],
      [/ +\b\d+[smhd]\b/g, ' AGE'],
      [/gatewatch \d+\.\d+\.\S+ on/g, 'gatewatch VERSION on'],
      [/(?<=^flash: a commit costs ).*(?=; changes)/gm, 'COST'], // that of the machine's file system
    ]
    return words.reduce((done, [what, word]) => done.replaceAll(what, word), text)
  }

  /** Runs a line as a person would type it, and adds it to the transcript with its output. */
  async function type(line: string): Promise<string> {
    const { MainPID } = await gateway.systemd.show('gatewatch.service', 'MainPID')
    const program = `env -i TZ=UTC PATH="$PATH" ${wallClock.environment.join(' ')} ${COMMAND}`
    const enter = IN_RIG.test(line) ? [] : ['nsenter', '-m', '-t', String(MainPID)]
    const { code, stdout, stderr } = await gateway.systemd.exec(
      ...[...enter, 'sh', '-c', `gatewatch() { ${program} "$@"; }; ${line}`],
    )
    transcript += `$ ${line}\n${stdout}${stderr}${code === 0 ? '' : `(exit code ${code})\n`}\n`
    return stdout
  }
  const remark = (text: string) => {
    transcript += `# ${text}\n\n`
  }
  const warnings = async () => (await type('journalctl -u gatewatch -p warning -o cat --no-pager')).trim().split('\n')

  test('the agent watches throughout, and reports each of these things once', { timeout: 120_000 }, async () => {
    remark(
      'No clock, a configuration torn by a power cut, a read-only root, no broker, and the card is a copy of another.',
    )
    await broker.kill()
    wallClock.set(TO_1970_SECONDS)
    writeFileSync(join(installed.directory, 'etc/machine-id'), `${randomBytes(16).toString('hex')}\n`)
    writeFileSync(join(installed.directory, 'seed', CONF), config.slice(0, 60))
    writeFileSync(join(installed.directory, 'seed/read-only.service'), READ_ONLY)
    installed.service(`${wallClock.service}\n${OWN_ETC}\n[Unit]\nRequires=read-only.service\nAfter=read-only.service`)
    gateway = await installed.boot()
    volatile.push([String((await gateway.getJson('/api/v1/status'))['machine_id']), 'THIS-ID'])
    await until(failedWrites, { what: 'a second attempt to write', is: (count) => count >= 2, timeoutMs: 60_000 })
    await type('systemctl is-active gatewatch')
    await type('gatewatch status')
    const reported = await warnings()
    expect(reported.map((line) => /^\[\w+\] (\w+):/.exec(line)?.[1]).sort()).toEqual(THINGS.toSorted())
    await type('gatewatch check-config > /dev/null')
    await type('systemctl kill -s KILL edger')
    await crashesOf('edger', 2)
    await type('gatewatch events')

    remark('The network is there: the clock is set, and the broker runs. The configuration is written again.')
    mkdirSync(join(gateway.systemd.runDir, 'systemd/timesync'))
    writeFileSync(join(gateway.systemd.runDir, 'systemd/timesync/synchronized'), '')
    wallClock.set(0)
    await broker.start()
    await using subscriber = await broker.subscribe('gatewatch/+/event/crash')
    writeFileSync(join(gateway.systemd.unitDir, CONF), config)
    await type('gatewatch check-config > /dev/null')
    await type('mount -o remount,bind,rw /var/lib')
    await type('systemctl restart gatewatch')
    await until(checks, { what: 'all to be right', is: (all) => all.every(({ healthy }) => healthy) })
    await type('systemctl kill -s KILL devmgmt')
    await crashesOf('devmgmt', 1)
    await type('gatewatch status')
    await type('gatewatch events --kind crash')
    expect((await warnings()).filter((line) => !line.includes('**CRASH**'))).toEqual(reported)
    // What happened while nothing was right reached the broker: twice if its acknowledgement came before the restart,
    // which could not be stored, but under one id.
    const crashes = () =>
      new Map(subscriber.received.map(({ payload }) => JSON.parse(payload)).map(({ id, service }) => [id, service]))
    await until(() => [...crashes().values()], {
      what: 'both crashes',
      is: (services) => services.includes('edger.service') && services.includes('devmgmt.service'),
    })
    expect(crashes().size).toBe(2)

    await expect(normalised(transcript)).toMatchFileSnapshot('first-ten-minutes.txt')
  })
})
