// thin-edge.io: the messages match its documented schema.
import { describe, expect, it } from 'vitest'
import type { CrashEvent } from '../../../src/core/event.ts'
import { newState } from '../../../src/core/state.ts'
import { newUnit, type Unit, ZERO } from '../../../src/core/unit.ts'
import {
  CHANNELS,
  type Channel,
  channelOf,
  crashMessage,
  EARLIER_FILTERS,
  lastPayloadOn,
  payloadOn,
  publisherOf,
  SERVICE_FILTERS,
  serviceOf,
  serviceTopic,
  unitOfService,
} from '../../../src/mqtt/thinedge/payload.ts'
import { IDLE, SETTINGS } from '../../core/step-driver.ts'
import { IDENTITY, STREAM } from '../gateway.ts'
import { faults } from '../thinedge-schema.ts'

const { policy } = newState(STREAM)
const AT_MS = 1_700_000_000_000
const running: Unit = {
  ...newUnit('mosquitto.service'),
  settings: SETTINGS,
  changedAtMs: AT_MS,
  snapshot: { ...IDLE, activeState: 'active', subState: 'running', mainPid: 812 },
}
const inState = (activeState: string, more: Partial<Unit> = {}): Unit => ({
  ...running,
  snapshot: { ...IDLE, activeState, subState: 'x', mainPid: 812 },
  ...more,
})
const on = (channel: Channel, unit: Unit) => payloadOn(channel, unit, policy, STREAM)
const health = (unit: Unit) => JSON.parse(on('/status/health', unit) ?? '')
const crash: CrashEvent = {
  ...{ kind: 'crash', seq: 7, atMs: AT_MS, bootId: 'boot-1', source: 'signal', clockSynced: true },
  ...{ unit: 'mosquitto.service', counters: { ...ZERO, crashes: 4 }, fromState: 'active', toState: 'failed' },
  ...{ subState: 'failed', result: 'signal', exitCode: null, signal: 'SIGSEGV', coreDumped: true },
  ...{ invocationId: null, requested: false, willRestart: true, log: ['a line of the journal'] },
}

describe('the schema of thin-edge.io', () => {
  it('is matched by every message', () => {
    const units = [
      running,
      inState('failed', { gaveUp: true }),
      inState('active', { flapping: true }),
      newUnit('a.timer'),
    ]
    for (const unit of units) {
      for (const channel of CHANNELS) {
        const payload = on(channel, unit)
        const topic = serviceTopic(serviceOf(unit.name) ?? '', channel)
        if (payload !== null) expect([topic, ...faults({ topic, payload, retain: true })]).toEqual([topic])
      }
    }
    expect(faults({ ...crashMessage('mosquitto', crash, IDENTITY) })).toEqual([])
  })

  it('refuses what is not in it', () => {
    const topic = 'te/device/main/service/x'
    expect(faults({ topic, payload: '{"@type":"service","@mark":1}', retain: true })).toEqual(['@mark'])
    expect(faults({ topic: `${topic}/status/health`, payload: '{"pid":0}', retain: false })).toEqual([
      'not retained',
      'status is missing',
      'pid',
    ])
    expect(faults({ topic: `${topic}/a/x`, payload: '{"text":"x","severity":"high"}', retain: true })).toEqual([
      'severity',
    ])
    expect(faults({ topic: `${topic}/e/x`, payload: '{"text":"x","id":1}', retain: true })).toEqual(['retained', 'id'])
    expect(faults({ topic: `${topic}/e`, payload: '', retain: false })).toEqual([`${topic}/e: not a channel`])
  })
})

describe('a service', () => {
  it('has the name of its unit without .service, and with any other type', () => {
    const names = ['mosquitto.service', 'sink@tty-1.service', 'backup.timer', 'a\\x2db.socket', 'backup.timer.service']
    expect(names.map(serviceOf)).toEqual([
      'mosquitto',
      'sink@tty-1',
      'backup.timer',
      'a\\x2db.socket',
      'backup.timer.service',
    ])
    expect(names.map((name) => unitOfService(serviceOf(name) ?? ''))).toEqual(names)
  })

  it('is not published of units that publish their own, or whose name cannot be a topic level', () => {
    const names = ['tedge-agent.service', 'tedge-mapper-c8y.service', 'c8y-firmware-plugin.service']
    expect([...names, 'mosquitto-c8y-bridge.service', 'a+b.service', 'a/b.service'].map(serviceOf)).toEqual(
      Array(6).fill(null),
    )
    expect(['tedge.service', 'my-tedge-x.service'].map(serviceOf)).toEqual(['tedge', 'my-tedge-x'])
  })

  it('is registered as a service of the main device', () => {
    expect(serviceTopic('mosquitto', '')).toBe('te/device/main/service/mosquitto')
    expect(on('', running)).toBe('{"@type":"service","name":"mosquitto","type":"service"}')
  })
})

