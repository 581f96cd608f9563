// Commands by MQTT: heard on `unit/<unit>/set`, refused with a reason or carried out, answered on `unit/<unit>/result`.
import { type Identity, rfc3339 } from '../core/api-json.ts'
import { type Action, type CommandResult, ControlError } from '../core/command.ts'
import { messageOf } from '../core/error-text.ts'
import type { Clock, Log, UnitCommands } from '../ports.ts'
import type { Connection } from './connection/connection.ts'
import type { Sending } from './publisher.ts'
import type { Topics } from './topics.ts'

/** What may be said; whoever needs more has the API and the command line. */
const WORDS: readonly string[] = ['start', 'stop', 'restart'] satisfies Action[]
const PAYLOAD_AT_MOST = 64
/** systemd.unit(5); whatever else stands in a topic is nobody's business, nor the log's. */
const UNIT_NAME = /^[A-Za-z0-9:_.\\@-]{1,255}$/
/** As many at once, and one more every few seconds: a person is never slower, a program gone wild is. */
const AT_ONCE = 10
const ONE_MORE_EVERY_MS = 6_000
/** Answers that wait for a broker that is away: it may be the unit that was stopped. */
const ANSWERS_AT_MOST = 32

export interface MqttCommandsOptions {
  readonly enabled: boolean
  readonly topics: Topics
  readonly identity: Identity
  readonly commands: UnitCommands
  /** An answer waits to be sent. */
  readonly pump: () => void
  readonly refused: (topic: string, why: string) => void
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

export interface MqttCommands {
  /** A connection begins. */
  up(connection: Connection): void
  /** False where the message is no command. */
  message(topic: string, payload: string, retained: boolean): boolean
  next(): Sending | null
  /** The connection is down: an answer in flight waits again. */
  down(): void
}

/** Why a command is not even tried. */
interface Refusal {
  readonly code: 'retained' | 'too_large' | 'malformed' | 'too_frequent' | 'busy' | 'denied'
  readonly reason: string
}

const TOO_FREQUENT: Refusal = { code: 'too_frequent', reason: `more than ${AT_ONCE} commands at once` }

interface CommandReply {
  readonly topic: string
  readonly payload: string
}

export function createMqttCommands(options: MqttCommandsOptions): MqttCommands {
  const { topics, identity, commands, clock, log } = options
  const answers: CommandReply[] = []
  let inFlight: CommandReply | null = null
  let left = AT_ONCE
  let leftAtMonoMs = Number.NEGATIVE_INFINITY
  let floodTold = false
  /** Units whose command is being carried out. */
  const busy = new Set<string>()

  function mayNow(): boolean {
    const now = clock.now().monoMs
    left = Math.min(AT_ONCE, left + (now - leftAtMonoMs) / ONE_MORE_EVERY_MS)
    leftAtMonoMs = now
    if (left < 1) return false
    left -= 1
    return true
  }

  function answer(unit: string, command: string | null, outcome: string, reason: string | null): void {
    if (answers.length >= ANSWERS_AT_MOST) answers.shift()
    const payload = JSON.stringify({
      schema: 1,
      gateway_id: identity.gatewayId,
      service: unit,
      timestamp: rfc3339(clock.now().wallMs),
      command,
      outcome,
      reason,
    })
    answers.push({ topic: topics.unitResult(unit), payload })
    options.pump()
  }

  function hear(unit: string, payload: string, retained: boolean): void {
    const refusal = mayNow() ? refusalOf(unit, payload, retained) : TOO_FREQUENT
    // one answer for a flood, not a flood of answers
    if (refusal === TOO_FREQUENT && floodTold) return
    floodTold = refusal === TOO_FREQUENT
    if (refusal === null) {
      void obey(unit, payload as Action)
      return
    }
    log('warning', `mqtt: command for ${unit} refused: ${refusal.reason}`)
    answer(unit, WORDS.includes(payload) ? payload : null, refusal.code, refusal.reason)
  }

  function refusalOf(unit: string, payload: string, retained: boolean): Refusal | null {
    if (retained) return { code: 'retained', reason: 'a retained message is no command: publish it without retain' }
    if (payload.length > PAYLOAD_AT_MOST)
      return { code: 'too_large', reason: `more than ${PAYLOAD_AT_MOST} characters` }
    if (!WORDS.includes(payload)) return { code: 'malformed', reason: `not one of ${WORDS.join(', ')}` }
    const reason = commands.refusal(unit)
    if (reason !== null) return { code: 'denied', reason }
    return busy.has(unit) ? { code: 'busy', reason: 'the command before it is still being carried out' } : null
  }

  async function obey(unit: string, action: Action): Promise<void> {
    busy.add(unit)
    try {
      const { outcome, cause }: CommandResult = await commands.run({ action, unit, via: 'mqtt', who: null })
      answer(unit, action, outcome, cause?.result ?? null)
    } catch (error) {
      const message = messageOf(error)
      answer(unit, action, error instanceof ControlError ? error.code : 'failed', message)
    } finally {
      busy.delete(unit)
    }
  }

  return {
    up(connection) {
      if (!options.enabled) return
      connection.subscribe(topics.unitSets, (granted) => {
        if (!granted) options.refused(topics.unitSets, 'no commands can be heard there')
      })
    },
    message(topic, payload, retained) {
      const unit = topics.unitSetOf(topic)
      if (unit === null) return false
      // an empty one clears a retained one
      if (payload !== '' && UNIT_NAME.test(unit)) hear(unit, payload, retained)
      return true
    },
    next() {
      if (inFlight !== null) return null
      const next = answers.shift()
      if (next === undefined) return null
      inFlight = next
      return {
        ...next,
        retain: false,
        settled(why) {
          inFlight = null
          if (why !== null) options.refused(next.topic, why)
        },
      }
    },
    down() {
      if (inFlight !== null) answers.unshift(inFlight)
      inFlight = null
    },
  }
}
