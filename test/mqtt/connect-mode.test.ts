// The order in which ways to connect are tried: MQTT 5 or 3.1.1, with retained messages or without.
import { expect, it } from 'vitest'
import { type ConnectMode, createConnectModes } from '../../src/mqtt/connection/connect-mode.ts'

/** What a broker does with an attempt: it accepts, stating whether it retains; refuses; or closes the connection. */
type Broker = (mode: ConnectMode) => 'retains' | 'does not retain' | 'refuses 5' | 'refuses retain' | 'silent'

function setUp() {
  const logged: string[] = []
  const modes = createConnectModes((level, text) => void logged.push(`${level}: ${text}`))
  /** Attempts until a connection is used. */
  const connect = (broker: Broker): string[] => {
    const attempts: string[] = []
    for (let isUsed = false; !isUsed; ) {
      if (attempts.length > 12) throw new Error(`never connected: ${attempts}`)
      const mode = modes.next()
      attempts.push(`${mode.version}${mode.retain ? ' retain' : ''}`)
      const response = broker(mode)
      if (response === 'silent') modes.closedSilently()
      else if (response === 'refuses 5') modes.refused({ version: true })
      else if (response === 'refuses retain') modes.refused({ version: false, retain: true })
      else isUsed = modes.accepted(response === 'retains')
    }
    return attempts
  }
  return { modes, connect, logged }
}

const usual: Broker = () => 'retains'
/** mosquitto with `retain_available false`. */
const noRetain: Broker = ({ version, retain }) => {
  if (!retain) return version === 5 ? 'does not retain' : 'retains'
  return version === 5 ? 'refuses retain' : 'silent'
}

it('uses MQTT 5 and retained messages where they are supported', () => {
  const { modes, connect, logged } = setUp()
  expect(connect(usual)).toEqual(['5 retain'])
  expect(modes.problem()).toBeNull()
  expect(logged).toEqual([])
})

it('connects without retained messages where they are refused, with one warning, and later at once', () => {
  const { modes, connect, logged } = setUp()
  expect(connect(noRetain)).toEqual(['5 retain', '5'])
  expect(modes.problem()).toContain('does not support retained messages')
  expect(connect(noRetain)).toEqual(['5'])
  expect(logged).toEqual([`warning: mqtt: ${modes.problem()}`])
})

it('uses them again as soon as the broker states that it supports them, and without them again after that', () => {
  const { modes, connect, logged } = setUp()
  connect(noRetain)
  expect(connect(usual)).toEqual(['5', '5 retain'])
  expect(modes.problem()).toBeNull()
  expect(connect(usual)).toEqual(['5 retain'])
  expect(connect(noRetain)).toEqual(['5 retain', '5'])
  expect(logged).toHaveLength(2)
})

it('does not use them where the CONNACK excludes them, although the Will was accepted', () => {
  const { modes, connect } = setUp()
  expect(connect(() => 'does not retain')).toEqual(['5 retain'])
  expect(modes.problem()).not.toBeNull()
})

it('connects to a broker that refuses a retained Will, but does not state why', () => {
  const { modes, connect } = setUp()
  const contradictory: Broker = ({ retain }) => (retain ? 'refuses retain' : 'retains')
  expect(connect(contradictory)).toEqual(['5 retain', '5', '5 retain', '5'])
  expect(connect(contradictory)).toEqual(['5'])
  expect(modes.problem()).not.toBeNull()
})

it.each<[string, Broker, string[]]>([
  ['refuses', () => 'refuses 5', ['5 retain', '4 retain', '4', '4 retain', '4']],
  ['closes', () => 'silent', ['5 retain', '4 retain', '4', '5 retain', '4 retain', '4']],
])('connects over 3.1.1 without retained messages where it %s MQTT 5', (_, on5, attempts) => {
  const { modes, connect } = setUp()
  const broker: Broker = (mode) => (mode.version === 5 ? on5(mode) : noRetain(mode))
  expect(connect(broker)).toEqual(attempts)
  expect(modes.problem()).not.toBeNull()
  expect(connect(broker)).toEqual(['4'])
})

it('uses the best mode with a broker that closed connections while it was starting', () => {
  for (let silences = 1; silences <= 8; silences++) {
    const { modes, connect } = setUp()
    let left = silences
    expect(connect(() => (left-- > 0 ? 'silent' : 'retains')).at(-1)).toBe('5 retain')
    expect(modes.problem()).toBeNull()
  }
})
