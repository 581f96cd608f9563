// One connection to a message bus: the only file that knows dbus-next, and where all its faults end (pinned at 0.10.2).
import { Socket } from 'node:net'
import type { Message, MessageBus } from 'dbus-next'
import { messageOf, stackOf } from '../core/error-text.ts'
import type { Clock } from '../ports.ts'
import { type BusSocket, busSockets } from './address.ts'
import { type Bus, busError, type Call, type Signal } from './bus.ts'
import { guardSocket } from './message-guard.ts'
import { ERROR, METHOD_RETURN, type MessageHeader, SIGNAL } from './message-header.ts'
import { createPendingCalls, type ReplyHandler } from './pending-calls.ts'
import { allProperties, changedProperties, wantedNames } from './read-properties.ts'
import { plain, withVariants } from './variants.ts'

const CONNECT_AT_MOST_MS = 10_000
/** A dead peer is noticed within the two together: less than 30 s. */
const PING_EVERY_MS = 20_000
const PONG_AT_MOST_MS = 8_000
const NO_AUTO_START = 2
const DRIVER = 'org.freedesktop.DBus'
const DRIVER_PATH = '/org/freedesktop/DBus'

export interface BusOptions {
  readonly after: Clock['after']
  /** What could not be decoded, or a listener that threw, in words; it was dropped. */
  readonly onFault?: (problem: string) => void
  /** Each answered call: its member and how long the answer took. */
  readonly onAnswer?: (member: string, ms: number) => void
  /** Of PropertiesChanged and of answers to GetAll only these are decoded: it takes a third of the time. */
  readonly properties?: ReadonlySet<string>
  /** Gives up an attempt to connect. */
  readonly signal?: AbortSignal
  readonly connectAtMostMs?: number
  readonly pingEveryMs?: number
  readonly pongAtMostMs?: number
}

