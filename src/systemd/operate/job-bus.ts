// The connection that operations go over: made by the first that needs it, let go after the last; hears how jobs end.
import { ControlError } from '../../core/command.ts'
import { messageOf } from '../../core/error-text.ts'
import { type Body, type Bus, type Call, errorNameOf } from '../../dbus/bus.ts'
import { connectBus } from '../../dbus/connection.ts'
import type { Clock } from '../../ports.ts'
import * as manager from '../manager-api.ts'
import { timedOut } from './errors.ts'

const JOB_REMOVED = `type='signal',sender='${manager.SYSTEMD}',path='${manager.MANAGER_PATH}',interface='${manager.MANAGER}',member='JobRemoved'`
/** An idle connection costs a ping every 20 s. */
const IDLE_AT_MOST_MS = 30_000
const FIRST_RETRY_AFTER_MS = 200
/** The bus daemon lets 128 calls of one connection wait for their answers (max_replies_per_connection) and refuses more. */
const CALLS_AT_ONCE = 64

export interface JobBusOptions {
  readonly address: string
  readonly after: Clock['after']
  /** How long one answer, or the end of one job, is waited for. */
  readonly timeoutMs: number
  /** Further attempts while systemd cannot be reached: nothing was asked yet, so that nothing is done twice. */
  readonly retries: () => number
  /** Of answers to GetAll only these are decoded, all where absent. */
  readonly properties?: ReadonlySet<string>
  readonly connect?: typeof connectBus
}

export interface JobBus {
  /** Rejects with a `BusError` of whom it asks, or with a `ControlError` where nobody is there. */
  request(call: Call): Promise<Body>
  /** Makes a call whose answer is a job, and resolves with systemd's result of that job (`done`, `failed`, ...). */
  job(call: Call): Promise<string>
  /** A call of org.freedesktop.systemd1.Manager. */
  manager(member: string, signature?: string, body?: readonly unknown[]): Call
  /** Connects, unless it is. */
  reach(): Promise<void>
  close(): void
}

interface JobConnection {
  readonly bus: Bus
  /** By the job's object path: all who wait for its end. systemd merges what is asked twice into one job. */
  readonly ends: Map<string, Set<(result: string) => void>>
  readonly request: Bus['request']
}

export function createJobBus(options: JobBusOptions): JobBus {
  const { after, timeoutMs, retries } = options
  let opened: Promise<JobConnection> | null = null
  let users = 0
  let undoIdle = () => {}

  const open = (): Promise<JobConnection> => {
    const mine: Promise<JobConnection> = openJobConnection(options, () => {
      if (opened === mine) opened = null
    })
    return mine
  }

  const connected = async (): Promise<JobConnection> => {
    for (let attempt = 0; ; attempt += 1) {
      opened ??= open()
      const mine = opened
      try {
        return await mine
      } catch (error) {
        if (opened === mine) opened = null
        if (attempt >= retries()) throw error
        await new Promise<void>((resolve) => after(FIRST_RETRY_AFTER_MS * 2 ** attempt, resolve))
      }
    }
  }

  const close = () => {
    undoIdle()
    opened?.then(({ bus }) => bus.close()).catch(() => {})
    opened = null
  }

  /** Runs `use` on a connection, which is let go some time after the last one is done. */
  const using = async <T>(use: (connection: JobConnection) => Promise<T>): Promise<T> => {
    users += 1
    undoIdle()
    try {
      return await use(await connected())
    } finally {
      users -= 1
      if (users === 0) undoIdle = after(IDLE_AT_MOST_MS, close)
    }
  }

  return {
    request: (call) =>
      using(
        ({ request }) =>
          new Promise((resolve, reject) => {
            request({ timeoutMs, ...call }, (error, body) => (error === null ? resolve(body) : reject(error)))
          }),
      ),
    job: (call) => using((connection) => endOfJob(connection, call, options)),
    manager: (member, signature = '', body = []) => ({
      destination: manager.SYSTEMD,
      path: manager.MANAGER_PATH,
      interface: manager.MANAGER,
      member,
      signature,
      body,
    }),
    reach: () => using(async () => {}),
    close,
  }
}

