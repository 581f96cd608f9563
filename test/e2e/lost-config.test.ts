// The configuration file of the installed agent is lost in the field: torn, empty or deleted. The agent watches throughout.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import type { Json } from '../../src/core/views/api-json.ts'
import { type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const UNIT = 'gatewatch.service'
const GOOD = '{"monitored_services": ["steady"], "listen": "127.0.0.1", "stats_interval": 7}\n'
const TORN = GOOD.slice(0, 50)
/** The service's own /etc has a writable /etc/gatewatch, which is at this place in the rig. */
const CONF = 'conf/config.json'
const OWN_ETC = [
  'TemporaryFileSystem=/etc',
  'BindReadOnlyPaths=/etc/machine-id',
  'BindPaths=/etc/systemd/system/conf:/etc/gatewatch',
  'UnsetEnvironment=GATEWATCH_MONITORED_SERVICES',
  '[Unit]',
  'StartLimitIntervalSec=0',
].join('\n')

describeUnless(noGateway(), 'a lost configuration file', () => {
  let installed: Installed
  let gateway: Gateway
  beforeAll(async () => {
    installed = install({
      services: [],
      units: { 'steady.service': '[Service]\nExecStart=/bin/sleep infinity\n', [CONF]: GOOD },
      service: OWN_ETC,
    })
    gateway = await installed.boot()
  })
  afterAll(async () => {
    await gateway.systemd.stop()
    installed.remove()
  })

  const file = () => join(gateway.systemd.unitDir, CONF)
  const copy = () => join(dirname(installed.stateFile), 'last-good-config.json')
  const restart = () => gateway.systemd.restart(UNIT)
  const reload = async () => expect((await gateway.systemd.systemctl('reload', UNIT)).code).toBe(0)
  /** The copy is written when the reload is done. */
  const isKept = (text: string) =>
    until(() => readFileSync(copy(), 'utf8'), { what: 'the copy', is: (whole) => whole.endsWith(`\n${text}`) })
  const status = () => gateway.getJson('/api/v1/status')
  const watched = async () => ((await gateway.getJson('/api/v1/units'))['units'] as Json[]).map((u) => u['service'])
  const get = async (path: string) => {
    const response = await fetch(`${await gateway.url()}${path}`)
    return { status: response.status, body: await response.text() }
  }
  /** The check `configuration`, once its message is as expected. */
  const check = (message: RegExp | string) =>
    until(async () => ((await status())['checks'] as Json[]).find(({ name }) => name === 'configuration') as Json, {
      what: `the configuration check to report ${message}`,
      is: (c) => (typeof message === 'string' ? c['message'] === message : message.test(String(c['message']))),
    })

  test('a file without problems is kept, readable only for the agent', async () => {
    expect(await watched()).toEqual(['steady.service'])
    await isKept(GOOD)
    const { mode, uid, ino } = statSync(copy())
    expect({ mode: mode & 0o777, uid }).toEqual({ mode: 0o600, uid: installed.uid })
    await restart()
    await check('OK')
    expect(statSync(copy()).ino).toBe(ino)
  })

  test.each([
    ['empty', '', /^\/etc\/gatewatch\/config.json: the file is empty; .*; using the last good configuration, /],
    ['torn', TORN, /^\/etc\/gatewatch\/config.json:1:\d+: not JSON: .*; using the last good configuration, /],
  ])('a file that is %s is replaced by the last good one at the start, and reported', async (_what, text, message) => {
    writeFileSync(file(), text)
    await restart()
    expect(await check(message)).toMatchObject({ healthy: false })
    expect(await watched()).toEqual(['steady.service'])
    expect((await status())['listening']).toMatch(/^127\.0\.0\.1:/)
    const ready = await get('/-/ready')
    expect([ready.status, ready.body]).toEqual([503, expect.stringContaining('\nconfiguration: /etc/gatewatch/')])
    const { body } = await get('/metrics')
    expect(body).toContain('\ngatewatch_config_problems 1\n')
    expect(body).toContain('\ngatewatch_health{check="configuration"} 0\n')
    writeFileSync(file(), GOOD)
    await reload()
    await check('OK')
  })

  test('what a file closes that a reload refused stays closed if that file is lost later', async () => {
    writeFileSync(file(), GOOD.replace('}', ', "prometheus_enabled": false, "colour": 1}'))
    await reload()
    await check(/^reload failed: .*colour/)
    await until(() => readFileSync(copy(), 'utf8'), { what: 'the mark', is: (text) => text.includes('watching only') })
    writeFileSync(file(), GOOD)
    await reload()
    await check('OK')
    await until(() => readFileSync(copy(), 'utf8'), { what: 'no mark', is: (text) => !text.includes('watching only') })
  })

  test('a file that is torn or deleted at a reload changes nothing, and is reported', async () => {
    writeFileSync(file(), TORN)
    await reload()
    expect(await check(/^reload failed: /)).toMatchObject({ healthy: false })
    rmSync(file())
    await reload()
    const kept = 'keeping the current configuration; for the defaults, write {} to the file'
    expect(await check(`/etc/gatewatch/config.json does not exist; ${kept}`)).toMatchObject({ healthy: true })
    expect(await watched()).toEqual(['steady.service'])
    expect((await status())['listening']).toMatch(/^127\.0\.0\.1:/)
  })

  test('a file that was deleted is replaced at the start, with a warning; {} is the way back to the defaults', async () => {
    await restart()
    const message = /^\/etc\/gatewatch\/config.json does not exist; using the last good configuration, /
    expect(await check(message)).toMatchObject({ healthy: true })
    expect(await watched()).toEqual(['steady.service'])
    const ready = await get('/-/ready')
    expect([ready.status, ready.body]).toEqual([200, expect.stringContaining('\nconfiguration: /etc/gatewatch/')])
    expect((await get('/metrics')).body).toContain('\ngatewatch_config_problems 1\n')
    expect(await gateway.journal('-u', UNIT, '-p', 'warning', '-o', 'cat')).toMatch(
      /^\[WARNING\] configuration: \/etc\/gatewatch\/config.json does not exist/m,
    )
    writeFileSync(file(), '{}')
    await reload()
    await check('OK')
    expect(await watched()).toEqual(DEFAULT_UNITS)
    await isKept('{}')
  })

  test('without a last good one the agent only watches: the socket stays, nothing else opens until the file is fixed', async () => {
    rmSync(copy())
    writeFileSync(file(), TORN)
    await restart()
    expect(await check(/so gatewatch is watching only, without TCP, MQTT, /)).toMatchObject({ healthy: false })
    expect(await status()).toMatchObject({ listening: null, mqtt: null })
    expect(await watched()).toEqual(DEFAULT_UNITS)
    expect(await gateway.systemd.show(UNIT, 'ActiveState', 'NRestarts')).toEqual({
      ActiveState: 'active',
      NRestarts: '0',
    })
    writeFileSync(file(), GOOD)
    await reload()
    await check('OK')
    expect(await watched()).toEqual(['steady.service'])
    expect((await get('/-/ready')).status).toBe(200)
    await isKept(GOOD)
  })

  test('no file and no last good one is normal: the defaults apply', async () => {
    rmSync(copy())
    rmSync(file())
    await restart()
    await check('OK')
    expect(await watched()).toEqual(DEFAULT_UNITS)
    expect((await get('/-/ready')).status).toBe(200)
  })
})
