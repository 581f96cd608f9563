// Starts mosquitto on a free loopback port for a test, and subscribers; all of them end with their owner.
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
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
  /** Publishes the content of a file, retained. */
  publishFile(topic: string, path: string): void
  /** The log of the broker so far. */
  log(): string
}

export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-mosquitto-'))
  const passwordFile = join(directory, 'passwords')
  const configFile = join(directory, 'mosquitto.conf')
  const port = await freePort()
  const broker = createBrokerProcess(configFile, port)
  const clients = createClients(port, broker.granted)
  const signal = (name: NodeJS.Signals) => broker.running().process.kill(name)
  let config = options.config ?? ''

  const configure = (lines: string) => {
    config = lines
    writeFileSync(configFile, configText(options, config, directory, port, passwordFile))
  }
  const start = async () => {
    configure(config)
    await broker.start()
  }
  const passwords = (entries: Readonly<Record<string, string>>) => {
    const lines = Object.entries(entries).map(([name, password]) => `${name}:${password}\n`)
    writeFileSync(passwordFile, lines.join(''), { mode: 0o600 })
    if (lines.length > 0) execFileSync('mosquitto_passwd', ['-U', passwordFile], { stdio: 'pipe' })
    if (broker.isRunning()) signal('SIGHUP')
  }
  const dispose = async () => {
    await clients.stop()
    await broker.end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }

  passwords({})
  try {
    if (!options.stopped) await start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    directory,
    pid: () => broker.running().process.pid ?? 0,
    start,
    kill: () => broker.end('SIGKILL'),
    terminate: () => broker.end('SIGTERM'),
    freeze: () => void signal('SIGSTOP'),
    thaw: () => void signal('SIGCONT'),
    passwords,
    configure,
    reload: () => void signal('SIGHUP'),
    subscribe: clients.subscribe,
    retained: clients.retained,
    publish: clients.publish,
    publishFile: clients.publishFile,
    log: broker.log,
    [Symbol.asyncDispose]: dispose,
  }
}

function configText(
  { replacement, anonymous = true }: MosquittoOptions,
  config: string,
  directory: string,
  port: number,
  passwordFile: string,
): string {
  if (replacement !== undefined) return replacement(directory, port, passwordFile)
  const lines = [
    'user root',
    'persistence false',
    'log_type all',
    `allow_anonymous ${anonymous}`,
    `password_file ${passwordFile}`,
    `listener ${port} 127.0.0.1`,
    config,
  ]
  return `${lines.join('\n')}\n`
}

/** The process of the broker, its log, and from the log the subscriptions that it has granted. */
function createBrokerProcess(configFile: string, port: number) {
  const granted = new Map<string, number>()
  let child: RigProcess | null = null
  let log = ''

  const readLog = (stderr: NodeJS.ReadableStream | null) => {
    let rest = ''
    stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const id = /Sending SUBACK to (\S+)/.exec(line)?.[1]
        if (id !== undefined) granted.set(id, (granted.get(id) ?? 0) + 1)
      }
    })
  }
  return {
    log: () => log,
    /** The number of granted subscriptions of a client id. */
    granted: (id: string) => granted.get(id) ?? 0,
    isRunning: () => child !== null,
    running(): RigProcess {
      if (child === null) throw new Error('mosquitto is not running')
      return child
    },
    async start(): Promise<void> {
      const started = startRigProcess('mosquitto', ['-c', configFile, '-v'])
      readLog(started.process.stderr)
      child = started
      const isUp = () => started.ended() || acceptsConnections(port)
      await until(isUp, { what: `mosquitto on port ${port}`, everyMs: 5 })
      if (started.ended()) throw new Error(`mosquitto exited: ${log.trim()}`)
    },
    async end(signal: NodeJS.Signals): Promise<void> {
      const ending = child
      child = null
      await ending?.end(signal)
    },
  }
}

/** mosquitto_sub and mosquitto_pub for the broker on this port. */
function createClients(port: number, granted: (id: string) => number) {
  const subscribers = new Set<Subscriber>()
  const clientArgs = (...args: string[]) => ['-h', '127.0.0.1', '-p', String(port), ...args]
  const isSystemTopic = ({ topic }: { readonly topic: string }) => topic.startsWith('$SYS/')
  return {
    async subscribe(filter: string, ...args: string[]): Promise<Subscriber> {
      const subscriber = await startSubscriber(granted, clientArgs('-t', filter, ...args))
      subscribers.add(subscriber)
      return subscriber
    },
    /** The broker sends all retained messages before the one on the system topic. */
    async retained(filter: string): Promise<Record<string, string>> {
      await using subscriber = await startSubscriber(granted, clientArgs('-t', filter, '-t', '$SYS/broker/version'))
      await until(() => subscriber.received.some(isSystemTopic), { what: 'the end of the retained messages' })
      const retained = subscriber.received.filter((message) => !isSystemTopic(message))
      return Object.fromEntries(retained.map(({ topic, payload }) => [topic, payload]))
    },
    publish(topic: string, payload: string, ...args: string[]): void {
      execFileSync('mosquitto_pub', clientArgs('-t', topic, '-m', payload, ...args), { stdio: 'pipe' })
    },
    publishFile(topic: string, path: string): void {
      execFileSync('mosquitto_pub', clientArgs('-t', topic, '-f', path, '-r'), { stdio: 'pipe' })
    },
    async stop(): Promise<void> {
      await Promise.all([...subscribers].map((subscriber) => subscriber.stop()))
    },
  }
}

/**
 * A loopback port on which a server can be started. Below the range (ip_local_port_range) from which the kernel takes ports
 * for connections and for listeners without a port: until the server listens, neither can take it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
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
