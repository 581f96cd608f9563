// The agent in the shipped unit on a real systemd: its user, its sandbox, readiness and watchdog.
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMAND, type Gateway, type Installed, install, noGateway, UNIT_FILE } from '../rig/installed.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const UNIT = 'gatewatch.service'
const WATCHDOG = 'WatchdogSec=4s'
const SLEEPER = '[Service]\nExecStart=/bin/sleep infinity\n'
/** Without UnsetEnvironment= in the unit, Node.js would not even start with the first one. */
const RUNTIME_VARIABLES =
  'NODE_OPTIONS=--require=/none.cjs NODE_TLS_REJECT_UNAUTHORIZED=0 NODE_V8_COVERAGE=/tmp/coverage'

describeUnless(noGateway(), 'the service', () => {
  let installed: Installed
  let gateway: Gateway
  beforeAll(async () => {
    installed = install({
      services: ['steady', 'fragile', 'not-installed'],
      units: { 'steady.service': SLEEPER, 'fragile.service': SLEEPER },
      // Without /bin/kill: as on an image without procps.
      service: [
        ...[WATCHDOG, 'RestartSec=100ms', `Environment=${RUNTIME_VARIABLES}`],
        'InaccessiblePaths=-/bin/kill -/usr/bin/kill',
      ].join('\n'),
    })
    gateway = await installed.boot()
  })
  afterAll(async () => {
    await gateway.systemd.stop()
    installed.remove()
  })

  const show = (...properties: string[]) => gateway.systemd.show(UNIT, ...properties)
  const becomes = (property: string, value: string | RegExp, timeoutMs = 15_000) =>
    until(async () => (await show(property))[property] ?? '', {
      what: `${property} of the service to be ${value}`,
      is: (now) => (typeof value === 'string' ? now === value : value.test(now)),
      timeoutMs,
      everyMs: 100,
    })
  const restarts = async () => Number((await show('NRestarts'))['NRestarts'])

  test('is ready when it watches, with the number of units in its status', async () => {
    expect(await show('ActiveState', 'SubState', 'NRestarts')).toEqual({
      ActiveState: 'active',
      SubState: 'running',
      NRestarts: '0',
    })
    await becomes('StatusText', 'watching 3 units, 2 running; 1 not loaded')
  })

  test('runs as its user, without privileges', async () => {
    const { MainPID } = await show('MainPID')
    const { stdout } = await gateway.systemd.exec('cat', `/proc/${MainPID}/status`)
    const line = (key: string) => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(stdout)?.[1]?.replaceAll('\t', ' ')
    const { uid } = installed
    expect(line('Uid')).toBe(`${uid} ${uid} ${uid} ${uid}`)
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(line(set)).toMatch(/^0+$/)
    expect(line('NoNewPrivs')).toBe('1')
    expect(line('Seccomp')).toBe('2')
    const refused = await gateway.systemd.exec(
      ...[
        'setpriv',
        `--reuid=${uid}`,
        `--regid=${uid}`,
        '--clear-groups',
        'busctl',
        'call',
        'org.freedesktop.systemd1',
      ],
      ...[
        '/org/freedesktop/systemd1',
        'org.freedesktop.systemd1.Manager',
        'StopUnit',
        'ss',
        'steady.service',
        'replace',
      ],
    )
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toMatch(/denied|authentication required/i)
  })

  test('passes no variable to Node.js that loads code or changes what is trusted', async () => {
    const { MainPID } = await show('MainPID')
    const { stdout } = await gateway.systemd.exec('cat', `/proc/${MainPID}/environ`)
    expect(stdout).toContain('GATEWATCH_MONITORED_SERVICES=')
    expect(stdout).not.toMatch(/\b(NODE_|LD_)|SSL/)
    expect(stdout).toContain('\0MALLOC_ARENA_MAX=1\0MALLOC_TRIM_THRESHOLD_=65536\0')
  })

  test('reads the resource usage of a unit from its cgroup', async () => {
    const url = await gateway.url()
    const value = async (family: string) => {
      const body = await (await fetch(`${url}/metrics`)).text()
      return Number(new RegExp(`^${family}{service="steady.service"} (.*)$`, 'm').exec(body)?.[1])
    }
    expect(await value('gatewatch_unit_tasks')).toBe(1)
    expect(await value('gatewatch_unit_memory_bytes')).toBeGreaterThan(4096)
    expect((await gateway.systemd.show('steady.service', 'TasksCurrent'))['TasksCurrent']).toBe('1')
  })

  test('watches, serves metrics, and stores its state', async () => {
    const { systemd } = gateway
    await systemd.kill('fragile.service')
    await until(() => gateway.unit('fragile.service'), {
      what: 'the crash',
      is: (unit) => JSON.stringify(unit['counters']).includes('"crashes":1'),
    })
    const scraped = await until(async () => (await fetch(`${await gateway.url()}/metrics`)).text(), {
      what: 'the committed crash',
      is: (text) => text.includes('systemd_service_crashes_total{service="fragile.service"} 1\n'),
      everyMs: 200,
    })
    expect(scraped).toContain('gatewatch_bus_connected 1\n')
    const ready = await fetch(`${await gateway.url()}/-/ready`)
    expect({ status: ready.status, text: await ready.text() }).toEqual({ status: 200, text: 'ready\n' })
    const state = statSync(installed.stateFile)
    expect(state.uid).toBe(installed.uid)
    expect(state.size).toBeGreaterThan(0)
    expect(statSync(gateway.socket).mode & 0o777).toBe(0o660)
    await becomes('StatusText', 'watching 3 units, 1 running; 1 failed; 1 not loaded')
    await systemd.systemctl('reset-failed', 'fragile.service')
    await systemd.start('fragile.service')
    await becomes('StatusText', 'watching 3 units, 2 running; 1 not loaded')
  })

  test('reloads without a restart, and without a kill program', async () => {
    const { InvocationID } = await show('InvocationID')
    const { code } = await gateway.systemd.systemctl('reload', UNIT)
    expect(code).toBe(0)
    await until(() => gateway.journal('-u', UNIT), {
      what: 'the reload',
      is: (text) => text.includes('reload: configuration applied'),
    })
    await becomes('ActiveState', 'active')
    expect(await show('InvocationID', 'NRestarts')).toEqual({ InvocationID: InvocationID ?? '', NRestarts: '0' })
  })

  test('accepts requests with a name that the host gets after the start', async () => {
    const url = await gateway.url()
    const statusOf = (host: string) =>
      new Promise((resolve, reject) => {
        get(url, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on('error', reject)
      })
    expect(await statusOf('gateway-7.local:9100')).toBe(403)
    await gateway.systemd.exec('hostname', 'gateway-7')
    expect(await statusOf('gateway-7.local:9100')).toBe(200)
  })

  test('starts where no file can be created in /tmp and /var/tmp, as on a full disk', async () => {
    const { systemd } = gateway
    const shell = (script: string) => systemd.exec('sh', '-c', script)
    const full = 'mount -o remount,nr_inodes=64 /tmp && mount -o remount,nr_inodes=64 /var/tmp || exit 2'
    await systemd.stop(UNIT)
    const filled = await shell(`${full}; for at in /tmp /var/tmp; do while mktemp -d $at/fill.XXXXXX; do :; done; done`)
    expect(filled.stderr).toContain('No space left on device')
    try {
      await systemd.start(UNIT)
      await becomes('StatusText', 'watching 3 units, 2 running; 1 not loaded')
    } finally {
      await shell('rm -rf /tmp/fill.* /var/tmp/fill.*; mount -o remount,nr_inodes=0 /tmp')
    }
  })

  test('logs no warning at a clean stop, even while a notification is being sent', async () => {
    const { systemd } = gateway
    const inside = '/etc/systemd/system'
    const sending = join(systemd.unitDir, 'sending')
    systemd.writeUnit(
      'slow/systemd-notify',
      `#!/bin/sh\n[ ! -e ${inside}/sending ] || sleep 1.5\nexec /usr/bin/systemd-notify "$@"\n`,
    )
    chmodSync(join(systemd.unitDir, 'slow/systemd-notify'), 0o755)
    systemd.writeUnit(`${UNIT}.d/slow.conf`, `[Service]\nEnvironment=PATH=${inside}/slow:/usr/bin:/bin\n`)
    await systemd.daemonReload()
    await systemd.restart(UNIT)
    const { InvocationID } = await show('InvocationID')
    writeFileSync(sending, '')
    const commands = async () => (await systemd.exec('sh', '-c', 'cat /proc/[0-9]*/cmdline')).stdout
    await until(commands, { what: 'a notification on its way', is: (all) => all.includes('sleep\x001.5') })
    await systemd.stop(UNIT)
    const journal = (...only: string[]) =>
      gateway.journal(`_SYSTEMD_INVOCATION_ID=${InvocationID}`, '-o', 'cat', ...only)
    expect(await journal('-p', 'warning')).toBe('')
    expect((await journal()).slice(-200)).toMatch(/\[INFO\] SIGTERM: stopping\n(?!.*SIGCONT)/)
    expect(await show('Result', 'ExecMainStatus')).toEqual({ Result: 'success', ExecMainStatus: '0' })
    rmSync(sending)
    systemd.writeUnit(`${UNIT}.d/slow.conf`, '')
    await systemd.daemonReload()
    await systemd.start(UNIT)
  })

  test('sends keep-alives for longer than WatchdogSec=', { timeout: 30_000 }, async () => {
    const before = Number((await show('WatchdogTimestampMonotonic'))['WatchdogTimestampMonotonic'])
    const keepAliveAt = async () => Number((await show('WatchdogTimestampMonotonic'))['WatchdogTimestampMonotonic'])
    await until(keepAliveAt, { what: 'keep-alives', is: (at) => at - before > 9_000_000, timeoutMs: 20_000 })
    expect(await restarts()).toBe(0)
  })

  test('is restarted by the watchdog when it hangs, and continues to count', { timeout: 30_000 }, async () => {
    const { starts } = (await gateway.unit('steady.service'))['counters'] as { starts: number }
    await gateway.systemd.kill(UNIT, 'SIGSTOP', 'main')
    await becomes('NRestarts', '1')
    await becomes('ActiveState', 'active')
    expect(await gateway.journal('-u', UNIT, '-n', '100')).toContain('Watchdog timeout')
    const { counters } = await gateway.unit('steady.service')
    expect(counters).toMatchObject({ starts, stops: 0, crashes: 0, lost: 0 })
  })

  test('is restarted by the watchdog while the bus is down', { timeout: 60_000 }, async () => {
    const { systemd } = gateway
    await systemd.systemctl('mask', '--runtime', 'dbus.socket', 'dbus.service')
    await systemd.systemctl('stop', 'dbus.socket')
    await systemd.kill('dbus.service')
    await becomes('StatusText', /bus: /)
    await becomes('NRestarts', /[2-9]/)
    expect(await gateway.journal('-u', UNIT)).toContain('watchdog: keep-alive withheld (bus: ')
    await becomes('ActiveState', 'active') // readiness does not require the bus
    await systemd.systemctl('unmask', '--runtime', 'dbus.socket', 'dbus.service')
    await systemd.systemctl('start', 'dbus.socket', 'dbus.service')
    await becomes('StatusText', 'watching 3 units, 2 running; 1 not loaded', 45_000)
    const settled = await restarts()
    await new Promise((resolve) => setTimeout(resolve, 6000))
    expect(await restarts()).toBe(settled)
  })

  test('is not restarted if its command line is wrong', async () => {
    const text = readFileSync(UNIT_FILE, 'utf8').replace(/^ExecStart=.*$/m, `ExecStart=${COMMAND} run --no-such-option`)
    gateway.systemd.writeUnit(
      'wrong.service',
      text
        .replaceAll('=gatewatch\n', '=wrong\n')
        .replaceAll('User=wrong', 'User=gatewatch')
        .replaceAll('Group=wrong', 'Group=gatewatch'),
    )
    await gateway.systemd.daemonReload()
    await gateway.systemd.systemctl('start', 'wrong.service')
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const properties = ['ActiveState', 'Result', 'ExecMainStatus', 'NRestarts']
    expect(await gateway.systemd.show('wrong.service', ...properties)).toEqual({
      ActiveState: 'failed',
      Result: 'exit-code',
      ExecMainStatus: '2',
      NRestarts: '0',
    })
  })
})

/** Simulates `OpenFile=/run/systemd/notify:notify` of systemd 253: passes a connected socket with that name. */
const PASS_SOCKET = `use Socket; use POSIX (); $^F = 9; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; \
connect($s, sockaddr_un($ENV{NOTIFY_SOCKET})) or die; POSIX::dup2(fileno($s), 3) or die; \
$ENV{LISTEN_FDS} = 1; $ENV{LISTEN_FDNAMES} = "notify"; $ENV{LISTEN_PID} = $$; exec(@ARGV) or die`

describeUnless(noGateway(), 'the service with an open notify socket', () => {
  test('sends notifications itself, without a helper process', { timeout: 60_000 }, async () => {
    const installed = install({
      services: ['steady'],
      units: { 'steady.service': SLEEPER },
      service: [
        ...[`NotifyAccess=main`, WATCHDOG, 'ExecStart=', 'Environment=PATH=/nowhere'],
        `ExecStart=/usr/bin/perl -e '${PASS_SOCKET.replaceAll('$', '$$$$')}' ${COMMAND} run`,
      ].join('\n'),
    })
    const gateway = await installed.boot()
    try {
      const show = () => gateway.systemd.show(UNIT, 'ActiveState', 'StatusText', 'NRestarts')
      await until(show, { what: 'the status', is: (s) => s['StatusText'] === 'watching 1 unit, 1 running' })
      await new Promise((resolve) => setTimeout(resolve, 9000))
      expect(await show()).toMatchObject({ ActiveState: 'active', NRestarts: '0' })
      expect(await gateway.journal('-u', UNIT)).not.toContain('sd_notify failed')
    } finally {
      await gateway.systemd.stop()
      installed.remove()
    }
  })
})
