// The derived machine id, compared with systemd's own, what is not a machine id, and the precedence of gateway ids.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { derivedMachineId, gatewayIdentity, type Machine, readBootId, readMachine } from '../../src/host/identity.ts'

const APPLICATION = '4c1f6f0a2e9b4d7c8f3f0d1b6a52e7c9'

test('the machine id is derived as systemd does it, and is not the raw one', (context) => {
  expect(derivedMachineId('000102030405060708090a0b0c0d0e0f')).toBe('f9d8591b61c54fa6b4e2fcb2f000f505')
  if (spawnSync('systemd-id128', ['machine-id']).status !== 0)
    context.skip('SKIPPED: systemd-id128 finds no machine id')
  const real = execFileSync('systemd-id128', ['-a', APPLICATION, 'machine-id'], { encoding: 'utf8' }).trim()
  expect(readMachine(DURABLE)).toEqual({ id: real, persistent: true, problem: null })
})

const RAW = '000102030405060708090a0b0c0d0e0f'
const DERIVED = 'f9d8591b61c54fa6b4e2fcb2f000f505'
const DURABLE = () => null
const ON_TMPFS = () => ({ what: 'is on a RAM-backed file system (tmpfs)', certain: true })
const ON_OVERLAY = () => ({ what: 'is on an overlay', certain: false })

test.each([
  ['absent', null, DURABLE, { id: null, persistent: false, problem: '/etc/machine-id does not exist' }],
  ['empty', '\n', DURABLE, { id: null, persistent: false, problem: '/etc/machine-id is empty' }],
  [
    'uninitialized',
    'uninitialized\n',
    DURABLE,
    { id: null, persistent: false, problem: '/etc/machine-id is uninitialized' },
  ],
  [
    'something else',
    `${RAW.toUpperCase()}\n`,
    DURABLE,
    { id: null, persistent: false, problem: '/etc/machine-id does not contain a machine id' },
  ],
  [
    'a tmpfs mount',
    RAW,
    ON_TMPFS,
    {
      id: null,
      persistent: false,
      problem: '/etc/machine-id is only valid for this boot, because it is on a RAM-backed file system (tmpfs)',
    },
  ],
  ['an overlay that may be in RAM', RAW, ON_OVERLAY, { id: DERIVED, persistent: false, problem: null }],
  ['a file', `${RAW}\n`, DURABLE, { id: DERIVED, persistent: true, problem: null }],
])('/etc/machine-id is %s', (_, content, volatileAt, machine) => {
  const dir = mkdtempSync(join(tmpdir(), 'gw-id-'))
  try {
    if (content !== null) writeFileSync(join(dir, 'id'), content)
    expect(readMachine(volatileAt, join(dir, 'id'))).toEqual(machine)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('without /proc the boot id is unknown', () => {
  expect(readBootId('/nowhere/boot_id')).toBe('unknown')
})

const THIS = { id: 'this', persistent: true, problem: null }
const NONE = { id: null, persistent: false, problem: 'there is none' }
const STREAM = '0123456789abcdef'
const stored = (gatewayId: string | null, machineId: string | null) => ({ gatewayId, machineId, stream: STREAM })

describe.each([
  ['the system agent', null, ''],
  ['an agent with --user', 1000, '-1000'],
])('%s', (_, uid, suffix) => {
  const gatewayId = (configured: string | null, kept: ReturnType<typeof stored>, machine: Machine = THIS) =>
    gatewayIdentity(configured, kept, machine, uid).gatewayId

  test('the gateway id is the configured one, else the stored one, else derived from the machine id', () => {
    expect(gatewayId('gw-7', stored('old', null))).toBe('gw-7')
    expect(gatewayId(null, stored('old', null))).toBe('old')
    expect(gatewayId(null, stored(null, null))).toBe(`this${suffix}`)
  })

  test('without a machine id it is derived from the stream, and never unknown', () => {
    expect(gatewayId(null, stored(null, null), NONE)).toBe(`${STREAM}${suffix}`)
    expect(gatewayId(null, stored(`unknown${suffix}`, null), NONE)).toBe(`${STREAM}${suffix}`)
    expect(gatewayId(null, stored(`unknown${suffix}`, null))).toBe(`this${suffix}`)
  })

  test('on another machine only a derived one is derived again', () => {
    expect(gatewayId(null, stored(`other${suffix}`, 'other'))).toBe(`this${suffix}`)
    expect(gatewayId(null, stored(`${STREAM}${suffix}`, 'other'))).toBe(`this${suffix}`)
    expect(gatewayId(null, stored('gw-6', 'other'))).toBe('gw-6')
    expect(gatewayId('gw-7', stored(`other${suffix}`, 'other'))).toBe('gw-7')
  })

  test('a machine without a persistent id keeps the stored ids', () => {
    const kept = stored(`other${suffix}`, 'other')
    expect(gatewayId(null, kept, NONE)).toBe(`other${suffix}`)
    expect(gatewayId(null, kept, { ...THIS, persistent: false })).toBe(`other${suffix}`)
  })
})

test('only a persistent machine id is kept; the shown one is the kept one while this machine has none', () => {
  const of = (machineId: string | null, machine: Machine) => {
    const { gatewayId, ...rest } = gatewayIdentity(null, stored('gw', machineId), machine, null)
    return rest
  }
  const changed =
    '/etc/machine-id has changed, but is on an overlay that may be in RAM: it may be valid for this boot only'
  const uncertain = { ...THIS, persistent: false }
  expect(of(null, THIS)).toEqual({ machineId: 'this', shownMachineId: 'this', problem: null })
  expect(of('other', THIS)).toEqual({ machineId: 'this', shownMachineId: 'this', problem: null })
  expect(of('other', NONE)).toEqual({ machineId: null, shownMachineId: 'other', problem: 'there is none' })
  expect(of(null, NONE)).toEqual({ machineId: null, shownMachineId: 'unknown', problem: 'there is none' })
  expect(of(null, uncertain)).toEqual({ machineId: null, shownMachineId: 'this', problem: null })
  expect(of('this', uncertain)).toEqual({ machineId: null, shownMachineId: 'this', problem: null })
  expect(of('other', uncertain)).toEqual({ machineId: null, shownMachineId: 'other', problem: changed })
})
