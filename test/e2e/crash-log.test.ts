// crash_log_lines on a gateway: the last log lines of a run are part of its crash event, in every output on the device.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { gatewatch } from '../rig/gatewatch.ts'
import { type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const TALKS =
  '[Service]\nEnvironment=SECRET=hunter2\nExecStart=/bin/sh -c \'echo one; echo two; echo "pw $SECRET" >&2; exit 3\'\n'
const RUNS = 30
const LOOP = `[Unit]\nStartLimitIntervalSec=10min\nStartLimitBurst=${RUNS}
[Service]\nExecStart=/bin/sh -c 'echo run $INVOCATION_ID; exit 1'\nRestart=on-failure\nRestartSec=20ms\n`
const EVENTS_FILE = '/var/log/gatewatch/events.jsonl'

describeUnless(noGateway() ?? missingPrograms(...MOSQUITTO), 'the last lines of a crash', () => {
  let broker: Mosquitto
  let subscriber: Subscriber
  let installed: Installed
  let gateway: Gateway
  beforeAll(async () => {
    broker = await startMosquitto()
    subscriber = await broker.subscribe('#')
    installed = install({
      services: ['talks', 'loop', 'silent', 'steady'],
      service: [
        // The content of the drop-ins beside the unit file, and what systemd does for the journal at every boot.
        ...['SupplementaryGroups=systemd-journal', 'LogsDirectory=gatewatch'],
        'ExecStartPre=+/usr/bin/systemd-tmpfiles --create --prefix=/run/log/journal',
        `Environment=GATEWATCH_CRASH_LOG_LINES=2 GATEWATCH_EVENTS_FILE=${EVENTS_FILE} GATEWATCH_LOG_FORMAT=json`,
        `Environment=GATEWATCH_MQTT_ENABLED=true GATEWATCH_MQTT_URL=${broker.url}`,
      ].join('\n'),
    })
    gateway = await installed.boot()
    gateway.systemd.writeUnit('talks.service', TALKS)
    gateway.systemd.writeUnit('loop.service', LOOP)
    gateway.systemd.writeUnit('silent.service', '[Service]\nExecStart=/bin/false\n')
    gateway.systemd.writeUnit('steady.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await gateway.systemd.daemonReload()
    await gateway.systemd.start('steady.service')
  })
  afterAll(async () => {
    await gateway?.systemd.stop()
    await broker?.[Symbol.asyncDispose]()
    installed?.remove()
  })

  const crashesOf = async (unit: string) =>
    (await gateway.events()).filter((event) => event['event'] === 'crash' && event['service'] === unit)
  const eventsFile = async () =>
    (await gateway.systemd.exec('cat', EVENTS_FILE)).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Json)
  const onBroker = () =>
    subscriber.received
      .filter(({ topic }) => topic.endsWith('/event/crash'))
      .map(({ payload }) => JSON.parse(payload) as Json)
  const of = (unit: string) => (event: Json) => event['event'] === 'crash' && event['service'] === unit

  test('are part of the event on the socket, over MQTT, in the events file and in the log, but never over TCP', async () => {
    const url = await gateway.url()
    const stream = await fetch(`${url}/api/v1/stream`)
    await gateway.systemd.systemctl('start', 'talks.service')
    const [crash] = await until(() => crashesOf('talks.service'), {
      what: 'the crash with its lines',
      is: ([first]) => first?.['log'] !== undefined,
    })
    expect(crash).toMatchObject({ exit_code: 3, log: ['two', 'pw hunter2'] })
    expect(gatewatch('events', '--unit', 'talk*', '--kind', 'crash', '--socket', gateway.socket).stdout).toMatch(
      /crash +talks: exit 3 \(crash 1\)\n +\| two\n +\| pw hunter2\n$/,
    )
    const expected = { ...crash, replayed: false }
    expect(await until(() => onBroker().find(of('talks.service')), { what: 'the event on the broker' })).toEqual(
      expected,
    )
    const written = await until(async () => (await eventsFile()).find(of('talks.service')), {
      what: 'the event in the file',
    })
    expect(written).toEqual(expected)
    const logged = await until(() => gateway.journal('-u', 'gatewatch', '-o', 'cat'), {
      what: 'the event in the log',
      is: (text) => text.includes('"log":["two","pw hunter2"]'),
    })
    expect(logged).not.toContain('cannot read the journal')
    expect(await gateway.getJson('/api/v1/status')).toMatchObject({ missing_evidence: [] })

    const overTcp = await (await fetch(`${url}/api/v1/events?unit=talks`)).text()
    expect(overTcp).toContain('"exit_code":3')
    const streamed = await readUntil(stream, '"event":"crash"')
    for (const text of [overTcp, streamed, await (await fetch(`${url}/metrics`)).text()])
      expect(text).not.toContain('hunter2')
  })

  test('are empty for a run without output', async () => {
    await gateway.systemd.systemctl('start', 'silent.service')
    const event = await until(() => onBroker().find(of('silent.service')), { what: 'the event' })
    expect(event).toMatchObject({ log: [] })
  })

  test('belong to the crashed run, even in a crash loop, and events keep their order', {
    timeout: 60_000,
  }, async () => {
    await gateway.systemd.systemctl('start', 'loop.service')
    const events = await until(() => onBroker().filter(of('loop.service')), {
      what: `${RUNS} crashes on the broker`,
      is: (crashes) => crashes.length === RUNS,
      timeoutMs: 40_000,
    })
    const withLines = events.filter((event) => Array.isArray(event['log']) && event['log'].length > 0)
    // These runs end before journald looks up their process, so their lines are assigned by time. On a busy machine, journald
    // may receive the line of the previous or next run (20 ms apart) in between.
    for (const event of withLines) expect(event['log']).toContain(`run ${event['invocation_id']}`)
    console.log(`${withLines.length} of ${RUNS} crashes in a loop have their lines`)
    expect(withLines.length).toBeGreaterThan(0) // how many are available in time depends on journald and the machine
    const seqs = (await eventsFile()).map((event) => Number(event['seq']))
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i))
    const { counters } = (await gateway.unit('loop.service')) as { counters: Json }
    expect(counters).toMatchObject({ starts: RUNS, crashes: RUNS, lost: 0 })
    // A daemon-reload before systemd refuses the next start would reset the start limit.
    const end = { what: 'the start limit', is: (unit: Json) => unit['gave_up'] === true }
    await until(() => gateway.unit('loop.service') as Promise<Json>, end)
  })

  test('are missing without the group; log and status show the reason, and events are still published', async () => {
    const { systemd } = gateway
    systemd.writeUnit('gatewatch.service.d/z.conf', '[Service]\nSupplementaryGroups=\n')
    await systemd.daemonReload()
    await systemd.stop('gatewatch.service')
    await systemd.restart('steady.service') // the end of its first run is not observed
    await systemd.start('gatewatch.service')
    await until(() => gateway.journal('-u', 'gatewatch', '-o', 'cat'), {
      what: 'the logged reason',
      is: (text) => text.includes('add the user of the agent to the group systemd-journal'),
    })
    const missing = () => gatewatch('status', '--socket', gateway.socket).stdout.match(/^journal: .*/gm) ?? []
    const both =
      /^journal: gatewatch may not read it, so crash events have no log lines \(crash_log_lines\), and 1 run that ended/
    expect(await until(missing, { what: 'the lost run', is: ([first = '']) => first.includes('1 run') })).toEqual([
      expect.stringMatching(both),
    ])
    const before = onBroker().length
    await systemd.systemctl('start', 'talks.service')
    const event = await until(() => onBroker()[before], { what: 'the event' })
    expect(event).toMatchObject({ service: 'talks.service', exit_code: 3 })
    expect(event).not.toHaveProperty('log')
  })
})

/** Reads a stream until it contains the text, and returns what was read. */
async function readUntil(response: Response, text: string): Promise<string> {
  const reader = response.body?.getReader()
  let content = ''
  while (reader && !content.includes(text)) {
    const { value, done } = await reader.read()
    if (done) break
    content += Buffer.from(value).toString()
  }
  await reader?.cancel()
  return content
}
