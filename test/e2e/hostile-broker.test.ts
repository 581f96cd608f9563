// A broker that attacks the built agent: memory stays bounded, and every crash is counted.
import { expect, test } from 'vitest'
import { measureAttack } from '../rig/attack/agent-under-attack.ts'
import { startHostileBroker } from '../rig/attack/broker.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'

const CRASHES = 12
/** An idle agent has 20 MB. One message of 200 MB, or the unfinished handshakes of a second, are more than this. */
const MEMORY_AT_MOST_MB = 60

describeUnless(noSystemd() ?? missingPrograms('setpriv'), 'an attack by the broker', () => {
  test.each([
    ['huge', 'messages of 200 MB', /a message of 209715200 bytes/],
    ['qos2', 'messages with QoS 2 that it never releases', /a message with QoS 2 for a subscription with QoS 0/],
    ['flood', 'small messages without end', /.*/], // a flood is given up only after ten seconds
  ] as const)('(%s) with %s is contained', async (kind, _, problem) => {
    await using broker = await startHostileBroker(kind)
    const { result, killed, died, counted, peakMb } = await measureAttack({
      crashEveryS: 0.3,
      limitMemory: true,
      attacked: { args: ['--mqtt', broker.url] },
      async attack({ agent, crashes }) {
        await crashes(CRASHES)
        const { mqtt } = (await agent.getJson('/api/v1/status')) as { mqtt?: { problem: string | null } }
        return mqtt?.problem ?? ''
      },
    })
    expect(killed).toBe(false)
    expect(broker.connections()).toBeGreaterThan(0)
    expect(peakMb).toBeLessThan(MEMORY_AT_MOST_MB)
    expect(counted).toBeGreaterThanOrEqual(CRASHES)
    expect(died - counted).toBeLessThanOrEqual(1) // the unit may have been stopped after it noted its last crash and before it died
    expect(result).toMatch(problem)
  })
})
