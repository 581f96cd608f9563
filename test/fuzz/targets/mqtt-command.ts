// Target: messages on the topics of commands (mqtt/commands, topics) and the rules for units that may be controlled.
import fc from 'fast-check'
import { controlRefusal, type UnitCommand } from '../../../src/core/command.ts'
import { fullName, isUnitName } from '../../../src/core/unit-name.ts'
import { createMqttCommands } from '../../../src/mqtt/commands.ts'
import type { Connection } from '../../../src/mqtt/connection/connection.ts'
import { topicsOf } from '../../../src/mqtt/topics.ts'
import { testClock } from '../../rig/clock.ts'
import { anyText } from '../mutated.ts'
import { assert, type FuzzTarget, isOneLine, jsonFiles } from '../target.ts'

interface Message {
  /** Between `gatewatch/gw-7/unit/` and `/set`, unless it begins with `$`: then it is the whole topic. */
  readonly topic: string
  readonly payload: string
  readonly retained: boolean
  /** Time since the message before it. */
  readonly afterMs: number
}

interface Input {
  readonly accept: boolean | 'force'
  readonly version: 4 | 5
  /** `control.units`. */
  readonly units: readonly string[]
  readonly messages: readonly Message[]
}

const TOPICS = topicsOf('gatewatch', 'gw-7')
const IDENTITY = { gatewayId: 'gw-7', machineId: '5d1a9f0c7e3b4a2d8c6f1e0b9a7d5c3e', stream: '0011223344556677' }
const WATCHED = 'a.service'
const BURST = 10
const ONE_MORE_EVERY_MS = 6_000
const RESULTS_AT_MOST = 32

interface CarriedOut extends UnitCommand {
  readonly message: Message
}

/** What came of the messages. A stop is never done, other commands are done at once. */
async function received(input: Input) {
  const clock = testClock()
  const carriedOut: CarriedOut[] = []
  const stopping = new Set<string>()
  const logged: string[] = []
  let current: Message | undefined
  const rules = { enabled: true, units: input.units }
  const commands = createMqttCommands({
    accept: input.accept,
    topics: TOPICS,
    identity: IDENTITY,
    commands: {
      refusal: (unit) => controlRefusal(unit, rules, (name) => name === WATCHED),
      run(command) {
        const { action, unit } = command
        assert(!stopping.has(unit), () => `${action} of ${unit} while another command for it is carried out`)
        carriedOut.push({ ...command, message: current as Message })
        if (action !== 'stop') return Promise.resolve({ outcome: 'done', cause: null })
        stopping.add(unit)
        return new Promise(() => {})
      },
    },
    brokerUnits: [],
    pump: () => {},
    clock,
    log: (_, line) => logged.push(line),
  })
  commands.up({ version: input.version, subscribe: () => {}, unsubscribe: () => {} } as unknown as Connection)
  let elapsedMs = 0
  for (const message of input.messages) {
    clock.skip(message.afterMs)
    elapsedMs += message.afterMs
    current = message
    commands.message(topicOf(message), message.payload, message.retained)
    await Promise.resolve() // for the result
  }
  const results: { readonly topic: string; readonly payload: string }[] = []
  for (let next = commands.next(); next !== null; next = commands.next()) {
    results.push(next)
    next.settled(null)
  }
  return { carriedOut, logged, results, elapsedMs }
}

function topicOf({ topic }: Message): string {
  return topic.startsWith('$') ? topic.slice(1) : `gatewatch/gw-7/unit/${topic}/set`
}

/** Whether a unit may be controlled, as in the documentation of `control.units`: names and patterns of * and ?. */
function isAllowed(unit: string, units: readonly string[]): boolean {
  if (units.length === 0) return unit === WATCHED
  return units.some((one) => one === unit || (one.endsWith('*') && unit.startsWith(one.slice(0, -1))))
}

