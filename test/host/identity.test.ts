// The derived machine id, compared with systemd's own, and the precedence of gateway ids.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { derivedMachineId, gatewayId, readBootId, readMachineId } from '../../src/host/identity.ts'

const APPLICATION = '4c1f6f0a2e9b4d7c8f3f0d1b6a52e7c9'

test('the machine id is derived as systemd does it, and is not the raw one', (context) => {
  expect(derivedMachineId('000102030405060708090a0b0c0d0e0f')).toBe('f9d8591b61c54fa6b4e2fcb2f000f505')
  if (spawnSync('systemd-id128', ['machine-id']).status !== 0)
    context.skip('SKIPPED: systemd-id128 finds no machine id')
  const real = execFileSync('systemd-id128', ['-a', APPLICATION, 'machine-id'], { encoding: 'utf8' }).trim()
  expect(readMachineId()).toBe(real)
})

test('a machine without an id has null, not a wrong id', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gw-id-'))
  try {
    writeFileSync(join(dir, 'id'), 'uninitialized\n')
    expect(readMachineId(join(dir, 'id'))).toBeNull()
    expect(readMachineId(join(dir, 'none'))).toBeNull()
    expect(readBootId(join(dir, 'none'))).toBe('unknown')
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('the gateway id is the configured one, else the stored one, else derived from the machine id', () => {
  expect(gatewayId('gw-7', 'old', 'abc', null)).toBe('gw-7')
  expect(gatewayId(null, 'old', 'abc', null)).toBe('old')
  expect(gatewayId(null, null, 'abc', null)).toBe('abc')
  expect(gatewayId(null, null, 'abc', 1000)).toBe('abc-1000')
  expect(gatewayId(null, null, null, null)).toBe('unknown')
})
