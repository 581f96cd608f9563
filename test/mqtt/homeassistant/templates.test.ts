// Home Assistant's templates: rendered on real payloads with Jinja, as Home Assistant renders them.
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { newUnit, type Unit } from '../../../src/core/unit.ts'
import { unitJson } from '../../../src/core/views/api-json.ts'
import { type Entity, gatewayEntities, unitEntities } from '../../../src/mqtt/homeassistant/entities.ts'
import { eventPayload } from '../../../src/mqtt/payloads.ts'
import { topicsOf } from '../../../src/mqtt/topics.ts'
import { IDLE, SETTINGS } from '../../core/step-driver.ts'
import { describeUnless } from '../../rig/unavailable.ts'
import { crashed } from '../event.ts'

/** Renders a template on a unit's state with Python's Jinja, as Home Assistant does; undefined names are errors. */
const RENDER = `
import json, sys
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2 import StrictUndefined
env = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
given = json.load(sys.stdin)
print(json.dumps([{k: env.from_string(t).render(value_json=v) for k, t in given["templates"].items()} for v in given["values"]]))
`
/** Debian's own Python: only that one has the package. */
const PYTHON = '/usr/bin/python3'
const noJinja = () => (spawnSync(PYTHON, ['-c', 'import jinja2']).status === 0 ? null : 'not installed: python3-jinja2')

/** Renders the templates of all entities of a unit or of the gateway, by their keys. */
function renderAll(entities: readonly Entity[], values: readonly unknown[]): Record<string, string>[] {
  const templates: Record<string, unknown> = {}
  for (const { component } of entities) {
    const key = String(component['uniq_id']).split('_').slice(3).join('_')
    if (component['val_tpl']) templates[key] = component['val_tpl']
    if (component['json_attr_tpl']) templates[`${key}_attributes`] = component['json_attr_tpl']
  }
  const input = JSON.stringify({ templates, values })
  const { stdout, stderr } = spawnSync(PYTHON, ['-c', RENDER], { input, encoding: 'utf8' })
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout)
}

const TOPICS = topicsOf('gatewatch', 'gw-7')

function render(...units: readonly Unit[]): Record<string, string>[] {
  const isState = ({ component }: Entity) => component['stat_t'] === TOPICS.unitState('mosquitto.service')
  return renderAll(unitEntities('gw-7', TOPICS, 'mosquitto.service', []).filter(isState), units.map(unitJson))
}

