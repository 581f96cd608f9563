// Commands over MQTT: received on `unit/<unit>/set`, carried out or refused, with the result on `unit/<unit>/result`.
// A retained command would be run again after every connection, so none is run. Over MQTT 3.1.1 a broker removes the retain
// flag of a message that is published while the agent is connected; commands are then accepted only if that is forced.

import { type Action, type CommandResult, ControlError } from '../core/command.ts'
import { messageOf } from '../core/error-text.ts'
import { fullBucket, refilled, spent, type TokenRate } from '../core/limits/token-bucket.ts'
import { fullName, isUnitName } from '../core/unit-name.ts'
import { type Identity, rfc3339 } from '../core/views/api-json.ts'
import type { Clock, Log, UnitCommands } from '../ports.ts'
import type { Outgoing } from './delivery/publisher.ts'
import { createResultQueue } from './delivery/result-queue.ts'
import type { MqttConfig } from './options.ts'
import type { TopicHandler } from './topic-handler.ts'
import type { Topics } from './topics.ts'

/** The only payloads accepted; the API and the command line have the other actions. */
const ACTIONS = ['start', 'stop', 'restart'] as const satisfies Action[]
type MqttAction = (typeof ACTIONS)[number]
const PAYLOAD_AT_MOST = 64
/** Rate limit: a burst, then one more every few seconds. A person is never faster; a program in a loop is. */
const RATE: TokenRate = { burst: 10, everyMs: 6_000 }

const UNSAFE = 'over MQTT 3.1.1, a retained command that is published while the agent is connected cannot be recognised'
const NOT_ACCEPTED = `commands are not accepted: the broker does not support MQTT 5, and ${UNSAFE}; mqtt.commands "force" accepts them`
const FORCED = `commands are accepted, but ${UNSAFE}, and is run`