function checkCarriedOut({ action, unit, via, message }: CarriedOut, input: Input) {
  const what = `${action} ${unit} for ${JSON.stringify(message)}`
  assert(!message.retained, () => `a retained command was carried out: ${what}`)
  assert(/^(start|stop|restart)$/.test(message.payload) && action === message.payload, () => `carried out: ${what}`)
  assert(isUnitName(unit) && isAllowed(unit, input.units), () => `of a unit that may not be controlled: ${what}`)
  assert(fullName(TOPICS.unitSetOf(topicOf(message)) ?? '') === unit, () => `of another unit: ${what}`)
  assert(via === 'mqtt' && input.accept !== false, () => `commands are not accepted: ${what}`)
  assert(input.version === 5 || input.accept === 'force', () => `over MQTT 3.1.1 it may be a retained one: ${what}`)
}

function checkResult({ topic, payload }: { readonly topic: string; readonly payload: string }): void {
  assert(/^gatewatch\/gw-7\/unit\/[^/+#\0]+\/result$/.test(topic), () => `a result on ${JSON.stringify(topic)}`)
  const { service, command } = JSON.parse(payload) as { service: string; command: unknown }
  const from = TOPICS.unitSetOf(topic.replace(/result$/, 'set'))
  assert(from === service && isUnitName(fullName(service)), () => `a result of ${JSON.stringify(service)} on ${topic}`)
  assert(['start', 'stop', 'restart', null].includes(command as string), () => `a result of ${JSON.stringify(command)}`)
  assert(payload.length <= 1_500, () => `a result of ${payload.length} characters`)
}

const UNITS = [
  'a.service',
  'a',
  'b.service',
  'sink@1.service',
  'sink@.service',
  'a.*',
  '*',
  'x'.repeat(250),
  'a%2fb',
  '',
]
const topic = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a.service', 'a', 'b.service') },
  { weight: 2, arbitrary: fc.constantFrom(...UNITS) },
  { weight: 1, arbitrary: anyText(12) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }).map((text) => `$${text}`) },
)
const payload = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('start', 'stop', 'restart') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', 'START', ' start', 'start\n', 'reload', 'constructor', 'x'.repeat(70_000)),
  },
  { weight: 1, arbitrary: fc.string() },
)
/** A flood, or slow enough for the rate limit. */
const inputs = fc.constantFrom(0, 100, 7_000).chain(
  (everyMs): fc.Arbitrary<Input> =>
    fc.record({
      accept: fc.constantFrom(true, true, 'force' as const, false),
      version: fc.constantFrom(5 as const, 5 as const, 4 as const),
      units: fc.oneof(fc.constant([]), fc.subarray(['a.service', 'b.service', 'sink@*', '*'])),
      messages: fc.array(
        fc.record({
          topic,
          payload,
          retained: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.boolean()),
          afterMs: fc.nat(100).map((ms) => everyMs + ms),
        }),
        { maxLength: 60, size: 'max' },
      ),
    }),
)

export const target: FuzzTarget<Input> = {
  ...jsonFiles<Input>(),
  cpuMsAtMost: 250,
  inputs: (corpus) => fc.oneof({ weight: 9, arbitrary: inputs }, fc.constantFrom(...corpus)),
  async check(input) {
    const { carriedOut, logged, results, elapsedMs } = await received(input)
    for (const command of carriedOut) checkCarriedOut(command, input)
    const most = BURST + Math.floor(elapsedMs / ONE_MORE_EVERY_MS)
    assert(carriedOut.length <= most, () => `${carriedOut.length} commands in ${elapsedMs} ms`)
    assert(results.length <= RESULTS_AT_MOST, () => `${results.length} results were kept`)
    results.forEach(checkResult)
    for (const line of logged) assert(isOneLine(line) && line.length < 1_000, () => `logged: ${JSON.stringify(line)}`)
    for (const message of input.messages) {
      if (message.topic === '') continue
      const unit = TOPICS.unitOf(TOPICS.unitState(message.topic))
      assert(unit === message.topic, () => `the unit of its topic is ${unit}, not ${message.topic}`)
    }
  },
}
