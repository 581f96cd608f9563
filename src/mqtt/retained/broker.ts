// A connection to the broker for a person who clears retained messages: one attempt, with a client id and no Will of its own.
import { randomBytes } from 'node:crypto'
import { settledWithin } from '../../core/limits/settled-within.ts'
import type { Clock } from '../../ports.ts'
import { readBrokerUrl } from '../connection/broker-url.ts'
import {
  type BrokerLimits,
  type Connection,
  type ConnectionHandlers,
  type ConnectionLoss,
  loadLibrary,
  openConnection,
} from '../connection/connection.ts'
import { connectionErrorOf } from '../connection/error-text.ts'
import { createPoison } from '../delivery/poison.ts'
import { createPublisher } from '../delivery/publisher.ts'
import type { MqttConfig } from '../options.ts'
import { dialConfigured } from '../session.ts'
import { createRetainedAccess, type RetainedAccess } from './access.ts'
import { type ClearanceOptions, type ClearanceResult, clearRetained } from './clearance.ts'

const CONNECT_AT_MOST_MS = 10_000
const END_AT_MOST_MS = 500

export interface RetainedBroker {
  /** Its URL without a password. */
  readonly shown: string
  /** Rejects if the connection ends, or if the broker does not respond. */
  clear(options: ClearanceOptions): Promise<ClearanceResult>
  close(): Promise<void>
}

/** Rejects with a message for a person if the broker cannot be reached. */
export async function openRetainedBroker(config: MqttConfig, clock: Clock): Promise<RetainedBroker> {
  const { shown } = readBrokerUrl(config.url)
  let access: RetainedAccess | null = null
  let lose = (_: Error) => {}
  const lost = new Promise<never>((_, reject) => {
    lose = reject
  })
  lost.catch(() => {}) // it may end while nothing waits for it
  const { connection, limits } = await connect(config, clock, {
    down: ({ text }) => {
      access?.close()
      lose(new Error(`connection to ${shown} lost: ${text}`))
    },
    message: (topic, payload) => void access?.message(topic, payload),
    ignored() {},
  })
  const publisher = createPublisher({
    keepaliveMs: config.keepalive * 1000,
    poison: createPoison({ maxMessageBytes: null, settleMs: 0, brokerRun: () => '', log() {} }),
    refusedTopics: { note() {}, shortened() {}, accepted() {} },
    clock,
  })
  publisher.begin(connection, limits, () => access?.next() ?? null)

  return {
    shown,
    async clear(options) {
      const mine = createRetainedAccess({ connection, pump: publisher.pump, clock })
      access = mine
      const result = await Promise.race([clearRetained(mine, options), lost])
      mine.close()
      if (result === null) throw new Error(`${shown} does not respond to a subscription`)
      return result
    },
    async close() {
      publisher.end(false)
      await settledWithin(END_AT_MOST_MS, connection.end(), clock.after)
      connection.destroy()
    },
  }
}

interface Connected {
  readonly connection: Connection
  readonly limits: BrokerLimits
}

/** With MQTT 5, or 3.1.1 if the broker does not support it. */
async function connect(config: MqttConfig, clock: Clock, handlers: Omit<ConnectionHandlers, 'up'>): Promise<Connected> {
  const { shown } = readBrokerUrl(config.url)
  const first = await connectOnce(config, clock, 5, handlers)
  if ('connection' in first) return first
  const second = first.version || first.silent ? await connectOnce(config, clock, 4, handlers) : first
  if ('connection' in second) return second
  throw new Error(`cannot connect to ${shown}: ${second.text}`)
}

async function connectOnce(
  config: MqttConfig,
  clock: Clock,
  version: 4 | 5,
  handlers: Omit<ConnectionHandlers, 'up'>,
): Promise<Connected | Pick<ConnectionLoss, 'text' | 'version' | 'silent'>> {
  const url = readBrokerUrl(config.url)
  const library = await loadLibrary()
  try {
    const dialled = await dialConfigured(url, config)
    return await new Promise((resolve) => {
      let isUp = false
      const connection = openConnection(
        library,
        {
          version,
          clientId: `gatewatch-clear-${randomBytes(3).toString('hex')}`,
          will: null,
          clock,
          ...dialled,
        },
        {
          ...handlers,
          up(limits) {
            isUp = true
            cancelTimeout()
            resolve({ connection, limits })
          },
          down(loss) {
            cancelTimeout()
            if (isUp) handlers.down(loss)
            else resolve(loss)
          },
        },
      )
      const seconds = CONNECT_AT_MOST_MS / 1000
      const cancelTimeout = clock.after(CONNECT_AT_MOST_MS, () => connection.fail(`no response within ${seconds} s`))
    })
  } catch (error) {
    return { ...connectionErrorOf(error), silent: false, version: false } // a file cannot be read
  }
}