/**
 * Connects to the first address of the list (`unix:path=...;unix:abstract=...`) that lets us in.
 * Rejects in the user's words, naming the addresses.
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

interface Listener {
  readonly call: (signal: Signal) => void
  readonly wants: (head: MessageHeader) => boolean
}

async function connectTo(where: BusSocket, options: BusOptions): Promise<Bus> {
  const dbus = (await import('dbus-next')).default // not before it is needed: it costs memory
  if (options.signal?.aborted) throw new Error('given up')
  const fault = options.onFault ?? (() => {})
  const waiting = createPendingCalls(options.after, options.onAnswer ?? (() => {}), fault)
  const wanted = options.properties ? wantedNames(options.properties) : null
  const listeners = new Set<Listener>()
  const closeListeners = new Set<(reason: string) => void>()
  let connected = false
  let closedFor: string | null = null
  let stopPing = () => {}
  let settleConnect: (reason: string | null) => void = () => {}

  const library: MessageBus = dbus.sessionBus({ busAddress: `unix:socket=${where.path}`, authMethods: ['EXTERNAL'] })
  const socket = socketOf(library)

  const contain = (what: string, run: () => void) => {
    try {
      run()
    } catch (error) {
      fault(`${what} threw: ${stackOf(error)}`)
    }
  }

  const close = (reason: string) => {
    if (closedFor !== null) return
    closedFor = reason
    stopPing()
    socket.destroy()
    settleConnect(reason)
    waiting.close(reason)
    for (const listener of closeListeners) contain('a close listener', () => listener(reason))
  }

  const tell = (signal: Signal) => {
    for (const { call } of listeners) contain('a signal listener', () => call(signal))
  }

  guardSocket(socket, {
    admit(head) {
      if (closedFor !== null) return false
      if (!connected) {
        // Only the answer to Hello: an error in it would become an unhandled rejection in dbus-next.
        if (head.type === ERROR) close(`it refused us: ${head.errorName}`)
        return head.type === METHOD_RETURN
      }
      if (head.type === METHOD_RETURN || head.type === ERROR) return waiting.awaits(head.replySerial)
      if (head.type !== SIGNAL) return false // nobody has any business calling us
      for (const { wants } of listeners) if (wants(head)) return true
      return false
    },
    read(head, rest) {
      if (wanted === null) return false
      if (head.type === METHOD_RETURN && head.signature === 'a{sv}') {
        waiting.answer(head.replySerial, null, [allProperties(rest, head.bodyAt, head.little, wanted)])
        return true
      }
      if (head.member !== 'PropertiesChanged' || head.signature !== 'sa{sv}as') return false
      const changed = changedProperties(rest, head.bodyAt, head.little, wanted)
      const { path, member, sender } = head
      tell({ path, interface: head.interface, member, sender, body: [changed.interface, changed.properties, []] })
      return true
    },
    malformed: (reason) => fault(`a message was dropped: ${reason}`),
    giveUp: (reason) => {
      fault(reason)
      close(reason)
    },
  })
  socket.on('error', (error) => close(inWords(error, connected)))
  socket.on('end', () => close(connected ? 'the bus closed the connection' : HUNG_UP))
  socket.on('close', () => close('the connection is closed'))
  // The socket's errors once more, authentication refused, or a message that is none.
  library.on('error', (error: unknown) => {
    if (connected && closedFor === null) fault(inWords(error, connected))
    close(inWords(error, connected))
  })
  library.on('message', (message: Message) => {
    const { path, member, sender, body } = message
    if (Number(message.type) === SIGNAL) {
      tell({ path, interface: message.interface, member, sender, body })
    } else if (Number(message.type) === ERROR) {
      const words = typeof body[0] === 'string' ? body[0] : message.errorName
      waiting.answer(Number(message.replySerial), busError(message.errorName, words), [])
    } else waiting.answer(Number(message.replySerial), null, body)
  })

  await new Promise<void>((resolve, reject) => {
    const aborted = () => close('given up')
    options.signal?.addEventListener('abort', aborted)
    const tooLong = () => close('it does not answer (timed out)')
    const forgetTimer = options.after(options.connectAtMostMs ?? CONNECT_AT_MOST_MS, tooLong)
    settleConnect = (problem) => {
      forgetTimer()
      options.signal?.removeEventListener('abort', aborted)
      settleConnect = () => {}
      if (problem === null) resolve()
      else reject(new Error(`cannot reach the bus at ${where.address}: ${problem}`))
    }
    library.on('connect', () => {
      connected = nameOf(library) !== ''
      if (connected) settleConnect(null)
      else close('it gave us no name')
    })
  })

  const ask = (call: Call, answered: ReplyHandler) => {
    const serial = library.newSerial()
    waiting.ask(serial, call, answered, () => {
      const { signature = '', body = [], autoStart = false } = call
      const flags = autoStart ? 0 : NO_AUTO_START
      const typed = body.map((one) => withVariants(one, (type, value) => new dbus.Variant(type, value)))
      library.send(new dbus.Message({ ...call, serial, signature, body: typed, flags }))
    })
  }

  const bus: Bus = {
    uniqueName: nameOf(library),
    request: ask,
    call: (destination, path, face, member, signature = '', body = [], timeoutMs = undefined) =>
      new Promise((resolve, reject) => {
        const call = { destination, path, interface: face, member, signature, body }
        ask(timeoutMs === undefined ? call : { ...call, timeoutMs }, (error, reply) => {
          if (error === null) resolve(reply.map(plain))
          else reject(error)
        })
      }),
    async addMatch(rule) {
      await bus.call(DRIVER, DRIVER_PATH, DRIVER, 'AddMatch', 's', [rule])
    },
    onSignal(call, wants = () => true) {
      const listener = { call, wants }
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onClose(listener) {
      closeListeners.add(listener)
      return () => closeListeners.delete(listener)
    },
    close: (reason = 'closed by us') => close(reason),
  }

  const ping = () => {
    const timeoutMs = options.pongAtMostMs ?? PONG_AT_MOST_MS
    ask({ destination: DRIVER, path: DRIVER_PATH, interface: DRIVER, member: 'GetId', timeoutMs }, (error) => {
      if (error !== null) close(`the bus no longer answers (${error.message})`)
      else if (closedFor === null) stopPing = options.after(options.pingEveryMs ?? PING_EVERY_MS, ping)
    })
  }
  stopPing = options.after(options.pingEveryMs ?? PING_EVERY_MS, ping)
  return bus
}

/** dbus-next is silent when its connection ends; the socket is not. Throws where another version has moved it. */
function socketOf(library: MessageBus): Socket {
  const connection: unknown = '_connection' in library ? library._connection : null
  const stream =
    typeof connection === 'object' && connection !== null && 'stream' in connection ? connection.stream : null
  if (!(stream instanceof Socket)) throw new Error('dbus-next holds no socket: not the pinned version')
  return stream
}

function nameOf(library: MessageBus): string {
  return 'name' in library && typeof library.name === 'string' ? library.name : ''
}

const HUNG_UP = 'it hung up on us (may this user use it?)'

function inWords(error: unknown, connected: boolean): string {
  if (!(error instanceof Error)) return String(error)
  if (/authentication methods/i.test(error.message)) return 'it does not let this user in (authentication refused)'
  switch ('code' in error ? error.code : '') {
    case 'ENOENT':
      return 'no such socket'
    case 'ECONNREFUSED':
      return 'nobody listens there'
    case 'EACCES':
    case 'EPERM':
      return 'permission denied'
    case 'EPIPE':
    case 'ECONNRESET':
      return connected ? 'the bus closed the connection' : HUNG_UP
    default:
      return error.message
  }
}
