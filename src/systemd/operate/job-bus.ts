// The bus connection of unit control: opened on demand, closed when idle, and reporting the results of jobs.
import { ControlError } from '../../core/command.ts'
import { messageOf } from '../../core/error-text.ts'
import { type Body, type Bus, type Call, errorNameOf } from '../../dbus/bus.ts'
import { connectBus } from '../../dbus/connection.ts'
import type { Clock } from '../../ports.ts'
import * as manager from '../manager-api.ts'
import { timedOut } from './errors.ts'

const JOB_REMOVED = `type='signal',sender='${manager.SYSTEMD}',path='${manager.MANAGER_PATH}',interface='${manager.MANAGER}',member='JobRemoved'`
/** An idle connection is closed, because it costs a ping every 20 s. */
const IDLE_AT_MOST_MS = 30_000
const FIRST_RETRY_AFTER_MS = 200
/** The bus daemon refuses more than 128 pending calls per connection (max_replies_per_connection). */
const CALLS_AT_ONCE = 64

interface JobBusOptions {
  readonly address: string
  readonly after: Clock['after']
  /** How long to wait for a reply, or for the end of a job. */
  readonly timeoutMs: number
  /** Additional attempts to connect. Nothing has been requested at that point, so nothing can happen twice. */
  readonly retries: () => number
  /** Decode only these properties of GetAll replies; all if absent. */
  readonly properties?: ReadonlySet<string>
  readonly connect?: typeof connectBus
}

export interface JobBus {
  /** Rejects with the `BusError` of the reply, or with a `ControlError` if systemd cannot be reached. */
  request(call: Call): Promise<Body>
  /** Makes a call that replies with a job, and resolves with the result of that job (`done`, `failed`, ...). */
  job(call: Call): Promise<string>
  /** A call of org.freedesktop.systemd1.Manager. */
  manager(member: string, signature?: string, body?: readonly unknown[]): Call
  /** Connects unless it is connected. */
  reach(): Promise<void>
  close(): void
}

interface JobConnection {
  readonly bus: Bus
  /** By the object path of the job: callbacks for its end. Several, because systemd merges equal requests into one job. */
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

  /** Runs `use` on the connection, which is closed some time after its last use. */
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

/** Rejects with a `ControlError` if systemd cannot be reached. Calls `closed` when the connection ends. */
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
  return new ControlError('unreachable', `cannot reach systemd: ${messageOf(error)}`, { cause: error })
}

/** Starts to call back on the end of jobs; returns the map to register in. Rejects if systemd is not on the bus. */
async function followJobs(bus: Bus, address: string): Promise<JobConnection['ends']> {
  const ends: JobConnection['ends'] = new Map()
  let owner: string | null = null
  // Any client may send us a signal: accept only systemd's, whose unique name changes with daemon-reexec.
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

/** Registering in the reply handler is early enough: the bus delivers the reply, with the job's path, before JobRemoved. */
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

/** Limits the pending calls: further calls are sent in order as replies arrive. */
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
  return new ControlError('unreachable', `the bus connection was lost (${reason}) before systemd reported the result`)
}