interface MqttCommandsOptions {
  /** `force`: over MQTT 3.1.1, too. */
  readonly accept: MqttConfig['commands']
  readonly topics: Topics
  readonly identity: Identity
  readonly commands: UnitCommands
  /** Units that run the broker, if it is on this device. */
  readonly brokerUnits: readonly string[]
  /** A result is ready to be published. */
  readonly pump: () => void
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

interface MqttCommands extends TopicHandler {
  /** The commands that the unit accepts on this connection. */
  accepted(unit: string): readonly MqttAction[]
  /** Why commands are not accepted on this connection although they are configured; null otherwise. */
  problem(): string | null
  /** What to know about commands that are accepted. */
  note(): string | null
  /** The next result to publish. */
  next(): Outgoing | null
}

/** Why a command is not even tried. */
interface Refusal {
  readonly code: 'retained' | 'too_large' | 'malformed' | 'too_frequent' | 'busy' | 'denied'
  readonly reason: string
}

const TOO_FREQUENT: Refusal = {
  code: 'too_frequent',
  reason: `command rate limit exceeded (at most ${RATE.burst} at once)`,
}

export function createMqttCommands(options: MqttCommandsOptions): MqttCommands {
  const { topics, identity, commands, clock, log } = options
  const results = createResultQueue()
  const allowed = createRateLimit(clock)
  let tooFrequent = false
  let mode: Mode = 'off'
  let logged: Mode = 'off'
  /** Units whose command is being carried out. */
  const busy = new Set<string>()

  function publishResult(unit: string, command: string | null, outcome: string, reason: string | null): void {
    const payload = JSON.stringify({
      schema: 1,
      gateway_id: identity.gatewayId,
      service: unit,
      timestamp: rfc3339(clock.now().wallMs),
      command,
      outcome,
      reason,
    })
    results.push({ topic: topics.unitResult(unit), payload })
    options.pump()
  }

  function receive(unit: string, payload: string, retained: boolean): void {
    const refusal = allowed() ? refusalOf(unit, payload, retained) : TOO_FREQUENT
    // one result for a flood of commands, not a flood of results
    if (refusal === TOO_FREQUENT && tooFrequent) return
    tooFrequent = refusal === TOO_FREQUENT
    if (refusal === null) {
      void carryOut(unit, payload as Action)
      return
    }
    log('warning', `mqtt: command for ${unit} refused: ${refusal.reason}`)
    publishResult(unit, isAction(payload) ? payload : null, refusal.code, refusal.reason)
  }

  function refusalOf(unit: string, payload: string, retained: boolean): Refusal | null {
    if (retained)
      return { code: 'retained', reason: 'retained messages are ignored; publish the command without retain' }
    if (payload.length > PAYLOAD_AT_MOST)
      return { code: 'too_large', reason: `the payload is longer than ${PAYLOAD_AT_MOST} characters` }
    if (!isAction(payload)) return { code: 'malformed', reason: `the payload is not one of ${ACTIONS.join(', ')}` }
    const reason = refusalOfAction(unit, payload)
    if (reason !== null) return { code: 'denied', reason }
    return busy.has(unit) ? { code: 'busy', reason: 'the previous command is still being carried out' } : null
  }

  function refusalOfAction(unit: string, action: MqttAction): string | null {
    const reason = commands.refusal(unit)
    return reason === null && action === 'stop' && options.brokerUnits.includes(unit) ? brokerStop(unit) : reason
  }

  async function carryOut(unit: string, action: Action): Promise<void> {
    busy.add(unit)
    try {
      const { outcome, cause }: CommandResult = await commands.run({ action, unit, via: 'mqtt', who: null })
      publishResult(unit, action, outcome, cause?.result ?? null)
    } catch (error) {
      publishResult(unit, action, error instanceof ControlError ? error.code : 'failed', messageOf(error))
    } finally {
      busy.delete(unit)
    }
  }

  return {
    up({ version, subscribe }) {
      mode = modeOn(version, options.accept)
      const remark = { off: null, on: null, forced: FORCED, refused: NOT_ACCEPTED }[mode]
      if (remark !== null && logged !== mode) log('warning', `mqtt: ${remark}`)
      logged = mode
      if (!accepts(mode)) return
      subscribe(topics.unitSets, () => {}, 'live')
    },
    accepted: (unit) => (accepts(mode) ? ACTIONS.filter((action) => refusalOfAction(unit, action) === null) : []),
    problem: () => (mode === 'refused' ? NOT_ACCEPTED : null),
    note: () => (mode === 'forced' ? FORCED : null),
    message(topic, payload, retained) {
      const unit = topics.unitSetOf(topic)
      if (unit === null) return false
      // a broker can also send what was never subscribed to
      if (!accepts(mode)) return true
      // an empty payload clears a retained message; a name that no unit can have must not even reach the log
      if (payload !== '' && isUnitName(fullName(unit))) receive(unit, payload, retained)
      return true
    },
    next: results.next,
    down() {
      mode = 'off'
      results.requeue()
    },
  }
}

function isAction(payload: string): payload is MqttAction {
  return (ACTIONS as readonly string[]).includes(payload)
}

function brokerStop(unit: string): string {
  return `${unit} runs the broker: after a stop, no command could start it again over MQTT; stop it with gatewatch stop, or restart it`
}

/** What happens to commands on a connection; `off` also without one. */
type Mode = 'off' | 'on' | 'forced' | 'refused'

function modeOn(version: 4 | 5, accept: MqttConfig['commands']): Mode {
  if (accept === false) return 'off'
  if (version === 5) return 'on'
  return accept === 'force' ? 'forced' : 'refused'
}

function accepts(mode: Mode): boolean {
  return mode === 'on' || mode === 'forced'
}

/** Returns whether one more command is allowed now, and counts it. */
function createRateLimit(clock: Pick<Clock, 'now'>): () => boolean {
  let bucket = fullBucket(RATE, clock.now().monoMs)
  return () => {
    const now = refilled(bucket, RATE, clock.now().monoMs)
    const allowed = now.tokens >= 1
    bucket = allowed ? spent(now) : now
    return allowed
  }
}
