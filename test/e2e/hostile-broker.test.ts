// A broker that attacks the built agent: memory stays bounded, and every crash is counted.
import { expect, test } from 'vitest'
import { measureBrokerAttack } from '../rig/agent-under-broker-attack.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'

const CRASHES = 12
/** An idle agent has 16 to 20 MB. One message of 200 MB, or the unfinished handshakes of a second, are more than this. */
const MEMORY_AT_MOST_MB = 60

describeUnless(noSystemd() ?? missingPrograms('setpriv'), 'an attack by the broker', () => {
  test.each([
    ['huge', 'messages of 200 MB', /a message of 209715200 bytes/],
    ['qos2', 'messages with QoS 2 that it never releases', /a message with QoS 2 for a subscription with QoS 0/],
    ['flood', 'small messages without end', null],
  ] as const)('(%s) with %s is contained', async (attack, _, problem) => {
    const { died, counted, peakMb, problem: shown } = await measureBrokerAttack(attack, CRASHES)
    if (counted === null) throw new Error('the agent was killed')
    expect(peakMb).toBeLessThan(MEMORY_AT_MOST_MB)
    expect(counted).toBeGreaterThanOrEqual(CRASHES)
    expect(died - counted).toBeLessThanOrEqual(1) // the unit may have been stopped after it noted its last crash and before it died
    if (problem !== null) expect(shown).toMatch(problem) // a flood is given up only after ten seconds
  })
})
