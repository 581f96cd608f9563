// Reads, once per start, the retained messages of all services of thin-edge.io: those of an earlier run, and of other programs.
import type { Clock } from '../../ports.ts'
import type { Connection } from '../connection/connection.ts'
import { type Channel, channelOf, EARLIER_FILTERS, isAlarm, markedTopic } from './payload.ts'

/** The broker sends retained messages at once. By then the configured units are known, too. */
const READ_FOR_MS = 5_000
const SERVICES_AT_MOST = 1000

export interface EarlierService {
  /** The health message; null if there is none. */
  readonly health: string | null
  readonly alarms: readonly Channel[]
}

export interface EarlierServices {
  /** Reads them, unless that is done. */
  read(connection: Connection): void
  stop(): void
  isDone(): boolean
  /** False if the topic is not one of a service. */
  received(topic: string, payload: string, retained: boolean): boolean
}

/** `done`: called with what was read, by the name of the service. */
export function createEarlierServices(
  clock: Pick<Clock, 'after'>,
  done: (services: ReadonlyMap<string, EarlierService>) => void,
): EarlierServices {
  let services: Map<string, EarlierService> | null = new Map()
  let stop = () => {}
  return {
    read(connection) {
      if (services === null) return
      services = new Map()
      for (const filter of EARLIER_FILTERS) connection.subscribe(filter, () => {})
      stop = clock.after(READ_FOR_MS, () => {
        const found = services ?? new Map()
        services = null
        for (const filter of EARLIER_FILTERS) connection.unsubscribe(filter)
        done(found)
      })
    },
    stop: () => stop(),
    isDone: () => services === null,
    received(topic, payload, retained) {
      const place = channelOf(topic)
      if (place === null) return false
      const { service, channel } = place
      if (!isAlarm(channel) && topic !== markedTopic(service)) return false
      if (services === null || !retained || payload === '') return true
      const before = services.get(service) ?? { health: null, alarms: [] }
      if (services.size >= SERVICES_AT_MOST && !services.has(service)) return true
      const after = isAlarm(channel)
        ? { ...before, alarms: [...before.alarms.filter((alarm) => alarm !== channel), channel] }
        : { ...before, health: payload }
      services.set(service, after)
      return true
    },
  }
}
