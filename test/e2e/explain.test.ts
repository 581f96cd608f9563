// What `gatewatch explain` prints on a real systemd, one unit for each cause, compared with explain.txt
// (`npx vitest run test/e2e/explain.test.ts -u` writes it).
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { gatewatch } from '../rig/gatewatch.ts'
import { COMMAND, type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const SLEEPS = 'ExecStart=/bin/sleep 1000'
const service = (...lines: string[]) => `[Service]\n${lines.join('\n')}\n`
const UNITS: Readonly<Record<string, string>> = {
  segfault: service('LimitCORE=infinity', 'WorkingDirectory=/run', SLEEPS),
  'no-binary': service('ExecStart=/opt/sink/bin/sink --port 1'),
  watchdog: service(
    'Type=notify',
    'NotifyAccess=all',
    'WatchdogSec=500ms',
    'LimitCORE=0',
    'ExecStart=/bin/sh -c \'systemd-notify --ready --status="reading the sensor"; sleep 1000\'',
  ),
  broker: service(SLEEPS),
  bound: `[Unit]\nBindsTo=broker.service\nAfter=broker.service\n${service(SLEEPS)}`,
  part: `[Unit]\nPartOf=broker.service\nAfter=broker.service\n${service(SLEEPS)}`,
  other: service(SLEEPS),
  replaced: service('ExecStart=/run/sink', 'Restart=on-failure', 'RestartSec=1h'),
  limited: `[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n${service("ExecStart=/bin/sh -c 'echo cannot open the port; sleep 0.2; exit 3'", 'Restart=on-failure', 'RestartSec=1ms')}`,
  skipped: `[Unit]\nConditionPathExists=/etc/sink.conf\n${service(SLEEPS)}`,
  'no-device': `[Unit]\nBindsTo=dev-ttyUSB9.device\nAfter=dev-ttyUSB9.device\nJobTimeoutSec=200ms\n${service(SLEEPS)}`,
}
/** systemd keeps in memory what it knows of these units, as it does for enabled ones. */
const KEEP = `[Unit]\nAfter=${Object.keys(UNITS)
  .map((name) => `${name}.service`)
  .join(' ')}\n`
/** What systemd-coredump logs, by the fields that journald adds: those of its own service. */
const DUMP = `MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1
PRIORITY=2
COREDUMP_UNIT=segfault.service
COREDUMP_EXE=/usr/bin/sink
COREDUMP_SIGNAL_NAME=SIGSEGV
COREDUMP_PID=<pid>
COREDUMP_TIMESTAMP=<time>
MESSAGE=Process <pid> (sink) of user 0 dumped core.
MESSAGE=
MESSAGE=Stack trace of thread <pid>:
MESSAGE=#0  0x0000aaaaaaab1234 parse_frame (/usr/bin/sink + 0x1234)
MESSAGE=#1  0x0000aaaaaaab0042 main (/usr/bin/sink + 0x42)
`

describeUnless(noGateway() ?? missingPrograms('logger'), 'gatewatch explain', () => {
  let installed: Installed
  let gateway: Gateway
  let transcript = ''

  beforeAll(async () => {
    const access =
      'SupplementaryGroups=systemd-journal\nExecStartPre=+/usr/bin/systemd-tmpfiles --create --prefix=/run/log/journal'
    installed = install({
      services: Object.keys(UNITS),
      units: { 'keep.target': KEEP },
      service: `${access}\nEnvironment=GATEWATCH_EXPLAIN=true`,
    })
    for (const [name, text] of Object.entries(UNITS))
      writeFileSync(join(installed.directory, 'seed', `${name}.service`), text)
    gateway = await installed.boot()
    const loaded = async () =>
      ((await gateway.getJson('/api/v1/units'))['units'] as Json[]).map((unit) => unit['load_state'])
    await until(loaded, { what: 'every unit to be read', is: (states) => states.every((state) => state === 'loaded') })
  }, 60_000)
  afterAll(async () => {
    await gateway?.systemd.stop()
    installed?.remove()
  })

  const eventOf = (unit: string, kind: string, is: (event: Json) => boolean = () => true) =>
    until(
      async () =>
        (await gateway.events()).find((e) => e['service'] === `${unit}.service` && e['event'] === kind && is(e)),
      {
        what: `${kind} of ${unit}`,
      },
    ) as Promise<Json>
  const start = (...units: string[]) => gateway.systemd.systemctl('start', ...units)
  const started = async (...units: string[]) => {
    await start(...units)
    for (const unit of units) await eventOf(unit, 'start')
  }
  const explain = (...args: string[]) => gatewatch('explain', ...args, '--socket', gateway.socket)
  /** `others`: units that belong to the story. The rest of the timeline depends on how fast this machine is. */
  const note = (title: string, unit: string, ...others: string[]) => {
    const { code, stdout, stderr } = explain(unit)
    expect([code, stderr]).toEqual([0, ''])
    const shown = normalised(stdout)
      .split('\n')
      .filter((line) => isShown(line, [unit, ...others]))
    transcript += `# ${title}\n$ gatewatch explain ${unit}\n${shown.join('\n')}\n`
  }

  test('a segmentation fault with a core dump', async () => {
    await started('segfault')
    const pid = (await gateway.systemd.show('segfault', 'MainPID'))['MainPID'] ?? ''
    await gateway.systemd.kill('segfault', 'SIGSEGV')
    const { timestamp } = await eventOf('segfault', 'crash')
    const seconds = Math.floor(Date.parse(String(timestamp)) / 1000)
    const record = DUMP.replaceAll('<pid>', pid).replace('<time>', `${seconds}000000`)
    writeFileSync(join(gateway.systemd.shareDir, 'record'), record)
    gateway.systemd.writeUnit(
      'systemd-coredump@1-2-0.service',
      service('Type=oneshot', `ExecStart=/usr/bin/logger --journald=${gateway.systemd.shareDir}/record`),
    )
    await gateway.systemd.daemonReload()
    await gateway.systemd.start('systemd-coredump@1-2-0.service')
    await eventOf('segfault', 'crash', ({ evidence }) => (evidence as Json | undefined)?.['coredump'] !== undefined)
    note('SIGSEGV with a core dump', 'segfault')
  })

  test('a missing binary', async () => {
    await start('no-binary')
    await eventOf('no-binary', 'crash')
    note('A missing binary', 'no-binary')
  })

  test('a watchdog', async () => {
    await start('watchdog')
    await eventOf('watchdog', 'crash')
    note('A watchdog', 'watchdog')
  })

  test('a unit that BindsTo= brings down', async () => {
    await started('broker', 'bound')
    await gateway.systemd.kill('broker')
    await eventOf('bound', 'stop', ({ because }) => because !== undefined)
    note('Brought down by BindsTo=', 'bound', 'broker')
  })

  test('a unit that PartOf= brings down, and an operator who stops the other one', async () => {
    await start('broker', 'part')
    await eventOf('part', 'start')
    await gateway.systemd.stop('broker')
    await eventOf('part', 'stop', ({ because }) => because !== undefined)
    await eventOf('broker', 'stop')
    note('Brought down by PartOf=', 'part', 'broker')
    note('Stopped by an operator', 'broker', 'part')
  })

  test('a start limit, with the last log lines', async () => {
    await start('limited')
    await eventOf('limited', 'start_refused')
    note('A start limit', 'limited')
  })

  test('a skipped start and a missing device', async () => {
    await start('skipped')
    await start('no-device')
    await eventOf('no-device', 'start_refused')
    note('A condition that is not met', 'skipped')
    note('A missing device', 'no-device')
  })

  test('a binary that was replaced shortly before; a unit that crashed in the same instant is not named', async () => {
    mkdirSync(join(gateway.systemd.runDir, 'systemd/timesync'))
    writeFileSync(join(gateway.systemd.runDir, 'systemd/timesync/synchronized'), '')
    const synced = async () => (await fetch(`${await gateway.url()}/metrics`)).text()
    await until(synced, { what: 'a synchronised clock', is: (text) => text.includes('gatewatch_clock_synced 1\n') })
    writeFileSync(join(gateway.systemd.runDir, 'sink'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    await started('other')
    await gateway.systemd.exec('sh', '-c', 'systemctl kill --signal=KILL other; systemctl start replaced')
    await eventOf('other', 'crash')
    await eventOf(
      'replaced',
      'crash',
      ({ evidence }) => (evidence as Json | undefined)?.['file_changed_ms'] !== undefined,
    )
    note('A binary that was replaced', 'replaced')
    const { sentences, timeline } = await gateway.getJson('/api/v1/units/replaced/explain')
    expect(JSON.stringify(sentences)).not.toContain('other')
    expect(timeline).toContainEqual(expect.objectContaining({ service: 'other.service', event: 'crash' }))
  })

  test('an event by its id as JSON, a unit without history, and what does not exist', async () => {
    const crash = await eventOf('segfault', 'crash')
    const { stdout } = explain(String(crash['id']), '--json')
    expect(JSON.parse(stdout)).toMatchObject({ service: 'segfault.service', event: { id: crash['id'] } })
    expect(explain('dbus').stdout).toContain('The agent does not watch dbus.service')
    expect(explain('nothing')).toMatchObject({ code: 5, stdout: '' })
    expect(explain(`${String(crash['id']).slice(0, 16)}-999999`)).toMatchObject({ code: 1, stdout: '' })
  })

  test('without the agent: from the state file, systemd and the journal, and that is reported', async () => {
    await gateway.systemd.stop('gatewatch.service')
    const stateFile = `/var/lib/gatewatch/${basename(installed.stateFile)}`
    const inside = (...args: string[]) =>
      gateway.systemd.exec(...COMMAND.split(' '), 'explain', ...args, '-p', stateFile)
    const { code, stdout, stderr } = await inside('limited')
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^gatewatch: the agent is not running; showing the state file/),
    ])
    expect(stdout).toContain('limited.service crashed at ')
    expect(stdout).toContain('systemd gave up: the start limit of 2 starts in 1 h was reached')
    expect(stdout).toContain('Last log lines of the run:\n  cannot open the port\n')
    const json = await inside('limited', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ service: 'limited.service', log: ['cannot open the port'] })
    expect((await inside('nothing')).code).toBe(5)
  })

  test('is as in explain.txt', async () => {
    await expect(transcript).toMatchFileSnapshot('explain.txt')
  })
})

