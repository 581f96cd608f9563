// Connects to a message bus with dbus-next (pinned at 0.10.2): the only file that imports it, and which contains its faults.
import { Socket } from 'node:net'
import type { Message, MessageBus } from 'dbus-next'
import { messageOf } from '../core/error-text.ts'
import type { Clock } from '../ports.ts'
import { type BusSocket, busSockets } from './address.ts'
import { type Bus, busError } from './bus.ts'
import { createLink, type Link, messageFilter } from './link.ts'
import { guardSocket } from './message-guard.ts'
import { ERROR, SIGNAL } from './message-header.ts'
import { namesByLength } from './read-properties.ts'
import { plain, withVariants } from './variants.ts'

const CONNECT_AT_MOST_MS = 10_000
/** A dead bus is detected within the sum of both: less than 30 s. */
const PING_EVERY_MS = 20_000
const PONG_AT_MOST_MS = 8_000
const NO_AUTO_START = 2
const DRIVER = 'org.freedesktop.DBus'
const DRIVER_PATH = '/org/freedesktop/DBus'

interface BusOptions {
  readonly after: Clock['after']
  /** A message could not be decoded or a listener threw; the message was dropped. */
  readonly onFault?: (problem: string) => void
  /** Each call that got a reply: its member and the time until the reply. */
  readonly onDuration?: (member: string, ms: number) => void
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

async function connectTo(where: BusSocket, options: BusOptions): Promise<Bus> {
  const dbus = (await import('dbus-next')).default // loaded on first use, to save memory
  if (options.signal?.aborted) throw new Error('canceled')
  const { after, onDuration = () => {}, onFault = () => {} } = options
  const library = dbus.sessionBus({ busAddress: `unix:socket=${where.path}`, authMethods: ['EXTERNAL'] })
  const socket = socketOf(library)
  const link = createLink(socket, { after, onDuration, fault: onFault })
  guardSocket(socket, messageFilter(link, options.properties ? namesByLength(options.properties) : null))
  closeWith(socket, library, link)
  library.on('message', (message: Message) => deliver(message, link))
  await untilNamed(library, link, where, options)

  const bus = busOn(link, nameOf(library), (call, onReply) => {
    const serial = library.newSerial()
    link.pending.add(serial, call, onReply, () => {
      const { signature = '', body = [], autoStart = false } = call
      const flags = autoStart ? 0 : NO_AUTO_START
      const typed = body.map((one) => withVariants(one, (type, value) => new dbus.Variant(type, value)))
      library.send(new dbus.Message({ ...call, serial, signature, body: typed, flags }))
    })
  })
  keepAlive(bus, link, options)
  return bus
}

/** Closes `link` when its socket ends, when authentication fails, or when dbus-next cannot parse a message. */
function closeWith(socket: Socket, library: MessageBus, link: Link): void {
  socket.on('error', (error) => link.close(closeReason(error, link.named)))
  socket.on('end', () => link.close(link.named ? 'the bus closed the connection' : CLOSED_EARLY))
  socket.on('close', () => link.close('the connection was closed'))
  library.on('error', (error: unknown) => {
    const reason = closeReason(error, link.named)
    if (link.named && !link.isClosed()) link.fault(reason)
    link.close(reason)
  })
}

/** Passes on a message that dbus-next has decoded. */
function deliver(message: Message, { pending, listeners }: Link): void {
  const { path, member, sender, body, errorName } = message
  if (Number(message.type) === SIGNAL) {
    listeners.signal({ path, interface: message.interface, member, sender, serial: Number(message.serial), body })
  } else if (Number(message.type) === ERROR) {
    const words = typeof body[0] === 'string' ? body[0] : errorName
    pending.settle(Number(message.replySerial), busError(errorName, words), [])
  } else pending.settle(Number(message.replySerial), null, body)
}

/** Resolves when the bus has assigned our unique name; rejects on refusal, timeout or cancellation. */
function untilNamed(library: MessageBus, link: Link, where: BusSocket, options: BusOptions): Promise<void> {
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
    library.on('connect', () => {
      link.named = nameOf(library) !== ''
      if (!link.named) return link.close('the bus assigned no unique name')
      settled()
      forgetClose()
      resolve()
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
    undo = after(pingEveryMs, ping)
  }
  const ping = () => {
    bus.request({ destination: DRIVER, path: DRIVER_PATH, interface: DRIVER, member: 'GetId', timeoutMs }, (error) => {
      if (error !== null) link.close(`the bus stopped responding (${error.message})`)
      else if (!link.isClosed()) pingLater(ping)
    })
  }
  pingLater(ping)
  link.listeners.onClose(() => undo())
}

/** The socket of dbus-next, which itself does not report the end of a connection. Throws for a version that keeps it elsewhere. */
function socketOf(library: MessageBus): Socket {
  const connection: unknown = '_connection' in library ? library._connection : null
  const stream =
    typeof connection === 'object' && connection !== null && 'stream' in connection ? connection.stream : null
  if (!(stream instanceof Socket)) throw new Error('cannot find the socket of dbus-next: not the pinned version')
  return stream
}

function nameOf(library: MessageBus): string {
  return 'name' in library && typeof library.name === 'string' ? library.name : ''
}

const CLOSED_EARLY = 'the bus closed the connection during authentication (is this user allowed to use it?)'

function closeReason(error: unknown, connected: boolean): string {
  if (!(error instanceof Error)) return String(error)
  if (/authentication methods/i.test(error.message))
    return 'authentication failed (is this user allowed to use the bus?)'
  switch ('code' in error ? error.code : '') {
    case 'ENOENT':
      return 'no such socket'
    case 'ECONNREFUSED':
      return 'connection refused'
    case 'EACCES':
    case 'EPERM':
      return 'permission denied'
    case 'EPIPE':
    case 'ECONNRESET':
      return connected ? 'the bus closed the connection' : CLOSED_EARLY
    default:
      return error.message
  }
}
