// Starts a real mosquitto on a free loopback port for a test, and real subscribers; all of them go with their owner.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, run, type Subscriber, startSubscriber } from './mosquitto-sub.ts'
import { until } from './until.ts'

export type { Heard, Subscriber } from './mosquitto-sub.ts'

/** What a test needs of this machine: for `missingPrograms`. */
export const MOSQUITTO = ['mosquitto', 'mosquitto_sub', 'mosquitto_pub', 'mosquitto_passwd', 'setpriv'] as const

export interface MosquittoOptions {
  /** Further lines of mosquitto.conf(5), for the listener on the port. */
  readonly config?: string
  /** A whole configuration instead of ours and `config`; its password file is the one given. */
  readonly whole?: (directory: string, port: number, passwordFile: string) => string
  /** False: nobody may connect without a name from `passwords`. */
  readonly anonymous?: boolean
  /** True: there is a port, but no broker until `start`. */
  readonly stopped?: boolean
}

export interface Mosquitto extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** A temporary directory that goes with the broker: for sockets, certificates. */
  readonly directory: string
  pid(): number
  /** Begins again, on the same port. It keeps nothing from the run before, unless `config` says otherwise. */
  start(): Promise<void>
  kill(): Promise<void>
  /** SIGTERM: it says goodbye to its clients. */
  terminate(): Promise<void>
  /** SIGSTOP and SIGCONT: links stay open and nobody answers. */
  freeze(): void
  thaw(): void
  /** Sets who may connect; the broker reads it at once. */
  passwords(entries: Readonly<Record<string, string>>): void
  /** Replaces `config` for what `start` or a reload (SIGHUP) reads. */
  configure(config: string): void
  reload(): void
  /** A real mosquitto_sub; resolves when the broker has granted the subscription. `args` as for mosquitto_sub(1). */
  subscribe(filter: string, ...args: string[]): Promise<Subscriber>
  /** What the broker keeps, by topic. */
  retained(filter: string): Promise<Record<string, string>>
  publish(topic: string, payload: string, ...args: string[]): void
  /** What the broker has logged so far. */
  log(): string
}

export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-mosquitto-'))
  const passwordFile = join(directory, 'passwords')
  const configFile = join(directory, 'mosquitto.conf')
  const port = await freePort()
  const clients = new Set<Subscriber>()
  let broker: Child | null = null
  /** Subscriptions granted, by client. */
  const granted = new Map<string, number>()
  let config = options.config ?? ''
  let said = ''

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
    writeFileSync(configFile, options.whole?.(directory, port, passwordFile) ?? `${own.join('\n')}\n`)
  }

  async function start(): Promise<void> {
    configure(config)
    const child = run('mosquitto', ['-c', configFile, '-v'])
    let rest = ''
    child.process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const id = /Sending SUBACK to (\S+)/.exec(line)?.[1]
        if (id !== undefined) granted.set(id, (granted.get(id) ?? 0) + 1)
      }
    })
    broker = child
    await until(() => child.ended() || answers(port), { what: `mosquitto on port ${port}`, everyMs: 5 })
    if (child.ended()) throw new Error(`mosquitto ended: ${said.trim()}`)
  }

  function current(): Child {
    if (broker === null) throw new Error('mosquitto does not run')
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
        .map(([name, word]) => `${name}:${word}\n`)
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
  const arguments_ = (...args: string[]) => ['-h', '127.0.0.1', '-p', String(port), ...args]
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
      const subscriber = await subscribeTo(arguments_('-t', filter, ...args))
      clients.add(subscriber)
      return subscriber
    },
    async retained(filter) {
      await using subscriber = await subscribeTo(arguments_('-t', filter, '-t', '$SYS/broker/version'))
      await until(() => subscriber.heard.some(({ topic }) => topic.startsWith('$SYS/')), {
        what: 'the end of what is kept',
      })
      const kept = subscriber.heard.filter(({ topic }) => !topic.startsWith('$SYS/'))
      return Object.fromEntries(kept.map(({ topic, payload }) => [topic, payload]))
    },
    publish(topic, payload, ...args) {
      execFileSync('mosquitto_pub', arguments_('-t', topic, '-m', payload, ...args), { stdio: 'pipe' })
    },
    log: () => said,
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

/** A port that was free a moment ago. */
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

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