describeUnless(noJinja(), "Home Assistant's templates", () => {
  const unit = newUnit('mosquitto.service')
  const running: Unit = {
    ...unit,
    settings: SETTINGS,
    snapshot: { ...IDLE, activeState: 'active', subState: 'running' },
  }
  const failed: Unit = { ...running, snapshot: { ...IDLE, activeState: 'failed', subState: 'failed' }, gaveUp: true }
  const waiting: Unit = { ...running, snapshot: { ...IDLE, activeState: 'activating', subState: 'auto-restart' } }
  const after = (result: string, exitCode: number | null, signal: string | null): Unit => ({
    ...running,
    lastCrash: {
      cause: { result, exitCode, signal, coreDumped: false },
      requested: false,
      thisBoot: true,
      atMs: 1_700_000_000_000,
    },
  })

  it('show a problem if a unit failed, waits to be restarted, flaps, or cannot be loaded', () => {
    const absent = (loadState: string): Unit => ({ ...running, snapshot: IDLE, settings: { ...SETTINGS, loadState } })
    const good = [{ ...running, snapshot: IDLE }, running, absent('not-found'), absent('masked')]
    expect(render(...good).map((r) => r['problem'])).toEqual(['OFF', 'OFF', 'OFF', 'OFF'])
    const bad = [failed, waiting, { ...running, flapping: true }, absent('bad-setting')]
    expect(render(...bad).map((r) => r['problem'])).toEqual(['ON', 'ON', 'ON', 'ON'])
    expect(render(running, failed).map((r) => r['state'])).toEqual(['active', 'failed'])
  })

  it('show unknown, and neither OK nor a problem, while the state is unknown', () => {
    const [unread, outOfContact] = render(unit, { ...failed, outOfContact: true })
    expect(unread).toMatchObject({ problem: 'None', state: 'None' })
    expect(outOfContact).toMatchObject({ problem: 'None', state: 'None' })
  })

  it('show the last cause as a readable text', () => {
    const units = [
      ...[running, after('exit-code', 3, null), after('signal', null, 'SIGKILL'), after('core-dump', null, 'SIGSEGV')],
      ...[after('watchdog', null, 'SIGABRT'), after('exit-code', null, null), after('timeout', null, 'SIGKILL')],
    ]
    expect(render(...units).map((r) => r['last_cause'])).toEqual([
      ...['never crashed', 'exit 3', 'SIGKILL', 'SIGSEGV'],
      ...['watchdog', 'exit-code', 'timeout'],
    ])
  })

  it('show counters, and attributes that are always an object', () => {
    const counters = { starts: 5, stops: 1, crashes: 4, restarts: 3, lost: 0 }
    const [counted = {}, crashed = {}] = render({ ...running, counters }, after('signal', null, 'SIGKILL'))
    expect(counted).toMatchObject({ starts: '5', stops: '1', crashes: '4', restarts: '3', lost: '0' })
    expect(JSON.parse(counted['last_cause_attributes'] ?? '')).toEqual({})
    expect(JSON.parse(counted['state_attributes'] ?? '')).toEqual({
      sub_state: 'running',
      since: null,
      missing: null,
      frozen: false,
    })
    expect(JSON.parse(crashed['last_cause_attributes'] ?? '')).toMatchObject({ signal: 'SIGKILL', requested: false })
  })

  it('show the time of the last crash, and no time if there was none', () => {
    const times = render(running, after('signal', null, 'SIGKILL')).map((r) => r['last_crash'])
    expect(times).toEqual(['None', '2023-11-14T22:13:20.000Z'])
  })

  it('show every state that a unit can have as one of the options, or as unknown', () => {
    const [state] = unitEntities('gw-7', TOPICS, 'mosquitto.service', []).filter(({ id }) => id.endsWith('_state'))
    const of = (activeState: string): Unit => ({ ...running, snapshot: { ...IDLE, activeState } })
    const states = [
      'active',
      'reloading',
      'inactive',
      'failed',
      'activating',
      'deactivating',
      'maintenance',
      'refreshing',
    ]
    const absent: Unit = { ...running, snapshot: IDLE, settings: { ...SETTINGS, loadState: 'not-found' } }
    const shown = render(...states.map(of), absent).map((r) => r['state'])
    expect(shown).toEqual([...states, 'unloaded'])
    expect([state?.component['ops']].flat().toSorted()).toEqual(shown.toSorted())
  })

  it('make an event of the crashes of one unit only, also of one with a backslash in its name', () => {
    const events = ['a\\x2db.service', 'a-b.service'].map((unit) => {
      const event = { ...crashed(41), unit }
      return JSON.parse(eventPayload(event, { gatewayId: 'gw-7', machineId: 'm', stream: 's' }, true))
    })
    const entities = unitEntities('gw-7', TOPICS, 'a\\x2db.service', []).filter(({ component: { p } }) => p === 'event')
    const [own, other] = renderAll(entities, events)
    expect(other).toEqual({ crash: '' })
    expect(JSON.parse(own?.['crash'] ?? '')).toEqual({
      event_type: 'crash',
      timestamp: '2023-11-14T22:13:20.000Z',
      result: 'signal',
      exit_code: null,
      signal: 'SIGKILL',
      core_dumped: false,
      requested: false,
      will_restart: true,
      seq: 41,
      replayed: true,
    })
  })

  it('show the health of the gateway', () => {
    const status = (connected: boolean, problem: string | null, queued: number) => ({
      bus: { connected, problem: connected ? null : 'no bus' },
      flash: { problem, errors: {} },
      queue: { queued, dropped: { overflow: 0 } },
    })
    const entities = gatewayEntities('gw-7', TOPICS)
    const [good, bad] = renderAll(entities, [status(true, null, 0), status(false, 'disk full', 7)])
    expect(good).toMatchObject({ bus: 'ON', flash: 'OFF', queue: '0' })
    expect(bad).toMatchObject({ bus: 'OFF', flash: 'ON', queue: '7' })
    expect(JSON.parse(bad?.['bus_attributes'] ?? '')).toEqual({ problem: 'no bus' })
    expect(JSON.parse(bad?.['flash_attributes'] ?? '')).toEqual({ problem: 'disk full', errors: {} })
  })
})