/** All lines but those of the timeline about other units, and those that not each run has. */
function isShown(line: string, units: readonly string[]): boolean {
  const [, unit, kind] = /^ N\.NNN s {2}(\S+) {2}(\S+)/.exec(line) ?? []
  if (/^(CPU time|Memory) of the run/.test(line)) return false
  return unit === undefined || (units.includes(unit) && kind !== 'gave_up')
}

/** Without what differs from run to run. */
function normalised(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, 'TIME')
    .replace(/\((?:[\d.]+ (?:ms|s|min)(?: \d+ s)?) ago\)/g, '(AGE ago)')
    .replace(/^ *BEFORE .*\n/gm, '')
    .replace(/^ *\d+\.\d{3} s {2}(\S+) +(\S+) +/gm, ' N.NNN s  $1  $2  ')
    .replace(/^\(\d+ earlier events? left out\)\n/gm, '')
    .replace(/(lasted|changed|reached in) [\d.]+ (?:ms|s|min)(?: \d+ s)?/g, '$1 DURATION')
    .replace(/[\d.]+ (?:ms|s|min)(?: \d+ s)? (before|later|ago)/g, 'DURATION $1')
    .replace(/\b[\d.]+ [KMG]iB/g, 'SIZE')
    .replace(/fault: [0-9a-f]{12}/g, 'fault: SIGNATURE')
}
