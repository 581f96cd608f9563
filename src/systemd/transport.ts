// One connection to a message bus: the only file that knows dbus-next, and where all its faults end (pinned at 0.10.2).
import { Socket } from 'node:net'
import type { Message, MessageBus } from 'dbus-next'
import type { Clock } from '../ports.ts'
import { type BusSocket, busSockets } from './address.ts'
import { type Bus, busError, type Call, type Signal } from './bus.ts'
import { ERROR, type Head, METHOD_RETURN, SIGNAL } from './frame.ts'
import { guard } from './gate.ts'
import { plain } from './plain.ts'

const CONNECT_AT_MOST_MS = 10_000
const CALL_AT_MOST_MS = 25_000
/** A dead peer is noticed within the two together: less than 30 s. */
const PING_EVERY_MS = 20_000
const PONG_AT_MOST_MS = 8_000
const NO_AUTO_START = 2
const DRIVER = 'org.freedesktop.DBus'

export interface BusOptions {
  readonly after: Clock['after']
  /** Decoding failed or a listener threw: told in words; what it was is dropped. */
  readonly onFault?: (problem: string) => void
  /** Each answered call: its member and how long the answer took. */
  readonly onAnswer?: (member: string, ms: number) => void
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
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new Error(problems.join('; '))
}

interface Pending {
  readonly answered: (error: Error | null, body: readonly unknown[]) => void
  readonly member: string
  readonly askedAt: number
  readonly forgetTimer: () => void
}

async function connectTo(where: BusSocket, options: BusOptions): Promise<Bus> {
  const dbus = (await import('dbus-next')).default // not before it is needed: it is 2 MB of heap
  const { after } = options
  const pending = new Map<number, Pending>()
  const signalListeners = new Set<{
    readonly call: (signal: Signal) => void
    readonly wants: (head: Head) => boolean
  }>()
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
      options.onFault?.(`${what} threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }

  const close = (reason: string) => {
    if (closedFor !== null) return
    closedFor = reason
    stopPing()
    socket.destroy()
    settleConnect(reason)
    const unanswered = [...pending.values()]
    pending.clear()
    for (const { answered, forgetTimer } of unanswered) {
      forgetTimer()
      contain('a reply listener', () => answered(busError('closed', reason), []))
    }
    for (const listener of closeListeners) contain('a close listener', () => listener(reason))
  }

  guard(socket, {
    admit(head) {
      if (closedFor !== null) return false
      if (!connected) {
        // Only the answer to Hello: an error in it would become an unhandled rejection in dbus-next.
        if (head.type === ERROR) close(`it refused us: ${head.errorName}`)
        return head.type === METHOD_RETURN
      }
      if (head.type === METHOD_RETURN || head.type === ERROR) return pending.has(head.replySerial)
      if (head.type !== SIGNAL) return false // nobody has any business calling us
      for (const { wants } of signalListeners) if (wants(head)) return true
      return false
    },
    malformed: (reason) => options.onFault?.(`a message was dropped: ${reason}`),
    giveUp: (reason) => {
      options.onFault?.(reason)
      close(reason)
    },
  })
  socket.on('error', (error: NodeJS.ErrnoException) => close(inWords(error)))
  socket.on('end', () => close(connected ? 'the bus closed the connection' : 'it closed the connection at once'))
  socket.on('close', () => close('the connection is closed'))
  // After the socket's own errors these are: authentication refused, or a message that is none.
  library.on('error', (error: unknown) => {
    const text = error instanceof Error ? error.message : String(error)
    if (connected) options.onFault?.(text)
    close(/authentication methods/i.test(text) ? 'it does not let this user in (authentication refused)' : text)
  })
  library.on('message', (message: Message) => {
    if (Number(message.type) === SIGNAL) {
      const { path, member, sender } = message
      const signal = { path, interface: message.interface, member, sender, body: message.body }
      for (const { call } of signalListeners) contain('a signal listener', () => call(signal))
      return
    }
    const asked = pending.get(Number(message.replySerial))
    if (asked === undefined) return
    pending.delete(Number(message.replySerial))
    asked.forgetTimer()
    options.onAnswer?.(asked.member, performance.now() - asked.askedAt)
    const failed = Number(message.type) === ERROR
    const [text] = message.body
    const error = failed ? busError(message.errorName, typeof text === 'string' ? text : message.errorName) : null
    contain('a reply listener', () => asked.answered(error, failed ? [] : message.body))
  })

  await new Promise<void>((resolve, reject) => {
    const aborted = () => close('given up')
    options.signal?.addEventListener('abort', aborted)
    const forgetTimer = after(options.connectAtMostMs ?? CONNECT_AT_MOST_MS, () =>
      close('it does not answer (timed out)'),
    )
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

  const ask = (call: Call, answered: Pending['answered']) => {
    if (closedFor !== null) {
      contain('a reply listener', () => answered(busError('closed', closedFor ?? ''), []))
      return
    }
    const serial = library.newSerial()
    const timeoutMs = call.timeoutMs ?? CALL_AT_MOST_MS
    const forgetTimer = after(timeoutMs, () => {
      pending.delete(serial)
      const problem = `${call.member}: no answer from ${call.destination} within ${timeoutMs / 1000} s`
      contain('a reply listener', () => answered(busError('timeout', problem), []))
    })
    pending.set(serial, { answered, member: call.member, askedAt: performance.now(), forgetTimer })
    const { destination, path, interface: face, member, signature = '', body = [] } = call
    try {
      const flags = call.autoStart === true ? 0 : NO_AUTO_START
      library.send(
        new dbus.Message({ serial, destination, path, interface: face, member, signature, body: [...body], flags }),
      )
    } catch (error) {
      pending.delete(serial)
      forgetTimer()
      contain('a reply listener', () => answered(new Error(`send ${member}`, { cause: error }), []))
    }
  }

  const bus: Bus = {
    uniqueName: nameOf(library),
    ask,
    call: (destination, path, face, member, signature = '', body = [], timeoutMs = CALL_AT_MOST_MS) =>
      new Promise((resolve, reject) => {
        ask({ destination, path, interface: face, member, signature, body, timeoutMs }, (error, reply) => {
          if (error === null) resolve(reply.map(plain))
          else reject(error)
        })
      }),
    async addMatch(rule) {
      await bus.call(DRIVER, '/org/freedesktop/DBus', DRIVER, 'AddMatch', 's', [rule])
    },
    onSignal(call, wants = () => true) {
      const listener = { call, wants }
      signalListeners.add(listener)
      return () => signalListeners.delete(listener)
    },
    onClose(listener) {
      closeListeners.add(listener)
      return () => closeListeners.delete(listener)
    },
    close: (reason = 'closed by us') => close(reason),
  }

  const ping = () => {
    const timeoutMs = options.pongAtMostMs ?? PONG_AT_MOST_MS
    const call = { destination: DRIVER, path: '/org/freedesktop/DBus', interface: DRIVER, member: 'GetId', timeoutMs }
    ask(call, (error) => {
      if (error !== null) close(`the bus no longer answers (${error.message})`)
      else if (closedFor === null) stopPing = after(options.pingEveryMs ?? PING_EVERY_MS, ping)
    })
  }
  stopPing = after(options.pingEveryMs ?? PING_EVERY_MS, ping)
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

function inWords(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'no such socket'
    case 'ECONNREFUSED':
      return 'nobody listens there'
    case 'EACCES':
    case 'EPERM':
      return 'permission denied'
    default:
      return error.message
  }
}
