// Connects to a message bus: finds the socket that accepts us, gets our unique name, and pings the bus as long as it is connected.
import { messageOf } from '../core/error-text.ts'
import type { Clock } from '../ports.ts'
import { type BusAddress, busSockets } from './address.ts'
import { type Body, type Bus, errorNameOf } from './bus.ts'
import { createLink, type Link, messageFilter } from './link.ts'
import { loadMarshaller } from './marshaller.ts'
import { createMessageGuard } from './message-guard.ts'
import type { CallReports } from './pending-calls.ts'
import { namesByLength } from './read-properties.ts'
import { openBusSocket } from './socket.ts'
import { plain } from './variants.ts'

const CONNECT_AT_MOST_MS = 10_000
/** A dead bus is detected within the sum of these: less than 30 s. */
const PING_EVERY_MS = 20_000
const PING_SLACK_MS = 1_500
const PONG_AT_MOST_MS = 8_000
const DRIVER = 'org.freedesktop.DBus'
const DRIVER_PATH = '/org/freedesktop/DBus'
const DRIVER_CALL = { destination: DRIVER, path: DRIVER_PATH, interface: DRIVER }

export interface BusOptions extends Partial<CallReports> {
  readonly after: Clock['after']
  /** A message could not be decoded or a listener threw; the message was dropped. */
  readonly onFault?: (problem: string) => void
  /** Decode only these properties of PropertiesChanged and of GetAll replies, which takes a third of the time. */
  readonly properties?: ReadonlySet<string>
  /** Cancels an attempt to connect. */
  readonly signal?: AbortSignal
  readonly connectAtMostMs?: number
  readonly pingEveryMs?: number
  readonly pongAtMostMs?: number
}

/**
 * Connects to the first address of the list (`unix:path=...;unix:abstract=...`) that accepts the connection.
 * Rejects with a message for the user that names the addresses.
 */
export async function connectBus(addresses: string, options: BusOptions): Promise<Bus> {
  const problems: string[] = []
  for (const socket of busSockets(addresses)) {
    try {
      return await connectTo(socket, options)
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  throw new Error(problems.join('; '))
}

async function connectTo(where: BusAddress, options: BusOptions): Promise<Bus> {
  const marshaller = await loadMarshaller()
  if (options.signal?.aborted) throw new Error('canceled')
  const { after, onDuration = () => {}, onFailure = () => {}, onFault = () => {}, properties } = options
  const link = createLink({ after, onDuration, onFailure, fault: onFault })
  const filter = messageFilter(link, marshaller, properties ? namesByLength(properties) : null)
  const socket = openBusSocket(where.path, {
    isNamed: () => link.named,
    received: createMessageGuard(filter),
    lost: link.close,
  })
  link.listeners.onClose(socket.destroy)
  let serial = 0
  const request: Bus['request'] = (call, onReply) => {
    serial += 1
    link.pending.add(serial, call, onReply, () => socket.write(marshaller.call(call, serial)))
  }
  const hello = (onReply: (error: Error | null, body: Body) => void) =>
    void socket.accepted.then(() => {
      socket.write('BEGIN\r\n')
      request({ ...DRIVER_CALL, member: 'Hello' }, onReply)
    })
  const bus = busOn(link, await untilNamed(link, hello, where, options), request)
  keepAlive(bus, link, options)
  return bus
}

/** Resolves with our unique name when the bus has assigned it; rejects on refusal, timeout or cancellation. */
function untilNamed(
  link: Link,
  hello: (onReply: (error: Error | null, body: Body) => void) => void,
  where: BusAddress,
  options: BusOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const giveUp = () => link.close('canceled')
    options.signal?.addEventListener('abort', giveUp)
    const undoTimer = options.after(options.connectAtMostMs ?? CONNECT_AT_MOST_MS, () => link.close('timed out'))
    const settled = () => {
      undoTimer()
      options.signal?.removeEventListener('abort', giveUp)
    }
    const forgetClose = link.listeners.onClose((reason) => {
      settled()
      reject(new Error(`cannot connect to the bus at ${where.address}: ${reason}`))
    })
    hello((error, [name]) => {
      if (error !== null) return link.close(`the bus refused the connection: ${errorNameOf(error)}`)
      if (typeof name !== 'string' || name === '') return link.close('the bus assigned no unique name')
      link.named = true
      settled()
      forgetClose()
      resolve(name)
    })
  })
}

function busOn(link: Link, uniqueName: string, request: Bus['request']): Bus {
  const bus: Bus = {
    uniqueName,
    request,
    call: (destination, path, face, member, signature = '', body = [], timeoutMs = undefined) =>
      new Promise((resolve, reject) => {
        const call = { destination, path, interface: face, member, signature, body }
        request(timeoutMs === undefined ? call : { ...call, timeoutMs }, (error, reply) => {
          if (error === null) resolve(reply.map(plain))
          else reject(error)
        })
      }),
    async addMatch(rule) {
      await bus.call(DRIVER, DRIVER_PATH, DRIVER, 'AddMatch', 's', [rule])
    },
    onSignal: (listener, wants = () => true) => link.listeners.onSignal(listener, wants),
    onClose: link.listeners.onClose,
    close: (reason = 'closed') => link.close(reason),
  }
  return bus
}

/** Pings the bus and closes `link` when it stops responding: a hung bus does not close its socket. */
function keepAlive(bus: Bus, link: Link, options: BusOptions): void {
  const { after, pingEveryMs = PING_EVERY_MS, pongAtMostMs: timeoutMs = PONG_AT_MOST_MS } = options
  let undo = () => {}
  const pingLater = (ping: () => void) => {
    undo = after(pingEveryMs, ping, Math.min(PING_SLACK_MS, pingEveryMs / 10))
  }
  const ping = () => {
    bus.request({ ...DRIVER_CALL, member: 'GetId', timeoutMs }, (error) => {
      if (error !== null) link.close(`the bus stopped responding (${error.message})`)
      else if (!link.isClosed()) pingLater(ping)
    })
  }
  pingLater(ping)
  link.listeners.onClose(() => undo())
}