/** Rejects with a `ControlError` where systemd cannot be reached; `closed` when the connection ends. */
async function openJobConnection(options: JobBusOptions, closed: () => void): Promise<JobConnection> {
  const { address, after, properties, connect = connectBus } = options
  const bus = await connect(address, properties === undefined ? { after } : { after, properties }).catch((error) => {
    throw unreachable(error)
  })
  try {
    bus.onClose(closed)
    const ends = await followJobs(bus, address)
    await manager.subscribe(bus)
    return { bus, ends, request: fewAtOnce(bus.request) }
  } catch (error) {
    bus.close()
    throw unreachable(error)
  }
}

function unreachable(error: unknown): ControlError {
  return new ControlError('unreachable', `systemd cannot be reached: ${messageOf(error)}`, { cause: error })
}

/** Calls those who wait for the end of a job, from now on. Rejects where systemd is not on the bus. */
async function followJobs(bus: Bus, address: string): Promise<JobConnection['ends']> {
  const ends: JobConnection['ends'] = new Map()
  let owner: string | null = null
  // Anyone may send us a signal: only systemd's own count, and daemon-reexec gives it another name.
  bus.onSignal(
    ({ member, body }) => {
      if (member === 'NameOwnerChanged') owner = String(body[2])
      else for (const end of ends.get(String(body[1])) ?? []) end(String(body[3]))
    },
    ({ sender, member }) =>
      sender === manager.DRIVER ? member === 'NameOwnerChanged' : member === 'JobRemoved' && sender === owner,
  )
  await bus.addMatch(manager.OWNER_RULE)
  await bus.addMatch(JOB_REMOVED)
  owner = await new Promise<string | null>((resolve, reject) =>
    manager.systemdOwner(bus, (error, name) => (error === null ? resolve(name) : reject(error))),
  )
  if (owner === null) throw new Error(`systemd is not on the bus at ${address}`)
  return ends
}

/** The answer names the job and comes before the news of its end, both in the order of the bus. */
function endOfJob(
  { bus, ends, request }: JobConnection,
  call: Call,
  { after, timeoutMs }: JobBusOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const undos: (() => void)[] = []
    let settled = false
    const finish = (settle: () => void) => {
      settled = true
      for (const undo of undos) undo()
      settle()
    }
    const ended = (result: string) => finish(() => resolve(result))
    undos.push(after(timeoutMs, () => finish(() => reject(timedOut(timeoutMs)))))
    undos.push(bus.onClose((reason) => finish(() => reject(gone(reason)))))
    request({ timeoutMs, ...call }, (error, [path]) => {
      if (error !== null) return finish(() => reject(errorNameOf(error) === 'timeout' ? timedOut(timeoutMs) : error))
      if (settled) return
      const job = String(path)
      const waiting = ends.get(job) ?? new Set()
      ends.set(job, waiting.add(ended))
      undos.push(() => {
        waiting.delete(ended)
        if (waiting.size === 0) ends.delete(job)
      })
    })
  })
}

/** The same, in the order given, with the next call made when one is answered. */
function fewAtOnce(request: Bus['request']): Bus['request'] {
  const waiting: (() => void)[] = []
  let underWay = 0
  return (call, onReply) => {
    const send = () => {
      underWay += 1
      request(call, (error, body) => {
        underWay -= 1
        onReply(error, body)
        waiting.shift()?.()
      })
    }
    if (underWay < CALLS_AT_ONCE) send()
    else waiting.push(send)
  }
}

function gone(reason: string): ControlError {
  return new ControlError('unreachable', `the bus went away (${reason}) before systemd told whether it was done`)
}
