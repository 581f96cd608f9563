// Starts mosquitto on a free loopback port for a test, and subscribers; all of them end with their owner.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RigProcess, type Subscriber, startRigProcess, startSubscriber } from './mosquitto-sub.ts'
import { until } from './until.ts'

export type { ReceivedMessage, Subscriber } from './mosquitto-sub.ts'

/** The programs that a test with mosquitto needs, for `missingPrograms`. */
export const MOSQUITTO = ['mosquitto', 'mosquitto_sub', 'mosquitto_pub', 'mosquitto_passwd', 'setpriv'] as const

export interface MosquittoOptions {
  /** Further lines of mosquitto.conf(5), for the listener on the port. */
  readonly config?: string
  /** A complete configuration that replaces the default one and `config`; it must use the given password file. */
  readonly replacement?: (directory: string, port: number, passwordFile: string) => string
  /** False: only users from `passwords` may connect. */
  readonly anonymous?: boolean
  /** True: the port is chosen, but the broker is not started before `start`. */
  readonly stopped?: boolean
}

export interface Mosquitto extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** A temporary directory for sockets and certificates, which is removed with the broker. */
  readonly directory: string
  pid(): number
  /** Starts the broker on the same port. It keeps nothing from its previous run unless `config` enables persistence. */
  start(): Promise<void>
  kill(): Promise<void>
  /** SIGTERM: the broker sends a DISCONNECT to its clients. */
  terminate(): Promise<void>
  /** SIGSTOP and SIGCONT: connections stay open, but the broker does not respond. */
  freeze(): void
  thaw(): void
  /** Sets the users; the broker rereads its configuration at once. */
  passwords(entries: Readonly<Record<string, string>>): void
  /** Replaces `config`; takes effect on `start` or `reload` (SIGHUP). */
  configure(config: string): void
  reload(): void
  /** Starts mosquitto_sub(1) with `args`; resolves when the broker has granted the subscription. */
  subscribe(filter: string, ...args: string[]): Promise<Subscriber>
  /** The retained messages, by topic. */
  retained(filter: string): Promise<Record<string, string>>
  publish(topic: string, payload: string, ...args: string[]): void
  /** The log of the broker so far. */
  log(): string
}

export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-mosquitto-'))
  const passwordFile = join(directory, 'passwords')
  const configFile = join(directory, 'mosquitto.conf')
  const port = await freePort()
  const clients = new Set<Subscriber>()
  let broker: RigProcess | null = null
  /** Granted subscriptions by client id. */
  const granted = new Map<string, number>()
  let config = options.config ?? ''
  let log = ''

  function configure(lines: string): void {
    config = lines
    const own = [
      'user root',
      'persistence false',
      'log_type all',
      `allow_anonymous ${options.anonymous ?? true}`,
      `password_file ${passwordFile}`,
      `listener ${port} 127.0.0.1`,
      config,
    ]
    writeFileSync(configFile, options.replacement?.(directory, port, passwordFile) ?? `${own.join('\n')}\n`)
  }

  async function start(): Promise<void> {
    configure(config)
    const child = startRigProcess('mosquitto', ['-c', configFile, '-v'])
    let rest = ''
    child.process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const id = /Sending SUBACK to (\S+)/.exec(line)?.[1]
        if (id !== undefined) granted.set(id, (granted.get(id) ?? 0) + 1)
      }
    })
    broker = child
    await until(() => child.ended() || acceptsConnections(port), { what: `mosquitto on port ${port}`, everyMs: 5 })
    if (child.ended()) throw new Error(`mosquitto exited: ${log.trim()}`)
  }

  function current(): RigProcess {
    if (broker === null) throw new Error('mosquitto is not running')
    return broker
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = broker
    broker = null
    await child?.end(signal)
  }

  async function stopAll(): Promise<void> {
    await Promise.all([...clients].map((subscriber) => subscriber.stop()))
    await end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }

  function passwords(entries: Readonly<Record<string, string>>): void {
    writeFileSync(
      passwordFile,
      Object.entries(entries)
        .map(([name, password]) => `${name}:${password}\n`)
        .join(''),
      {
        mode: 0o600,
      },
    )
    if (Object.keys(entries).length > 0) execFileSync('mosquitto_passwd', ['-U', passwordFile], { stdio: 'pipe' })
    if (broker !== null) current().process.kill('SIGHUP')
  }

  const subscribeTo = (args: string[]) => startSubscriber((id) => granted.get(id) ?? 0, args)

  passwords({})
  const clientArgs = (...args: string[]) => ['-h', '127.0.0.1', '-p', String(port), ...args]
  const mosquitto: Mosquitto = {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    directory,
    pid: () => current().process.pid ?? 0,
    start,
    kill: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    freeze: () => void current().process.kill('SIGSTOP'),
    thaw: () => void current().process.kill('SIGCONT'),
    passwords,
    configure,
    reload: () => void current().process.kill('SIGHUP'),
    async subscribe(filter, ...args) {
      const subscriber = await subscribeTo(clientArgs('-t', filter, ...args))
      clients.add(subscriber)
      return subscriber
    },
    async retained(filter) {
      await using subscriber = await subscribeTo(clientArgs('-t', filter, '-t', '$SYS/broker/version'))
      await until(() => subscriber.received.some(({ topic }) => topic.startsWith('$SYS/')), {
        what: 'the end of the retained messages',
      })
      const retained = subscriber.received.filter(({ topic }) => !topic.startsWith('$SYS/'))
      return Object.fromEntries(retained.map(({ topic, payload }) => [topic, payload]))
    },
    publish(topic, payload, ...args) {
      execFileSync('mosquitto_pub', clientArgs('-t', topic, '-m', payload, ...args), { stdio: 'pipe' })
    },
    log: () => log,
    [Symbol.asyncDispose]: stopAll,
  }
  try {
    if (!options.stopped) await start()
  } catch (error) {
    await stopAll()
    throw error
  }
  return mosquitto
}

/** A port that is free at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
