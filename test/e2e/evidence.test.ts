// What explains a crash on a gateway: genuine records of the journal and no forged ones, status text, memory, a replaced program.
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const APP = '/etc/systemd/system/app'
/** Sends the entry in a file to journald in its native protocol, and lives until journald has looked up its unit. */
const SEND = `/usr/bin/perl -MSocket -e 'socket(S, PF_UNIX, SOCK_DGRAM, 0); connect(S, sockaddr_un("/run/systemd/journal/socket")) or die; open(F, "<", $ARGV[0]); local $/; send(S, <F>, 0) or die; sleep 2'`

describeUnless(noGateway() ?? missingPrograms(...MOSQUITTO, 'perl'), 'the evidence of a crash', () => {
  let broker: Mosquitto
  let subscriber: Subscriber
  let installed: Installed
  let gateway: Gateway
  beforeAll(async () => {
    broker = await startMosquitto()
    subscriber = await broker.subscribe('#')
    installed = install({
      services: ['dumps', 'talks', 'app'],
      service: [
        ...['SupplementaryGroups=systemd-journal', 'Restart=always', 'RestartSec=50ms'],
        'ExecStartPre=+/usr/bin/systemd-tmpfiles --create --prefix=/run/log/journal',
        "ExecStartPre=+/bin/sh -c 'umask 022; mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized'",
        `Environment=GATEWATCH_EXPLAIN=true GATEWATCH_MQTT_ENABLED=true GATEWATCH_MQTT_URL=${broker.url}`,
      ].join('\n'),
    })
    gateway = await installed.boot()
    const { systemd } = gateway
    systemd.writeUnit(
      'dumps.service',
      '[Service]\nExecStart=/bin/sleep infinity\nLimitCORE=infinity\nWorkingDirectory=/tmp\n',
    )
    systemd.writeUnit(
      'talks.service',
      `[Service]\nType=notify\nNotifyAccess=all\nMemoryMax=64M\nExecStart=/bin/sh -c "systemd-notify --ready --status='Reading /home/alice/data'; exec sleep infinity"\n`,
    )
    replaceApp()
    systemd.writeUnit('app.service', `[Service]\nExecStart=${APP} --password=secret\n`)
    systemd.writeUnit('systemd-coredump@.service', `[Service]\nExecStart=${SEND} /etc/systemd/system/genuine\n`)
    systemd.writeUnit('forger.service', `[Service]\nExecStart=${SEND} /etc/systemd/system/forged\n`)
    await systemd.daemonReload()
    await until(async () => (await fetch(`${await gateway.url()}/metrics`)).text(), {
      what: 'the synchronised clock',
      is: (text) => text.includes('gatewatch_clock_synced 1'),
    })
  })
  /** Waits until an agent responds. */
  const nextAgent = () =>
    until(
      () =>
        gateway.getJson('/api/v1/status').then(
          () => true,
          () => false,
        ),
      { what: 'the next agent' },
    )

  afterAll(async () => {
    await gateway?.systemd.stop()
    await broker?.[Symbol.asyncDispose]()
    installed?.remove()
  })

  const replaceApp = () => {
    const file = join(gateway.systemd.unitDir, 'app')
    writeFileSync(file, '#!/bin/sh\nsleep 0.2\nexit 3\n')
    chmodSync(file, 0o755)
  }
  const writeEntry = (name: string, fields: Readonly<Record<string, string>>) => {
    const entry = Object.entries(fields).map(([field, value]) => {
      const size = Buffer.alloc(8)
      size.writeUInt32LE(Buffer.byteLength(value))
      return value.includes('\n')
        ? Buffer.concat([Buffer.from(`${field}\n`), size, Buffer.from(`${value}\n`)])
        : Buffer.from(`${field}=${value}\n`)
    })
    writeFileSync(join(gateway.systemd.unitDir, name), Buffer.concat(entry))
  }
  const crash = (unit: string, is: (evidence: Json) => boolean) =>
    until(
      async () =>
        (await gateway.events()).findLast((e) => e['event'] === 'crash' && e['service'] === unit)?.['evidence'] as
          | Json
          | undefined,
      { what: `the evidence of ${unit}`, is: (evidence) => evidence !== undefined && is(evidence), timeoutMs: 20_000 },
    ) as Promise<Json>
  const published = (kind: string, unit: string) =>
    subscriber.received
      .filter(({ topic }) => topic.endsWith(`/event/${kind}`))
      .map(({ payload }) => JSON.parse(payload) as Json)
      .filter((event) => event['service'] === unit)

  test('is a core dump that systemd-coredump recorded, late as an event of its own, and never a forged one', async () => {
    const { systemd } = gateway
    await systemd.systemctl('log-level', 'debug') // systemd logs what a run consumed, however little
    await systemd.start('dumps.service')
    const { MainPID = '', InvocationID = '' } = await systemd.show('dumps.service', 'MainPID', 'InvocationID')
    const record = {
      MESSAGE_ID: 'fc2e22bc6ee647b6b90729ab34a250b1',
      PRIORITY: '2',
      COREDUMP_UNIT: 'dumps.service',
      COREDUMP_PID: MainPID,
      COREDUMP_EXE: '/usr/bin/sleep',
      COREDUMP_SIGNAL_NAME: 'SIGSEGV',
      COREDUMP_CMDLINE: '/bin/sleep --password=secret',
      COREDUMP_TIMESTAMP: `${Math.floor(Date.now() / 1000)}000000`,
    }
    const stack = (name: string) =>
      `Process ${MainPID} (sleep) of user 0 dumped core.\n\nStack trace of thread ${MainPID}:\n#0  0x00007f9e3a8d1fe6 ${name} (/home/alice/sleep + 0x10)\n`
    writeEntry('genuine', { ...record, MESSAGE: stack('genuine_frame') })
    const forged = {
      ...record,
      MESSAGE: stack('forged_frame'),
      _PID: '1',
      _UID: '0',
      _SYSTEMD_UNIT: 'systemd-coredump@1-2-0.service',
    }
    writeEntry('forged', forged)
    await systemd.start('forger.service')
    await systemd.kill('dumps.service', 'SEGV')
    await until(() => published('crash', 'dumps.service')[0], { what: 'the crash on the broker' }) // long before the record
    // What systemd logs for debugging about a process makes journald count it as part of systemd.
    await systemd.systemctl('log-level', 'info')
    await systemd.exec('systemctl', 'start', '--no-block', 'systemd-coredump@1-2-0.service')

    const evidence = await crash('dumps.service', ({ coredump }) => coredump !== undefined)
    expect(evidence).toMatchObject({
      coredump: { executable: '/usr/bin/sleep', signal: 'SIGSEGV', frames: ['genuine_frame (sleep + 0x10)'] },
      resources: { cpu_ms: expect.any(Number) },
      signature: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    const late = await until(() => published('evidence', 'dumps.service')[0], { what: 'the late event' })
    const [first = {}] = published('crash', 'dumps.service')
    expect(late).toMatchObject({ of: first['id'], evidence: { signature: evidence['signature'] } })
    expect(first).toMatchObject({ core_dumped: true, invocation_id: InvocationID })
    expect((first['evidence'] as Json)['signature']).not.toBe(evidence['signature'])
    for (const { payload } of subscriber.received) expect(payload).not.toMatch(/forged_frame|secret|\/home/)
  })

  test('is memory and status text, at once, and outlives a killed agent', async () => {
    const { systemd } = gateway
    await systemd.start('talks.service')
    await fetch(`${await gateway.url()}/metrics`)
    await systemd.kill('talks.service', 'KILL')
    const [event = {}] = await until(() => published('crash', 'talks.service'), {
      what: 'the crash',
      is: (events) => events.length > 0,
    })
    const evidence = event['evidence'] as Json
    expect(evidence).toMatchObject({
      status_text: 'Reading [path]',
      memory: { limit: 64 * 1024 * 1024, last_seen: expect.any(Number) },
      ran_ms: expect.any(Number),
    })
    const before = await crash('talks.service', (all) => all['file_changed_ms'] !== undefined)
    await systemd.kill('gatewatch.service')
    await nextAgent()
    expect(await crash('talks.service', () => true)).toEqual(before)
    expect(await crash('dumps.service', () => true)).toHaveProperty('coredump')
  })

  test('is read from the journal again for an explanation, when it is no longer kept', async () => {
    const { systemd } = gateway
    await systemd.stop('gatewatch.service')
    await systemd.exec('sh', '-c', 'rm -f /run/gatewatch/evidence-*')
    await systemd.start('gatewatch.service')
    await nextAgent()
    expect(await crash('dumps.service', () => true)).not.toHaveProperty('coredump')
    expect(await gateway.getJson('/api/v1/units/dumps.service/explain')).toMatchObject({
      event: { evidence: { coredump: { executable: '/usr/bin/sleep', signal: 'SIGSEGV' } } },
      frames: ['genuine_frame (sleep + 0x10)'],
    })
  })

  test('is a program that was replaced shortly before: late after the first crash, then at once', async () => {
    replaceApp()
    await gateway.systemd.start('app.service')
    const first = await crash('app.service', (found) => found['file_changed_ms'] !== undefined)
    expect(first['file_changed_ms']).toBeLessThan(60_000)
    expect(published('crash', 'app.service')[0]?.['evidence']).not.toHaveProperty('file_changed_ms')
    await gateway.systemd.start('app.service')
    const second = await until(() => published('crash', 'app.service')[1], { what: 'the second crash' })
    expect((second?.['evidence'] as Json | undefined)?.['file_changed_ms']).toBeGreaterThan(
      Number(first['file_changed_ms']),
    )
  })
})
