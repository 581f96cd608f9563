// Signatures of crashes: the same fault has the same one, whatever differs between two gateways.
import { describe, expect, test } from 'vitest'
import { normalizedLine, signatureOf } from '../../../src/core/explain/signature.ts'

const SEGV = { result: 'core-dump', exitCode: null, signal: 'SIGSEGV', coreDumped: true }

describe('a signature', () => {
  test('is 12 hex digits, fixed for all time', () => {
    expect(signatureOf('mosquitto.service', SEGV)).toBe('31e9faf4e323')
    expect(signatureOf('mosquitto.service', SEGV, 'handle_publish')).toBe('b0b64d7d4601')
  })

  test('does not depend on whether a core was dumped', () => {
    const plain = { ...SEGV, result: 'signal', coreDumped: false }
    expect(signatureOf('a.service', plain)).toBe(signatureOf('a.service', SEGV))
  })

  test('is the same for each instance of a template', () => {
    const of = (unit: string) => signatureOf(unit, SEGV)
    expect(of('ssh@12-10.0.0.1:22.service')).toBe(of('ssh@7-10.0.0.2:22.service'))
    expect(of('ssh@1.service')).not.toBe(of('ssh.service'))
  })

  test('differs by unit, cause and detail', () => {
    const exit = (exitCode: number) => ({ result: 'exit-code', exitCode, signal: null, coreDumped: false })
    const all = [
      signatureOf('a.service', SEGV),
      signatureOf('b.service', SEGV),
      signatureOf('a.service', { ...SEGV, signal: 'SIGBUS' }),
      signatureOf('a.service', exit(1)),
      signatureOf('a.service', exit(2)),
      signatureOf('a.service', exit(2), 'main'),
    ]
    expect(new Set(all).size).toBe(all.length)
    for (const one of all) expect(one).toMatch(/^[0-9a-f]{12}$/)
  })
})

test.each([
  [
    '2026-12-01T10:15:23.412Z ERROR cannot open /var/lib/app/17.db: No such file',
    '# ERROR cannot open /: No such file',
  ],
  ['Dec  1 10:15:23 gw app[4711]: connection to 10.1.2.3:1883 refused', 'Dec # gw app[#]: connection to # refused'],
  ['panic: invalid address 0xc000123ab4 (pid 77)', 'panic: invalid address # (pid #)'],
  ['device 3fa85f64-5717-4562-b3fc-2c963f66afa6 is gone', 'device # is gone'],
  ['checksum deadbee1 does not match', 'checksum # does not match'],
  ['facade and decade stay words', 'facade and decade stay words'],
  ['module "~/app/x.py", line 12', 'module "/", line #'],
])('%s is normalised', (line, normal) => {
  expect(normalizedLine(line)).toBe(normal)
})

test('a line that a service has made to be slow to normalise is cut first', () => {
  for (const part of ['a-', '#a', '/', '0x', 'a1', '1.', '~']) {
    expect(normalizedLine(part.repeat(500_000)).length).toBeLessThanOrEqual(200)
  }
})
