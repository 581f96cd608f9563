// Slow, broken and hostile TCP clients: all are refused, and the agent still counts and publishes every crash.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import { measureAttack } from '../rig/attack/agent-under-attack.ts'
import type { ResponseCounts } from '../rig/attack/client.ts'
import { attackOverHttp } from '../rig/attack/network.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { median } from '../rig/process-usage.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'

describeUnless(noSystemd(), 'an attack over TCP', () => {
  test('is refused, and no crash is missed or reported late', async () => {
    // `npm run bench:attack` does the same with 10,000 malformed requests, among other attacks.
    const directory = temporaryDirectory()
    const [token, web] = [join(directory, 'token'), join(directory, 'web.yml')]
    writeFileSync(token, 'topsecret')
    writeFileSync(web, `basic_auth_users: {prom: ${hashSync('secret', 8)}}`)
    const { result, counted, died, lost, attackedMs, otherMs } = await measureAttack({
      crashEveryS: 0.7,
      both: {
        env: {
          GATEWATCH_CONTROL_ENABLED: 'true',
          GATEWATCH_CONTROL_TOKEN_FILE: token,
          GATEWATCH_WEB_CONFIG_FILE: web,
        },
      },
      attack: ({ agent }) => attackOverHttp('malformedRequests', agent.pid, agent.url, 1_000),
    }).finally(() => removeDirectory(directory))
    const responses = result as Record<string, ResponseCounts>
    /** The clients, 50 of them slow, exceed the limit of 64 connections: any may be closed without a response, or with 503. */
    const codes = (what: string) =>
      Object.keys(responses[what] ?? {})
        .filter((code) => code !== 'closed' && code !== '503')
        .sort()
    expect(codes('garbage')).toEqual(expect.arrayContaining(['400', '401']))
    expect(new Set([...codes('hugeHeader'), '431'])).toEqual(new Set(['431']))
    expect(codes('chunked')).toEqual(['400'])
    expect(codes('rebinding')).toEqual(['403'])
    expect(codes('origin')).toEqual(['403'])
    expect(codes('token')).toEqual(['401'])
    expect(new Set([...codes('password'), '429'])).toEqual(new Set(['401', '429']))
    expect(lost).toBe(0)
    expect(died - counted).toBeLessThanOrEqual(1) // the unit may have been stopped after it noted its last crash and before it died
    expect(died - counted).toBeGreaterThanOrEqual(0)
    expect(attackedMs.length).toBeGreaterThan(0)
    // Compared with another agent that reports the same crashes, so that the load of the machine is the same.
    expect(median(attackedMs)).toBeLessThan(10 * median(otherMs) + 1_000)
  })
})