describe('the health', () => {
  it('is up with the main process, down without it, and shows since when', () => {
    const time = '2023-11-14T22:13:20.000Z'
    expect(health(running)).toEqual({ status: 'up', pid: 812, time, gatewatch: STREAM })
    const up = ['active', 'reloading', 'refreshing']
    const down = ['inactive', 'failed', 'activating', 'deactivating', 'maintenance']
    for (const state of up) expect(health(inState(state))).toMatchObject({ status: 'up', pid: 812 })
    for (const state of down) expect(health(inState(state))).toEqual({ status: 'down', time, gatewatch: STREAM })
    expect(health(inState('inactive', { settings: { ...SETTINGS, loadState: 'not-found' } }))).toMatchObject({
      status: 'down',
    })
    expect(health({ ...running, snapshot: { ...IDLE, activeState: 'active' } })).not.toHaveProperty('pid')
    expect(health({ ...inState('inactive'), changedAtMs: null })).toEqual({ status: 'down', gatewatch: STREAM })
  })

  it('is unknown while the state is, and after the agent', () => {
    const unknown = { status: 'unknown', gatewatch: STREAM }
    expect([health(newUnit('a.service')), health({ ...running, outOfContact: true })]).toEqual([unknown, unknown])
    expect(CHANNELS.map((channel) => lastPayloadOn(channel, STREAM))).toEqual([
      null,
      JSON.stringify(unknown),
      null,
      null,
    ])
  })

  it('has the mark of the gateway, which no other health has', () => {
    expect(publisherOf(on('/status/health', running) ?? '')).toBe(STREAM)
    const foreign = ['{"pid":1,"status":"up","time":1.5}', '1', '', 'null', '{"gatewatch":1}', '{', '[]']
    for (const payload of foreign) expect(publisherOf(payload)).toBeNull()
    expect(publisherOf(JSON.stringify({ gatewatch: STREAM, x: 'x'.repeat(2000) }))).toBeNull()
  })

  it('and the alarms are found again in their topics', () => {
    for (const channel of CHANNELS) {
      expect(channelOf(serviceTopic('a.timer', channel))).toEqual({ service: 'a.timer', channel })
      expect(SERVICE_FILTERS).toContain(serviceTopic('+', channel))
      expect(EARLIER_FILTERS.includes(serviceTopic('+', channel))).toBe(channel !== '')
    }
    const others = ['', '//status/health', '/a/status/health/x', '/a/a/other', '/a/cmd/health/check']
    for (const end of others) expect(channelOf(`te/device/main/service${end}`)).toBeNull()
    expect(channelOf('te/device/child/service/a/status/health')).toBeNull()
  })
})

describe('the alarms', () => {
  it('are raised while the unit has given up or flaps, with the cause, and there are none otherwise', () => {
    const failed = {
      ...IDLE,
      activeState: 'failed',
      subState: 'failed',
      result: 'exit-code',
      mainCode: 1,
      mainStatus: 3,
    }
    const time = '2023-11-14T22:13:20.000Z'
    expect(JSON.parse(on('/a/gave_up', { ...running, snapshot: failed, gaveUp: true }) ?? '')).toEqual({
      text: 'mosquitto.service failed (exit 3): systemd will not restart it',
      severity: 'critical',
      time,
    })
    const cause = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }
    const lastCrash = { cause, requested: false, atMs: AT_MS, thisBoot: true }
    const flapping = { ...running, flapping: true, crashTimesMonoMs: [1, 2, 3, 4, 5], lastCrash }
    expect(JSON.parse(on('/a/flapping', flapping) ?? '')).toEqual({
      text: 'mosquitto.service crashes repeatedly: 5 crashes within 300 s',
      severity: 'major',
      time,
    })
    expect([on('/a/gave_up', running), on('/a/flapping', running)]).toEqual(['', ''])
  })

  it('remain as they are while the state is unknown', () => {
    const unknown = { ...running, gaveUp: true, outOfContact: true }
    expect([on('/a/gave_up', unknown), on('/a/flapping', unknown)]).toEqual([null, null])
  })
})

it('a crash is an event with its cause and its time', () => {
  const { topic, payload, retain } = crashMessage('mosquitto', crash, IDENTITY)
  expect([topic, retain]).toEqual(['te/device/main/service/mosquitto/e/crash', false])
  expect(JSON.parse(payload)).toEqual({
    text: 'mosquitto.service crashed: SIGSEGV, core dumped, will restart (crash 4)',
    time: '2023-11-14T22:13:20.000Z',
  })
})
